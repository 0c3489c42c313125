use nervure_data::Task;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format that this release writes. It reads all up to it.
pub const FORMAT: u32 = 1;

/// What is known about a model beside what it computes. Nothing in it differs between two runs of equal settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Version of the format: see [`FORMAT`].
    pub format: u32,
    /// Version of the library that wrote it.
    pub nervure: String,
    /// The program that made it.
    pub created_by: String,
    /// What is predicted; none for a model of tensors that was not told.
    pub task: Option<Task>,
    /// How good it was: by part of the data and name of the metric, as the program has it.
    #[serde(default)]
    pub metrics: Value,
    /// How it was trained, as the program has it.
    #[serde(default)]
    pub settings: Value,
}

impl Metadata {
    /// What this release writes, with metrics and settings yet to come.
    pub fn new(created_by: impl Into<String>, task: Option<Task>) -> Metadata {
        Metadata {
            format: FORMAT,
            nervure: env!("CARGO_PKG_VERSION").into(),
            created_by: created_by.into(),
            task,
            metrics: Value::Null,
            settings: Value::Null,
        }
    }
}

/// What can be read of any version, so that a later one is told apart from a broken one.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub format: u32,
}
