//! What kind of values a column holds, told from its cells.

use std::collections::{HashMap, HashSet};
use std::fmt;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, excerpt};
use crate::table::{Column, Table};
use crate::value::{self, Markers, Number};

/// What kind of values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every value is a number. Whole numbers with few values are numbers, too.
    Number,
    /// Texts that recur.
    Category,
    /// true/false, yes/no, t/f or y/n, in any case.
    Boolean,
    /// Dates, with or without a time of day.
    DateTime,
    /// A name for the row: left out, since a row's name says nothing about another row.
    Identifier,
    /// Text that does not recur: left out, for the same reason.
    Text,
    /// One value everywhere: left out.
    Constant,
    /// No value anywhere: left out.
    Missing,
}

impl Kind {
    /// The kind's name in words.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Category => "category",
            Kind::Boolean => "boolean",
            Kind::DateTime => "date-time",
            Kind::Identifier => "identifier",
            Kind::Text => "text",
            Kind::Constant => "constant",
            Kind::Missing => "missing",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A column's kind, and the reason where it means that the column is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// The kind.
    pub kind: Kind,
    /// Why the column is left out; empty where it is used.
    pub reason: String,
}

/// Rows needed before whole numbers that do not repeat are taken for the rows' numbers.
const IDENTIFIER_ROWS: usize = 20;

/// Tells a column's kind from its cells in `rows`, which should be training rows.
///
/// In this order: no value is [`Kind::Missing`]; one value in every row is [`Kind::Constant`] (one value in some rows and none in
/// the others is a category: that it is missing tells something); then, by what *all* values are, [`Kind::Boolean`],
/// [`Kind::Number`], [`Kind::DateTime`]; else [`Kind::Category`].
/// A column whose values all differ is an [`Kind::Identifier`] if its name says so (`id`, `…_id`, `uuid`, `index`, …), if they are
/// whole numbers that lie as densely as the rows' numbers would (20 rows or more), or if they are text; long text is
/// called [`Kind::Text`].
///
/// # Errors
/// A column is meant as numbers, but a cell is none: at least 99 % of its values are numbers, or at least 90 % with more than 20
/// distinct ones. (With fewer numbers the column is a category.) The same for dates at 99 %, and for an infinite number
/// in a column of numbers.
pub fn infer_kind(table: &Table, column: usize, rows: &[usize], missing: &[String]) -> Result<Inferred> {
    table.check_rows(rows)?;
    let markers = Markers::new(missing);
    let cells = &table.columns()[column];
    let profile = Profile::new(cells, rows, &markers);
    let found = |kind| Ok(Inferred { kind, reason: String::new() });
    let out = |kind, reason: String| Ok(Inferred { kind, reason });
    let Profile { present, missing, distinct, .. } = profile;
    if present == 0 {
        return out(Kind::Missing, "all values are missing".into());
    }
    let constant = || out(Kind::Constant, format!("the only value is '{}'", excerpt(profile.first)));
    if profile.booleans == present {
        return if profile.both_booleans || missing > 0 { found(Kind::Boolean) } else { constant() };
    }
    if profile.meant_as_numbers() {
        if let Some(row) = profile.first_infinite {
            return Err(Error::Infinite {
                place: table.place(row, column),
                cell: excerpt(cells.get(row).trim()),
            });
        }
        if let Some(row) = profile.first_text {
            return Err(Error::StrayText {
                place: table.place(row, column),
                cell: excerpt(cells.get(row).trim()),
                numbers: profile.numbers,
                cells: present,
            });
        }
        if profile.low == profile.high {
            return if missing > 0 { found(Kind::Category) } else { constant() };
        }
        if distinct == present && profile.whole {
            if named_as_identifier(cells.name()) && missing == 0 {
                return out(
                    Kind::Identifier,
                    "it is named as an identifier, and every row has another value".into(),
                );
            }
            if numbers_the_rows(&profile, table.rows()) {
                return out(Kind::Identifier, NUMBERS_THE_ROWS.into());
            }
        }
        return found(Kind::Number);
    }
    if let Some(row) = profile.first_no_date
        && profile.dates * 100 >= present * 99
    {
        return Err(Error::NotADate {
            place: table.place(row, column),
            cell: excerpt(cells.get(row).trim()),
        });
    }
    if distinct == 1 {
        return if missing > 0 { found(Kind::Category) } else { constant() };
    }
    if profile.dates == present {
        return found(Kind::DateTime);
    }
    if distinct == present {
        if profile.characters >= 30 * present {
            return out(Kind::Text, "it is free text: every value differs".into());
        }
        let hint = if profile.decimal_commas == present {
            " (numbers with a decimal comma are not read as numbers)"
        } else {
            ""
        };
        return out(Kind::Identifier, format!("it is text that differs in every row{hint}"));
    }
    found(Kind::Category)
}

