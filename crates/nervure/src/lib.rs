#![doc = include_str!("../../../README.md")]
#![forbid(unsafe_code)]

mod backup;
mod persist;

pub use backup::BackupAndRestore;
pub use nervure_artifact as artifact;
pub use nervure_data as data;
pub use nervure_exec as exec;
pub use nervure_graph as graph;
pub use nervure_nn as nn;
pub use persist::Persist;

/// What most programs need.
pub mod prelude {
    pub use crate::{BackupAndRestore, Persist};
    pub use nervure_nn::prelude::*;
}
