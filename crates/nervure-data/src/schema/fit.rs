//! Fitting a schema on training rows.

use jiff::civil::DateTime;

use super::{DatePart, Encoding, SCHEMA_VERSION, Schema, SchemaColumn, Usage};
use crate::error::{Error, Result, few};
use crate::kind::{self, Inferred, Kind, NUMBERS_THE_ROWS};
use crate::problem::{self, ColumnRole, Problem, TargetColumn, TargetTask};
use crate::scaling::{Scaling, mean_std, quantile, range};
use crate::split::Split;
use crate::table::Table;
use crate::target::Target;
use crate::value::{self, Markers};

impl Schema {
    /// Tells each column's kind and fits its preprocessing, and the targets' classes and scales, on `split.train` alone: no
    /// other row's features are looked at.
    ///
    /// A category is rare when it is in fewer training rows than 1 in 200, within 2 and 10.
    ///
    /// # Errors
    /// As [`crate::infer_kind`]; a cell that does not fit a kind that was asked for; a target that has one value among the
    /// training rows; no column left to learn from.
    pub fn fit(table: &Table, problem: &Problem, split: &Split) -> Result<Self> {
        let rows = &split.train;
        table.check_rows(rows)?;
        if rows.is_empty() {
            return Err(Error::Split {
                source_name: table.source().to_owned(),
                problem: "there is no training row".into(),
            });
        }
        let fit = Fit { table, problem, rows };
        let targets = problem.targets.iter().map(|t| fit.target(t)).collect::<Result<Vec<_>>>()?;
        let mut columns = problem
            .roles
            .iter()
            .enumerate()
            .map(|(column, role)| fit.column(column, role, &targets, None))
            .collect::<Result<Vec<_>>>()?;
        let nothing =
            |columns: &[SchemaColumn]| !columns.iter().any(|c| matches!(c.usage, Usage::Feature(_)));
        // Numbers that may only be the rows' numbers are better than nothing.
        if nothing(&columns) {
            for (column, c) in columns.iter_mut().enumerate() {
                if c.usage == Usage::LeftOut(NUMBERS_THE_ROWS.into()) {
                    *c = fit.column(column, &ColumnRole::Candidate, &targets, Some(Kind::Number))?;
                }
            }
        }
        if nothing(&columns) {
            let reasons: Vec<String> = columns
                .iter()
                .filter_map(|c| match &c.usage {
                    Usage::LeftOut(reason) => Some(format!("'{}': {reason}", c.name)),
                    Usage::Feature(_) | Usage::Target(_) => None,
                })
                .collect();
            return Err(Error::NoFeatures {
                source_name: table.source().to_owned(),
                reasons: few(reasons.iter().map(String::as_str)),
            });
        }
        Ok(Self { version: SCHEMA_VERSION, task: problem.task(), columns, targets })
    }
}

struct Fit<'a> {
    table: &'a Table,
    problem: &'a Problem,
    rows: &'a [usize],
}