/// The reason that a schema takes back when nothing else is left to learn from.
pub(crate) const NUMBERS_THE_ROWS: &str =
    "it numbers the rows: whole numbers without a repetition or wide gaps";

/// Whether whole numbers that all differ lie so densely that only a numbering of the rows gives them: any other n
/// whole numbers among N ≥ n values would repeat.
fn numbers_the_rows(profile: &Profile<'_>, table_rows: usize) -> bool {
    profile.missing == 0
        && profile.present >= IDENTIFIER_ROWS
        && profile.high - profile.low < table_rows as f64
}

/// Whether a column's name is one that identifiers have.
fn named_as_identifier(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    const NAMES: [&str; 12] = [
        "id",
        "uuid",
        "guid",
        "index",
        "idx",
        "key",
        "row",
        "rowid",
        "row_number",
        "rownum",
        "unnamed: 0",
        "no.",
    ];
    NAMES.contains(&lower.as_str())
        || ["_id", "-id", " id", ".id", "_uuid", "_guid", "_key"].iter().any(|end| lower.ends_with(end))
        || lower.starts_with("id_")
        // PassengerId, customerID
        || ["Id", "ID"].iter().any(|end| {
            name.strip_suffix(end).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_lowercase()))
        })
}

/// What one pass over a column's cells finds.
pub(crate) struct Profile<'a> {
    pub(crate) present: usize,
    pub(crate) missing: usize,
    /// Different texts; for columns of numbers alone, different numbers.
    pub(crate) distinct: usize,
    pub(crate) numbers: usize,
    pub(crate) whole: bool,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) booleans: usize,
    pub(crate) both_booleans: bool,
    pub(crate) first: &'a str,
    first_infinite: Option<usize>,
    first_text: Option<usize>,
    dates: usize,
    first_no_date: Option<usize>,
    decimal_commas: usize,
    characters: usize,
    distinct_numbers: usize,
}

impl<'a> Profile<'a> {
    pub(crate) fn new(column: &'a Column, rows: &[usize], markers: &Markers<'_>) -> Self {
        let mut p = Profile {
            present: 0,
            missing: 0,
            distinct: 0,
            numbers: 0,
            whole: true,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            booleans: 0,
            both_booleans: false,
            first: "",
            first_infinite: None,
            first_text: None,
            dates: 0,
            first_no_date: None,
            decimal_commas: 0,
            characters: 0,
            distinct_numbers: 0,
        };
        let mut texts: HashSet<&str> = HashSet::new();
        let mut numbers: HashSet<u64> = HashSet::new();
        let mut seen = [false; 2];
        for &row in rows {
            let Some(cell) = markers.present(column.get(row)) else {
                p.missing += 1;
                continue;
            };
            if p.present == 0 {
                p.first = cell;
            }
            p.present += 1;
            p.characters += cell.chars().count();
            if let Some(b) = value::boolean(cell) {
                p.booleans += 1;
                seen[usize::from(b)] = true;
            }
            match value::number(cell) {
                Number::Finite(x) => {
                    p.numbers += 1;
                    p.whole &= x.fract() == 0.0;
                    p.low = p.low.min(x);
                    p.high = p.high.max(x);
                    numbers.insert((x + 0.0).to_bits());
                    p.first_no_date.get_or_insert(row);
                }
                Number::Infinite => {
                    p.numbers += 1;
                    p.first_infinite.get_or_insert(row);
                    p.first_no_date.get_or_insert(row);
                    texts.insert(cell);
                }
                Number::Text => {
                    p.first_text.get_or_insert(row);
                    texts.insert(cell);
                    match value::date_time(cell) {
                        Some(_) => p.dates += 1,
                        None => {
                            p.first_no_date.get_or_insert(row);
                        }
                    }
                    if cell.contains(',')
                        && matches!(value::number(&cell.replacen(',', ".", 1)), Number::Finite(_))
                    {
                        p.decimal_commas += 1;
                    }
                }
            }
        }
        p.both_booleans = seen[0] && seen[1];
        p.distinct_numbers = numbers.len();
        p.distinct = numbers.len() + texts.len();
        p
    }

