//! What is to be learned from which columns: options, and what they mean for a table.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, excerpt};
use crate::kind::{self, Kind, Profile};
use crate::scaling::Scaling;
use crate::table::Table;
use crate::target::{self, Labels, Task};
use crate::value::{self, Markers};

/// What the user says about a table; all of it can be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaOptions {
    /// The columns to predict. Default: the last column.
    pub targets: Vec<String>,
    /// The columns to learn from. Default: all but the targets.
    pub features: Option<Vec<String>>,
    /// Columns to leave out.
    pub drop: Vec<String>,
    /// What kind of prediction. Default: told from the targets, see [`Problem::new`].
    pub task: TaskChoice,
    /// By column, texts that stand for a missing value there besides [`crate::MISSING`]. One that is a number stands for
    /// that number however it is written.
    pub missing: BTreeMap<String, Vec<String>>,
    /// How numbers are scaled.
    pub scaling: Scaling,
    /// By column, its kind where it is not to be told from the cells. The kinds that are left out leave the column out.
    pub kinds: BTreeMap<String, Kind>,
    /// Up to so many categories a column is encoded one-hot, with more as an index for an embedding. Default: 9.
    pub one_hot_max: usize,
}

impl Default for SchemaOptions {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            features: None,
            drop: Vec::new(),
            task: TaskChoice::Auto,
            missing: BTreeMap::new(),
            scaling: Scaling::default(),
            kinds: BTreeMap::new(),
            one_hot_max: 9,
        }
    }
}

/// The task as the user names it; it holds for every target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskChoice {
    /// Told from each target's values.
    #[default]
    Auto,
    /// Two classes.
    Binary,
    /// Several classes.
    Multiclass,
    /// A number.
    Regression,
}

impl FromStr for TaskChoice {
    type Err = String;

    /// Reads `auto`, `binary`, `multiclass` or `regression`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(TaskChoice::Auto),
            "binary" => Ok(TaskChoice::Binary),
            "multiclass" => Ok(TaskChoice::Multiclass),
            "regression" => Ok(TaskChoice::Regression),
            _ => {
                Err(format!("expected auto, binary, multiclass or regression, received '{}'", excerpt(text)))
            }
        }
    }
}

/// A table's targets, tasks and possible features: what a split needs to know, before anything is fitted.
///
/// It looks at all rows, but only at the targets' values, to tell what they are. What is learned from values is learned by
/// [`crate::Schema::fit`], from training rows alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub(crate) options: SchemaOptions,
    pub(crate) targets: Vec<TargetColumn>,
    pub(crate) roles: Vec<ColumnRole>,
}

/// What a column may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnRole {
    Target(usize),
    Candidate,
    LeftOut(&'static str),
}

/// A target before its classes or scale are fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TargetColumn {
    pub(crate) column: usize,
    pub(crate) name: String,
    pub(crate) task: TargetTask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetTask {
    Binary(Labels),
    Multiclass(Labels),
    Regression,
}

/// Most distinct whole numbers that are still taken for classes.
const NUMERIC_CLASSES: usize = 10;
/// Rows that each of them needs.
const NUMERIC_CLASS_ROWS: usize = 20;

impl Problem {
    /// Finds the targets and what kind of prediction each is.
    ///
    /// Left to itself (`auto`), a target of text or booleans is classes: two are `binary`, more are `multiclass`. A target of
    /// numbers with exactly two values is `binary`. Whole numbers from 0 to k−1 or from 1 to k without a gap, k ≤ 10, each in at
    /// least 20 rows, are `multiclass` (they number classes). All other numbers are `regression`; so grades from 3 to 8 are.
    ///
    /// # Errors
    /// Unknown columns, options that contradict each other, a target with missing values (naming the first), with one value
    /// only, of dates or free text, or one that does not fit the task asked for.
    pub fn new(table: &Table, options: &SchemaOptions) -> Result<Self> {
        let mut options = options.clone();
        if options.targets.is_empty() {
            let last = table
                .columns()
                .last()
                .ok_or_else(|| Error::Empty { source_name: table.source().to_owned() })?;
            options.targets.push(last.name().to_owned());
        }
        let roles = roles(table, &options)?;
        let targets = options
            .targets
            .iter()
            .map(|name| {
                let column = table.column_index(name).ok_or_else(|| table.unknown_column(name))?;
                let missing = options.missing.get(name).map_or(&[][..], Vec::as_slice);
                let task = target_task(table, column, missing, options.task)?;
                Ok(TargetColumn { column, name: name.clone(), task })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { options, targets, roles })
    }

    /// The targets' names.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|t| t.name.as_str())
    }

