//! Reading CSV and TSV, strictly.
//!
//! The grammar is that of RFC 4180: fields stand between delimiters, a field may be quoted with `"`, and a quote within a
//! quoted field is doubled. Beyond it: a byte order mark is skipped; lines end with LF, CRLF or CR; blanks around a field
//! belong to it only within quotes; a quote inside an unquoted field is text; empty lines are skipped.
//!
//! General CSV parsers forgive an unclosed quote, text after a closing one and NUL bytes, and so turn a damaged file into
//! wrong rows. Here each is an error that names its line and column.

use std::io::Read;
use std::path::Path;

use crate::error::{At, Error, Place, Result, excerpt};
use crate::table::{Table, TableBuilder};

/// What separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// `,` as in `.csv`.
    Comma,
    /// A tab, as in `.tsv`.
    Tab,
}

impl Delimiter {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Delimiter::Comma => b',',
            Delimiter::Tab => b'\t',
        }
    }

    /// The delimiter that a path's extension stands for.
    ///
    /// # Errors
    /// Any extension but `.csv` and `.tsv`, whatever their case.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Ok(Delimiter::Comma),
            "tsv" => Ok(Delimiter::Tab),
            _ => Err(Error::UnknownExtension { path: path.to_owned(), extension }),
        }
    }
}

/// Bounds on what is read, checked before memory is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file. Default: 4 GiB.
    pub bytes: u64,
    /// Columns. Default: 100 000.
    pub columns: usize,
    /// Cells, i.e. rows × columns. Default: 2³⁰.
    pub cells: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 30, columns: 100_000, cells: 1 << 30 }
    }
}

/// A row that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Where it stands.
    pub at: At,
    /// The error that it would have been.
    pub reason: String,
}

/// Reads tables with other bounds, or past bad rows.
///
/// ```
/// use nervure_data::{Delimiter, TableReader};
/// let file = "a,b\n1,2\n3\n4,5\n";
/// let (table, bad) = TableReader::new().skip_bad_rows(true).from_reader("x.csv", file.as_bytes(), Delimiter::Comma)?;
/// assert_eq!((table.rows(), bad.len()), (2, 1));
/// assert_eq!(bad[0].reason, "x.csv, line 3: expected 2 fields as in the header, received 1");
/// # Ok::<(), nervure_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TableReader {
    limits: Limits,
    skip_bad_rows: bool,
}

impl TableReader {
    /// The default bounds; the first bad row is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Other bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether bad rows are collected instead of ending the reading. A bad header is always an error.
    pub fn skip_bad_rows(mut self, skip: bool) -> Self {
        self.skip_bad_rows = skip;
        self
    }

