//! Watching a number that training reports.

use serde::{Deserialize, Serialize};

use crate::callbacks::Context;
use crate::logs::Number;
use crate::metrics::Direction;
use crate::{Error, Logs, Result};

/// What a callback that watches a number takes for better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// What the loss or metric itself says.
    #[default]
    Auto,
    /// Less.
    Min,
    /// More.
    Max,
}

/// A number that is watched.
#[derive(Debug, Clone)]
pub(super) struct Monitor {
    pub callback: &'static str,
    pub name: String,
    pub mode: Mode,
    pub min_delta: f64,
}

/// The best number so far; NaN never is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Best(Option<Number>);

impl Best {
    pub fn new(value: Option<f64>) -> Best {
        Best(value.map(Number))
    }

    pub fn get(self) -> Option<f64> {
        self.0.map(|n| n.0)
    }
}

impl Monitor {
    pub fn new(callback: &'static str, min_delta: f64) -> Monitor {
        Monitor { callback, name: "val_loss".into(), mode: Mode::Auto, min_delta }
    }

    /// The number at the end of an epoch.
    pub fn value(&self, logs: &Logs) -> Result<f64> {
        logs.get(&self.name).ok_or_else(|| Error::Monitor {
            callback: self.callback,
            monitor: self.name.clone(),
            known: logs.names().collect::<Vec<_>>().join(", "),
        })
    }

    /// Whether `value` is better than `reference` by more than `min_delta`.
    pub fn improves(&self, value: f64, reference: Option<f64>, cx: &Context<'_>) -> Result<bool> {
        let direction = match self.mode {
            Mode::Min => Direction::Down,
            Mode::Max => Direction::Up,
            Mode::Auto => cx.direction(&self.name).ok_or_else(|| {
                Error::Callback(format!(
                    "{}: whether more or less of `{}` is better is not known, say it by mode",
                    self.callback, self.name
                ))
            })?,
        };
        if value.is_nan() {
            return Ok(false);
        }
        let delta = self.min_delta.abs();
        Ok(reference.is_none_or(|r| match direction {
            Direction::Up => value - delta > r,
            Direction::Down => value + delta < r,
        }))
    }
}
