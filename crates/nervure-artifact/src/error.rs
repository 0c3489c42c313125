/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One sentence that names the file and the member at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened, read or written.
    #[error("{file}: {cause}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The file is no archive, or a broken one.
    #[error("{file}: expected a {kind}, received {found}")]
    Container {
        /// The file.
        file: String,
        /// What it should be.
        kind: &'static str,
        /// What is wrong with it.
        found: String,
    },
    /// A member is broken.
    #[error("{file}: {member}: {reason}")]
    Member {
        /// The file.
        file: String,
        /// The member.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by a later release.
    #[error(
        "{file}: it has version {version} of the format, written by a later release; this one reads up to {newest}"
    )]
    LaterVersion {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
        /// The newest that can be read.
        newest: u32,
    },
    /// The replayed examples are not what the trainer recorded.
    #[error(
        "{file}: example {row} gives {received} at output `{output}`, and {expected} is recorded: this is not the model that was trained"
    )]
    Mismatch {
        /// The file.
        file: String,
        /// The output.
        output: String,
        /// The row, from 1.
        row: usize,
        /// What the trainer computed.
        expected: f32,
        /// What is computed now.
        received: f32,
    },
    /// The parts do not make an artifact.
    #[error("{0}")]
    Parts(String),
    /// Data do not fit the network.
    #[error("input `{input}`: expected {expected}, received {received}")]
    Input {
        /// The input.
        input: String,
        /// Its type in the graph.
        expected: String,
        /// What was given.
        received: String,
    },
    /// The model has no schema, so that it takes tensors and no rows.
    #[error("the model has no schema of raw columns: it takes arrays, received rows")]
    NoSchema,
    /// From the table.
    #[error(transparent)]
    Data(#[from] nervure_data::Error),
    /// From the graph.
    #[error(transparent)]
    Graph(#[from] nervure_graph::Error),
    /// From its execution.
    #[error(transparent)]
    Exec(#[from] nervure_exec::Error),
}

impl Error {
    /// What to do about it, where something general can be said.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Error::Container { .. } | Error::Member { .. } => {
                Some("the file is damaged or no such file: copy it again, or train anew")
            }
            Error::LaterVersion { .. } => Some("update nervure"),
            Error::Mismatch { .. } => {
                Some("the file was altered, or this machine computes wrongly: copy it again, or train anew")
            }
            Error::Data(e) => e.help(),
            Error::Io { .. }
            | Error::Parts(_)
            | Error::Input { .. }
            | Error::NoSchema
            | Error::Graph(_)
            | Error::Exec(_) => None,
        }
    }

    pub(crate) fn member(file: &str, member: &str, reason: impl ToString) -> Error {
        Error::Member { file: file.into(), member: member.into(), reason: reason.to_string() }
    }
}
