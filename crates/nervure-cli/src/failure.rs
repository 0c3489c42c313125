//! What ends a command: one sentence, what to do about it, an exit status.

use std::fmt::Display;
use std::io;

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command did not do its work.
#[derive(Debug)]
pub struct Failure {
    message: String,
    help: String,
    /// The exit status: 1 the work failed, 2 wrong usage.
    pub status: u8,
    /// Nobody reads the output any more: no reason for a message.
    pub quiet: bool,
}

impl Failure {
    /// The work failed.
    pub fn new(message: impl Display, help: impl Display) -> Failure {
        Failure { message: message.to_string(), help: help.to_string(), status: 1, quiet: false }
    }

    /// The command was called wrongly.
    pub fn usage(message: impl Display, help: impl Display) -> Failure {
        Failure { status: 2, ..Failure::new(message, help) }
    }

    /// Something that a later version will do.
    pub fn not_yet(what: impl Display, instead: impl Display) -> Failure {
        Failure::new(format!("{what} is not there yet"), instead)
    }

    /// Standard output cannot be written to. A pipe whose reader has left ends the command in silence, as it wanted no more.
    pub fn output(error: io::Error) -> Failure {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        let status = if quiet { 0 } else { 1 };
        Failure { quiet, status, ..Failure::new(format!("standard output: {error}"), "see where it leads") }
    }

    /// A file cannot be read or written.
    pub fn file(path: impl Display, error: &io::Error) -> Failure {
        Failure::new(format!("{path}: {error}"), io_help(error))
    }

    /// Prints the message, as terminals and logs show it.
    pub fn report(&self) {
        if !self.quiet {
            tell!("error: {}\nhelp: {}", self.message, self.help);
        }
    }
}

fn io_help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path: no file or directory has this name",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "ask for the right to read or write there, or choose another place"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space, or write to another disk; files that were there are as they were"
        }
        _ => "check the path and the disk behind it",
    }
}

impl From<nervure_data::Error> for Failure {
    fn from(error: nervure_data::Error) -> Failure {
        let help = match &error {
            nervure_data::Error::Io { cause, .. } => io_help(cause),
            other => other
                .help()
                .unwrap_or("mend the data, or choose columns with --target, --features and --drop"),
        };
        Failure::new(&error, help)
    }
}

impl From<nervure_artifact::Error> for Failure {
    fn from(error: nervure_artifact::Error) -> Failure {
        match error {
            nervure_artifact::Error::Data(error) => error.into(),
            nervure_artifact::Error::Io { ref cause, .. } => Failure::new(&error, io_help(cause)),
            error => Failure::new(&error, error.help().unwrap_or("train the model anew")),
        }
    }
}

impl From<nervure_keras::Error> for Failure {
    fn from(error: nervure_keras::Error) -> Failure {
        match error {
            nervure_keras::Error::Archive(error) => (*error).into(),
            error => Failure::new(
                &error,
                "save the model anew with Keras 3, of layers that docs/vocabulary.md names",
            ),
        }
    }
}

impl From<nervure_nn::Error> for Failure {
    fn from(error: nervure_nn::Error) -> Failure {
        // Where the layer was written is a place of this program's.
        if let nervure_nn::Error::Layer { path, kind, reason, .. } = &error {
            let message = format!("layer `{path}` ({kind}): {reason}");
            return Failure::new(message, "choose other --layers, or mend those of the --config file");
        }
        let help = match &error {
            nervure_nn::Error::Diverged { .. } => {
                "lower --learning-rate, or look for extreme values in the data"
            }
            nervure_nn::Error::File { source, .. } => io_help(source),
            nervure_nn::Error::Compile { what, .. } if what.starts_with("optimizer") => {
                "mend the --optimizer or its config"
            }
            nervure_nn::Error::Compile { .. } => "choose a --loss that fits the --task",
            _ => "see nervure train --help",
        };
        Failure::new(&error, help)
    }
}

impl From<nervure_graph::Error> for Failure {
    fn from(error: nervure_graph::Error) -> Failure {
        nervure_nn::Error::from(error).into()
    }
}

impl From<nervure_exec::Error> for Failure {
    fn from(error: nervure_exec::Error) -> Failure {
        nervure_nn::Error::from(error).into()
    }
}