    /// Reads a `.csv` or `.tsv` file, and tells which rows were left out.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn read(&self, path: impl AsRef<Path>) -> Result<(Table, Vec<BadRow>)> {
        let path = path.as_ref();
        let delimiter = Delimiter::from_path(path)?;
        let io = |cause| Error::Io { path: path.to_owned(), cause };
        let file = std::fs::File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        let name = path.display().to_string();
        if metadata.len() > self.limits.bytes {
            return Err(self.too_many_bytes(&name, metadata.len()));
        }
        let bytes = self.bounded(&name, file, metadata.len() as usize, path)?;
        self.parse(&name, &bytes, delimiter)
    }

    /// Reads from any source, which errors call `name`.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_reader(
        &self,
        name: &str,
        reader: impl Read,
        delimiter: Delimiter,
    ) -> Result<(Table, Vec<BadRow>)> {
        let bytes = self.bounded(name, reader, 0, Path::new(name))?;
        self.parse(name, &bytes, delimiter)
    }

    fn bounded(&self, name: &str, reader: impl Read, expected: usize, path: &Path) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(expected);
        reader
            .take(self.limits.bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|cause| Error::Io { path: path.to_owned(), cause })?;
        if bytes.len() as u64 > self.limits.bytes {
            return Err(self.too_many_bytes(name, bytes.len() as u64));
        }
        Ok(bytes)
    }

    fn too_many_bytes(&self, name: &str, found: u64) -> Error {
        Error::TooLarge { source_name: name.to_owned(), what: "bytes", limit: self.limits.bytes, found }
    }

    fn parse(&self, name: &str, bytes: &[u8], delimiter: Delimiter) -> Result<(Table, Vec<BadRow>)> {
        if let Some(found) = foreign_format(bytes) {
            return Err(Error::WrongFormat { source_name: name.to_owned(), found });
        }
        let mut scanner = Scanner::new(name, bytes, delimiter.byte());
        let mut fields = Vec::new();
        let Some(Position { line, .. }) = scanner.next_row() else {
            return Err(Error::Empty { source_name: name.to_owned() });
        };
        let found = scanner.record(&[], self.limits.columns, &mut fields)?;
        let too_large =
            |what, limit, found| Error::TooLarge { source_name: name.to_owned(), what, limit, found };
        if found > self.limits.columns {
            return Err(too_large("columns", self.limits.columns as u64, found as u64));
        }
        if let [name] = &fields[..] {
            scanner.check_delimiter(name, line, delimiter)?;
        }
        let header = fields.iter().map(|f| scanner.text(f).into_owned()).collect();
        let mut builder = TableBuilder::new(name, header, true)?;
        let width = builder.columns().len();
        let mut bad = Vec::new();
        let mut cells: Vec<std::borrow::Cow<'_, str>> = Vec::with_capacity(width);
        let names: Vec<String> = builder.columns().iter().map(|c| c.name().to_owned()).collect();
        while let Some(start) = scanner.next_row() {
            let row = match scanner.record(&names, width, &mut fields) {
                Ok(found) if found == width => Ok(()),
                Ok(found) => Err(Error::Ragged {
                    place: Place { source: name.to_owned(), at: At::Line(start.line), column: None },
                    expected: width,
                    found,
                }),
                Err(error) => Err(error),
            };
            match row {
                Ok(()) => {
                    let found = (builder.rows() as u64 + 1).saturating_mul(width as u64);
                    if found > self.limits.cells {
                        return Err(too_large("cells", self.limits.cells, found));
                    }
                    cells.clear();
                    cells.extend(fields.iter().map(|f| scanner.text(f)));
                    builder.push(start.line, &cells)?;
                }
                Err(error) if self.skip_bad_rows => {
                    bad.push(BadRow { at: At::Line(start.line), reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        if builder.rows() == 0 && bad.is_empty() {
            return Err(Error::HeaderOnly { source_name: name.to_owned() });
        }
        Ok((builder.finish(), bad))
    }
}

impl Table {
    /// Reads a `.csv` or `.tsv` file with the default [`Limits`].
    ///
    /// # Errors
    /// A file that cannot be read, another format by extension or by first bytes, ragged rows, unclosed quotes,
    /// bytes that are not UTF-8, NUL bytes, an empty file, a header without rows, columns without a name or of one name,
    /// and any bound of [`Limits`] that is passed.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Ok(TableReader::new().read(path)?.0)
    }

    /// Reads from any source with the default [`Limits`]; errors call it `name`.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_reader(name: &str, reader: impl Read, delimiter: Delimiter) -> Result<Self> {
        Ok(TableReader::new().from_reader(name, reader, delimiter)?.0)
    }
}

/// The formats that are often misnamed as text, by their first bytes.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 11] = [
        (b"PK\x03\x04", "a zip archive (an .xlsx workbook is one)"),
        (b"PAR1", "a Parquet file"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"ARROW1", "an Arrow file"),
        (b"SQLite format 3\0", "an SQLite database"),
    ];
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Some("UTF-16 text");
    }
    // "BZh" and the like could start a header's name: those that are plain letters must not go on as text.
    MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).and_then(|&(magic, name)| {
        let printable = magic.iter().all(u8::is_ascii_alphanumeric);
        let rest = &bytes[magic.len()..bytes.len().min(magic.len() + 64)];
        let binary = rest.iter().any(|&b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'));
        (!printable || binary).then_some(name)
    })
}

/// What separates fields in files of some program or other.
pub(crate) const SEPARATORS: [(u8, &str); 4] =
    [(b',', "commas"), (b'\t', "tabs"), (b';', "semicolons"), (b'|', "bars")];

/// A field: its bytes in the file, and whether doubled quotes stand for single ones in it.
struct Field {
    start: usize,
    end: usize,
    doubled: bool,
}

/// Where a scanner stands.
#[derive(Clone, Copy)]
struct Position {
    offset: usize,
    line: u64,
}

struct Scanner<'a> {
    name: &'a str,
    bytes: &'a [u8],
    delimiter: u8,
    at: Position,
}

impl<'a> Scanner<'a> {
    fn new(name: &'a str, bytes: &'a [u8], delimiter: u8) -> Self {
        let offset = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { name, bytes, delimiter, at: Position { offset, line: 1 } }
    }

    /// Passes empty lines, and returns where the next row starts, or none at the end.
    fn next_row(&mut self) -> Option<Position> {
        while self.line_end() {}
        self.peek().map(|_| self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at.offset).copied()
    }

    /// Passes a line's end, if one stands here.
    fn line_end(&mut self) -> bool {
        let length = match self.peek() {
            Some(b'\n') => 1,
            Some(b'\r') if self.bytes.get(self.at.offset + 1) == Some(&b'\n') => 2,
            Some(b'\r') => 1,
            _ => return false,
        };
        self.at.offset += length;
        self.at.line += 1;
        true
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|b| is_blank(b) && b != self.delimiter) {
            self.at.offset += 1;
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some() && !self.line_end() {
            self.at.offset += 1;
        }
    }

