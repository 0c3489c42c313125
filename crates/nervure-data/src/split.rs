//! Splits of a table's rows into training, validation and test.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, excerpt};
use crate::kind::{self, Kind};
use crate::problem::{Problem, TargetTask};
use crate::random::SplitMix64;
use crate::table::Table;
use crate::target::key;
use crate::value::{self, Markers, Number};

/// The rows of each part, ascending. Every row of the table is in exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Rows to fit on.
    pub train: Vec<usize>,
    /// Rows to choose the best epoch by.
    pub validation: Vec<usize>,
    /// Rows to be looked at once, at the end.
    pub test: Vec<usize>,
}

/// How rows are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitOptions {
    /// The test rows' share of all rows, at least 0 and below 1. Default: 0.2.
    pub test: f64,
    /// The validation rows' share of the rows that are not test rows. Default: 0.2.
    pub validation: f64,
    /// Which rows go together, and which go where. Default: stratified for classes, random for numbers.
    pub method: Option<SplitMethod>,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { test: 0.2, validation: 0.2, method: None }
    }
}

/// Which rows go together, and which go where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitMethod {
    /// By chance.
    Random,
    /// By chance within each class (each combination of classes for several targets), so that the parts have the table's shares of
    /// classes. Regression targets do not count.
    Stratified,
    /// By chance, all rows that have the same value in this column in one part.
    Group(String),
    /// The latest rows by this column of dates or numbers are test rows, the latest of the others validation rows. Rows of one time
    /// go together.
    Time(String),
}

impl FromStr for SplitMethod {
    type Err = String;

    /// Reads `random`, `stratified`, `group:COLUMN` or `time:COLUMN`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            None if text == "random" => Ok(SplitMethod::Random),
            None if text == "stratified" => Ok(SplitMethod::Stratified),
            Some(("group", column)) if !column.is_empty() => Ok(SplitMethod::Group(column.to_owned())),
            Some(("time", column)) if !column.is_empty() => Ok(SplitMethod::Time(column.to_owned())),
            _ => Err(format!(
                "expected random, stratified, group:COLUMN or time:COLUMN, received '{}'",
                excerpt(text)
            )),
        }
    }
}

impl Split {
    /// Splits a table; the seed alone decides chance.
    ///
    /// Rows that are equal in every column that may become a feature (identifiers aside) stay in one part, so that no test row was
    /// trained on. (Where rows outnumber distinct rows ten to one, values repeat by nature, and equal rows are not kept together.
    /// A split by time keeps equal times together instead.) Where rows allow it no part with a share above 0 is empty, and every class has a training row. A share is met to
    /// within the size of the groups of rows that stay together.
    ///
    /// # Errors
    /// A share outside 0..1, an unknown column, a time that is missing or cannot be read, and too few rows or groups for the parts.
    pub fn new(table: &Table, problem: &Problem, options: &SplitOptions, seed: u64) -> Result<Self> {
        for share in [options.test, options.validation] {
            if !(0.0..1.0).contains(&share) {
                return Err(fail(
                    table,
                    format!("a part's share is at least 0 and below 1, received {share}"),
                ));
            }
        }
        let find = |name: &String| table.column_index(name).ok_or_else(|| table.unknown_column(name));
        let classes = problem.targets.iter().any(|t| t.task != TargetTask::Regression);
        let default = if classes { SplitMethod::Stratified } else { SplitMethod::Random };
        let method = options.method.as_ref().unwrap_or(&default);
        let mut parts = match method {
            SplitMethod::Random => {
                let units = units(table, problem, None)?;
                by_chance(table, vec![units], options, seed)?
            }
            SplitMethod::Stratified => {
                let units = units(table, problem, None)?;
                by_chance(table, strata(table, problem, units), options, seed)?
            }
            SplitMethod::Group(column) => {
                let units = units(table, problem, Some(find(column)?))?;
                by_chance(table, vec![units], options, seed)?
            }
            SplitMethod::Time(column) => by_time(table, problem, find(column)?, options)?,
        };
        for part in [&mut parts.train, &mut parts.validation, &mut parts.test] {
            part.sort_unstable();
        }
        Ok(parts)
    }

    /// All rows for training: where validation and test rows come from elsewhere.
    pub fn all(table: &Table) -> Self {
        Self { train: (0..table.rows()).collect(), ..Self::default() }
    }
}

