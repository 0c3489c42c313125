//! Compiles graphs into plans and runs them on all cores.
//!
//! A [`Plan`] is a [`nervure_graph::Graph`] with sizes for its symbols and slots for its parameters: a flat list of kernels over one arena.
//! A [`Runner`] runs it on [`Threads`], over a [`Store`] of state and inputs that are read where they lie. After the first, a run
//! allocates nothing.
//!
//! Results are the same bits for any number of threads, and those of a row do not depend on the rows beside it: the order in which
//! elements are summed follows from the length of the sum alone.

#[cfg(test)]
mod agreement;
mod buffer;
mod compile;
mod error;
mod kernels;
mod peak;
mod plan;
mod plans;
mod run;
mod simd;
mod store;
mod threads;

pub use buffer::{Buffer, View};
pub use error::Error;
pub use peak::peak_flops;
pub use plan::{Argument, KernelLine, Plan};
pub use plans::Plans;
pub use run::Runner;
pub use store::Store;
pub use threads::Threads;