    /// Reads the row that starts here and returns the number of its fields. Fields beyond `keep` are checked and counted, but not kept:
    /// a line of delimiters must not cost memory.
    ///
    /// A bad row is passed, too: to its end, or to the end of the line on which it cannot be made out any more. A quote that is never closed
    /// gives up the rest of its line. That happens once a file: behind it quotes come in pairs, or one would have closed it.
    fn record(&mut self, names: &[String], keep: usize, fields: &mut Vec<Field>) -> Result<usize> {
        fields.clear();
        let mut fault = Ok(());
        let mut column = 0;
        loop {
            let line = self.at.line;
            let field = self.field(names, column).inspect_err(|_| self.skip_line())?;
            fault = fault.and_then(|()| self.check(&field, names, column, line));
            if column < keep {
                fields.push(field);
            }
            column += 1;
            if self.peek() == Some(self.delimiter) {
                self.at.offset += 1;
            } else {
                self.line_end();
                return fault.map(|()| column);
            }
        }
    }

    /// Reads one field and stops at what ends it: a delimiter, a line's end, or the end.
    fn field(&mut self, names: &[String], column: usize) -> Result<Field> {
        self.skip_blanks();
        if self.peek() == Some(b'"') {
            return self.quoted(names, column);
        }
        let start = self.at.offset;
        let stop = self.bytes[start..].iter().position(|&b| b == self.delimiter || b == b'\n' || b == b'\r');
        self.at.offset = stop.map_or(self.bytes.len(), |n| start + n);
        let blanks = self.bytes[start..self.at.offset].iter().rev().take_while(|&&b| is_blank(b)).count();
        Ok(Field { start, end: self.at.offset - blanks, doubled: false })
    }

    fn quoted(&mut self, names: &[String], column: usize) -> Result<Field> {
        let opened = self.at;
        self.at.offset += 1;
        let start = self.at.offset;
        let mut doubled = false;
        loop {
            match self.peek() {
                None => {
                    self.at = opened;
                    return Err(Error::UnclosedQuote { place: self.place(names, column, opened.line) });
                }
                Some(b'"') if self.bytes.get(self.at.offset + 1) == Some(&b'"') => {
                    doubled = true;
                    self.at.offset += 2;
                }
                Some(b'"') => break,
                Some(_) => {
                    if !self.line_end() {
                        self.at.offset += 1;
                    }
                }
            }
        }
        let field = Field { start, end: self.at.offset, doubled };
        self.at.offset += 1;
        self.skip_blanks();
        match self.peek() {
            None | Some(b'\n' | b'\r') => Ok(field),
            Some(b) if b == self.delimiter => Ok(field),
            Some(_) => {
                let rest = &self.bytes[self.at.offset..];
                let rest = &rest[..rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()).min(20)];
                Err(Error::TextAfterQuote {
                    place: self.place(names, column, self.at.line),
                    found: excerpt(&String::from_utf8_lossy(rest)),
                })
            }
        }
    }

    /// Fails if a header of one name and the line below it look like several fields with another delimiter. Quotes around the name say that it
    /// is one.
    fn check_delimiter(&self, name: &Field, line: u64, delimiter: Delimiter) -> Result<()> {
        if name.start > 0 && self.bytes[name.start - 1] == b'"' {
            return Ok(());
        }
        let below =
            self.bytes[self.at.offset..].split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default();
        let both =
            |(byte, _): &(u8, _)| self.bytes[name.start..name.end].contains(byte) && below.contains(byte);
        match SEPARATORS.into_iter().find(both) {
            Some((_, found)) => Err(Error::WrongDelimiter {
                place: self.place(&[], 0, line),
                expected: match delimiter {
                    Delimiter::Comma => "commas",
                    Delimiter::Tab => "tabs",
                },
                found,
            }),
            None => Ok(()),
        }
    }

    /// Fails on bytes that no cell may hold.
    fn check(&self, field: &Field, names: &[String], column: usize, line: u64) -> Result<()> {
        let bytes = &self.bytes[field.start..field.end];
        if bytes.contains(&0) {
            return Err(Error::Nul { place: self.place(names, column, line) });
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(error) => {
                let place = self.place(names, column, line);
                Err(Error::NotUtf8 { place, byte: bytes[error.valid_up_to()] })
            }
        }
    }

    /// A field's text; the field was checked.
    fn text(&self, field: &Field) -> std::borrow::Cow<'a, str> {
        let text = String::from_utf8_lossy(&self.bytes[field.start..field.end]);
        if field.doubled { text.replace("\"\"", "\"").into() } else { text }
    }

    fn place(&self, names: &[String], column: usize, line: u64) -> Place {
        let name = names.get(column).cloned().unwrap_or_default();
        Place { source: self.name.to_owned(), at: At::Line(line), column: Some((column + 1, name)) }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
