//! Targets: classes and values to predict.

use std::collections::HashMap;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::value;

/// What is to be predicted, over all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// Several targets of two classes each.
    Multilabel,
    /// One number, or several.
    Regression,
    /// Targets of different kinds: an output for each.
    Mixed,
}

impl Task {
    /// The task's name, as `--task` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Multilabel => "multilabel",
            Task::Regression => "regression",
            Task::Mixed => "mixed",
        }
    }
}

/// One target column: how its cells become numbers, and back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// Two classes, encoded 0 and 1.
    Binary {
        /// The column.
        name: String,
        /// How a cell is compared with the classes.
        labels: Labels,
        /// The negative and the positive class: the smaller and the larger number, `false` and `true`, else by the alphabet.
        classes: [String; 2],
    },
    /// Several classes, encoded by their place.
    Multiclass {
        /// The column.
        name: String,
        /// How a cell is compared with the classes.
        labels: Labels,
        /// The classes, by number or by the alphabet.
        classes: Vec<String>,
    },
    /// A number, encoded as (x − mean) / scale.
    Regression {
        /// The column.
        name: String,
        /// The training rows' mean.
        mean: f64,
        /// The training rows' standard deviation.
        scale: f64,
        /// The training rows' smallest value.
        min: f64,
        /// The training rows' largest value.
        max: f64,
    },
}

/// How a cell is compared with a class's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// By its text.
    Text,
    /// As a number: `1` and `1.0` are one class.
    Number,
    /// As a boolean: `yes` and `True` are one class.
    Boolean,
}

impl Target {
    /// The column's name.
    pub fn name(&self) -> &str {
        match self {
            Target::Binary { name, .. }
            | Target::Multiclass { name, .. }
            | Target::Regression { name, .. } => name,
        }
    }

    /// The classes in their order; none for regression.
    pub fn classes(&self) -> &[String] {
        match self {
            Target::Binary { classes, .. } => classes,
            Target::Multiclass { classes, .. } => classes,
            Target::Regression { .. } => &[],
        }
    }

    /// The task of this target alone.
    pub fn task(&self) -> Task {
        match self {
            Target::Binary { .. } => Task::Binary,
            Target::Multiclass { .. } => Task::Multiclass,
            Target::Regression { .. } => Task::Regression,
        }
    }

    /// A regression's value from the network's output: mean + scale · output. Classes have no value; the output is
    /// returned as it is.
    pub fn inverse(&self, output: f32) -> f64 {
        match self {
            Target::Regression { mean, scale, .. } => mean + scale * f64::from(output),
            Target::Binary { .. } | Target::Multiclass { .. } => f64::from(output),
        }
    }

    /// Finds classes by cells.
    pub(crate) fn lookup(&self) -> ClassLookup<'_> {
        let labels = match self {
            Target::Binary { labels, .. } | Target::Multiclass { labels, .. } => *labels,
            Target::Regression { .. } => Labels::Text,
        };
        ClassLookup::new(labels, self.classes())
    }
}

/// The network's output for one target, or for several of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetValues {
    /// Binary (0 or 1) and regression (standardised): rows × targets.
    Float(Array2<f32>),
    /// Multiclass: a class's place for each row.
    Class(Array1<i32>),
}

impl TargetValues {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match self {
            TargetValues::Float(values) => values.nrows(),
            TargetValues::Class(classes) => classes.len(),
        }
    }
}

/// Weights that make every class count alike: rows / (classes × rows of its class), by class. A class without rows
/// weighs nothing.
///
/// ```
/// let weights = nervure_data::balanced_class_weights(&[0, 0, 0, 1], 2);
/// assert_eq!(weights, [4.0 / (2.0 * 3.0), 4.0 / (2.0 * 1.0)]);
/// ```
pub fn balanced_class_weights(classes: &[i32], count: usize) -> Vec<f64> {
    let mut rows = vec![0usize; count];
    for &class in classes {
        if let Some(n) = usize::try_from(class).ok().and_then(|c| rows.get_mut(c)) {
            *n += 1;
        }
    }
    let total: usize = rows.iter().sum();
    rows.iter().map(|&n| if n == 0 { 0.0 } else { total as f64 / (count * n) as f64 }).collect()
}

/// Finds a class's place by a cell's text.
pub(crate) struct ClassLookup<'a> {
    labels: Labels,
    places: HashMap<String, i32>,
    classes: &'a [String],
}

impl<'a> ClassLookup<'a> {
    pub(crate) fn new(labels: Labels, classes: &'a [String]) -> Self {
        let places = classes.iter().enumerate().map(|(i, class)| (key(labels, class), i as i32)).collect();
        Self { labels, places, classes }
    }

    pub(crate) fn place(&self, cell: &str) -> Option<i32> {
        self.places.get(&key(self.labels, cell)).copied()
    }

    pub(crate) fn classes(&self) -> &'a [String] {
        self.classes
    }
}

/// What makes two cells one class.
pub(crate) fn key(labels: Labels, cell: &str) -> String {
    match labels {
        Labels::Text => cell.to_owned(),
        Labels::Number => match value::number(cell) {
            value::Number::Finite(x) => value::number_label(x),
            value::Number::Infinite | value::Number::Text => cell.to_owned(),
        },
        Labels::Boolean => match value::boolean(cell) {
            Some(b) => b.to_string(),
            None => cell.to_owned(),
        },
    }
}
