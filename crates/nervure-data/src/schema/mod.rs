//! The schema: what the raw columns are, and the preprocessing fitted on training rows.
//!
//! It is plain data, goes into the artifact, and turns raw rows into tensors in training and in production alike.

mod describe;
mod encode;
mod fit;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use encode::{ColumnCounts, Encoded, IndexColumn};

use crate::error::{Error, Result};
use crate::kind::Kind;
use crate::problem::overall;
use crate::scaling::Scaler;
use crate::target::{Target, Task};

/// The version of the schema that this crate writes; it reads this one and earlier ones.
pub const SCHEMA_VERSION: u32 = 1;

/// The raw columns with their kinds, the preprocessing of each, and the targets.
///
/// ```
/// use nervure_data::{Problem, Schema, SchemaOptions, Split, SplitOptions, datasets};
/// let set = datasets::get("iris").unwrap();
/// let table = set.table()?;
/// let problem = Problem::new(&table, &set.options())?;
/// let split = Split::new(&table, &problem, &SplitOptions::default(), 42)?;
/// let schema = Schema::fit(&table, &problem, &split)?;
/// let train = schema.encode_rows(&table, &split.train)?;
/// assert_eq!(train.dense.dim(), (split.train.len(), 4));
/// # Ok::<(), nervure_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredSchema")]
pub struct Schema {
    version: u32,
    task: Task,
    columns: Vec<SchemaColumn>,
    targets: Vec<Target>,
}

/// One raw column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// Its kind among the training rows.
    pub kind: Kind,
    /// The texts that stand for a missing value here, besides [`crate::MISSING`].
    pub missing: Vec<String>,
    /// What it is used for.
    pub usage: Usage,
}

/// What a raw column is used for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Usage {
    /// It is learned from.
    Feature(Encoding),
    /// It is predicted: the target of this place.
    Target(usize),
    /// It is left out, for this reason.
    LeftOut(String),
}

/// How a feature's cells become numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// One dense column of the scaled number, the training median where it is missing; a second one is 1 where it is missing and else
    /// 0, if it was missing in training.
    Number {
        /// The scaling.
        scaler: Scaler,
        /// The median of the training values.
        median: f64,
        /// Whether there is a column for missing.
        indicator: bool,
        /// The smallest training value.
        min: f64,
        /// The largest training value.
        max: f64,
    },
    /// One dense column: 1 for true, −1 for false, 0 where it is missing; and a column for missing as for numbers.
    Boolean {
        /// Whether there is a column for missing.
        indicator: bool,
    },
    /// One dense column for a category of two values: 1 for the second, −1 for the first, 0 for anything else; and a column for
    /// missing as for numbers.
    TwoValues {
        /// The values, by the alphabet.
        values: [String; 2],
        /// Whether there is a column for missing.
        indicator: bool,
    },
    /// A dense column for each category: 1 where the cell is that category, else 0.
    OneHot {
        /// The categories, by the alphabet.
        categories: Vec<String>,
        /// Whether there is a column for rare values, which unseen ones join; without it they are all zeros.
        other: bool,
        /// Whether there is a column for missing; without it missing cells are all zeros.
        indicator: bool,
    },
    /// An index: 0 for rare and unseen values, 1 for missing, from 2 the categories.
    Embedding {
        /// The categories, by the alphabet.
        categories: Vec<String>,
    },
    /// Dense columns for the parts of a date; zeros where it is missing; and a column for missing as for numbers.
    DateTime {
        /// The parts that vary among the training rows.
        parts: Vec<DatePart>,
        /// Whether there is a column for missing.
        indicator: bool,
        /// The earliest training value, in days since 1970-01-01.
        min: f64,
        /// The latest training value.
        max: f64,
    },
}

/// A part of a date. Cyclic parts are two columns, sine and cosine of the angle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DatePart {
    /// The year, scaled.
    Year(Scaler),
    /// The month from 1 to 12, scaled.
    Month(Scaler),
    /// Days since 1970-01-01 with the time of day as a fraction, scaled.
    ElapsedDays(Scaler),
    /// The day of the week, cyclic.
    Weekday,
    /// The day of the year, cyclic.
    YearDay,
    /// The time of day, cyclic.
    Hour,
}

/// A dense column and the raw column that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenseColumn {
    /// Its name, such as `age`, `age is missing`, `color=red` or `joined year`.
    pub name: String,
    /// The raw column's place among [`Schema::columns`].
    pub column: usize,
}

/// An output that the network has: one for all targets of a task, or one for each target of a mixed task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Binary and multi-label: a probability a target. Multiclass: one a class. Regression: a number a target.
    pub task: Task,
    /// The places of its targets among [`Schema::targets`].
    pub targets: std::ops::Range<usize>,
    /// How many numbers the network puts out for it.
    pub width: usize,
}