/// Rows a distinct row from which on equal rows are no copies of one record, but what few columns with few values give.
const NATURAL: usize = 10;

/// Rows that stay together, ascending.
type Unit = Vec<usize>;

/// The units in the order of their first rows: duplicates, and rows of one group.
fn units(table: &Table, problem: &Problem, group: Option<usize>) -> Result<Vec<Unit>> {
    let mut sets = DisjointSets::new(table.rows());
    let all: Vec<usize> = (0..table.rows()).collect();
    let columns: Vec<usize> =
        problem.candidates().filter(|&c| tells_rows_apart(table, problem, c, &all)).collect();
    unite_duplicates(table, &columns, &mut sets);
    if let Some(column) = group {
        let mut first: HashMap<&str, usize> = HashMap::new();
        for (row, cell) in table.columns()[column].iter().enumerate() {
            // Rows without a group are each for themselves.
            if value::MISSING.contains(&cell.trim()) {
                continue;
            }
            let first = *first.entry(cell.trim()).or_insert(row);
            sets.unite(first, row);
        }
    }
    let mut of: HashMap<usize, usize> = HashMap::new();
    let mut units: Vec<Unit> = Vec::new();
    for row in all {
        let unit = *of.entry(sets.root(row)).or_insert_with(|| {
            units.push(Vec::new());
            units.len() - 1
        });
        units[unit].push(row);
    }
    Ok(units)
}

/// Whether a column counts when rows are compared: a row's own name does not.
fn tells_rows_apart(table: &Table, problem: &Problem, column: usize, rows: &[usize]) -> bool {
    let missing = problem.missing(table.columns()[column].name());
    kind::infer_kind(table, column, rows, missing).map_or(true, |i| i.kind != Kind::Identifier)
}

fn unite_duplicates(table: &Table, columns: &[usize], sets: &mut DisjointSets) {
    // Column by column, as the table lies in memory.
    let mut hashers = vec![DefaultHasher::new(); table.rows()];
    for &column in columns {
        for (hasher, cell) in hashers.iter_mut().zip(table.columns()[column].iter()) {
            cell.hash(hasher);
        }
    }
    let equal =
        |a: usize, b: usize| columns.iter().all(|&c| table.columns()[c].get(a) == table.columns()[c].get(b));
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut duplicates = Vec::new();
    for (row, hasher) in hashers.iter().enumerate() {
        let same_hash = seen.entry(hasher.finish()).or_default();
        match same_hash.iter().find(|&&other| equal(other, row)) {
            Some(&other) => duplicates.push((other, row)),
            None => same_hash.push(row),
        }
    }
    let distinct = table.rows() - duplicates.len();
    if table.rows() < NATURAL * distinct {
        for (first, row) in duplicates {
            sets.unite(first, row);
        }
    }
}

/// Units by the classes of their rows, in the order of the classes' names. A unit of several classes counts as its
/// first row's.
fn strata(table: &Table, problem: &Problem, units: Vec<Unit>) -> Vec<Vec<Unit>> {
    let mut strata: std::collections::BTreeMap<Vec<String>, Vec<Unit>> = Default::default();
    for unit in units {
        let classes = problem
            .targets
            .iter()
            .filter_map(|target| match target.task {
                TargetTask::Binary(labels) | TargetTask::Multiclass(labels) => {
                    Some(key(labels, table.columns()[target.column].get(unit[0]).trim()))
                }
                TargetTask::Regression => None,
            })
            .collect();
        strata.entry(classes).or_default().push(unit);
    }
    strata.into_values().collect()
}

fn by_chance(table: &Table, mut strata: Vec<Vec<Unit>>, options: &SplitOptions, seed: u64) -> Result<Split> {
    let mut generator = SplitMix64::new(seed);
    for stratum in &mut strata {
        generator.shuffle(stratum);
    }
    let test = draw(&mut strata, options.test);
    let validation = draw(&mut strata, options.validation);
    let train: Vec<usize> = strata.into_iter().flatten().flatten().collect();
    let split = Split { train, validation, test };
    check_parts(table, &split, options)?;
    Ok(split)
}

