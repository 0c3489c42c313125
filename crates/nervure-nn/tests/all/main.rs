//! One test binary: the crate's behaviour from outside.

mod activations;
mod conformance;
mod initializers;
mod keras;
mod layers;
mod trial;
