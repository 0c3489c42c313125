//! What training reports.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Numbers by name, in the order in which they are reported.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Logs(Vec<(String, Number)>);

/// A float that files keep even where JSON has no word for it: NaN and the infinities are written as strings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { s.serialize_f64(self.0) } else { s.serialize_str(&self.0.to_string()) }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Number, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Float(f64),
            Text(String),
        }
        match Form::deserialize(d)? {
            Form::Float(x) => Ok(Number(x)),
            Form::Text(t) => t.parse().map(Number).map_err(serde::de::Error::custom),
        }
    }
}

impl Logs {
    /// Adds a number.
    pub fn push(&mut self, name: impl Into<String>, value: f64) {
        self.0.push((name.into(), Number(value)));
    }

    /// The number of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.0)
    }

    /// Names and numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.0))
    }

    /// The names.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(n, _)| n.as_str())
    }

    /// Adds all numbers of another one; those whose name is there already take its place.
    pub fn extend(&mut self, other: Logs) {
        for (name, value) in other.0 {
            match self.0.iter_mut().find(|(n, _)| *n == name) {
                Some(own) => own.1 = value,
                None => self.0.push((name, value)),
            }
        }
    }

    /// Whether nothing is reported.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The numbers of each epoch, under Keras's keys: `loss`, each metric, and the same of the validation rows with `val_` before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    epochs: Vec<Logs>,
    interrupted: bool,
    #[serde(default)]
    stopped: Option<String>,
}

impl History {
    /// The epochs that were finished, in order.
    pub fn epochs(&self) -> &[Logs] {
        &self.epochs
    }

    /// One number over the epochs; empty if it was not reported.
    pub fn get(&self, name: &str) -> Vec<f64> {
        self.epochs.iter().filter_map(|l| l.get(name)).collect()
    }

    /// Whether training was stopped from outside, before its end.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// Why a callback ended training before its last epoch, in a sentence.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    pub(crate) fn set_stopped(&mut self, reason: String) {
        self.stopped.get_or_insert(reason);
    }

    pub(crate) fn push(&mut self, logs: Logs) {
        self.epochs.push(logs);
    }

    pub(crate) fn set_interrupted(&mut self, interrupted: bool) {
        self.interrupted = interrupted;
    }
}
