use std::io::Write;
use std::time::{Duration, Instant};

use crate::callbacks::{Batch, Callback, Context};
use crate::{Error, Logs, Result};

type Draw = Box<dyn FnMut(&Report<'_>) -> Result<()> + Send>;

/// Shows how far training is: after each epoch, and while one runs as often as is worth looking at.
///
/// ```
/// use nervure_nn::callbacks::ProgbarLogger;
/// let lines = ProgbarLogger::lines(std::io::stderr());
/// let bar = ProgbarLogger::new(|report| {
///     eprint!("\r{} of {}", report.batch, report.batches);
///     Ok(())
/// });
/// ```
pub struct ProgbarLogger {
    draw: Draw,
    /// Between two reports within an epoch; none for reports of whole epochs alone.
    interval: Option<Duration>,
    clock: Option<Clock>,
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    begun: Instant,
    epoch_begun: Instant,
    reported: Instant,
    /// Batches of this call of `fit` so far.
    batches: usize,
}

/// How far training is.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Epochs that there will be at most.
    pub epochs: usize,
    /// Batches of this epoch that are done.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// Loss and metrics: of the epoch so far, or at its end all that it reports.
    pub logs: &'a Logs,
    /// Whether the epoch is at its end, validation included.
    pub epoch_ended: bool,
    /// Time since the epoch began.
    pub epoch_time: Duration,
    /// Time since the run began, or was taken up.
    pub elapsed: Duration,
    /// Time that all further epochs will take, if each batch takes as long as those so far.
    pub remaining: Duration,
}

impl ProgbarLogger {
    /// Calls `draw` at the end of each epoch, and within it ten times a second.
    pub fn new(draw: impl FnMut(&Report<'_>) -> Result<()> + Send + 'static) -> ProgbarLogger {
        ProgbarLogger { draw: Box::new(draw), interval: Some(Duration::from_millis(100)), clock: None }
    }

    /// One line an epoch, for what is no terminal: `Epoch 3/10 - 0.12s - loss: 0.5183 - val_loss: 0.5401`.
    pub fn lines(mut to: impl Write + Send + 'static) -> ProgbarLogger {
        let draw = move |report: &Report<'_>| {
            let error = |e: std::io::Error| Error::Callback(format!("progress: {e}"));
            writeln!(to, "{report}").map_err(error)
        };
        ProgbarLogger { interval: None, ..ProgbarLogger::new(draw) }
    }

    /// Time between two reports within an epoch; default a tenth of a second.
    pub fn interval(mut self, interval: Duration) -> ProgbarLogger {
        self.interval = Some(interval);
        self
    }

    fn report(
        &mut self,
        epoch: usize,
        batch: usize,
        logs: &Logs,
        epoch_ended: bool,
        cx: &Context<'_>,
    ) -> Result<()> {
        let now = Instant::now();
        let clock = self.clock.get_or_insert_with(|| Clock::new(now));
        clock.reported = now;
        let (epochs, batches) = (cx.epochs(), cx.batches());
        let left = (epochs - epoch) * batches - batch;
        let elapsed = now - clock.begun;
        let remaining = elapsed.as_secs_f64() / clock.batches.max(1) as f64 * left as f64;
        (self.draw)(&Report {
            epoch,
            epochs,
            batch,
            batches,
            logs,
            epoch_ended,
            epoch_time: now - clock.epoch_begun,
            elapsed,
            remaining: Duration::try_from_secs_f64(remaining).unwrap_or(Duration::MAX),
        })
    }
}

impl Clock {
    fn new(now: Instant) -> Clock {
        Clock { begun: now, epoch_begun: now, reported: now, batches: 0 }
    }
}

impl Callback for ProgbarLogger {
    fn on_epoch_begin(&mut self, _epoch: usize, _cx: &mut Context<'_>) -> Result<()> {
        let now = Instant::now();
        self.clock.get_or_insert_with(|| Clock::new(now)).epoch_begun = now;
        Ok(())
    }

    fn on_batch_end(&mut self, done: &Batch, cx: &mut Context<'_>) -> Result<()> {
        let clock = self.clock.get_or_insert_with(|| Clock::new(Instant::now()));
        clock.batches += 1;
        if self.interval.is_some_and(|i| clock.reported.elapsed() >= i) {
            let logs = cx.running();
            self.report(done.epoch, done.batch + 1, &logs, false, cx)?;
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        self.report(epoch, cx.batches(), logs, true, cx)
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Epoch {}/{}", self.epoch + 1, self.epochs)?;
        if !self.epoch_ended {
            write!(f, " - {}/{}", self.batch, self.batches)?;
        }
        write!(f, " - {:.2}s", self.epoch_time.as_secs_f64())?;
        self.logs.iter().try_for_each(|(name, value)| write!(f, " - {name}: {}", four_digits(value)))
    }
}

/// Four digits after the point, or in scientific form where these say little: Keras's rule.
fn four_digits(x: f64) -> String {
    if x != 0.0 && x.abs() <= 1e-3 { format!("{x:.4e}") } else { format!("{x:.4}") }
}

impl std::fmt::Debug for ProgbarLogger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgbarLogger").field("interval", &self.interval).finish_non_exhaustive()
    }
}