impl Fit<'_> {
    fn column(
        &self,
        column: usize,
        role: &ColumnRole,
        targets: &[Target],
        kind: Option<Kind>,
    ) -> Result<SchemaColumn> {
        let name = self.table.columns()[column].name();
        let missing = self.problem.missing(name);
        let (kind, usage) = match role {
            ColumnRole::Target(place) => {
                let kind = match &targets[*place] {
                    Target::Regression { .. } => Kind::Number,
                    Target::Binary { labels, .. } | Target::Multiclass { labels, .. } => match labels {
                        crate::target::Labels::Text => Kind::Category,
                        crate::target::Labels::Number => Kind::Number,
                        crate::target::Labels::Boolean => Kind::Boolean,
                    },
                };
                (kind, Usage::Target(*place))
            }
            ColumnRole::LeftOut(reason) => {
                // What it holds does not matter, so bad cells in it do not either.
                let kind = kind::infer_kind(self.table, column, self.rows, missing)
                    .map_or(Kind::Category, |inferred| inferred.kind);
                (kind, Usage::LeftOut((*reason).to_owned()))
            }
            ColumnRole::Candidate => {
                let asked = kind.or_else(|| self.problem.options.kinds.get(name).copied());
                let inferred = match asked {
                    Some(kind) => Inferred { kind, reason: "it is left out as asked".into() },
                    None => kind::infer_kind(self.table, column, self.rows, missing)?,
                };
                self.feature(column, inferred)?
            }
        };
        Ok(SchemaColumn { name: name.to_owned(), kind, missing: missing.to_vec(), usage })
    }

    fn feature(&self, column: usize, inferred: Inferred) -> Result<(Kind, Usage)> {
        let Inferred { kind, reason } = inferred;
        let markers = Markers::new(self.problem.missing(self.table.columns()[column].name()));
        let encoding = match kind {
            Kind::Number => self.number(column, &markers)?,
            Kind::Boolean => {
                let cells = kind::booleans(self.table, column, self.rows, &markers)?;
                Some(Encoding::Boolean { indicator: cells.contains(&None) })
            }
            Kind::DateTime => self.date_time(column, &markers)?,
            Kind::Category => match self.category(column, &markers) {
                Some(encoding) => Some(encoding),
                None => {
                    let reason = format!("no value is in {} training rows or more", self.rare());
                    return Ok((Kind::Text, Usage::LeftOut(reason)));
                }
            },
            Kind::Identifier | Kind::Text | Kind::Constant | Kind::Missing => {
                return Ok((kind, Usage::LeftOut(reason)));
            }
        };
        Ok(match encoding {
            Some(encoding) => (kind, Usage::Feature(encoding)),
            None => (Kind::Missing, Usage::LeftOut("all values are missing".into())),
        })
    }

    fn number(&self, column: usize, markers: &Markers<'_>) -> Result<Option<Encoding>> {
        let cells = kind::numbers(self.table, column, self.rows, markers)?;
        let indicator = cells.contains(&None);
        let mut values: Vec<f64> = cells.into_iter().flatten().collect();
        if values.is_empty() {
            return Ok(None);
        }
        // Sums over sorted values do not depend on the rows' order.
        values.sort_unstable_by(f64::total_cmp);
        let scaler = self.problem.options.scaling.fit(&values).ok_or_else(|| self.too_wide(column))?;
        let (min, max) = range(&values);
        Ok(Some(Encoding::Number { scaler, median: quantile(&values, 0.5), indicator, min, max }))
    }

    fn date_time(&self, column: usize, markers: &Markers<'_>) -> Result<Option<Encoding>> {
        let cells = kind::date_times(self.table, column, self.rows, markers)?;
        let indicator = cells.contains(&None);
        let mut dates: Vec<DateTime> = cells.into_iter().flatten().collect();
        if dates.is_empty() {
            return Ok(None);
        }
        dates.sort_unstable();
        let scaled = |part: fn(DateTime) -> f64| {
            let values: Vec<f64> = dates.iter().map(|&d| part(d)).collect();
            let (min, max) = range(&values);
            Ok(if min < max {
                Some(Scaling::Standard.fit(&values).ok_or_else(|| self.too_wide(column))?)
            } else {
                None
            })
        };
        let mut parts = Vec::new();
        parts.extend(scaled(|d| f64::from(d.year()))?.map(DatePart::Year));
        let month = scaled(|d| f64::from(d.month()))?.map(DatePart::Month);
        parts.extend(month);
        parts.extend(scaled(value::days)?.map(DatePart::ElapsedDays));
        let varies = |part: fn(DateTime) -> f64| dates.iter().any(|&d| part(d) != part(dates[0]));
        if varies(|d| f64::from(d.weekday().to_monday_zero_offset())) {
            parts.push(DatePart::Weekday);
        }
        if varies(|d| f64::from(d.day_of_year())) {
            parts.push(DatePart::YearDay);
        }
        if varies(|d| value::days(d).fract()) {
            parts.push(DatePart::Hour);
        }
        // One date everywhere: only a kind that was asked for comes here.
        if parts.is_empty() {
            parts.push(DatePart::Weekday);
        }
        let (min, max) = (value::days(dates[0]), value::days(dates[dates.len() - 1]));
        Ok(Some(Encoding::DateTime { parts, indicator, min, max }))
    }

    /// None where no value is frequent enough to learn from.
    fn category(&self, column: usize, markers: &Markers<'_>) -> Option<Encoding> {
        let cells = &self.table.columns()[column];
        let counts = kind::counts(kind::texts(cells, self.rows, markers));
        let present: usize = counts.iter().map(|(_, n)| n).sum();
        let mut indicator = present < self.rows.len();
        let categories: Vec<String> =
            counts.iter().filter(|(_, n)| *n >= self.rare()).map(|(text, _)| (*text).to_owned()).collect();
        let other = categories.len() < counts.len();
        if categories.is_empty() {
            return None;
        }
        if !other && categories.len() == 2 {
            let values = <[String; 2]>::try_from(categories).expect("there are two categories");
            return Some(Encoding::TwoValues { values, indicator });
        }
        if categories.len() > self.problem.options.one_hot_max {
            return Some(Encoding::Embedding { categories });
        }
        // A single value: its own column already tells where it is missing.
        if categories.len() == 1 && !other {
            indicator = false;
        }
        Some(Encoding::OneHot { categories, other, indicator })
    }

    fn rare(&self) -> usize {
        (self.rows.len() / 200).clamp(2, 10)
    }

    fn target(&self, target: &TargetColumn) -> Result<Target> {
        let name = target.name.clone();
        let markers = Markers::new(self.problem.missing(&name));
        let one_class =
            |value: &str| problem::one_class(self.table, target.column, value, "the training rows");
        match target.task {
            TargetTask::Binary(labels) => {
                let classes = problem::classes(self.table, target.column, self.rows, &markers, labels);
                match <[String; 2]>::try_from(classes) {
                    Ok(classes) => Ok(Target::Binary { name, labels, classes }),
                    Err(classes) => Err(one_class(classes.first().map_or("", String::as_str))),
                }
            }
            TargetTask::Multiclass(labels) => {
                let classes = problem::classes(self.table, target.column, self.rows, &markers, labels);
                if classes.len() < 2 {
                    return Err(one_class(classes.first().map_or("", String::as_str)));
                }
                Ok(Target::Multiclass { name, labels, classes })
            }
            TargetTask::Regression => {
                let cells = kind::numbers(self.table, target.column, self.rows, &markers)?;
                let mut values: Vec<f64> = cells.into_iter().flatten().collect();
                values.sort_unstable_by(f64::total_cmp);
                let (min, max) = range(&values);
                if min == max {
                    return Err(one_class(&value::number_label(min)));
                }
                let (mean, scale) = mean_std(&values);
                // Distinct values may still be one to within rounding, or too far apart to square.
                if !(scale.is_finite() && scale > 0.0 && mean.is_finite()) {
                    return Err(self.too_wide(target.column));
                }
                Ok(Target::Regression { name, mean, scale, min, max })
            }
        }
    }

    fn too_wide(&self, column: usize) -> Error {
        Error::Options {
            column: self.table.columns()[column].name().to_owned(),
            problem: format!(
                "its values in {} are too far apart, or too near, to be scaled",
                self.table.source()
            ),
        }
    }
}
