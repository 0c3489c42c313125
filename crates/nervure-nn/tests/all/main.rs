//! One test binary: the crate's behaviour from outside.

mod activations;
mod callbacks;
mod conformance;
mod constraints;
mod entrance;
mod exact;
mod golden;
mod host;
mod initializers;
mod layers;
mod losses;
mod metrics;
mod noise;
mod optimizers;
mod parity;
mod recurrent;
mod refusals;
mod resume;
mod score;
mod training;
mod trial;
