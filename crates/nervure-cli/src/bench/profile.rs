//! What each kernel of a plan takes.

use std::fmt;
use std::time::{Duration, Instant};

use nervure_exec::KernelLine;
use serde_json::{Value, json};

use super::short;
use crate::style::{WIDTH, cut, table};

/// The kernels of a plan with their median times in microseconds, the dearest first.
pub struct Profile(Vec<(KernelLine, f64)>);

/// Runs at least, and at most.
const RUNS: std::ops::Range<usize> = 5..2000;

impl Profile {
    /// Runs a plan of these kernels, which gives their times, for about as long as `budget`.
    pub fn new<E>(
        budget: Duration,
        kernels: Vec<KernelLine>,
        mut run: impl FnMut() -> Result<Vec<Duration>, E>,
    ) -> Result<Profile, E> {
        let (start, mut runs) = (Instant::now(), Vec::new());
        while runs.len() < RUNS.start || (start.elapsed() < budget && runs.len() < RUNS.end) {
            runs.push(run()?);
        }
        let median = |kernel: usize| {
            let mut times: Vec<Duration> = runs.iter().map(|times| times[kernel]).collect();
            times.sort();
            times[times.len() / 2].as_secs_f64() * 1e6
        };
        let mut lines: Vec<_> =
            kernels.into_iter().enumerate().map(|(at, line)| (line, median(at))).collect();
        lines.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Profile(lines))
    }

    /// An array with an object for each kernel.
    pub fn as_json(&self) -> Value {
        let line = |(k, us): &(KernelLine, f64)| json!({"kernel": k.what, "path": k.path, "flops": k.flops, "us": us});
        self.0.iter().map(line).collect()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: f64 = self.0.iter().map(|(_, us)| us).sum();
        let head = ["", "µs", "share", "GFLOP/s"].map(String::from).to_vec();
        let numbers = self.0.iter().enumerate().map(|(at, (kernel, us))| {
            let speed = (kernel.flops > 0).then(|| format!("{:.1}", kernel.flops as f64 / us / 1e3));
            let share = format!("{:.1} %", 100.0 * us / total);
            vec![(at + 1).to_string(), short(*us), share, speed.unwrap_or_default()]
        });
        let numbers = table(&[head].into_iter().chain(numbers).collect::<Vec<_>>());
        let width = numbers.lines().map(|l| l.chars().count()).max().unwrap_or(0);
        let words = std::iter::once("kernel".into())
            .chain(self.0.iter().map(|(k, _)| format!("{}  {}", k.what, k.path)));
        for (numbers, words) in numbers.lines().zip(words) {
            writeln!(f, "{}", cut(&format!("{numbers:<width$}  {words}"), WIDTH))?;
        }
        writeln!(f, "in all {} µs, {} kernels", short(total), self.0.len())
    }
}
