use nervure_exec::Buffer;
use serde::{Deserialize, Serialize};

use crate::callbacks::monitor::{Best, Monitor};
use crate::callbacks::{Callback, Context, Mode, load, save};
use crate::word::setters;
use crate::{Logs, Model, Result};

/// Ends training when a number has not improved for `patience` epochs.
///
/// ```
/// use nervure_nn::callbacks::EarlyStopping;
/// let callback = EarlyStopping::new().patience(5).restore_best_weights(true);
/// ```
///
/// # Errors
/// Training fails at the first epoch that does not report what is watched.
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    monitor: Monitor,
    patience: usize,
    baseline: Option<f64>,
    restore_best_weights: bool,
    start_from_epoch: usize,
    state: State,
    weights: Vec<(String, Buffer)>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    wait: usize,
    best: Best,
    best_epoch: usize,
}

const NAME: &str = "EarlyStopping";

impl Default for EarlyStopping {
    fn default() -> EarlyStopping {
        EarlyStopping {
            monitor: Monitor::new(NAME, 0.0),
            patience: 0,
            baseline: None,
            restore_best_weights: false,
            start_from_epoch: 0,
            state: State::default(),
            weights: Vec::new(),
        }
    }
}

impl EarlyStopping {
    /// Watches `val_loss`, without patience.
    pub fn new() -> EarlyStopping {
        EarlyStopping::default()
    }

    /// The number that is watched; default `val_loss`.
    pub fn monitor(mut self, name: &str) -> EarlyStopping {
        self.monitor.name = name.into();
        self
    }

    setters! {
        @monitor;
        /// The least change that counts as an improvement; default 0.
        min_delta: f64,
        /// Whether less or more is better; default what the metric says.
        mode: Mode,
    }

    setters! {
        /// Epochs without improvement after which training ends; default 0.
        patience: usize,
        /// What has to be reached for `patience` to begin anew; default none.
        baseline: just f64,
        /// Whether the model ends with the weights of the best epoch instead of the last; default false.
        restore_best_weights: bool,
        /// Epochs that are let go by first; default 0.
        start_from_epoch: usize,
    }

    /// Keeps the model's weights, in the memory of those that were kept before.
    fn keep(&mut self, model: &Model) {
        // A checkpoint gives them back in another order.
        if !self.weights.iter().map(|(path, _)| path.as_str()).eq(model.weights().map(|(path, _)| path)) {
            self.weights = model.weights().map(|(path, w)| (path.into(), w.clone())).collect();
            return;
        }
        for ((_, kept), (_, now)) in self.weights.iter_mut().zip(model.weights()) {
            if let (Some(kept), Some(now)) = (kept.as_f32_mut(), now.as_f32()) {
                kept.copy_from_slice(now);
            }
        }
    }
}

impl Callback for EarlyStopping {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.state = State::default();
        self.weights.clear();
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        let value = self.monitor.value(logs)?;
        if epoch < self.start_from_epoch {
            return Ok(());
        }
        if self.restore_best_weights && self.weights.is_empty() {
            // Should nothing ever improve, these are the best.
            self.keep(cx.model());
            self.state.best_epoch = epoch;
        }
        self.state.wait += 1;
        if self.monitor.improves(value, self.state.best.get(), cx)? {
            self.state.best = Best::new(Some(value));
            self.state.best_epoch = epoch;
            if self.restore_best_weights {
                self.keep(cx.model());
            }
            // Patience begins anew only where the baseline is beaten too.
            if self.baseline.is_none() || self.monitor.improves(value, self.baseline, cx)? {
                self.state.wait = 0;
            }
        } else if self.state.wait >= self.patience && epoch > 0 {
            cx.stop_training_because(format!(
                "`{}` has not improved since epoch {}",
                self.monitor.name,
                self.state.best_epoch + 1
            ));
        }
        Ok(())
    }

    fn on_train_end(&mut self, cx: &mut Context<'_>) -> Result<()> {
        for (path, weight) in self.weights.drain(..) {
            cx.model().set_weight(&path, weight)?;
        }
        Ok(())
    }

    fn state(&self) -> serde_json::Value {
        save(&self.state)
    }

    fn tensors(&self) -> Vec<(String, Buffer)> {
        self.weights.clone()
    }

    fn restore(&mut self, state: &serde_json::Value, tensors: &[(String, Buffer)]) -> Result<()> {
        self.state = load(NAME, state)?;
        self.weights = tensors.to_vec();
        Ok(())
    }
}
