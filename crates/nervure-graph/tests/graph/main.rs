//! Tests through the public interface.

mod dims;
mod gradients;
mod infer;
mod inline;
mod random_graphs;
mod reference;
mod rewrites;
mod segments;
mod text;
