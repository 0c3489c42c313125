//! Whether what is timed is right: losses, gradients and statistics against the reference interpreter's.

use std::collections::BTreeMap;

use nervure_exec::{Buffer, View};
use nervure_graph::{Array, Bindings, evaluate};
use nervure_nn::Model;
use nervure_nn::network::BATCH;

use super::flops::step_flops;
use super::workloads::Workload;
use crate::failure::{Failure, Result};

/// A plan's first steps on so many rows next to the reference's.
pub struct Check {
    /// Rows of the batch: fewer than are timed where the interpreter would take minutes. That rows are the same bits in any batch has tests of its own.
    pub rows: usize,
    /// Steps whose losses are compared: those behind the first show that updates are right.
    pub steps: usize,
    /// The largest |loss − reference's| / (1 + |reference's|).
    pub loss: f64,
    /// The worst of the states behind the first step.
    pub state: Deviation,
    /// States that are compared: the optimizer's slots, moving statistics, counters. Adam's first moments are a tenth of the gradients, its
    /// second ones a thousandth of their squares: a gradient of a wrong size shows in them, while Adam's first updates are ± the
    /// learning rate whatever it is.
    pub states: usize,
}

/// How far a state is from the reference's, relative to its own size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deviation {
    /// The state's name.
    pub name: String,
    /// The root of the mean square of differences over that of the reference's values, as [`worst`] has it.
    pub error: f64,
}

/// Steps that are compared in general.
const STEPS: usize = 3;

/// Sums of some thousand terms in `f32` are off by some 1e-6. Adam's first updates are ± the learning rate whatever the gradient's size, so that
/// gradients of the size of that error move their weights the wrong way; of 2e-3 in a weight that matters little.
const LOSS_TOLERANCE: f64 = 1e-5;

/// Gradients are off by up to 8e-7 of their size where this was measured; a rectifier or a maximum that a rounding flips, as on another processor it
/// may, adds some 1e-5. What is wrong is wrong by more.
const STATE_TOLERANCE: f64 = 1e-4;

/// Floating-point operations of products in a step of the interpreter: some two seconds.
const BUDGET: u64 = 600_000_000;

/// Rows of one more step, for networks whose gradients sum over nothing but rows: more terms than kernels sum in one block (256).
const MANY: usize = 320;

/// Trains anew, in the plan and in the interpreter: on the rows that are timed, or on as many as take seconds, and one step on [`MANY`] where
/// the interpreter can.
///
/// # Errors
/// Losses or states that differ by more than rounding explains.
pub fn check(workload: &Workload, model: &mut Model) -> Result<Vec<Check>> {
    let per_row = step_flops(model.graph(), &Bindings::from([(BATCH.into(), 1)]))?.max(1);
    let rows = workload.batch.min((BUDGET / per_row).max(2) as usize);
    let mut checks = vec![compare(workload, model, rows, STEPS)?];
    if per_row * MANY as u64 <= 2 * BUDGET {
        checks.push(compare(workload, model, MANY, 1)?);
    }
    Ok(checks)
}

fn compare(workload: &Workload, model: &mut Model, rows: usize, steps: usize) -> Result<Check> {
    let batch = workload.batch(model, rows)?;
    let mut step = model.train_step(workload.training(), &batch)?;
    let inputs = step.inputs().map(|(name, value)| (name.into(), exact(value))).collect();
    let state = step.model().state().iter();
    let mut state: BTreeMap<String, Array<f64>> =
        state.map(|(name, value)| (name.into(), exact(value))).collect();
    let mut check = Check { rows, steps, loss: 0.0, state: Deviation::default(), states: 0 };
    for number in 0..steps {
        let (loss, updates) = {
            let reference = evaluate(step.graph(), step.bindings(), &inputs, &state)?;
            let loss = reference.outputs().next().map_or(f64::NAN, |(_, loss)| loss.to_f64()[0]);
            (loss, reference.updates().map(|(n, v)| (n.to_owned(), v.clone())).collect::<Vec<_>>())
        };
        let received = step.run()?;
        let off = (received - loss).abs() / (1.0 + loss.abs());
        if off.is_nan() || off > LOSS_TOLERANCE {
            let received = format!("a loss of {loss}, as the reference has it, received {received}");
            return Err(wrong(workload, rows, &received));
        }
        check.loss = check.loss.max(off);
        if number == 0 {
            let weights = step.model().parameters().iter().filter(|p| p.trainable);
            let weights: Vec<&str> = weights.map(|p| p.path.as_str()).collect();
            let compared = updates.iter().filter(|(name, _)| !weights.contains(&name.as_str()));
            let states: Vec<_> = compared
                .map(|(name, expected)| {
                    let received = step.model().state().get(name).map(|b| exact(b).to_f64());
                    (name.as_str(), expected.to_f64(), received.unwrap_or_default())
                })
                .collect();
            check.states = states.len();
            check.state = worst(&states);
            let Deviation { name, error } = &check.state;
            if error.is_nan() || *error > STATE_TOLERANCE {
                let expected = format!(
                    "`{name}` within {STATE_TOLERANCE:.0e} of the reference's after a step, received {error:.1e}"
                );
                return Err(wrong(workload, rows, &expected));
            }
        }
        state.extend(updates);
    }
    Ok(check)
}

