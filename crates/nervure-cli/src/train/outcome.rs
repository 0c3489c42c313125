//! What a run comes to: the model, its metrics, what they have to beat.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nervure_artifact::{Artifact, Examples, Metadata, OptimizerState};
use nervure_data::{Schema, Sketch, Table};
use nervure_exec::{Store, Threads};
use nervure_nn::{History, Model, Training};
use serde_json::{Map, Value, json};

use super::parts::{Part, Parts};
use crate::failure::{Failure, Result};
use crate::score::{Scores, score};
use crate::settings::Settings;
use crate::style::{self, bytes, count, counted, number, shell};
use crate::{Common, baseline, output};

/// Rows of a step when a model is evaluated: everywhere the same, so that sums are.
pub const EVALUATE: usize = 256;

/// Training rows that are recorded in the artifact, and their cells, at most.
const EXAMPLES: usize = 64;
const CELLS: usize = 100_000;

/// A trained model with what is known of it.
pub struct Outcome {
    /// What is saved.
    pub artifact: Artifact,
    parts: Vec<(&'static str, usize, Scores)>,
    baselines: Vec<(&'static str, Scores)>,
    epochs: usize,
    best: Option<usize>,
    parameters: usize,
}

impl Outcome {
    /// Puts the model into an artifact and lets that answer for all rows.
    pub fn new(
        parts: &Parts,
        settings: &Settings,
        model: &mut Model,
        training: &Training,
        history: &History,
        threads: Arc<Threads>,
    ) -> Result<Outcome> {
        let schema = &parts.schema;
        let artifact = artifact(parts, settings, model)?.with_threads(threads);
        let mut scored = Vec::new();
        for (name, part) in parts.all() {
            let rows = part.dataset(schema, model, settings)?;
            let mut scores = Scores::new();
            let logs = model.evaluate(&rows, training, EVALUATE)?;
            scores.extend(logs.get("loss").map(|loss| ("loss".to_owned(), loss)));
            scores.extend(score(schema, &artifact.predict_encoded(&part.encoded)?, &part.targets));
            scored.push((name, part.rows(), scores));
        }
        let of = |part: &'_ Part| (part.encoded.clone(), part.targets.clone());
        let (train, held_out) = (of(&parts.train), parts.test.as_ref().or(parts.validation.as_ref()).map(of));
        let baselines = match &held_out {
            Some(rows) => baseline::scores(schema, (&train.0, &train.1), (&rows.0, &rows.1))?,
            None => Vec::new(),
        };
        let losses = history.get("val_loss");
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).map(|i| i + 1);
        let mut outcome = Outcome {
            artifact,
            parts: scored,
            baselines,
            epochs: history.epochs().len(),
            best,
            parameters: model.parameter_count(),
        };
        let mut metadata = outcome.artifact.metadata().clone();
        metadata.metrics = Value::Object(outcome.metrics());
        outcome.artifact.set_metadata(metadata);
        Ok(outcome)
    }

    /// The result on stdout, the rest on stderr.
    pub fn print(&self, out: &Path, took: Duration, settings: &Settings, common: &Common) -> Result<()> {
        let data = settings.data.as_deref().unwrap_or("diabetes");
        if common.json {
            let rows: Map<String, Value> = ["train", "validation", "test"]
                .into_iter()
                .map(|name| {
                    let rows = self.parts.iter().find(|p| p.0 == name).map_or(0, |p| p.1);
                    (name.to_owned(), rows.into())
                })
                .collect();
            let mut object = json!({
                "model": out.display().to_string(),
                "task": self.artifact.metadata().task,
                "rows": rows,
                "epochs": self.epochs,
                "parameters": self.parameters,
                "seconds": took.as_secs_f64(),
            });
            if let Value::Object(object) = &mut object {
                object.extend(self.metrics());
            }
            output::line(&object.to_string())?;
        } else {
            output::text(&self.table())?;
        }
        if !common.quiet {
            let size = std::fs::metadata(out).map_or(0, |m| m.len());
            let best = self.best.map_or(String::new(), |best| format!(", the best was {best}"));
            tell!(
                "\nsaved     {} ({}), {}{best}, {:.1} s",
                out.display(),
                bytes(size),
                counted(self.epochs, "epoch"),
                took.as_secs_f64()
            );
            let rows = if data == "-" { "DATA.csv" } else { data };
            tell!("next      nervure predict {} {}", shell(&out.display().to_string()), shell(rows));
        }
        Ok(())
    }

    /// Metrics by part and name.
    fn metrics(&self) -> Map<String, Value> {
        let object = |scores: &Scores| -> Value {
            Value::Object(scores.iter().map(|(name, v)| (name.clone(), (*v).into())).collect())
        };
        let mut metrics = Map::new();
        for name in ["train", "validation", "test"] {
            let scores =
                self.parts.iter().find(|p| p.0 == name).map_or(Value::Object(Map::new()), |p| object(&p.2));
            metrics.insert(name.into(), scores);
        }
        let baselines = self.baselines.iter().map(|(name, scores)| ((*name).to_owned(), object(scores)));
        metrics.insert("baseline".into(), Value::Object(baselines.collect()));
        metrics
    }

    fn table(&self) -> String {
        let mut heads = [vec![String::new()], vec![String::new()]];
        for (name, rows, _) in &self.parts {
            heads[0].push((*name).to_owned());
            heads[1].push(format!("{} rows", count(*rows)));
        }
        for (name, _) in &self.baselines {
            let (first, second) = name.split_once('_').unwrap_or((name, ""));
            heads[0].push(first.to_owned());
            heads[1].push(second.to_owned());
        }
        let mut rows = heads.to_vec();
        let names = self.parts.first().map_or(&[][..], |p| &p.2);
        for (name, _) in names {
            let cell = |scores: &Scores| {
                scores.iter().find(|(n, _)| n == name).map_or("-".into(), |(_, value)| number(*value))
            };
            let all = self.parts.iter().map(|p| &p.2).chain(self.baselines.iter().map(|b| &b.1));
            rows.push([name.clone()].into_iter().chain(all.map(cell)).collect());
        }
        let mut text = style::table(&rows);
        if let (Some((last, ..)), [_, ..]) = (self.parts.last(), &self.baselines[..]) {
            text += &format!("The last two columns are of simple models on the same {last} rows.\n");
        }
        text
    }
}

fn artifact(parts: &Parts, settings: &Settings, model: &Model) -> Result<Artifact> {
    let json = |value: Result<Value, serde_json::Error>| value.map_err(|e| Failure::new(e, "report this"));
    let mut weights = Store::new();
    for (path, value) in model.weights() {
        weights.insert(path, value.clone());
    }
    let own: Vec<&str> = model.parameters().iter().map(|p| p.path.as_str()).collect();
    let mut state = Store::new();
    for (name, value) in model.state().iter().filter(|(name, _)| !own.contains(name)) {
        state.insert(name, value.clone());
    }
    let mut metadata =
        Metadata::new(concat!("nervure ", env!("CARGO_PKG_VERSION"), " train"), Some(parts.schema.task()));
    let mut remembered = settings.entries();
    for name in ["out", "history", "history-batches"] {
        remembered.remove(name);
    }
    metadata.settings = Value::Object(remembered);
    let optimizer = json(serde_json::to_value(model.optimizer()))?;
    Ok(Artifact::new(nervure_artifact::Parts {
        metadata,
        graph: model.graph().clone(),
        layers: json(serde_json::to_value(model.network()))?,
        weights,
        schema: Some(parts.schema.clone()),
        sketch: Some(Sketch::of(&parts.table, &parts.schema, &parts.train.places)?),
        examples: Examples::Rows(examples(&parts.table, &parts.schema, &parts.train.places)?),
        optimizer: Some(OptimizerState { config: optimizer, state }),
    })?)
}

/// Some training rows, evenly spread, of the columns that are learned from.
fn examples(table: &Table, schema: &Schema, rows: &[usize]) -> Result<Table> {
    let used = schema.features();
    let most = (CELLS / schema.features().count().max(1)).clamp(1, EXAMPLES);
    let chosen: Vec<usize> = rows.iter().copied().step_by(rows.len().div_ceil(most).max(1)).collect();
    let columns = used.filter_map(|c| table.column(&c.name)).map(|column| {
        let cells: Vec<&str> = chosen.iter().map(|&row| column.get(row)).collect();
        (column.name(), cells)
    });
    Ok(Table::from_columns("examples", columns)?)
}
