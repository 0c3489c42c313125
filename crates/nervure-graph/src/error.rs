use crate::Dim;

/// What can be wrong with a graph, or with a request made of one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation was applied to operands that it does not take.
    #[error("{path}: {op}: expected {expected}, received {received}")]
    Operands {
        /// Path of the scope (usually of the layer) in which the operation was applied.
        path: String,
        /// Name of the operation.
        op: String,
        /// What it takes.
        expected: String,
        /// What it was given.
        received: String,
    },
    /// A dimension has a symbol without a value.
    #[error("dimension `{dim}` has no value: `{symbol}` is not bound")]
    Unbound {
        /// The dimension.
        dim: Dim,
        /// The symbol that it needs.
        symbol: String,
    },
    /// A dimension came out negative or too large.
    #[error("dimension `{dim}` has no size: it evaluates to {value}")]
    Size {
        /// The dimension.
        dim: Dim,
        /// What it evaluates to.
        value: i128,
    },
    /// A text is not a dimension or a graph.
    #[error("{what}, line {line}: {reason}")]
    Parse {
        /// What was to be read.
        what: &'static str,
        /// Line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The graph breaks a rule that every graph keeps.
    #[error("node %{node} ({op}) in `{path}`: {reason}")]
    Invalid {
        /// Number of the node.
        node: usize,
        /// Its operation.
        op: String,
        /// Path of its scope.
        path: String,
        /// The rule that is broken.
        reason: String,
    },
    /// A value needed at evaluation is absent or does not fit.
    #[error("{0}")]
    Evaluation(String),
}
