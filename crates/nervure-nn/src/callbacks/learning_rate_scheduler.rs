use crate::callbacks::{Callback, Context};
use crate::{Error, Logs, Result};

/// Sets the learning rate before each epoch, from the epoch (from 0) and the rate so far; the epoch reports it as `learning_rate`.
///
/// ```
/// use nervure_nn::callbacks::LearningRateScheduler;
/// let halved = LearningRateScheduler::new(|epoch, rate| if epoch > 0 && epoch % 10 == 0 { rate / 2.0 } else { rate });
/// ```
///
/// # Errors
/// Training fails at a rate that is below 0 or no number.
pub struct LearningRateScheduler {
    schedule: Box<dyn Fn(usize, f64) -> f64 + Send>,
}

const NAME: &str = "LearningRateScheduler";

impl LearningRateScheduler {
    /// The rate of an epoch.
    pub fn new(schedule: impl Fn(usize, f64) -> f64 + Send + 'static) -> LearningRateScheduler {
        LearningRateScheduler { schedule: Box::new(schedule) }
    }
}

impl Callback for LearningRateScheduler {
    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>) -> Result<()> {
        let rate = (self.schedule)(epoch, cx.learning_rate());
        if !rate.is_finite() || rate < 0.0 {
            return Err(Error::Callback(format!("{NAME}: expected a rate of at least 0, received {rate}")));
        }
        cx.set_learning_rate(rate)
    }

    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        let rate = cx.learning_rate();
        cx.log("learning_rate", rate);
        Ok(())
    }
}

impl std::fmt::Debug for LearningRateScheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(NAME)
    }
}
