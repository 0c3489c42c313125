//! What `Model::fit` costs over its steps: both timed in turn, since a machine has phases in which everything is slower.

use std::panic::resume_unwind;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use nervure_exec::Threads;
use nervure_nn::callbacks::LambdaCallback;
use nervure_nn::{Fit, Model};

use super::clock::median;
use super::workloads::Workload;
use crate::failure::Result;

/// Rows of an epoch.
pub const ROWS: usize = 60_000;

/// A step of `Model::fit` over [`ROWS`] shuffled rows, next to the step alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fed {
    /// Microseconds of a step of `fit`, shuffling and gathering included: the median of its turns.
    pub fit: f64,
    /// Microseconds of the step alone: the median of the turns between those of `fit`.
    pub step: f64,
    /// The median ratio of a turn of `fit` to the turn of the step behind it.
    pub ratio: f64,
}

/// How long a turn is: short next to the phases of a machine, long next to what a change of turns costs.
const TURN: Duration = Duration::from_millis(50);
/// Calls at the beginning of a turn that do not count: caches still hold what the other side had.
const WARM: usize = 3;
/// Turns at least of each side.
const TURNS: usize = 5;

/// Trains `model` by `fit`, which after each of its turns waits while a model like it makes steps alone, for about `budget` each.
///
/// # Errors
/// What training fails of.
pub fn fed(workload: &Workload, model: &mut Model, threads: &Arc<Threads>, budget: Duration) -> Result<Fed> {
    let mut alone = workload.model()?.with_threads(Arc::clone(threads));
    let batch = workload.batch(&alone, workload.batch)?;
    let mut step = alone.train_step(workload.training(), &batch)?;
    let rows = workload.batch(model, ROWS)?;
    let (ended, turns_of_fit) = mpsc::channel();
    let (go_on, told) = mpsc::channel();
    let mut turn = Turn::default();
    let clock = LambdaCallback::new().on_batch_end(move |batch, cx| {
        if let Some(time) = turn.after(batch.rows) {
            // The other end hangs up when it has seen enough.
            if ended.send(time).is_err() || told.recv().is_err() {
                cx.stop_training();
            }
            turn = Turn::default();
        }
        Ok(())
    });
    let fit = Fit::from_training(workload.training()).batch_size(workload.batch).epochs(usize::MAX);
    let (fit, turns) = std::thread::scope(|scope| {
        let fit = scope.spawn(|| model.fit(&rows, fit.callback(clock)));
        let turns = (|| {
            let (mut turns, mut start) = (Vec::new(), None);
            // Ends as well where `fit` fails.
            while let Ok(fit) = turns_of_fit.recv() {
                let start = *start.get_or_insert_with(Instant::now);
                let mut turn = Turn::default();
                let alone = loop {
                    step.run()?;
                    if let Some(time) = turn.after(workload.batch) {
                        break time;
                    }
                };
                turns.push([fit, alone].map(|row| row * workload.batch as f64));
                if (turns.len() >= TURNS && start.elapsed() >= 2 * budget) || go_on.send(()).is_err() {
                    break;
                }
            }
            Ok(turns)
        })();
        drop((go_on, turns_of_fit));
        (fit.join().unwrap_or_else(|panic| resume_unwind(panic)), turns)
    });
    fit?;
    turns.map(|turns| Fed::of(&turns))
}

impl Fed {
    /// Of turns of both, in microseconds a step.
    fn of(turns: &[[f64; 2]]) -> Fed {
        let all = |of: &dyn Fn(&[f64; 2]) -> f64| median(turns.iter().map(of).collect());
        Fed { fit: all(&|t| t[0]), step: all(&|t| t[1]), ratio: all(&|t| t[0] / t[1]) }
    }

    /// What `fit` takes over its steps, in hundredths of them.
    pub fn percent(&self) -> f64 {
        100.0 * (self.ratio - 1.0)
    }
}

/// The clock of one turn.
#[derive(Default)]
struct Turn {
    calls: usize,
    begin: Option<Instant>,
    rows: usize,
}

impl Turn {
    /// Counts a call; microseconds a row once the turn is over.
    fn after(&mut self, rows: usize) -> Option<f64> {
        self.calls += 1;
        if self.calls == WARM {
            self.begin = Some(Instant::now());
        }
        if self.calls <= WARM {
            return None;
        }
        self.rows += rows;
        let took = self.begin?.elapsed();
        (took >= TURN).then(|| took.as_secs_f64() * 1e6 / self.rows as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fit` takes a tenth more; the machine is twice as slow for the first third of the turns, and one turn is interrupted.
    #[test]
    fn slow_phases_do_not_change_the_ratio() {
        let turns: Vec<[f64; 2]> = (0..9)
            .map(|turn| {
                let slow = if turn < 3 { 2.0 } else { 1.0 };
                [if turn == 7 { 90.0 } else { 11.0 * slow }, 10.0 * slow]
            })
            .collect();
        let fed = Fed::of(&turns);
        assert_eq!((fed.fit, fed.step), (11.0, 10.0));
        assert!((fed.percent() - 10.0).abs() < 1e-9, "{fed:?}");
    }

    /// Two models train in turn on a pool that they share; both come to an end.
    #[test]
    fn fit_and_its_step_take_turns() {
        let workload = super::super::workloads::WORKLOADS.iter().find(|w| w.name == "seed_mlp").unwrap();
        let threads = Arc::new(Threads::new(2));
        let mut model = workload.model().unwrap().with_threads(Arc::clone(&threads));
        let fed = fed(workload, &mut model, &threads, Duration::ZERO).unwrap();
        assert!(fed.fit > 0.0 && fed.step > 0.0 && fed.ratio > 0.0, "{fed:?}");
        // Turns of 50 ms are many steps, of which `fit` made all that belong to its own.
        assert!(model.step() > (TURNS * WARM) as i64, "{} steps", model.step());
    }
}
