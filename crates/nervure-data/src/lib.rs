//! Tables: from rows to tensors.
//!
//! The stages are types, and each needs the one before, so that nothing can be fitted on rows that are kept for testing:
//!
//! ```text
//! Table ──Problem::new──▶ Problem ──Split::new──▶ Split ──Schema::fit──▶ Schema ──encode_rows──▶ Encoded
//! raw cells               targets, tasks          parts    (training rows)        encode_targets ▶ TargetValues
//! ```
//!
//! In production a stored [`Schema`] alone encodes raw rows.
// Not `forbid`: slicing macros of `ndarray` carry an `allow` of their own.
#![deny(unsafe_code)]

mod error;
mod kind;
mod problem;
mod random;
mod read;
mod scaling;
mod schema;
mod sketch;
mod split;
mod table;
mod target;
mod value;
mod write;

pub mod baseline;
pub mod datasets;

pub use error::{At, Error, Place, Result};
pub use kind::{Inferred, Kind, infer_kind};
pub use problem::{Problem, SchemaOptions, TaskChoice};
pub use read::{BadRow, Delimiter, Limits, TableReader};
pub use scaling::{Scaler, Scaling};
pub use schema::{
    ColumnCounts, DatePart, DenseColumn, Encoded, Encoding, IndexColumn, Output, SCHEMA_VERSION, Schema,
    SchemaColumn, Usage,
};
pub use sketch::{ColumnSketch, NumberSketch, Sketch, ValueSketch};
pub use split::{Split, SplitMethod, SplitOptions};
pub use table::{Column, Table};
pub use target::{Labels, Target, TargetValues, Task, balanced_class_weights};
pub use value::MISSING;