impl Schema {
    /// The task over all targets.
    pub fn task(&self) -> Task {
        self.task
    }

    /// All raw columns in the table's order, those left out and the targets included.
    pub fn columns(&self) -> &[SchemaColumn] {
        &self.columns
    }

    /// The targets in the order in which they were named.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The raw columns that are learned from.
    pub fn features(&self) -> impl Iterator<Item = &SchemaColumn> {
        self.columns.iter().filter(|c| matches!(c.usage, Usage::Feature(_)))
    }

    /// The raw columns that are left out, with the reasons.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().filter_map(|c| match &c.usage {
            Usage::LeftOut(reason) => Some((c.name.as_str(), reason.as_str())),
            Usage::Feature(_) | Usage::Target(_) => None,
        })
    }

    /// The columns of [`Encoded::dense`], in order.
    pub fn dense_columns(&self) -> Vec<DenseColumn> {
        let mut dense = Vec::new();
        for (column, c) in self.columns.iter().enumerate() {
            if let Usage::Feature(encoding) = &c.usage {
                dense.extend(
                    encoding.dense_names(&c.name).into_iter().map(|name| DenseColumn { name, column }),
                );
            }
        }
        dense
    }

    /// The number of columns of [`Encoded::dense`].
    pub fn dense_width(&self) -> usize {
        self.encodings().map(|(_, e)| e.width()).sum()
    }

    /// The embedded columns, in the order of [`Encoded::indices`]: the raw column's name and the number of its indices.
    pub fn index_columns(&self) -> Vec<(&str, usize)> {
        self.encodings()
            .filter_map(|(i, e)| e.cardinality().map(|n| (self.columns[i].name.as_str(), n)))
            .collect()
    }

    /// The network's outputs.
    pub fn outputs(&self) -> Vec<Output> {
        let count = self.targets.len();
        let width = |target: &Target| match target {
            Target::Binary { .. } | Target::Regression { .. } => 1,
            Target::Multiclass { classes, .. } => classes.len(),
        };
        match self.task {
            Task::Binary | Task::Multilabel | Task::Regression => {
                vec![Output { task: self.task, targets: 0..count, width: count }]
            }
            Task::Multiclass | Task::Mixed => self
                .targets
                .iter()
                .enumerate()
                .map(|(i, t)| Output { task: t.task(), targets: i..i + 1, width: width(t) })
                .collect(),
        }
    }

    fn encodings(&self) -> impl Iterator<Item = (usize, &Encoding)> {
        self.columns.iter().enumerate().filter_map(|(i, c)| match &c.usage {
            Usage::Feature(encoding) => Some((i, encoding)),
            Usage::Target(_) | Usage::LeftOut(_) => None,
        })
    }
}

impl Encoding {
    /// The number of dense columns.
    pub fn width(&self) -> usize {
        let missing = |indicator: &bool| usize::from(*indicator);
        match self {
            Encoding::Number { indicator, .. }
            | Encoding::Boolean { indicator }
            | Encoding::TwoValues { indicator, .. } => 1 + missing(indicator),
            Encoding::OneHot { categories, other, indicator } => {
                categories.len() + usize::from(*other) + missing(indicator)
            }
            Encoding::Embedding { .. } => 0,
            Encoding::DateTime { parts, indicator, .. } => {
                parts.iter().map(DatePart::width).sum::<usize>() + missing(indicator)
            }
        }
    }

    /// The number of indices, for an embedding.
    pub fn cardinality(&self) -> Option<usize> {
        match self {
            Encoding::Embedding { categories } => Some(categories.len() + 2),
            Encoding::Number { .. }
            | Encoding::Boolean { .. }
            | Encoding::TwoValues { .. }
            | Encoding::OneHot { .. }
            | Encoding::DateTime { .. } => None,
        }
    }

    fn dense_names(&self, column: &str) -> Vec<String> {
        let (mut names, indicator) = match self {
            Encoding::Number { indicator, .. } | Encoding::Boolean { indicator } => {
                (vec![column.to_owned()], *indicator)
            }
            Encoding::TwoValues { values, indicator } => {
                (vec![format!("{column}={}", values[1])], *indicator)
            }
            Encoding::OneHot { categories, other, indicator } => {
                let mut names: Vec<_> = categories.iter().map(|c| format!("{column}={c}")).collect();
                if *other {
                    names.push(format!("{column} is rare"));
                }
                (names, *indicator)
            }
            Encoding::Embedding { .. } => (Vec::new(), false),
            Encoding::DateTime { parts, indicator, .. } => {
                (parts.iter().flat_map(|p| p.names()).map(|p| format!("{column} {p}")).collect(), *indicator)
            }
        };
        if indicator {
            names.push(format!("{column} is missing"));
        }
        names
    }
}

