//! `nervure evaluate`: the metrics on labelled rows.

use std::path::PathBuf;

use clap::Args;
use nervure_artifact::Artifact;
use nervure_data::{Encoded, Schema, TargetValues};
use nervure_nn::network::Network;
use nervure_nn::{Model, Seed};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};
use crate::score::{Scores, score};
use crate::settings::Settings;
use crate::source::Source;
use crate::style::{count, number, table};
use crate::train::EVALUATE;
use crate::{Answering, model, output, recipe};

/// Tell how good a model is on labelled rows
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure evaluate model.nervure diabetes
  nervure evaluate model.nervure labelled.csv --json")]
pub struct EvaluateArgs {
    /// A .nervure file
    model: PathBuf,

    /// A .csv or .tsv file with the target's column, `-` for CSV on stdin, or a built-in set
    data: String,

    #[command(flatten)]
    common: Answering,
}

impl EvaluateArgs {
    /// Evaluates.
    pub fn run(self) -> Result<()> {
        let common = &self.common.common;
        let artifact = model::load(&self.model)?.with_threads(common.threads());
        let schema = model::schema(&artifact, &self.model)?;
        let Source { table: rows, .. } = Source::read(&self.data)?;
        let places: Vec<usize> = (0..rows.rows()).collect();
        let (encoded, targets) = (schema.encode(&rows)?, schema.encode_targets(&rows, &places)?);
        let mut scores = loss(&artifact, schema, &encoded, &targets)?;
        scores.extend(score(schema, &artifact.predict_encoded(&encoded)?, &targets));
        if common.json {
            let metrics: Map<String, Value> = scores.iter().map(|(n, v)| (n.clone(), (*v).into())).collect();
            let object = json!({
                "model": self.model.display().to_string(),
                "task": artifact.metadata().task,
                "rows": rows.rows(),
                "metrics": metrics,
            });
            return output::line(&object.to_string());
        }
        let mut lines = vec![vec!["rows".to_owned(), count(rows.rows())]];
        lines.extend(scores.iter().map(|(name, value)| vec![name.clone(), number(*value)]));
        output::text(&table(&lines))
    }
}

/// The loss as it was trained, penalties included.
fn loss(artifact: &Artifact, schema: &Schema, rows: &Encoded, targets: &[TargetValues]) -> Result<Scores> {
    let broken =
        |e: &dyn std::fmt::Display| Failure::new(format!("the model's layers: {e}"), "train it anew");
    let network: Network = serde_json::from_value(artifact.layers().clone()).map_err(|e| broken(&e))?;
    let settings: Settings =
        serde_json::from_value(artifact.metadata().settings.clone()).map_err(|e| broken(&e))?;
    let mut model: Model = network.build(Seed(0)).map_err(|e| broken(&e))?;
    for (path, weight) in artifact.network().weights().iter() {
        model.set_weight(path, weight.clone()).map_err(|e| broken(&e))?;
    }
    let data = recipe::dataset(schema, rows, targets, &model, &settings)?;
    let logs = model.evaluate(&data, &recipe::training(schema, &settings)?, EVALUATE)?;
    Ok(logs.get("loss").map(|loss| ("loss".to_owned(), loss)).into_iter().collect())
}