    /// The task over all targets.
    pub fn task(&self) -> Task {
        let tasks: Vec<Task> = self.targets.iter().map(|t| t.task.task()).collect();
        overall(&tasks)
    }

    pub(crate) fn missing(&self, column: &str) -> &[String] {
        self.options.missing.get(column).map_or(&[], Vec::as_slice)
    }

    /// The columns that may become features.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = usize> {
        self.roles.iter().enumerate().filter(|(_, r)| **r == ColumnRole::Candidate).map(|(i, _)| i)
    }
}

impl TargetTask {
    pub(crate) fn task(self) -> Task {
        match self {
            TargetTask::Binary(_) => Task::Binary,
            TargetTask::Multiclass(_) => Task::Multiclass,
            TargetTask::Regression => Task::Regression,
        }
    }
}

/// The task of several targets.
pub(crate) fn overall(tasks: &[Task]) -> Task {
    match tasks {
        [one] => *one,
        all if all.iter().all(|&t| t == Task::Binary) => Task::Multilabel,
        all if all.iter().all(|&t| t == Task::Regression) => Task::Regression,
        _ => Task::Mixed,
    }
}

fn roles(table: &Table, options: &SchemaOptions) -> Result<Vec<ColumnRole>> {
    let index = table.index_by_name();
    let find = |name: &String| index.get(name.as_str()).copied().ok_or_else(|| table.unknown_column(name));
    let clash =
        |name: &str, problem: &str| Error::Options { column: name.to_owned(), problem: problem.to_owned() };
    let mut roles = match &options.features {
        None => vec![ColumnRole::Candidate; table.columns().len()],
        Some(features) => {
            let mut roles =
                vec![ColumnRole::LeftOut("it is not among the features asked for"); table.columns().len()];
            for name in features {
                roles[find(name)?] = ColumnRole::Candidate;
            }
            roles
        }
    };
    for name in &options.drop {
        let column = find(name)?;
        if options.features.as_ref().is_some_and(|f| f.contains(name)) {
            return Err(clash(name, "it is both a feature asked for and dropped"));
        }
        roles[column] = ColumnRole::LeftOut("it is dropped as asked");
    }
    let mut seen = HashSet::new();
    for (i, name) in options.targets.iter().enumerate() {
        let column = find(name)?;
        if !seen.insert(name) {
            return Err(clash(name, "it is a target twice"));
        }
        if options.drop.contains(name) {
            return Err(clash(name, "it is both a target and dropped"));
        }
        if options.features.as_ref().is_some_and(|f| f.contains(name)) {
            return Err(clash(name, "it is both a target and a feature"));
        }
        roles[column] = ColumnRole::Target(i);
    }
    options.missing.keys().chain(options.kinds.keys()).try_for_each(|name| find(name).map(drop))?;
    Ok(roles)
}

