//! Callbacks: what happens between steps and epochs.

use nervure_exec::Buffer;

use crate::optimizers::LEARNING_RATE;
use crate::{Logs, Model, Result};

/// What happens between steps and epochs. Each function does nothing unless it is written.
///
/// A callback with a state of its own gives it in [`Callback::state`], so that a run that is resumed is the run that was not interrupted.
pub trait Callback {
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

/// What a callback may do.
#[derive(Debug)]
pub struct Context<'a> {
    model: &'a mut Model,
    epochs: usize,
    batches: usize,
    stop: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(model: &'a mut Model, epochs: usize, batches: usize) -> Context<'a> {
        Context { model, epochs, batches, stop: false }
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

    /// Ends training after this step or epoch.
    pub fn stop_training(&mut self) {
        self.stop = true;
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop
    }

    /// The learning rate.
    pub fn learning_rate(&self) -> f64 {
        self.model.store.get(LEARNING_RATE).and_then(|b| b.as_f32()).map_or(f64::NAN, |v| f64::from(v[0]))
    }

    /// Sets the learning rate of the steps to come.
    pub fn set_learning_rate(&mut self, rate: f64) {
        if let Some(v) = self.model.store.get_mut(LEARNING_RATE).and_then(|b| b.as_f32_mut()) {
            v[0] = rate as f32;
        }
    }
}
