//! A table of raw text cells, by column.

use std::collections::HashMap;

use crate::error::{At, Error, Place, Result, few};

/// Raw text cells by column, with the place that each row came from.
///
/// Cells are what the file said: which of them are missing, numbers or dates is decided by a [`crate::Schema`].
/// All columns have the same number of rows, and their names are distinct and not empty.
///
/// ```
/// let table = nervure_data::Table::from_rows("request", ["age", "sex"], [["31", "f"], ["44", "m"]])?;
/// assert_eq!(table.rows(), 2);
/// assert_eq!(table.column("age").unwrap().get(1), "44");
/// # Ok::<(), nervure_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    source: String,
    columns: Vec<Column>,
    rows: usize,
    /// The line on which each row starts; none for a table that came from no file.
    lines: Option<Vec<u64>>,
}

/// One column: its name and the text of its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    /// All cells' text, one after the other: an allocation a cell would cost more than most cells hold.
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
}

impl Table {
    /// A table of rows that came from no file. Each row has a cell for each column, in the columns' order; an empty
    /// cell is a missing value.
    ///
    /// # Errors
    /// Unnamed or duplicate columns, and a row with another number of cells than there are columns.
    pub fn from_rows<C, R>(source: &str, columns: C, rows: R) -> Result<Self>
    where
        C: IntoIterator<Item: Into<String>>,
        R: IntoIterator<Item: IntoIterator<Item: AsRef<str>>>,
    {
        let mut builder = TableBuilder::new(source, columns.into_iter().map(Into::into).collect(), false)?;
        for row in rows {
            builder.push(0, &row.into_iter().collect::<Vec<_>>())?;
        }
        Ok(builder.finish())
    }

    /// A table of named columns that came from no file.
    ///
    /// # Errors
    /// Unnamed or duplicate columns, and columns of different lengths.
    pub fn from_columns<N, C>(source: &str, columns: impl IntoIterator<Item = (N, C)>) -> Result<Self>
    where
        N: Into<String>,
        C: IntoIterator<Item: AsRef<str>>,
    {
        let (names, cells): (Vec<String>, Vec<C>) = columns.into_iter().map(|(n, c)| (n.into(), c)).unzip();
        let mut table = TableBuilder::new(source, names, false)?.finish();
        for (column, cells) in table.columns.iter_mut().zip(cells) {
            for cell in cells {
                column.push(cell.as_ref()).map_err(|found| column_too_large(source, found))?;
            }
        }
        table.rows = table.columns.first().map_or(0, Column::len);
        match table.columns.iter().find(|c| c.len() != table.rows) {
            Some(column) => Err(Error::Options {
                column: column.name.clone(),
                problem: format!(
                    "expected {} cells as in the first column, received {}",
                    table.rows,
                    column.len()
                ),
            }),
            None => Ok(table),
        }
    }

    /// The file's name, or what stands for it in errors.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The position of the column of this name.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The positions of all columns by name: for look-ups of many columns.
    pub(crate) fn index_by_name(&self) -> HashMap<&str, usize> {
        self.columns.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect()
    }

    /// The line of its file on which a row starts, or its number where there is no file.
    pub fn at(&self, row: usize) -> At {
        match &self.lines {
            Some(lines) => At::Line(lines[row]),
            None => At::Row(row as u64 + 1),
        }
    }

    /// Where a cell stands, for errors.
    pub fn place(&self, row: usize, column: usize) -> Place {
        Place {
            source: self.source.clone(),
            at: self.at(row),
            column: Some((column + 1, self.columns[column].name.clone())),
        }
    }