fn target_task(table: &Table, column: usize, missing: &[String], choice: TaskChoice) -> Result<TargetTask> {
    let cells = &table.columns()[column];
    let markers = Markers::new(missing);
    let rows: Vec<usize> = (0..table.rows()).collect();
    let absent: Vec<usize> =
        rows.iter().copied().filter(|&row| markers.present(cells.get(row)).is_none()).collect();
    if let Some(&first) = absent.first() {
        return Err(Error::MissingTarget { place: table.place(first, column), count: absent.len() });
    }
    let profile = Profile::new(cells, &rows, &markers);
    let fail = |task, reason: String| {
        Err(Error::TargetTask {
            source_name: table.source().to_owned(),
            column: cells.name().to_owned(),
            task,
            reason,
        })
    };
    let labels = if profile.all_numbers() {
        Labels::Number
    } else if profile.booleans == profile.present {
        Labels::Boolean
    } else {
        Labels::Text
    };
    let mut classes: Vec<(String, usize)> = Vec::new();
    // Classes are counted only where there can be few of them: a regression's values are not.
    if choice != TaskChoice::Regression {
        let mut counts = HashMap::new();
        for cell in kind::texts(cells, &rows, &markers).flatten() {
            *counts.entry(target::key(labels, cell)).or_insert(0) += 1;
        }
        classes.extend(counts);
        if classes.len() == 1 {
            return Err(one_class(table, column, profile.first, "all rows"));
        }
    }
    let count = classes.len();
    let multiclass = || match few_classes(count, table.rows()) {
        Ok(()) => Ok(TargetTask::Multiclass(labels)),
        Err(reason) => fail("multiclass", reason),
    };
    match choice {
        TaskChoice::Regression => {
            kind::numbers(table, column, &rows, &markers)?;
            if profile.low == profile.high {
                return Err(one_class(table, column, profile.first, "all rows"));
            }
            Ok(TargetTask::Regression)
        }
        TaskChoice::Binary if count == 2 => Ok(TargetTask::Binary(labels)),
        TaskChoice::Binary => fail("binary", format!("it has {count} distinct values, not 2")),
        TaskChoice::Multiclass => multiclass(),
        TaskChoice::Auto if count == 2 => Ok(TargetTask::Binary(labels)),
        TaskChoice::Auto if labels == Labels::Number => {
            let numbered = profile.whole
                && (profile.low == 0.0 || profile.low == 1.0)
                && profile.high - profile.low == (count - 1) as f64
                && count <= NUMERIC_CLASSES
                && classes.iter().all(|&(_, n)| n >= NUMERIC_CLASS_ROWS);
            Ok(if numbered { TargetTask::Multiclass(labels) } else { TargetTask::Regression })
        }
        TaskChoice::Auto => {
            let inferred = kind::infer_kind(table, column, &rows, missing)?;
            match inferred.kind {
                Kind::DateTime => fail("predicted", "it holds dates".into()),
                Kind::Identifier | Kind::Text => fail("predicted", inferred.reason),
                Kind::Number | Kind::Category | Kind::Boolean | Kind::Constant | Kind::Missing => {
                    multiclass()
                }
            }
        }
    }
}

/// Classes must recur for anything to be learned about them.
fn few_classes(count: usize, rows: usize) -> Result<(), String> {
    if count > 20 && count > rows / 2 {
        Err(format!("it has {count} distinct values in {rows} rows"))
    } else {
        Ok(())
    }
}

pub(crate) fn one_class(table: &Table, column: usize, value: &str, among: &'static str) -> Error {
    Error::OneClass {
        source_name: table.source().to_owned(),
        column: table.columns()[column].name().to_owned(),
        value: excerpt(value),
        among,
    }
}

/// The classes of a target column among some rows, in their order, each under its commonest spelling.
pub(crate) fn classes(
    table: &Table,
    column: usize,
    rows: &[usize],
    markers: &Markers<'_>,
    labels: Labels,
) -> Vec<String> {
    let mut found: BTreeMap<String, (usize, &str)> = BTreeMap::new();
    // In alphabetical order, so that of equally common spellings the first stays.
    for (text, count) in kind::counts(kind::texts(&table.columns()[column], rows, markers)) {
        let best = found.entry(target::key(labels, text)).or_insert((0, text));
        if count > best.0 {
            *best = (count, text);
        }
    }
    let mut classes: Vec<(String, String)> = found
        .into_iter()
        .map(|(key, (_, text))| {
            let name = if labels == Labels::Number { key.clone() } else { text.to_owned() };
            (key, name)
        })
        .collect();
    if labels == Labels::Number {
        let number = |(key, _): &(String, String)| match value::number(key) {
            value::Number::Finite(x) => x,
            value::Number::Infinite | value::Number::Text => f64::INFINITY,
        };
        classes.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    classes.into_iter().map(|(_, name)| name).collect()
}
