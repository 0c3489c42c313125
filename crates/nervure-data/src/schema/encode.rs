//! From raw rows to tensors.

use std::f64::consts::TAU;

use jiff::civil::DateTime;
use ndarray::{Array1, Array2, ArrayViewMut2, Axis, s};

use super::{DatePart, Encoding, Schema, Usage};
use crate::error::{Error, Result, excerpt, few};
use crate::read::BadRow;
use crate::table::Table;
use crate::target::{Target, TargetValues};
use crate::value::{self, Markers, Number};

/// Most numbers that one call encodes: 16 GiB of them.
const MAX_ELEMENTS: u64 = 1 << 32;

/// Encoded rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// All numeric features, rows × [`Schema::dense_columns`].
    pub dense: Array2<f32>,
    /// The categories to be embedded.
    pub indices: Vec<IndexColumn>,
    /// For each raw column that is learned from, what was unusual.
    pub counts: Vec<ColumnCounts>,
}

/// A category to be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexColumn {
    /// The raw column's name.
    pub name: String,
    /// An index a row, below `cardinality`.
    pub values: Array1<i32>,
    /// How many indices there are.
    pub cardinality: usize,
}

/// How many of a raw column's cells were unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnCounts {
    /// The raw column's name.
    pub name: String,
    /// Missing values.
    pub missing: usize,
    /// Values that are none of the categories: unseen in training, or too rare there.
    pub unseen: usize,
    /// Numbers and dates outside the training rows' range.
    pub out_of_range: usize,
}

impl Encoded {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.dense.nrows()
    }

    /// All features as 64-bit numbers, embedded categories one-hot behind the dense columns: for linear baselines.
    pub fn to_linear(&self) -> Array2<f64> {
        let wide: usize = self.indices.iter().map(|i| i.cardinality).sum();
        let mut out = Array2::zeros((self.rows(), self.dense.ncols() + wide));
        out.slice_mut(s![.., ..self.dense.ncols()]).assign(&self.dense.mapv(f64::from));
        let mut start = self.dense.ncols();
        for index in &self.indices {
            for (row, &value) in index.values.iter().enumerate() {
                out[[row, start + value as usize]] = 1.0;
            }
            start += index.cardinality;
        }
        out
    }

    fn select(&self, rows: &[usize]) -> Self {
        let indices = self
            .indices
            .iter()
            .map(|i| IndexColumn { values: i.values.select(Axis(0), rows), ..i.clone() })
            .collect();
        Self { dense: self.dense.select(Axis(0), rows), indices, counts: self.counts.clone() }
    }
}

impl Schema {
    /// Encodes all rows of a table. Columns that the schema does not use, the targets included, may be absent or hold anything.
    ///
    /// # Errors
    /// A column that is needed and absent, and a cell that cannot be read as its column's kind: the one in the first such row.
    pub fn encode(&self, table: &Table) -> Result<Encoded> {
        self.encode_rows(table, &all(table))
    }

    /// Encodes some rows of a table, in the order given.
    ///
    /// # Errors
    /// As [`Schema::encode`], and a row that does not exist.
    pub fn encode_rows(&self, table: &Table, rows: &[usize]) -> Result<Encoded> {
        let mut first: Option<(usize, Error)> = None;
        let encoded = self.encode_with(table, rows, &mut |place, error| {
            if first.as_ref().is_none_or(|(at, _)| place < *at) {
                first = Some((place, error));
            }
        })?;
        match first {
            Some((_, error)) => Err(error),
            None => Ok(encoded),
        }
    }

    /// Encodes the rows that can be read, and returns them with their places in the table and the rows that cannot be.
    ///
    /// # Errors
    /// A column that is needed and absent.
    pub fn encode_readable(&self, table: &Table) -> Result<(Encoded, Vec<usize>, Vec<BadRow>)> {
        let mut reasons: Vec<Option<String>> = vec![None; table.rows()];
        let encoded = self.encode_with(table, &all(table), &mut |place, error| {
            reasons[place].get_or_insert_with(|| error.to_string());
        })?;
        let kept: Vec<usize> = (0..table.rows()).filter(|&row| reasons[row].is_none()).collect();
        let bad: Vec<BadRow> = reasons
            .into_iter()
            .enumerate()
            .filter_map(|(row, reason)| reason.map(|reason| BadRow { at: table.at(row), reason }))
            .collect();
        let encoded = if bad.is_empty() { encoded } else { encoded.select(&kept) };
        Ok((encoded, kept, bad))
    }

