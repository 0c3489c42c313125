//! How long something takes.

use std::time::{Duration, Instant};

/// Times of many calls, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The median.
    pub median: f64,
    /// The least: what the machine does when nothing else runs.
    pub least: f64,
}

/// Times calls for about as long as `budget`, after as many for warming up as take a tenth of it. Calls too short for the clock are timed by
/// the dozen.
pub fn time<E>(budget: Duration, mut call: impl FnMut() -> Result<(), E>) -> Result<Timing, E> {
    let (start, mut warm) = (Instant::now(), 0u32);
    while warm < WARM || start.elapsed() < budget / 10 {
        call()?;
        warm += 1;
    }
    let each = start.elapsed() / warm;
    let calls = (SAMPLE.as_nanos() / each.as_nanos().max(1)).clamp(1, 10_000) as u32;
    let (start, mut samples) = (Instant::now(), Vec::new());
    while samples.len() < SAMPLES || start.elapsed() < budget {
        let start = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        samples.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Timing { median: median(samples), least })
}

/// The median of one sample or more; NaN of none.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Calls at least for warming up.
const WARM: u32 = 3;
/// Samples at least.
const SAMPLES: usize = 5;
/// What is long enough for the clock, and short enough to fall between the turns of other programs.
const SAMPLE: Duration = Duration::from_micros(30);