/// Takes a share of the rows out of the strata, in each as near to the share as whole units and whole rows allow, and never a stratum's
/// last unit.
fn draw(strata: &mut [Vec<Unit>], share: f64) -> Vec<usize> {
    if share == 0.0 {
        return Vec::new();
    }
    let sizes: Vec<usize> = strata.iter().map(|s| s.iter().map(Vec::len).sum()).collect();
    let quotas = quotas(&sizes, share);
    let mut drawn = Vec::new();
    for (stratum, quota) in strata.iter_mut().zip(quotas) {
        let mut left = quota;
        let mut kept = Vec::new();
        let mut remaining = stratum.len();
        for unit in std::mem::take(stratum) {
            let last = remaining == 1 && kept.is_empty();
            remaining -= 1;
            if unit.len() <= left && !last {
                left -= unit.len();
                drawn.extend(unit);
            } else {
                kept.push(unit);
            }
        }
        *stratum = kept;
    }
    // Small strata or large units may leave nothing: then one unit goes, the smallest of a stratum that can spare it.
    if drawn.is_empty() {
        let spare =
            strata.iter_mut().filter(|s| s.len() > 1).max_by_key(|s| s.iter().map(Vec::len).sum::<usize>());
        if let Some(stratum) = spare
            && let Some(smallest) = (0..stratum.len()).min_by_key(|&i| stratum[i].len())
        {
            drawn = stratum.remove(smallest);
        }
    }
    drawn
}

/// How many rows of each stratum make up the share, by largest remainders: their sum is the share of all rows, rounded.
fn quotas(sizes: &[usize], share: f64) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let exact: Vec<f64> = sizes.iter().map(|&n| n as f64 * share).collect();
    let mut quotas: Vec<usize> = exact.iter().map(|&x| x as usize).collect();
    let wanted = (total as f64 * share).round() as usize;
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let short = wanted.saturating_sub(quotas.iter().sum());
    for &stratum in order.iter().take(short) {
        quotas[stratum] += 1;
    }
    quotas
}

fn by_time(table: &Table, problem: &Problem, column: usize, options: &SplitOptions) -> Result<Split> {
    let rows: Vec<usize> = (0..table.rows()).collect();
    let markers = Markers::new(problem.missing(table.columns()[column].name()));
    let mut times = Vec::with_capacity(rows.len());
    for (row, cell) in table.columns()[column].iter().enumerate() {
        let time = markers.present(cell).and_then(|cell| match value::number(cell) {
            Number::Finite(x) => Some(x),
            Number::Infinite | Number::Text => value::date_time(cell).map(value::days),
        });
        match time {
            Some(time) => times.push(time),
            None => return Err(Error::NotADate { place: table.place(row, column), cell: excerpt(cell) }),
        }
    }
    let mut order = rows;
    order.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
    // Rows of one time, in time's order; equal rows have equal times.
    let mut moments: Vec<Unit> = Vec::new();
    for row in order {
        match moments.last_mut() {
            Some(moment) if times[moment[0]] == times[row] => moment.push(row),
            _ => moments.push(vec![row]),
        }
    }
    let mut latest = |share: f64| -> Vec<usize> {
        let total: usize = moments.iter().map(Vec::len).sum();
        let wanted = (total as f64 * share).round() as usize;
        let mut part: Vec<usize> = Vec::new();
        while share > 0.0 && moments.len() > 1 {
            let next = moments[moments.len() - 1].len();
            if !part.is_empty() && part.len() + next > wanted {
                break;
            }
            part.extend(moments.pop().unwrap_or_default());
        }
        part
    };
    let test = latest(options.test);
    let validation = latest(options.validation);
    let split = Split { train: moments.concat(), validation, test };
    check_parts(table, &split, options)?;
    Ok(split)
}

fn check_parts(table: &Table, split: &Split, options: &SplitOptions) -> Result<()> {
    let parts = [
        ("training", true, &split.train),
        ("validation", options.validation > 0.0, &split.validation),
        ("test", options.test > 0.0, &split.test),
    ];
    match parts.iter().find(|(_, wanted, rows)| *wanted && rows.is_empty()) {
        Some((part, ..)) => {
            Err(fail(table, format!("{} rows are too few to split: no row is left for {part}", table.rows())))
        }
        None => Ok(()),
    }
}

fn fail(table: &Table, problem: String) -> Error {
    Error::Split { source_name: table.source().to_owned(), problem }
}

/// Union-find with halving of paths; the smallest row is the root.
struct DisjointSets {
    parents: Vec<usize>,
}

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self { parents: (0..count).collect() }
    }

    fn root(&mut self, mut item: usize) -> usize {
        while self.parents[item] != item {
            self.parents[item] = self.parents[self.parents[item]];
            item = self.parents[item];
        }
        item
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}
