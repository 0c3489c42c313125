/// What can be wrong with a plan, or with what a run was given.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The graph itself, or a dimension of it.
    #[error(transparent)]
    Graph(#[from] nervure_graph::Error),
    /// The store does not hold what a parameter of the graph needs.
    #[error("parameter `{name}`: expected {expected}, received {received}")]
    Parameter {
        /// Its name.
        name: String,
        /// Type that the graph says.
        expected: String,
        /// What the store holds.
        received: String,
    },
    /// An input is not what the plan takes.
    #[error("input `{name}`: expected {expected}, received {received}")]
    Input {
        /// Its name.
        name: String,
        /// What the plan takes.
        expected: String,
        /// What was given.
        received: String,
    },
    /// A run was given more or fewer inputs than the plan takes.
    #[error("expected {expected} inputs, received {received}")]
    Inputs {
        /// Number that the plan takes.
        expected: usize,
        /// Number that was given.
        received: usize,
    },
    /// An array, or all that live at one time, would be too large.
    #[error("{path}: {op}: expected at most {limit} bytes, received {bytes}")]
    TooLarge {
        /// Path of the scope.
        path: String,
        /// The operation, or what asks for the memory.
        op: String,
        /// The bound.
        limit: u64,
        /// What would be needed; the greatest number if that has no count.
        bytes: u64,
    },
    /// The system does not give the memory that an array or a run needs.
    #[error("expected {bytes} bytes of memory, received none from the system")]
    Memory {
        /// What was asked for; the greatest number if that has no count.
        bytes: usize,
    },
    /// A dimension that was free in the graph has a value with which an operation is not defined.
    #[error("{path}: {op}: expected {expected}, received {received}")]
    Bound {
        /// Path of the scope.
        path: String,
        /// The operation.
        op: String,
        /// What it takes.
        expected: String,
        /// What the bindings give it.
        received: String,
    },
    /// An index lies outside the axis that it selects from.
    #[error("{path}: expected an index from 0 to below {size}, received {index}")]
    Index {
        /// Path of the scope.
        path: String,
        /// The index.
        index: i64,
        /// Size of the axis.
        size: usize,
    },
    /// An array was made of as many elements as its shape does not have.
    #[error("expected {expected} elements for shape {shape:?}, received {received}")]
    Elements {
        /// The shape.
        shape: Vec<usize>,
        /// Number of elements of that shape.
        expected: usize,
        /// Number that was given.
        received: usize,
    },
    /// A plan that changes state was run where state must stay.
    #[error("expected a plan without updates, received one that updates `{name}`")]
    Updates {
        /// A parameter that would change.
        name: String,
    },
}