    fn meant_as_numbers(&self) -> bool {
        self.numbers * 100 >= self.present * 99
            || (self.numbers * 10 >= self.present * 9 && self.distinct_numbers > 20)
    }

    /// Whether every value is a finite number.
    pub(crate) fn all_numbers(&self) -> bool {
        self.numbers == self.present && self.first_infinite.is_none()
    }
}

/// The numbers of a column in `rows`, none where missing.
///
/// # Errors
/// The first cell that is no finite number.
pub(crate) fn numbers(
    table: &Table,
    column: usize,
    rows: &[usize],
    markers: &Markers<'_>,
) -> Result<Vec<Option<f64>>> {
    read(table, column, rows, markers, |place, cell| match value::number(cell) {
        Number::Finite(x) => Ok(x),
        Number::Infinite => Err(Error::Infinite { place: place(), cell: excerpt(cell) }),
        Number::Text => Err(Error::NotANumber { place: place(), cell: excerpt(cell) }),
    })
}

/// The dates of a column in `rows`, none where missing.
///
/// # Errors
/// The first cell that is no date.
pub(crate) fn date_times(
    table: &Table,
    column: usize,
    rows: &[usize],
    markers: &Markers<'_>,
) -> Result<Vec<Option<DateTime>>> {
    read(table, column, rows, markers, |place, cell| {
        value::date_time(cell).ok_or_else(|| Error::NotADate { place: place(), cell: excerpt(cell) })
    })
}

/// The booleans of a column in `rows`, none where missing.
///
/// # Errors
/// The first cell that is no boolean.
pub(crate) fn booleans(
    table: &Table,
    column: usize,
    rows: &[usize],
    markers: &Markers<'_>,
) -> Result<Vec<Option<bool>>> {
    read(table, column, rows, markers, |place, cell| {
        value::boolean(cell).ok_or_else(|| Error::NotABoolean { place: place(), cell: excerpt(cell) })
    })
}

/// The texts of a column in `rows`, none where missing.
pub(crate) fn texts<'a>(
    column: &'a Column,
    rows: &[usize],
    markers: &Markers<'_>,
) -> impl Iterator<Item = Option<&'a str>> {
    rows.iter().map(|&row| markers.present(column.get(row)))
}

/// How often each text occurs, in the order of the texts.
pub(crate) fn counts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Vec<(&'a str, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in texts.flatten() {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    counts
}

fn read<T>(
    table: &Table,
    column: usize,
    rows: &[usize],
    markers: &Markers<'_>,
    parse: impl Fn(&dyn Fn() -> crate::Place, &str) -> Result<T>,
) -> Result<Vec<Option<T>>> {
    let cells = &table.columns()[column];
    rows.iter()
        .map(|&row| {
            markers.present(cells.get(row)).map(|cell| parse(&|| table.place(row, column), cell)).transpose()
        })
        .collect()
}
