//! What can go wrong between a file and its tensors.

use std::fmt;
use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in its source a value stands: source, line (or row, for tables that came from no file) and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name, or what stands for it.
    pub source: String,
    /// The line or row.
    pub at: At,
    /// The column's number, counted from 1, and its name where the header is known.
    pub column: Option<(usize, String)>,
}

/// A line of a file or a row of a table made in process, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The line of a file on which a row starts; the header is line 1.
    Line(u64),
    /// The row of a table that came from no file; the first row is 1.
    Row(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Line(line) => write!(f, "line {line}"),
            At::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.source, self.at)?;
        match &self.column {
            Some((number, name)) if name.is_empty() => write!(f, ", column {number}"),
            Some((number, name)) => write!(f, ", column {number} '{name}'"),
            None => Ok(()),
        }
    }
}

/// One sentence that names the thing at fault, what was expected and what was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The extension is none of those that tables have.
    #[error("{}: expected a table ending in .csv or .tsv, received {}", .path.display(), quoted_or(.extension, "a name without an extension"))]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// Its extension, without the dot.
        extension: String,
    },
    /// The first bytes are those of another format.
    #[error("{source_name}: expected text by the file's name, received {found} by its first bytes")]
    WrongFormat {
        /// The file.
        source_name: String,
        /// The format that the first bytes announce.
        found: &'static str,
    },
    /// A bound of [`crate::Limits`] is passed.
    #[error("{source_name}: {what} are limited to {limit}, received {found}")]
    TooLarge {
        /// The file.
        source_name: String,
        /// What is counted.
        what: &'static str,
        /// The bound.
        limit: u64,
        /// What was received, at least.
        found: u64,
    },
    /// Nothing but blank lines.
    #[error("{source_name}: the file is empty")]
    Empty {
        /// The file.
        source_name: String,
    },
    /// A header and no row.
    #[error("{source_name}: there is a header but no row below it")]
    HeaderOnly {
        /// The file.
        source_name: String,
    },
    /// A header field without a name.
    #[error("{place}: the column has no name in the header")]
    UnnamedColumn {
        /// The header's field.
        place: Place,
    },
    /// Two columns of one name.
    #[error("{place}: columns {first} and {second} have the same name")]
    DuplicateColumn {
        /// The second of them.
        place: Place,
        /// The first column's number, from 1.
        first: usize,
        /// The second column's number, from 1.
        second: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error("{place}: expected {expected} fields as in the header, received {found}")]
    Ragged {
        /// The row.
        place: Place,
        /// The header's fields.
        expected: usize,
        /// The row's fields.
        found: usize,
    },
    /// A header of one field, in which another delimiter stands.
    #[error("{place}: expected names separated by {expected}, received one name that holds {found}")]
    WrongDelimiter {
        /// The header's field.
        place: Place,
        /// What separates fields in such a file.
        expected: &'static str,
        /// What seems to separate them here.
        found: &'static str,
    },
    /// A quote that no other closes.
    #[error("{place}: the quote that opens here is never closed")]
    UnclosedQuote {
        /// The line where it opened.
        place: Place,
    },
    /// Text between a closing quote and the next delimiter.
    #[error("{place}: expected a delimiter or the line's end after the closing quote, received '{found}'")]
    TextAfterQuote {
        /// The field.
        place: Place,
        /// What follows the quote.
        found: String,
    },
    /// Bytes that are not UTF-8.
    #[error("{place}: expected UTF-8 text, received the byte 0x{byte:02x}")]
    NotUtf8 {
        /// The field.
        place: Place,
        /// The first byte that cannot be read.
        byte: u8,
    },
    /// A NUL byte.
    #[error("{place}: the text holds a NUL byte")]
    Nul {
        /// The field.
        place: Place,
    },
    /// A value of a numeric column that is no number.
    #[error("{place}: expected a number, received '{cell}'")]
    NotANumber {
        /// The cell.
        place: Place,
        /// Its text.
        cell: String,
    },
    /// A column is numbers but for a few cells.
    #[error("{place}: expected a number as in {numbers} of the column's {cells} values, received '{cell}'")]
    StrayText {
        /// The first cell that is no number.
        place: Place,
        /// Its text.
        cell: String,
        /// How many of the values are numbers.
        numbers: usize,
        /// How many values there are.
        cells: usize,
    },
    /// A number that is infinite, as written or once scaled to 32 bits.
    #[error("{place}: expected a finite number, received '{cell}'")]
    Infinite {
        /// The cell.
        place: Place,
        /// Its text.
        cell: String,
    },
    /// A value of a date column that is no date.
    #[error("{place}: expected a date such as 2024-03-31 or 2024-03-31 12:30, received '{cell}'")]
    NotADate {
        /// The cell.
        place: Place,
        /// Its text.
        cell: String,
    },
    /// A value of a boolean column that is none.
    #[error("{place}: expected true or false (or yes, no, t, f, y, n), received '{cell}'")]
    NotABoolean {
        /// The cell.
        place: Place,
        /// Its text.
        cell: String,
    },
    /// A column that was asked for and is not there.
    #[error("{source_name}: there is no column '{column}' (columns: {available})")]
    UnknownColumn {
        /// The table.
        source_name: String,
        /// The name asked for.
        column: String,
        /// The first few names that there are.
        available: String,
    },
    /// A column that the model needs is absent.
    #[error("{source_name}: the column '{column}' is needed and absent (columns: {available})")]
    MissingColumn {
        /// The table.
        source_name: String,
        /// The column.
        column: String,
        /// The first few names that there are.
        available: String,
    },
    /// The options contradict each other.
    #[error("column '{column}': {problem}")]
    Options {
        /// The column.
        column: String,
        /// What is wrong.
        problem: String,
    },
    /// A target has missing values.
    #[error("{place}: the target is missing{}", if *.count == 1 { String::new() } else { format!(", here and in {} rows in all", .count) })]
    MissingTarget {
        /// The first of them.
        place: Place,
        /// How many rows lack it.
        count: usize,
    },
    /// A target holds one value only, among all rows or among the training rows.
    #[error(
        "{source_name}: the target '{column}' has only the value '{value}' in {among}; at least two are needed"
    )]
    OneClass {
        /// The table.
        source_name: String,
        /// The target.
        column: String,
        /// Its one value.
        value: String,
        /// Which rows were looked at.
        among: &'static str,
    },
    /// A target does not fit the task that was asked for.
    #[error("{source_name}: the target '{column}' cannot be {task}: {reason}")]
    TargetTask {
        /// The table.
        source_name: String,
        /// The target.
        column: String,
        /// The task.
        task: &'static str,
        /// Why not.
        reason: String,
    },
    /// A class that no training row has.
    #[error("{place}: the class '{class}' is in no training row (classes: {classes})")]
    UnseenClass {
        /// The cell.
        place: Place,
        /// The class.
        class: String,
        /// The classes of the training rows.
        classes: String,
    },
    /// No column is left to learn from.
    #[error("{source_name}: no column is left to learn from ({reasons})")]
    NoFeatures {
        /// The table.
        source_name: String,
        /// Why the first few were left out.
        reasons: String,
    },
    /// A split that cannot be made.
    #[error("{source_name}: {problem}")]
    Split {
        /// The table.
        source_name: String,
        /// Why not.
        problem: String,
    },
    /// A row that does not exist was asked for.
    #[error("{source_name}: row {row} was asked for, and there are {rows}")]
    NoSuchRow {
        /// The table.
        source_name: String,
        /// The row's index, from 0.
        row: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// A stored schema contradicts itself or comes from a later version.
    #[error("the schema cannot be used: {problem}")]
    Schema {
        /// What is wrong.
        problem: String,
    },
    /// A baseline that cannot be fitted.
    #[error("the baseline cannot be fitted: {problem}")]
    Baseline {
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// What to do about it, where something general can be said.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Error::UnknownExtension { .. } => "name the file for what it holds: .csv (commas) or .tsv (tabs)",
            Error::WrongFormat { .. } => "give the file the extension of its format, or export it as CSV",
            Error::UnnamedColumn { .. } => {
                "name the column; an index written by another program can be removed"
            }
            Error::Ragged { .. } => {
                "quote fields that hold a delimiter; predict --skip-bad-rows leaves such rows out"
            }
            Error::UnclosedQuote { .. } | Error::TextAfterQuote { .. } => {
                "double a quote that belongs to a quoted field's text"
            }
            Error::NotUtf8 { .. } => "convert the file to UTF-8, e.g. with iconv -f latin1 -t utf-8",
            Error::StrayText { .. } => {
                "mend the cell, or say --missing COLUMN=TEXT if it stands for none, or --kind COLUMN=category"
            }
            Error::MissingTarget { .. } => "fill in the target, or remove the rows that lack it",
            Error::UnseenClass { .. } => "a class needs rows in training: add some, or remove the row",
            Error::NoFeatures { .. } => {
                "say --kind COLUMN=KIND of a column that was left out, if it does tell something"
            }
            Error::WrongDelimiter { .. } => {
                "separate fields by commas in .csv and by tabs in .tsv, or quote the name if it is one"
            }
            Error::MissingColumn { .. } => "add the column, or name it as the training data do",
            Error::Empty { .. } | Error::HeaderOnly { .. } => "check how the file was made",
            Error::Nul { .. } => "make the file anew as UTF-8 text: it is damaged or in another encoding",
            Error::NotANumber { .. }
            | Error::Infinite { .. }
            | Error::NotADate { .. }
            | Error::NotABoolean { .. } => "mend the cell; predict --skip-bad-rows leaves such rows out",
            Error::OneClass { .. } => "add rows of another class, or choose another --target",
            Error::TargetTask { .. } => "choose another --target or another --task",
            Error::Io { .. }
            | Error::TooLarge { .. }
            | Error::DuplicateColumn { .. }
            | Error::UnknownColumn { .. }
            | Error::Options { .. }
            | Error::Split { .. }
            | Error::NoSuchRow { .. }
            | Error::Schema { .. }
            | Error::Baseline { .. } => return None,
        })
    }
}

/// A cell's text as errors show it: at most 40 characters, control characters escaped.
pub(crate) fn excerpt(cell: &str) -> String {
    let mut out = String::new();
    for (i, c) in cell.chars().enumerate() {
        if i == 40 {
            out.push('…');
            break;
        }
        match c {
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// The first few of many names, for an error.
pub(crate) fn few<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let mut names = names.into_iter();
    let mut out: Vec<String> = names.by_ref().take(SHOWN).map(excerpt).collect();
    let rest = names.count();
    if rest > 0 {
        out.push(format!("{rest} more"));
    }
    out.join(", ")
}

fn quoted_or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { format!("'.{}'", excerpt(text)) }
}
