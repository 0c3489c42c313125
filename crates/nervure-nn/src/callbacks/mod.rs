//! Callbacks: what happens between steps and epochs.

use nervure_exec::Buffer;

use crate::metrics::Direction;
use crate::optimizers::LEARNING_RATE;
use crate::step::Reported;
use crate::trainer::Sums;
use crate::{Error, Logs, Model, Result};

mod csv_logger;
mod early_stopping;
mod lambda_callback;
mod learning_rate_scheduler;
mod model_checkpoint;
mod monitor;
mod progbar_logger;
mod reduce_lr_on_plateau;
mod swap_ema_weights;
mod tensor_board;
mod terminate_on_nan;

pub use csv_logger::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::ModelCheckpoint;
pub use monitor::Mode;
pub use progbar_logger::{ProgbarLogger, Report};
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensor_board::TensorBoard;
pub use terminate_on_nan::TerminateOnNaN;

/// What happens between steps and epochs. Each function does nothing unless it is written.
///
/// ```
/// use nervure_nn::callbacks::{Callback, Context};
/// use nervure_nn::{Logs, Result};
///
/// /// Ends training when the loss is small enough.
/// struct GoodEnough(f64);
///
/// impl Callback for GoodEnough {
///     fn on_epoch_end(&mut self, _epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
///         if logs.get("loss").is_some_and(|loss| loss < self.0) {
///             cx.stop_training_because("the loss is small enough");
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// A callback with a state of its own gives it in [`Callback::state`], so that a run that is resumed is the run that was not interrupted.
pub trait Callback: Send {
    /// Before the first epoch.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Before an epoch.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_epoch_begin(&mut self, _epoch: usize, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// After a step.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_batch_end(&mut self, _batch: &Batch, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Before rows validate, within training.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_test_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// After rows validated.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_test_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// After an epoch and its validation.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// After the last epoch.
    ///
    /// # Errors
    /// Any error ends the training.
    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// What a checkpoint keeps of it.
    fn state(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Arrays that a checkpoint keeps of it, by name.
    fn tensors(&self) -> Vec<(String, Buffer)> {
        Vec::new()
    }

    /// Takes back what a checkpoint kept.
    ///
    /// # Errors
    /// A state that is not of this callback.
    fn restore(&mut self, _state: &serde_json::Value, _tensors: &[(String, Buffer)]) -> Result<()> {
        Ok(())
    }
}

/// A step that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batch {
    /// Its epoch, from 0.
    pub epoch: usize,
    /// Its number in the epoch, from 0.
    pub batch: usize,
    /// Its rows.
    pub rows: usize,
    /// Its own loss, with penalties, before the update.
    pub loss: f64,
}

/// What the numbers of the present epoch are gathered in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running<'a> {
    pub sums: &'a Sums,
    pub reported: &'a [Reported],
}

/// What a callback may do.
#[derive(Debug)]
pub struct Context<'a> {
    model: &'a mut Model,
    epochs: usize,
    batches: usize,
    running: Running<'a>,
    stop: Option<String>,
    logged: Logs,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        model: &'a mut Model,
        epochs: usize,
        batches: usize,
        running: Running<'a>,
    ) -> Context<'a> {
        Context { model, epochs, batches, running, stop: None, logged: Logs::default() }
    }

    /// The model.
    pub fn model(&mut self) -> &mut Model {
        self.model
    }

    /// Epochs that the run will have at most.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Steps of an epoch.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// Loss and metrics over the batches of the present epoch so far. Worked out when asked for: not for every batch of a small network.
    pub fn running(&self) -> Logs {
        self.running.sums.logs(self.running.reported, "")
    }

    /// Whether more of a reported number (`val_` before it does not count) is better, if that is known.
    pub fn direction(&self, name: &str) -> Option<Direction> {
        let name = name.strip_prefix("val_").unwrap_or(name);
        // A number of one class goes by its metric's name and the class.
        let base = name.rsplit_once('_').map(|(base, _)| base);
        let find = |name: &str| self.running.reported.iter().find(|r| r.key == name);
        find(name).or_else(|| find(base?)).and_then(|r| r.direction)
    }

    /// Adds a number to the epoch's, in `on_epoch_end`: callbacks that come later see it, and so does the history.
    pub fn log(&mut self, name: &str, value: f64) {
        self.logged.push(name, value);
    }

    pub(crate) fn take_logged(&mut self) -> Logs {
        std::mem::take(&mut self.logged)
    }

    /// Ends training after this step or epoch.
    pub fn stop_training(&mut self) {
        self.stop_training_because("a callback ended the training");
    }

    /// Ends training after this step or epoch; the history says why.
    pub fn stop_training_because(&mut self, reason: impl Into<String>) {
        self.stop.get_or_insert(reason.into());
    }

    pub(crate) fn stopped(self) -> Option<String> {
        self.stop
    }

    /// The learning rate of the step to come.
    pub fn learning_rate(&self) -> f64 {
        let kept = || self.model.store.get(LEARNING_RATE).and_then(|b| b.as_f32()).map(|v| f64::from(v[0]));
        self.model.scheduled_rate().or_else(kept).unwrap_or(f64::NAN)
    }

    /// Sets the learning rate of the steps to come.
    ///
    /// # Errors
    /// An optimizer whose rate follows a schedule.
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        if let Some(schedule) = self.model.optimizer.as_ref().and_then(|o| o.schedule()) {
            let kind = schedule.kind();
            return Err(Error::Callback(format!(
                "the learning rate follows the schedule `{kind}`: give the optimizer a number, if a callback is to set it"
            )));
        }
        self.model.set_rate(rate);
        Ok(())
    }
}

/// A callback's own state as a checkpoint keeps it.
fn save<T: serde::Serialize>(state: &T) -> serde_json::Value {
    // Plain data of numbers and strings: nothing in it that JSON lacks.
    serde_json::to_value(state).unwrap_or(serde_json::Value::Null)
}

/// A callback's own state out of a checkpoint.
fn load<T: serde::de::DeserializeOwned>(callback: &str, state: &serde_json::Value) -> Result<T> {
    serde::Deserialize::deserialize(state)
        .map_err(|e| Error::Callback(format!("{callback}: the checkpoint holds no state of it: {e}")))
}
