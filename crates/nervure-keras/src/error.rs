/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One sentence that names the file, and what in it is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(Box<nervure_artifact::Error>),
    /// Something in the file is broken, or nothing that Nervure knows.
    #[error("{file}: {place}: {reason}")]
    Content {
        /// The file.
        file: String,
        /// The member, and the layer or the weight in it.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<nervure_artifact::Error> for Error {
    fn from(error: nervure_artifact::Error) -> Error {
        Error::Archive(error.into())
    }
}

/// What is wrong with a part of a file, before the file's name is known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub place: String,
    pub reason: String,
}

impl Fault {
    pub fn new(place: impl Into<String>, reason: impl ToString) -> Fault {
        Fault { place: place.into(), reason: reason.to_string() }
    }

    pub fn expected(
        place: impl Into<String>,
        expected: impl std::fmt::Display,
        received: impl std::fmt::Display,
    ) -> Fault {
        Fault::new(place, format!("expected {expected}, received {received}"))
    }

    pub fn of_file(self, file: &str) -> Error {
        Error::Content { file: file.into(), place: self.place, reason: self.reason }
    }
}