impl DatePart {
    fn names(&self) -> &'static [&'static str] {
        match self {
            DatePart::Year(_) => &["year"],
            DatePart::Month(_) => &["month"],
            DatePart::ElapsedDays(_) => &["elapsed days"],
            DatePart::Weekday => &["weekday sin", "weekday cos"],
            DatePart::YearDay => &["day of year sin", "day of year cos"],
            DatePart::Hour => &["hour sin", "hour cos"],
        }
    }

    fn width(&self) -> usize {
        self.names().len()
    }
}

/// A schema as stored, before its invariants are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSchema {
    version: u32,
    task: Task,
    columns: Vec<SchemaColumn>,
    targets: Vec<Target>,
}

impl TryFrom<StoredSchema> for Schema {
    type Error = Error;

    fn try_from(stored: StoredSchema) -> Result<Self> {
        let StoredSchema { version, task, columns, targets } = stored;
        let schema = Schema { version, task, columns, targets };
        schema.check().map_err(|problem| Error::Schema { problem })?;
        Ok(schema)
    }
}

impl Schema {
    /// What encoding relies on: a stored schema is anyone's data.
    fn check(&self) -> Result<(), String> {
        if self.version > SCHEMA_VERSION {
            return Err(format!(
                "it has version {}, written by a later release; this one reads up to {SCHEMA_VERSION}",
                self.version
            ));
        }
        if self.version == 0 {
            return Err("it has version 0, which was never written".into());
        }
        let mut names = HashSet::new();
        let mut targeted = vec![false; self.targets.len()];
        for column in &self.columns {
            let name = &column.name;
            if name.is_empty() || !names.insert(name) {
                return Err(format!("column '{name}' is unnamed or there twice"));
            }
            match &column.usage {
                Usage::Feature(encoding) => encoding.check().map_err(|e| format!("column '{name}': {e}"))?,
                Usage::Target(place) => match (self.targets.get(*place), targeted.get_mut(*place)) {
                    (Some(target), Some(used)) if target.name() == name && !*used => *used = true,
                    _ => return Err(format!("column '{name}' is not the target {place}")),
                },
                Usage::LeftOut(_) => {}
            }
        }
        if self.targets.is_empty() || targeted.contains(&false) {
            return Err("a target is no column, or there is none".into());
        }
        if self.features().next().is_none() {
            return Err("there is no column to learn from".into());
        }
        for target in &self.targets {
            target.check().map_err(|e| format!("target '{}': {e}", target.name()))?;
        }
        let tasks: Vec<Task> = self.targets.iter().map(Target::task).collect();
        if overall(&tasks) != self.task {
            return Err(format!("its task is {}, that of its targets is not", self.task.name()));
        }
        Ok(())
    }
}

impl Encoding {
    fn check(&self) -> Result<(), String> {
        let ascending = |c: &[String]| c.windows(2).all(|w| w[0] < w[1]);
        let ordered = |min: f64, max: f64| min.is_finite() && max.is_finite() && min <= max;
        let ok = match self {
            Encoding::Number { scaler, median, min, max, .. } => {
                scaler.is_valid() && median.is_finite() && ordered(*min, *max)
            }
            Encoding::Boolean { .. } => true,
            Encoding::TwoValues { values, .. } => ascending(values),
            Encoding::OneHot { categories, .. } => ascending(categories) && self.width() > 0,
            Encoding::Embedding { categories } => {
                ascending(categories) && i32::try_from(categories.len() + 2).is_ok()
            }
            Encoding::DateTime { parts, min, max, .. } => {
                ordered(*min, *max)
                    && self.width() > 0
                    && parts.iter().all(|p| match p {
                        DatePart::Year(s) | DatePart::Month(s) | DatePart::ElapsedDays(s) => s.is_valid(),
                        DatePart::Weekday | DatePart::YearDay | DatePart::Hour => true,
                    })
            }
        };
        if ok { Ok(()) } else { Err("its encoding is out of order".into()) }
    }
}

impl Target {
    fn check(&self) -> Result<(), String> {
        let lookup = self.lookup();
        let distinct =
            self.classes().iter().enumerate().all(|(i, c)| lookup.place(c) == i32::try_from(i).ok());
        let ok = match self {
            Target::Binary { .. } => distinct,
            Target::Multiclass { classes, .. } => distinct && classes.len() >= 2,
            Target::Regression { mean, scale, min, max, .. } => {
                [mean, scale, min, max].iter().all(|x| x.is_finite()) && *scale > 0.0
            }
        };
        if ok { Ok(()) } else { Err("its classes or its scale are out of order".into()) }
    }
}
