use serde::{Deserialize, Serialize};

use crate::callbacks::monitor::{Best, Monitor};
use crate::callbacks::{Callback, Context, Mode, load, save};
use crate::word::setters;
use crate::{Error, Logs, Result};

/// Multiplies the learning rate by `factor` when a number has not improved for `patience` epochs. The epoch reports the rate that it had, as
/// `learning_rate`.
///
/// # Errors
/// Training fails at the first epoch that does not report what is watched, and before it for a factor that is not below 1.
#[derive(Debug, Clone)]
pub struct ReduceLROnPlateau {
    monitor: Monitor,
    factor: f64,
    patience: usize,
    cooldown: usize,
    min_lr: f64,
    state: State,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    wait: usize,
    cooldown: usize,
    best: Best,
}

const NAME: &str = "ReduceLROnPlateau";

impl Default for ReduceLROnPlateau {
    fn default() -> ReduceLROnPlateau {
        ReduceLROnPlateau {
            monitor: Monitor::new(NAME, 1e-4),
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            min_lr: 0.0,
            state: State::default(),
        }
    }
}

impl ReduceLROnPlateau {
    /// Watches `val_loss`: a tenth of the rate after 10 epochs without improvement.
    pub fn new() -> ReduceLROnPlateau {
        ReduceLROnPlateau::default()
    }

    /// The number that is watched; default `val_loss`.
    pub fn monitor(mut self, name: &str) -> ReduceLROnPlateau {
        self.monitor.name = name.into();
        self
    }

    setters! {
        @monitor;
        /// The least change that counts as an improvement; default 0.0001.
        min_delta: f64,
        /// Whether less or more is better; default what the metric says.
        mode: Mode,
    }

    setters! {
        /// What the rate is multiplied by, below 1; default 0.1.
        factor: f64,
        /// Epochs without improvement before the rate is reduced; default 10.
        patience: usize,
        /// Epochs after a reduction that do not count; default 0.
        cooldown: usize,
        /// The rate below which it is not reduced; default 0.
        min_lr: f64,
    }
}

impl Callback for ReduceLROnPlateau {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::Callback(format!(
                "{NAME}: expected a factor below 1, received {}",
                self.factor
            )));
        }
        self.state = State::default();
        Ok(())
    }

    fn on_epoch_end(&mut self, _epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        let rate = cx.learning_rate();
        cx.log("learning_rate", rate);
        let value = self.monitor.value(logs)?;
        let state = &mut self.state;
        if state.cooldown > 0 {
            state.cooldown -= 1;
            state.wait = 0;
        }
        if self.monitor.improves(value, state.best.get(), cx)? {
            state.best = Best::new(Some(value));
            state.wait = 0;
        } else if state.cooldown == 0 {
            state.wait += 1;
            if state.wait >= self.patience && rate > f64::from(self.min_lr as f32) {
                cx.set_learning_rate((rate * self.factor).max(self.min_lr))?;
                state.cooldown = self.cooldown;
                state.wait = 0;
            }
        }
        Ok(())
    }

    fn state(&self) -> serde_json::Value {
        save(&self.state)
    }

    fn restore(
        &mut self,
        state: &serde_json::Value,
        _tensors: &[(String, nervure_exec::Buffer)],
    ) -> Result<()> {
        self.state = load(NAME, state)?;
        Ok(())
    }
}
