//! A sketch of the training data: enough to notice later that data have drifted, and to draw a form to fill in.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kind::{self, Kind};
use crate::scaling::{mean_std, quantile, range};
use crate::schema::{Schema, Usage};
use crate::table::Table;
use crate::value::{self, Markers};

/// What some rows hold, column by column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sketch {
    /// How many rows were looked at.
    pub rows: usize,
    /// Features and targets in the table's order.
    pub columns: Vec<ColumnSketch>,
}

/// What one raw column holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSketch {
    /// The column's name.
    pub name: String,
    /// Rows in which it is missing.
    pub missing: usize,
    /// Its other values.
    pub values: ValueSketch,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ValueSketch {
    /// Numbers.
    Numbers(NumberSketch),
    /// Dates, as days since 1970-01-01.
    Dates(NumberSketch),
    /// Texts, booleans, and classes of a target, numbers among them.
    Categories {
        /// The commonest values, most frequent first, each with its rows; booleans are `false` and `true`.
        top: Vec<(String, usize)>,
        /// Rows with any other value.
        other: usize,
        /// How many distinct values there are.
        distinct: usize,
    },
}

/// The distribution of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredNumbers")]
pub struct NumberSketch {
    /// How many there are.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, of the population.
    pub std: f64,
    /// The deciles, each once, ascending: the upper edges of all bins but the last.
    pub edges: Vec<f64>,
    /// How many numbers lie in each bin, one more than there are edges.
    pub counts: Vec<usize>,
}

/// The most values of a category that a sketch names.
const TOP: usize = 50;

impl Sketch {
    /// Sketches the columns that `schema` uses, over `rows`.
    ///
    /// # Errors
    /// A column that is absent, a row that does not exist, and a cell that cannot be read as its column's kind.
    pub fn of(table: &Table, schema: &Schema, rows: &[usize]) -> Result<Self> {
        table.check_rows(rows)?;
        let used = schema.columns().iter().filter(|c| !matches!(c.usage, Usage::LeftOut(_)));
        let columns = used
            .map(|c| {
                let column = table.column_index(&c.name).ok_or_else(|| table.missing_column(&c.name))?;
                let markers = Markers::new(&c.missing);
                let numbers =
                    |values: Vec<Option<f64>>| NumberSketch::of(values.into_iter().flatten().collect());
                let classes = matches!(&c.usage, Usage::Target(place) if !schema.targets()[*place].classes().is_empty());
                let values = match if classes { Kind::Category } else { c.kind } {
                    Kind::Number => {
                        ValueSketch::Numbers(numbers(kind::numbers(table, column, rows, &markers)?))
                    }
                    Kind::DateTime => ValueSketch::Dates(numbers(
                        kind::date_times(table, column, rows, &markers)?
                            .into_iter()
                            .map(|date| date.map(value::days))
                            .collect(),
                    )),
                    Kind::Boolean => {
                        let cells = kind::booleans(table, column, rows, &markers)?;
                        categories(cells.iter().map(|b| b.map(|b| if b { "true" } else { "false" })))
                    }
                    Kind::Category | Kind::Identifier | Kind::Text | Kind::Constant | Kind::Missing => {
                        categories(kind::texts(&table.columns()[column], rows, &markers))
                    }
                };
                let cells = kind::texts(&table.columns()[column], rows, &markers);
                let missing = cells.filter(Option::is_none).count();
                Ok(ColumnSketch { name: c.name.clone(), missing, values })
            })
            .collect::<Result<_>>()?;
        Ok(Self { rows: rows.len(), columns })
    }

    /// The sketch of the column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnSketch> {
        self.columns.iter().find(|c| c.name == name)
    }
}

impl NumberSketch {
    fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self {
                count: 0,
                min: 0.0,
                max: 0.0,
                mean: 0.0,
                std: 0.0,
                edges: Vec::new(),
                counts: vec![0],
            };
        }
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = range(&values);
        let (mean, std) = mean_std(&values);
        let mut edges: Vec<f64> = (1..10).map(|i| quantile(&values, f64::from(i) / 10.0)).collect();
        edges.dedup();
        // A bin above the maximum would stay empty.
        edges.retain(|&edge| edge < max);
        let mut sketch =
            Self { count: values.len(), min, max, mean, std, counts: vec![0; edges.len() + 1], edges };
        for x in values {
            let bin = sketch.bin(x);
            sketch.counts[bin] += 1;
        }
        sketch
    }

    /// The bin of a number: the first whose upper edge is not below it, or the last.
    pub fn bin(&self, x: f64) -> usize {
        self.edges.partition_point(|&edge| edge < x)
    }
}

fn categories<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> ValueSketch {
    let mut counts = kind::counts(cells);
    let total: usize = counts.iter().map(|(_, n)| n).sum();
    counts.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let top: Vec<(String, usize)> = counts.iter().take(TOP).map(|(t, n)| ((*t).to_owned(), *n)).collect();
    let shown: usize = top.iter().map(|(_, n)| n).sum();
    ValueSketch::Categories { top, other: total - shown, distinct: counts.len() }
}

/// Numbers as stored, before their invariants are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredNumbers {
    count: usize,
    min: f64,
    max: f64,
    mean: f64,
    std: f64,
    edges: Vec<f64>,
    counts: Vec<usize>,
}

impl TryFrom<StoredNumbers> for NumberSketch {
    type Error = Error;

    fn try_from(stored: StoredNumbers) -> Result<Self> {
        let StoredNumbers { count, min, max, mean, std, edges, counts } = stored;
        let finite = [min, max, mean, std].iter().chain(&edges).all(|x| x.is_finite());
        let ascending = edges.windows(2).all(|w| w[0] < w[1]);
        let total = counts.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if !(finite && ascending && counts.len() == edges.len() + 1 && total == Some(count)) {
            return Err(Error::Schema { problem: "a sketch's numbers are out of order".into() });
        }
        Ok(Self { count, min, max, mean, std, edges, counts })
    }
}
