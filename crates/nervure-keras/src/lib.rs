//! Keras's files: `.keras` as Keras 3 writes them.
//!
//! A file holds the network as JSON, with the settings under Keras's names, and the weights as HDF5. [`load`] makes a [`Model`](nervure_nn::Model) of it: the
//! layers are those of `nervure-nn` by their names, and a setting that they do not honour is an error that names layer and setting, never left out.
//! Nothing in a file is run: layers of its author's own and `Lambda` are refused. Sizes are checked before memory is taken.
#![forbid(unsafe_code)]

mod compiled;
mod config;
mod error;
mod hdf5;
mod inbound;
mod load;
mod weights;
mod words;

pub use error::{Error, Result};
pub use load::{Saved, from_bytes, load, load_weights};
