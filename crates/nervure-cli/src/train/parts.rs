//! The rows of a run: what trains, what validates, what tests.

use nervure_data::datasets::Builtin;
use nervure_data::{
    Encoded, Problem, Schema, SchemaOptions, Split, SplitOptions, Table, TargetValues, TaskChoice,
};
use nervure_nn::{Dataset, Model};

use crate::failure::{Failure, Result};
use crate::recipe;
use crate::settings::Settings;
use crate::source::Source;

/// The rows of a run, with the schema that was fitted on those that train.
#[derive(Debug)]
pub struct Parts {
    /// What DATA was called.
    pub name: String,
    /// The table that was split.
    pub table: Table,
    /// The built-in set that it is.
    pub builtin: Option<&'static Builtin>,
    /// Whether the target was told, or is the last column.
    pub target_told: bool,
    /// How raw columns become tensors.
    pub schema: Schema,
    /// Rows to fit on.
    pub train: Part,
    /// Rows to choose the best epoch by.
    pub validation: Option<Part>,
    /// Rows to be looked at once.
    pub test: Option<Part>,
}

/// Encoded rows with their targets.
#[derive(Debug)]
pub struct Part {
    /// Their places in their table.
    pub places: Vec<usize>,
    /// The features.
    pub encoded: Encoded,
    /// The targets, in the order of [`Schema::outputs`].
    pub targets: Vec<TargetValues>,
}

impl Parts {
    /// Reads, splits and encodes.
    pub fn read(settings: &Settings) -> Result<Parts> {
        let name = settings.data.clone().unwrap_or_else(|| "diabetes".into());
        let Source { table, builtin, .. } = Source::read(&name)?;
        let options = options(settings, builtin)?;
        let problem = Problem::new(&table, &options)?;
        let share = |given: Option<f64>, data: &Option<String>| {
            if data.is_some() { 0.0 } else { given.unwrap_or(0.2) }
        };
        let shares = SplitOptions {
            test: share(settings.test_split, &settings.test_data),
            validation: share(settings.validation_split, &settings.validation_data),
            method: settings.split.as_ref().map(|s| s.method.clone()),
        };
        for (flag, share) in [("validation-split", shares.validation), ("test-split", shares.test)] {
            if !(0.0..1.0).contains(&share) {
                let message = format!("--{flag}: expected at least 0 and below 1, received {share}");
                return Err(Failure::usage(message, "0.2 is a fifth of the rows"));
            }
        }
        let split = Split::new(&table, &problem, &shares, settings.seed.unwrap_or(42))?;
        let schema = Schema::fit(&table, &problem, &split)?;
        let part = |places: Vec<usize>| Part::new(&schema, &table, places);
        let other = |data: &Option<String>, places: Vec<usize>| match data {
            Some(data) => {
                let table = Source::read(data)?.table;
                Part::new(&schema, &table, (0..table.rows()).collect()).map(Some)
            }
            None if places.is_empty() => Ok(None),
            None => part(places).map(Some),
        };
        let train = part(split.train)?;
        let validation = other(&settings.validation_data, split.validation)?;
        let test = other(&settings.test_data, split.test)?;
        let target_told = !settings.target.is_empty();
        Ok(Parts { name, table, builtin, target_told, schema, train, validation, test })
    }

    /// All parts that there are, under their names.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        let some = [
            ("train", Some(&self.train)),
            ("validation", self.validation.as_ref()),
            ("test", self.test.as_ref()),
        ];
        some.into_iter().filter_map(|(name, part)| Some((name, part?)))
    }
}

impl Part {
    fn new(schema: &Schema, table: &Table, places: Vec<usize>) -> Result<Part> {
        let encoded = schema.encode_rows(table, &places)?;
        let targets = schema.encode_targets(table, &places)?;
        Ok(Part { places, encoded, targets })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// The rows as the network takes them.
    pub fn dataset(&self, schema: &Schema, model: &Model, settings: &Settings) -> Result<Dataset> {
        recipe::dataset(schema, &self.encoded, &self.targets, model, settings)
    }

    /// The classes of the only target.
    pub fn classes(&self) -> Vec<i32> {
        match self.targets.first() {
            Some(TargetValues::Class(classes)) => classes.to_vec(),
            Some(TargetValues::Float(values)) => values.iter().map(|&v| v as i32).collect(),
            None => Vec::new(),
        }
    }
}

fn options(settings: &Settings, builtin: Option<&'static Builtin>) -> Result<SchemaOptions> {
    let mut options = builtin.map_or_else(SchemaOptions::default, Builtin::options);
    if !settings.target.is_empty() && settings.target != options.targets {
        options.targets = settings.target.clone();
        options.task = TaskChoice::Auto;
    }
    if !settings.features.is_empty() {
        options.features = Some(settings.features.clone());
    }
    options.drop = settings.drop.clone();
    if let Some(task) = settings.task {
        options.task = task.into();
    }
    for pair in &settings.missing {
        options.missing.entry(pair.column.clone()).or_default().push(pair.word.clone());
    }
    options.kinds.extend(settings.kinds()?);
    Ok(options)
}
