//! One test binary: the crate's behaviour from outside.

mod conformance;
mod keras;
mod trial;