    /// Encodes the targets of some rows, for each of [`Schema::outputs`].
    ///
    /// # Errors
    /// A target column that is absent, a missing value, a class that no training row has, and a cell that is no number.
    pub fn encode_targets(&self, table: &Table, rows: &[usize]) -> Result<Vec<TargetValues>> {
        table.check_rows(rows)?;
        self.outputs()
            .into_iter()
            .map(|output| {
                let targets = &self.targets[output.targets];
                if let [target @ Target::Multiclass { .. }] = targets {
                    let classes = self.target_column(table, target, rows)?;
                    return Ok(TargetValues::Class(classes.iter().map(|&c| c as i32).collect()));
                }
                let mut values = Array2::zeros((rows.len(), targets.len()));
                for (mut to, target) in values.columns_mut().into_iter().zip(targets) {
                    to.assign(&Array1::from(self.target_column(table, target, rows)?));
                }
                Ok(TargetValues::Float(values))
            })
            .collect()
    }

    fn target_column(&self, table: &Table, target: &Target, rows: &[usize]) -> Result<Vec<f32>> {
        let column = table.column_index(target.name()).ok_or_else(|| table.missing_column(target.name()))?;
        let missing = self.columns.iter().find(|c| c.name == target.name()).map_or(&[][..], |c| &c.missing);
        let markers = Markers::new(missing);
        let cells = &table.columns()[column];
        let lookup = target.lookup();
        rows.iter()
            .map(|&row| {
                let place = || table.place(row, column);
                let Some(cell) = markers.present(cells.get(row)) else {
                    let absent = |&&row: &&usize| markers.present(cells.get(row)).is_none();
                    let count = rows.iter().filter(absent).count();
                    return Err(Error::MissingTarget { place: place(), count });
                };
                match target {
                    Target::Regression { mean, scale, .. } => {
                        let number = finite(cell, &place)?;
                        narrow((number - mean) / scale, cell, &place)
                    }
                    Target::Binary { .. } | Target::Multiclass { .. } => {
                        lookup.place(cell).map(|place| place as f32).ok_or_else(|| Error::UnseenClass {
                            place: place(),
                            class: excerpt(cell),
                            classes: few(lookup.classes().iter().map(String::as_str)),
                        })
                    }
                }
            })
            .collect()
    }

    /// Encodes rows and hands every cell that cannot be read to `fault`, with its place among `rows`.
    fn encode_with(&self, table: &Table, rows: &[usize], fault: &mut Fault<'_>) -> Result<Encoded> {
        table.check_rows(rows)?;
        let width = self.dense_width();
        let elements = rows.len() as u64 * width as u64;
        if elements > MAX_ELEMENTS {
            return Err(Error::TooLarge {
                source_name: table.source().to_owned(),
                what: "encoded numbers",
                limit: MAX_ELEMENTS,
                found: elements,
            });
        }
        let mut encoded =
            Encoded { dense: Array2::zeros((rows.len(), width)), indices: Vec::new(), counts: Vec::new() };
        let index = table.index_by_name();
        let mut start = 0;
        for column in &self.columns {
            let Usage::Feature(encoding) = &column.usage else { continue };
            let at = *index.get(column.name.as_str()).ok_or_else(|| table.missing_column(&column.name))?;
            let end = start + encoding.width();
            let mut cells = Cells {
                table,
                column: at,
                rows,
                markers: Markers::new(&column.missing),
                dense: encoded.dense.slice_mut(s![.., start..end]),
                counts: ColumnCounts { name: column.name.clone(), missing: 0, unseen: 0, out_of_range: 0 },
            };
            let values = cells.encode(encoding, fault);
            encoded.counts.push(cells.counts);
            if let (Some(values), Some(cardinality)) = (values, encoding.cardinality()) {
                encoded.indices.push(IndexColumn { name: column.name.clone(), values, cardinality });
            }
            start = end;
        }
        Ok(encoded)
    }
}

type Fault<'f> = dyn FnMut(usize, Error) + 'f;

/// One raw column on its way into its dense columns.
struct Cells<'a> {
    table: &'a Table,
    column: usize,
    rows: &'a [usize],
    markers: Markers<'a>,
    dense: ArrayViewMut2<'a, f32>,
    counts: ColumnCounts,
}

