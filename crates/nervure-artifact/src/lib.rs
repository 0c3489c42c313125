//! The `.nervure` file: all that answers need, without the trainer.
//!
//! A file is one zip archive of stored (uncompressed) members:
//!
//! | member | holds |
//! |---|---|
//! | `metadata.json` | version of the format, task, metrics, settings: see [`Metadata`] |
//! | `graph.txt` | the graph that predicts, in its text form |
//! | `layers.json` | the layers, as the trainer knows them |
//! | `weights.safetensors` | the weights by path |
//! | `schema.json` | the raw columns with their preprocessing; absent where data are tensors |
//! | `sketch.json` | a sketch of the training data |
//! | `examples.csv` or `examples.safetensors` | rows, or arrays by input, with which a load proves itself |
//! | `expected.safetensors` | what the network answered to these, by output |
//! | `optimizer.json`, `optimizer.safetensors` | the optimizer and its state, to go on training; may be absent |
//!
//! Equal contents are equal bytes: no clock and no machine's name goes in. [`Artifact::load`] runs no code of the file's author, bounds
//! bytes, elements and depth before it allocates, and replays the examples before it returns.
#![forbid(unsafe_code)]

mod artifact;
pub mod atomic;
pub mod checkpoint;
mod container;
mod error;
mod examples;
mod inference;
mod metadata;
mod predictions;
mod tensors;

pub use artifact::{Artifact, FEATURES, OptimizerState, Parts, index_input};
pub use checkpoint::Checkpoint;
pub use container::Archive;
pub use error::{Error, Result};
pub use examples::Examples;
pub use inference::Inference;
pub use metadata::{FORMAT, Metadata};
pub use predictions::{Cells, PredictionColumn, Predictions, TargetPrediction};