    /// The table of some of the rows, in the order given.
    ///
    /// # Errors
    /// A row that does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        self.check_rows(rows)?;
        let columns = self
            .columns
            .iter()
            .map(|from| {
                let mut to = Column::new(from.name.clone());
                for &row in rows {
                    to.push(from.get(row)).map_err(|found| self.column_too_large(found))?;
                }
                Ok(to)
            })
            .collect::<Result<_>>()?;
        let lines = self.lines.as_ref().map(|lines| rows.iter().map(|&r| lines[r]).collect());
        Ok(Self { source: self.source.clone(), columns, rows: rows.len(), lines })
    }

    /// Fails unless every row exists.
    pub(crate) fn check_rows(&self, rows: &[usize]) -> Result<()> {
        match rows.iter().find(|&&row| row >= self.rows) {
            Some(&row) => Err(Error::NoSuchRow { source_name: self.source.clone(), row, rows: self.rows }),
            None => Ok(()),
        }
    }

    /// The error for a column that was asked for and does not exist.
    pub(crate) fn unknown_column(&self, column: &str) -> Error {
        Error::UnknownColumn {
            source_name: self.source.clone(),
            column: column.to_owned(),
            available: few(self.columns.iter().map(Column::name)),
        }
    }

    /// The error for a column that a model needs and that is absent.
    pub(crate) fn missing_column(&self, column: &str) -> Error {
        Error::MissingColumn {
            source_name: self.source.clone(),
            column: column.to_owned(),
            available: few(self.columns.iter().map(Column::name)),
        }
    }

    fn column_too_large(&self, found: u64) -> Error {
        column_too_large(&self.source, found)
    }
}

impl Column {
    fn new(name: String) -> Self {
        Self { name, text: String::new(), ends: Vec::new() }
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of cells.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a cell.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.text[start..self.ends[row] as usize]
    }

    /// The cells in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// Adds a cell; fails with the column's bytes when they pass what an end can say.
    fn push(&mut self, cell: &str) -> std::result::Result<(), u64> {
        let end = self.text.len() as u64 + cell.len() as u64;
        let end = u32::try_from(end).map_err(|_| end)?;
        self.text.push_str(cell);
        self.ends.push(end);
        Ok(())
    }
}

/// A table that grows by rows.
#[derive(Debug)]
pub(crate) struct TableBuilder {
    table: Table,
}

impl TableBuilder {
    /// Checks the names. `with_lines` tells whether rows come from lines of a file.
    pub(crate) fn new(source: &str, names: Vec<String>, with_lines: bool) -> Result<Self> {
        let header = |column: usize, name: &str| Place {
            source: source.to_owned(),
            at: At::Line(1),
            column: Some((column + 1, name.to_owned())),
        };
        let mut seen = HashMap::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(Error::UnnamedColumn { place: header(i, "") });
            }
            if let Some(first) = seen.insert(name.as_str(), i) {
                return Err(Error::DuplicateColumn {
                    place: header(i, name),
                    first: first + 1,
                    second: i + 1,
                });
            }
        }
        let columns = names.into_iter().map(Column::new).collect();
        let lines = with_lines.then(Vec::new);
        Ok(Self { table: Table { source: source.to_owned(), columns, rows: 0, lines } })
    }

    /// Adds the row that starts on `line`.
    pub(crate) fn push(&mut self, line: u64, cells: &[impl AsRef<str>]) -> Result<()> {
        let table = &mut self.table;
        if cells.len() != table.columns.len() {
            let at = if table.lines.is_some() { At::Line(line) } else { At::Row(table.rows as u64 + 1) };
            return Err(Error::Ragged {
                place: Place { source: table.source.clone(), at, column: None },
                expected: table.columns.len(),
                found: cells.len(),
            });
        }
        for (column, cell) in table.columns.iter_mut().zip(cells) {
            column.push(cell.as_ref()).map_err(|found| column_too_large(&table.source, found))?;
        }
        if let Some(lines) = &mut table.lines {
            lines.push(line);
        }
        table.rows += 1;
        Ok(())
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.table.columns
    }

    pub(crate) fn rows(&self) -> usize {
        self.table.rows
    }

    pub(crate) fn finish(self) -> Table {
        self.table
    }
}

fn column_too_large(source: &str, found: u64) -> Error {
    Error::TooLarge {
        source_name: source.to_owned(),
        what: "the bytes of one column",
        limit: u32::MAX.into(),
        found,
    }
}
