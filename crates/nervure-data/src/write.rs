//! Writing CSV and TSV.

use std::io::{self, BufWriter, Write};

use crate::read::{Delimiter, SEPARATORS};
use crate::table::Table;

impl Table {
    /// Writes the header and the rows as RFC 4180 says, with lines that end in LF. Reading them gives the same cells.
    ///
    /// ```
    /// use nervure_data::{Delimiter, Table};
    /// let table = Table::from_columns("out", [("name", vec!["a, b", " c"]), ("n", vec!["1", ""])])?;
    /// let mut text = Vec::new();
    /// table.write(&mut text, Delimiter::Comma).unwrap();
    /// assert_eq!(String::from_utf8(text).unwrap(), "name,n\n\"a, b\",1\n\" c\",\n");
    /// # Ok::<(), nervure_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `writer`.
    pub fn write(&self, writer: impl Write, delimiter: Delimiter) -> io::Result<()> {
        let mut writer = BufWriter::new(writer);
        self.write_line(&mut writer, delimiter, |column| self.columns()[column].name())?;
        for row in 0..self.rows() {
            self.write_line(&mut writer, delimiter, |column| self.columns()[column].get(row))?;
        }
        writer.flush()
    }

    fn write_line<'a>(
        &'a self,
        writer: &mut impl Write,
        delimiter: Delimiter,
        cell: impl Fn(usize) -> &'a str,
    ) -> io::Result<()> {
        for column in 0..self.columns().len() {
            if column > 0 {
                writer.write_all(&[delimiter.byte()])?;
            }
            let cell = cell(column);
            // A line that is empty would be skipped, and a lone name must not look like several.
            let several = || SEPARATORS.iter().any(|(separator, _)| cell.as_bytes().contains(separator));
            let alone = self.columns().len() == 1 && (cell.is_empty() || several());
            if alone || needs_quotes(cell, delimiter) {
                write!(writer, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                writer.write_all(cell.as_bytes())?;
            }
        }
        writer.write_all(b"\n")
    }
}

/// Whether a cell would be read otherwise without quotes: also by blanks at its ends, or as a byte order mark.
fn needs_quotes(cell: &str, delimiter: Delimiter) -> bool {
    let blank = |c: char| c == ' ' || c == '\t';
    cell.starts_with(blank)
        || cell.ends_with(blank)
        || cell.starts_with('\u{feff}')
        || cell.bytes().any(|b| b == delimiter.byte() || matches!(b, b'"' | b'\n' | b'\r'))
}