fn wrong(workload: &Workload, rows: usize, expected: &str) -> Failure {
    Failure::new(
        format!("{}, {rows} rows: expected {expected}", workload.name),
        "this is a defect of nervure: please report it with the processor's name",
    )
}

/// A hundredth of the size of the largest state of a kind (first moments, say) is added to each one's own: what is zero but for rounding, as
/// gradients of attention's biases of keys are, is not held to a share of itself.
const FLOOR: f64 = 1e-2;

/// The state that is farthest from the reference's. Takes name, expected and received values.
fn worst(states: &[(&str, Vec<f64>, Vec<f64>)]) -> Deviation {
    let size = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = values.fold((0.0, 0u32), |(sum, count), x| (sum + x * x, count + 1));
        (sum / f64::from(count.max(1))).sqrt()
    };
    let kind = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut largest: BTreeMap<String, f64> = BTreeMap::new();
    for (name, expected, _) in states {
        let largest = largest.entry(kind(name)).or_default();
        *largest = largest.max(size(&mut expected.iter().copied()));
    }
    let mut worst = Deviation::default();
    for (name, expected, received) in states {
        let error = if expected.len() == received.len() {
            let off = size(&mut expected.iter().zip(received).map(|(e, r)| e - r));
            let own = size(&mut expected.iter().copied()) + FLOOR * largest[&kind(name)];
            if off == 0.0 { 0.0 } else { off / own }
        } else {
            f64::INFINITY
        };
        // What is no number is worse than any.
        if error.is_nan() || error > worst.error {
            worst = Deviation { name: (*name).to_owned(), error };
        }
        if worst.error.is_nan() {
            break;
        }
    }
    worst
}

fn exact(buffer: &Buffer) -> Array<f64> {
    let values: Vec<f64> = match buffer.view() {
        View::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I64(v) => v.iter().map(|&x| x as f64).collect(),
        View::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
    };
    Array::of(buffer.dtype(), buffer.shape(), &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workloads::WORKLOADS;

    fn state<'a>(name: &'a str, expected: &[f64], received: &[f64]) -> (&'a str, Vec<f64>, Vec<f64>) {
        (name, expected.to_vec(), received.to_vec())
    }

    #[test]
    fn a_gradient_of_another_size_is_seen() {
        let right = state("slots/a/momentum", &[3.0, 4.0], &[3.0, 4.0]);
        assert_eq!(worst(std::slice::from_ref(&right)), Deviation::default());
        let twice = worst(&[right.clone(), state("slots/b/momentum", &[0.1, 0.1], &[0.2, 0.2])]);
        // The largest has a root mean square of √12.5.
        assert_eq!(twice.name, "slots/b/momentum");
        assert!((twice.error - 0.1 / (0.1 + 0.01 * 12.5f64.sqrt())).abs() < 1e-12, "{twice:?}");
        // Rounding of what is zero otherwise.
        let zero = worst(&[right.clone(), state("slots/c/momentum", &[0.0, 0.0], &[1e-8, -1e-8])]);
        assert!(zero.error < 1e-6, "{zero:?}");
        // Of another kind, with no larger one beside it.
        assert_eq!(worst(&[right, state("slots/c/velocity", &[0.0], &[1e-8])]).error, f64::INFINITY);
        assert!(worst(&[state("a", &[1.0], &[f64::NAN]), state("b", &[1.0], &[2.0])]).error.is_nan());
        assert_eq!(worst(&[state("a", &[1.0], &[])]).error, f64::INFINITY);
    }

    #[test]
    fn a_small_network_agrees_on_few_rows_and_on_many() {
        let workload = WORKLOADS.iter().find(|w| w.name == "seed_mlp").unwrap();
        let checks = check(workload, &mut workload.model().unwrap()).unwrap();
        let seen: Vec<_> = checks.iter().map(|c| (c.rows, c.steps)).collect();
        assert_eq!(seen, [(32, STEPS), (MANY, 1)]);
        // Two slots for each of three kernels and three biases, beside the counters.
        assert!(checks.iter().all(|c| c.states >= 12 && c.state.error < 1e-5));
    }
}
