//! The settings of a training run: one definition for flags, the TOML file and what artifacts remember.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use nervure_data::{Kind, SplitMethod, TaskChoice};
use nervure_nn::Object;
use nervure_nn::activations::Activation;
use nervure_nn::layers::Layer;
use nervure_nn::losses::Loss;
use nervure_nn::optimizers::Optimizer;
use nervure_nn::word::Family;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::failure::{Failure, Result};

/// What is said of a run. What is left out is chosen by the task and the data.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// A .csv or .tsv file, `-` for CSV on stdin, or a built-in set [default: diabetes]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,

    /// Column to predict; several share one network [default: the last column]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = "Data")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,

    /// Columns to learn from [default: all but the targets]
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Data")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,

    /// Columns to leave out
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Data")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,

    /// What kind of prediction [default: auto, told from the target's values]
    #[arg(long, value_enum, value_name = "TASK", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskName>,

    /// A text that stands for a missing value in a column; may be repeated
    #[arg(long, value_name = "COLUMN=TEXT", help_heading = "Data")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Pair>,

    /// What a column holds, where it is not to be told from its cells: number, category, boolean, date_time, identifier; may be repeated
    #[arg(long, value_name = "COLUMN=KIND", help_heading = "Data")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<Pair>,

    /// Share of the rows that are not test rows to choose the best epoch by [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = finite, conflicts_with = "validation_data", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_split: Option<f64>,

    /// Rows to choose the best epoch by, from another file
    #[arg(long, value_name = "DATA", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_data: Option<String>,

    /// Share of the rows that are looked at once, at the end [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = finite, conflicts_with = "test_data", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_split: Option<f64>,

    /// Rows that are looked at once, at the end, from another file
    #[arg(long, value_name = "DATA", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<String>,

    /// random, stratified, group:COLUMN (its rows stay together) or time:COLUMN (the latest rows are test rows) [default: stratified for
    /// classes, random for numbers]
    #[arg(long, value_name = "HOW", help_heading = "Data")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitName>,

    /// Hidden layers' units, such as 64,32; `none` for a linear model [default: 64,32]. The --config file may hold whole layers
    #[arg(long, value_name = "UNITS", help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,

    /// Activation of the hidden layers [default: selu]
    #[arg(long, value_name = "NAME", value_parser = named::<dyn Activation>, help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Object<dyn Activation>>,

    /// Share of the hidden units that each step leaves out [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = finite, help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,

    /// Factor of the squares of all kernels' weights in the loss
    #[arg(long, value_name = "FACTOR", value_parser = finite, help_heading = "Network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2: Option<f64>,

    /// Loss [default: by the task]
    #[arg(long, value_name = "NAME", value_parser = named::<dyn Loss>, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Object<dyn Loss>>,

    /// Optimizer [default: adamw with a weight decay of 0.1]
    #[arg(long, value_name = "NAME", value_parser = named::<dyn Optimizer>, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Object<dyn Optimizer>>,

    /// Learning rate [default: 0.002; of a named optimizer its own]
    #[arg(long, value_name = "RATE", value_parser = finite, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,

    /// Epochs at most [default: 200, without validation rows 50]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,

    /// Rows of a step [default: 32, of 10,000 rows or more 256]
    #[arg(long, value_name = "ROWS", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,

    /// Epochs without a better validation loss after which training stops; the best epoch's weights are kept [default: 20]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,

    /// `balanced`: every class counts alike in the loss, however rare
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,

    /// Keep the rows in their order instead of shuffling them each epoch
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_shuffle: bool,

    /// What every random choice follows from [default: 42]
    #[arg(long, value_name = "N", help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Where the model goes [default: model.nervure]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,

    /// A file that gets a JSON object for each epoch
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Output")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<PathBuf>,

    /// One for each batch, too
    #[arg(long, help_heading = "Output")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub history_batches: bool,
}

/// `--task`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskName {
    /// Told from the target's values.
    Auto,
    /// Two classes.
    Binary,
    /// Several classes.
    Multiclass,
    /// A number.
    Regression,
}

impl From<TaskName> for TaskChoice {
    fn from(name: TaskName) -> TaskChoice {
        match name {
            TaskName::Auto => TaskChoice::Auto,
            TaskName::Binary => TaskChoice::Binary,
            TaskName::Multiclass => TaskChoice::Multiclass,
            TaskName::Regression => TaskChoice::Regression,
        }
    }
}

/// `--class-weight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeight {
    /// rows / (classes × rows of its class).
    Balanced,
}

/// The hidden layers: units of dense ones, or layers as a file has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Layers {
    /// Dense layers.
    Units(Vec<usize>),
    /// Any layers, applied one after the other.
    Words(Vec<Object<dyn Layer>>),
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Layers, D::Error> {
        // By hand, so that a layer that cannot be read says why.
        let items: Vec<Value> = Vec::deserialize(deserializer)?;
        if let Some(units) = items.iter().map(|v| v.as_u64().filter(|&n| n > 0)).collect::<Option<Vec<u64>>>()
        {
            return Ok(Layers::Units(units.into_iter().map(|n| n as usize).collect()));
        }
        let words = items.into_iter().map(Object::<dyn Layer>::deserialize).collect::<Result<_, _>>();
        words.map(Layers::Words).map_err(D::Error::custom)
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Layers, String> {
        if text == "none" {
            return Ok(Layers::Units(Vec::new()));
        }
        let units = |part: &str| part.trim().parse().ok().filter(|&n: &usize| n > 0);
        let layers: Option<Vec<usize>> = text.split(',').map(units).collect();
        layers
            .map(Layers::Units)
            .ok_or_else(|| format!("expected units such as 64,32 or none, received '{text}'"))
    }
}

