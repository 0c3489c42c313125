//! The built-in data sets.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::kind::Kind;
use crate::problem::{SchemaOptions, TaskChoice};
use crate::read::Delimiter;
use crate::scaling::Scaling;
use crate::table::Table;

/// A data set that is part of the library, with what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Its text, as CSV.
    pub csv: &'static str,
    /// What is predicted.
    pub task: TaskChoice,
    /// The column to predict.
    pub target: &'static str,
    /// How many rows it has.
    pub rows: usize,
    /// What it is about.
    pub description: &'static str,
    /// Where it comes from.
    pub origin: &'static str,
    /// Its licence.
    pub licence: &'static str,
    /// Columns in which a text stands for a missing value.
    pub missing: &'static [(&'static str, &'static str)],
    /// Height, width and channels, where all features are the pixels of an image in this order.
    pub image: Option<(usize, usize, usize)>,
    /// How its numbers are scaled.
    pub scaling: Scaling,
}

impl Builtin {
    /// The rows.
    ///
    /// # Errors
    /// None: the sets are tested.
    pub fn table(&self) -> Result<Table> {
        Table::from_reader(self.name, self.csv.as_bytes(), Delimiter::Comma)
    }

    /// The options that suit it.
    pub fn options(&self) -> SchemaOptions {
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (column, marker) in self.missing {
            missing.entry((*column).to_owned()).or_default().push((*marker).to_owned());
        }
        // An image keeps all its pixels, also those that are one colour everywhere.
        let pixels = self.csv.lines().next().filter(|_| self.image.is_some()).unwrap_or_default();
        let kinds = pixels
            .split(',')
            .filter(|c| !c.is_empty() && *c != self.target)
            .map(|c| (c.to_owned(), Kind::Number));
        SchemaOptions {
            targets: vec![self.target.to_owned()],
            task: self.task,
            missing,
            kinds: kinds.collect(),
            scaling: self.scaling,
            ..SchemaOptions::default()
        }
    }
}

/// All built-in sets.
pub fn all() -> &'static [Builtin] {
    &BUILTIN
}

/// The built-in set of this name.
pub fn get(name: &str) -> Option<&'static Builtin> {
    BUILTIN.iter().find(|set| set.name == name)
}

static BUILTIN: [Builtin; 4] = [
    Builtin {
        name: "diabetes",
        csv: include_str!("../data/diabetes.csv"),
        task: TaskChoice::Binary,
        target: "outcome",
        rows: 768,
        description: "Diabetes within five years, from eight measurements of women of Pima heritage",
        origin: "Pima Indians Diabetes, NIDDK, by way of UCI and KEEL",
        licence: "CC0",
        missing: &[
            ("glucose", "0"),
            ("blood_pressure", "0"),
            ("skin_thickness", "0"),
            ("insulin", "0"),
            ("bmi", "0"),
        ],
        image: None,
        scaling: Scaling::Standard,
    },
    Builtin {
        name: "digits",
        csv: include_str!("../data/digits.csv"),
        task: TaskChoice::Multiclass,
        target: "digit",
        rows: 1797,
        description: "Handwritten digits as images of 8 by 8 pixels, 0 to 16",
        origin: "Optical Recognition of Handwritten Digits, test set, UCI",
        licence: "CC BY 4.0",
        missing: &[],
        image: Some((8, 8, 1)),
        scaling: Scaling::Rescale { scale: 1.0 / 16.0, offset: 0.0 },
    },
    Builtin {
        name: "iris",
        csv: include_str!("../data/iris.csv"),
        task: TaskChoice::Multiclass,
        target: "species",
        rows: 150,
        description: "Species of iris from the lengths and widths of sepals and petals",
        origin: "R. A. Fisher 1936, by way of UCI",
        licence: "CC BY 4.0",
        missing: &[],
        image: None,
        scaling: Scaling::Standard,
    },
    Builtin {
        name: "wine_quality",
        csv: include_str!("../data/wine_quality.csv"),
        task: TaskChoice::Regression,
        target: "quality",
        rows: 1599,
        description: "Tasters' grades of red wines from eleven chemical measurements",
        origin: "Cortez et al. 2009, red wine, UCI",
        licence: "CC BY 4.0",
        missing: &[],
        image: None,
        scaling: Scaling::Standard,
    },
];
