/// What can go wrong with a network or its training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer does not take what it is given.
    #[error("layer `{path}` ({kind}{}): {reason}", .written.as_ref().map(|w| format!(", written at {w}")).unwrap_or_default())]
    Layer {
        /// Path of the layer.
        path: String,
        /// Its kind.
        kind: String,
        /// Where the program made it, if known.
        written: Option<String>,
        /// What is wrong: expected and received.
        reason: String,
    },
    /// The layers do not make a network.
    #[error("{0}")]
    Network(String),
    /// A name that no word has.
    #[error("no {family} is named `{kind}`; there are {known}")]
    UnknownWord {
        /// What was looked for.
        family: &'static str,
        /// The name.
        kind: String,
        /// The names that there are.
        known: String,
    },
    /// Settings that a word does not have.
    #[error("{family} `{kind}`: {reason}")]
    Config {
        /// What it is.
        family: &'static str,
        /// Its name.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// A loss, metric or optimizer does not fit the network.
    #[error("{what}: {reason}")]
    Compile {
        /// The loss, metric or optimizer, with the output that it is for.
        what: String,
        /// What is wrong: expected and received.
        reason: String,
    },
    /// A trainable parameter has no influence on the loss.
    #[error(
        "parameter `{0}` receives no gradient: freeze its layer, or connect it to an output that has a loss"
    )]
    NoGradient(String),
    /// Data do not fit the network.
    #[error("{0}")]
    Data(String),
    /// Weights do not fit the network.
    #[error("{0}")]
    Weights(String),
    /// A callback watches a number that is not reported.
    #[error("{callback} watches `{monitor}`, which is not reported; there are {known}")]
    Monitor {
        /// The callback.
        callback: &'static str,
        /// What it watches.
        monitor: String,
        /// What is reported.
        known: String,
    },
    /// Training came to a loss that is no number.
    #[error("the loss is {loss} in epoch {epoch}, batch {batch}")]
    Diverged {
        /// The loss.
        loss: f64,
        /// Epoch, from 0.
        epoch: usize,
        /// Batch, from 0.
        batch: usize,
    },
    /// A file of a callback could not be written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// From the graph.
    #[error(transparent)]
    Graph(#[from] nervure_graph::Error),
    /// From its execution.
    #[error(transparent)]
    Exec(#[from] nervure_exec::Error),
    /// A callback of the program's own failed.
    #[error("{0}")]
    Callback(String),
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