/// `COLUMN=WORD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pair {
    /// Before the first `=`.
    pub column: String,
    /// Behind it.
    pub word: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Pair, String> {
        match text.split_once('=') {
            Some((column, word)) if !column.is_empty() => {
                Ok(Pair { column: column.into(), word: word.into() })
            }
            _ => Err(format!("expected COLUMN=WORD, received '{text}'")),
        }
    }
}

impl TryFrom<String> for Pair {
    type Error = String;

    fn try_from(text: String) -> Result<Pair, String> {
        text.parse()
    }
}

impl From<Pair> for String {
    fn from(pair: Pair) -> String {
        format!("{}={}", pair.column, pair.word)
    }
}

/// `--split`, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SplitName {
    text: String,
    /// What it says.
    pub method: SplitMethod,
}

impl FromStr for SplitName {
    type Err = String;

    fn from_str(text: &str) -> Result<SplitName, String> {
        Ok(SplitName { text: text.into(), method: text.parse()? })
    }
}

impl TryFrom<String> for SplitName {
    type Error = String;

    fn try_from(text: String) -> Result<SplitName, String> {
        text.parse()
    }
}

impl From<SplitName> for String {
    fn from(name: SplitName) -> String {
        name.text
    }
}

impl Settings {
    /// These settings over those of a TOML file, key by key.
    pub fn over_file(self, path: &Path) -> Result<Settings> {
        let wrong = |reason: String| {
            let help = "the keys are the flags' names without the dashes; layers may be a list of { class_name, config }";
            Failure::usage(format!("{}: {reason}", path.display()), help)
        };
        let text = read_config(path)?;
        let file: Settings = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(1, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            wrong(format!("line {line}: {}", e.message().replace('\n', ", ")))
        })?;
        if let Some((key, number)) = toml::from_str(&text).ok().and_then(|t| infinite(&toml::Value::Table(t)))
        {
            return Err(wrong(format!("{key}: expected a finite number, received {number}")));
        }
        let mut merged = file.entries();
        let own = self.entries();
        // A flag goes before its rival in the file, too.
        for (a, b) in [("validation-split", "validation-data"), ("test-split", "test-data")] {
            for (mine, other) in [(a, b), (b, a)] {
                if own.contains_key(mine) {
                    merged.remove(other);
                }
            }
            if merged.contains_key(a) && merged.contains_key(b) {
                return Err(wrong(format!("expected {a} or {b}, received both")));
            }
        }
        merged.extend(own);
        serde_json::from_value(Value::Object(merged)).map_err(|e| wrong(e.to_string()))
    }

    /// What was said, by name.
    pub fn entries(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(entries)) => entries,
            Ok(_) | Err(_) => Map::new(),
        }
    }

    /// What decides the weights beside the data: other files to write to, or another path to the same data, do not.
    pub fn identity(&self) -> Map<String, Value> {
        let mut entries = self.entries();
        for name in ["out", "history", "history-batches", "data", "validation-data", "test-data"] {
            entries.remove(name);
        }
        entries
    }

    /// The kinds of columns that were named.
    pub fn kinds(&self) -> Result<Vec<(String, Kind)>> {
        let kind = |pair: &Pair| {
            let kind = serde_json::from_value(Value::String(pair.word.clone())).map_err(|_| {
                let message = format!("--kind {}={}: there is no such kind", pair.column, pair.word);
                Failure::usage(message, "the kinds are number, category, boolean, date_time and identifier")
            })?;
            Ok((pair.column.clone(), kind))
        };
        self.kind.iter().map(kind).collect()
    }
}

/// The text of a file of settings. What has no end, such as a device, is no such file.
fn read_config(path: &Path) -> Result<String> {
    const MOST: u64 = 16 << 20;
    let io = |e: std::io::Error| Failure::file(path.display(), &e);
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MOST + 1).read_to_end(&mut bytes).map_err(io)?;
    let wrong =
        |what: &str| Failure::new(format!("{}: {what}", path.display()), "give a TOML file of settings");
    if bytes.len() as u64 > MOST {
        return Err(wrong(&format!("settings are limited to {MOST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| wrong("expected UTF-8 text"))
}

/// The first number of a file that is not finite, with its key.
fn infinite(value: &toml::Value) -> Option<(String, f64)> {
    let within = |key: &str, value| {
        infinite(value).map(|(rest, x)| (format!("{key}.{rest}").trim_end_matches('.').to_owned(), x))
    };
    match value {
        toml::Value::Float(x) if !x.is_finite() => Some((String::new(), *x)),
        toml::Value::Array(items) => items.iter().find_map(infinite),
        toml::Value::Table(table) => table.iter().find_map(|(key, value)| within(key, value)),
        toml::Value::Float(_)
        | toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => None,
    }
}

/// A number of a flag: JSON, in which settings are kept, has no word for others.
fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x: &f64| x.is_finite());
    number.ok_or_else(|| "expected a finite number".into())
}

/// A word of a family by its name.
fn named<F: Family + ?Sized>(name: &str) -> Result<Object<F>, String> {
    Object::named(name).map_err(|e| e.to_string())
}