impl Cells<'_> {
    fn encode(&mut self, encoding: &Encoding, fault: &mut Fault<'_>) -> Option<Array1<i32>> {
        match encoding {
            Encoding::Number { scaler, median, indicator, min, max } => {
                let fill = scaler.apply(*median) as f32;
                self.each(fault, |cells, i, cell, place| {
                    cells.dense[[i, 0]] = match cell {
                        None => {
                            cells.mark(*indicator, i);
                            fill
                        }
                        Some(cell) => {
                            let number = finite(cell, place)?;
                            cells.counts.out_of_range += usize::from(number < *min || number > *max);
                            narrow(scaler.apply(number), cell, place)?
                        }
                    };
                    Ok(())
                });
                None
            }
            Encoding::Boolean { indicator } => {
                self.each(fault, |cells, i, cell, place| {
                    match cell {
                        None => cells.mark(*indicator, i),
                        Some(cell) => {
                            let value = value::boolean(cell)
                                .ok_or_else(|| Error::NotABoolean { place: place(), cell: excerpt(cell) })?;
                            cells.dense[[i, 0]] = if value { 1.0 } else { -1.0 };
                        }
                    }
                    Ok(())
                });
                None
            }
            Encoding::TwoValues { values, indicator } => {
                self.each(fault, |cells, i, cell, _| {
                    match cell {
                        None => cells.mark(*indicator, i),
                        Some(cell) if cell == values[0] => cells.dense[[i, 0]] = -1.0,
                        Some(cell) if cell == values[1] => cells.dense[[i, 0]] = 1.0,
                        Some(_) => cells.counts.unseen += 1,
                    }
                    Ok(())
                });
                None
            }
            Encoding::OneHot { categories, other, indicator } => {
                self.each(fault, |cells, i, cell, _| {
                    match cell.map(|cell| categories.binary_search_by(|c| c.as_str().cmp(cell))) {
                        None => cells.mark(*indicator, i),
                        Some(Ok(category)) => cells.dense[[i, category]] = 1.0,
                        Some(Err(_)) => {
                            cells.counts.unseen += 1;
                            if *other {
                                cells.dense[[i, categories.len()]] = 1.0;
                            }
                        }
                    }
                    Ok(())
                });
                None
            }
            Encoding::Embedding { categories } => {
                let mut values = Array1::zeros(self.rows.len());
                self.each(fault, |cells, i, cell, _| {
                    values[i] = match cell.map(|cell| categories.binary_search_by(|c| c.as_str().cmp(cell))) {
                        None => {
                            cells.counts.missing += 1;
                            1
                        }
                        Some(Ok(category)) => category as i32 + 2,
                        Some(Err(_)) => {
                            cells.counts.unseen += 1;
                            0
                        }
                    };
                    Ok(())
                });
                Some(values)
            }
            Encoding::DateTime { parts, indicator, min, max } => {
                self.each(fault, |cells, i, cell, place| {
                    let Some(cell) = cell else {
                        cells.mark(*indicator, i);
                        return Ok(());
                    };
                    let date = value::date_time(cell)
                        .ok_or_else(|| Error::NotADate { place: place(), cell: excerpt(cell) })?;
                    let days = value::days(date);
                    cells.counts.out_of_range += usize::from(days < *min || days > *max);
                    let mut at = 0;
                    for part in parts {
                        let values = part.encode(date);
                        for &value in &values[..part.width()] {
                            cells.dense[[i, at]] = narrow(value, cell, place)?;
                            at += 1;
                        }
                    }
                    Ok(())
                });
                None
            }
        }
    }

    fn each(
        &mut self,
        fault: &mut Fault<'_>,
        mut encode: impl FnMut(&mut Self, usize, Option<&str>, &dyn Fn() -> crate::Place) -> Result<()>,
    ) {
        let (table, column, rows) = (self.table, self.column, self.rows);
        for (i, &row) in rows.iter().enumerate() {
            let cell = self.markers.present(table.columns()[column].get(row));
            if let Err(error) = encode(self, i, cell, &|| table.place(row, column)) {
                fault(i, error);
            }
        }
    }

    /// Counts a missing cell, and marks it in the last column where there is one for it.
    fn mark(&mut self, indicator: bool, row: usize) {
        self.counts.missing += 1;
        if indicator {
            let last = self.dense.ncols() - 1;
            self.dense[[row, last]] = 1.0;
        }
    }
}

impl DatePart {
    /// The values of the part's columns; the second one only where it is cyclic.
    fn encode(&self, date: DateTime) -> [f64; 2] {
        let cyclic = |turns: f64| [(TAU * turns).sin(), (TAU * turns).cos()];
        match self {
            DatePart::Year(scaler) => [scaler.apply(date.year().into()), 0.0],
            DatePart::Month(scaler) => [scaler.apply(date.month().into()), 0.0],
            DatePart::ElapsedDays(scaler) => [scaler.apply(value::days(date)), 0.0],
            DatePart::Weekday => cyclic(f64::from(date.weekday().to_monday_zero_offset()) / 7.0),
            DatePart::YearDay => cyclic(f64::from(date.day_of_year() - 1) / f64::from(date.days_in_year())),
            DatePart::Hour => cyclic(value::days(date).rem_euclid(1.0)),
        }
    }
}

fn all(table: &Table) -> Vec<usize> {
    (0..table.rows()).collect()
}

fn finite(cell: &str, place: &dyn Fn() -> crate::Place) -> Result<f64> {
    match value::number(cell) {
        Number::Finite(x) => Ok(x),
        Number::Infinite => Err(Error::Infinite { place: place(), cell: excerpt(cell) }),
        Number::Text => Err(Error::NotANumber { place: place(), cell: excerpt(cell) }),
    }
}

/// The value in 32 bits, where it must not become infinite.
fn narrow(value: f64, cell: &str, place: &dyn Fn() -> crate::Place) -> Result<f32> {
    let narrow = value as f32;
    if narrow.is_finite() { Ok(narrow) } else { Err(Error::Infinite { place: place(), cell: excerpt(cell) }) }
}
