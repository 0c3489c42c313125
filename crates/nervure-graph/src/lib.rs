//! Graphs of primitives: what every network lowers to, and what everything else reads or rewrites.
//!
//! A [`Graph`] is an append-only list of typed [`Node`]s, each the application of one [`Op`] to earlier nodes. It is
//! written through a [`Builder`], whose [`Tensor`] handles carry the arithmetic:
//!
//! ```
//! use nervure_graph::{Builder, DType, Dim};
//!
//! let g = Builder::new();
//! let batch = Dim::symbol("batch");
//! let x = g.input("x", DType::F32, [batch, 8.into()]);
//! let w = g.parameter("w", DType::F32, [8.into(), 1.into()]);
//! g.output("y", x.matmul(w).sigmoid());
//! let graph = g.finish().unwrap();
//! assert_eq!(graph.node(graph.outputs()[0].1).ty.to_string(), "f32[batch, 1]");
//! ```
//!
//! What reads or rewrites a graph here, each on a page of its own:
//! - [`infer`]: the type of each primitive, and what it takes;
//! - [`gradient`]: reverse differentiation, which appends to the graph;
//! - [`simplify`]: rewrites that keep every bit; [`verify`]: the rules that they keep;
//! - [`evaluate`]: what a graph means, plainly, in `f64` or `f32`;
//! - `Display` and [`Graph::parse`]: the text form; [`cost`](cost()): what a graph takes to compute;
//! - `testing` (with the feature of that name): a graph for each primitive, random graphs, gradients against differences.
//!
//! This crate knows no execution, files, threads or clock, and has no `unsafe`.
#![forbid(unsafe_code)]

mod builder;
mod cost;
mod dim;
mod error;
mod grad;
mod graph;
mod infer;
mod inline;
mod map;
mod op;
pub mod random;
mod reference;
mod rewrite;
mod segments;
mod tensor;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod types;
mod verify;

pub use builder::{Builder, ScopeGuard};
pub use cost::{Cost, Work, cost};
pub use dim::{Bindings, Dim};
pub use error::Error;
pub use grad::{gradient, pullback};
pub use graph::{Graph, Node, NodeId, Scope, ScopeId, Update};
pub use infer::infer;
pub use inline::inline;
pub use map::MapStep;
pub use op::{Binary, Literal, Op, Padding, PoolKind, Reduction, Scan, Unary, Values, Window};
pub use reference::{Array, Data, Evaluation, Float, Number, evaluate};
pub use rewrite::{Simplified, simplify};
pub use tensor::Tensor;
pub use types::{DType, Shape, Type};
pub use verify::verify;
