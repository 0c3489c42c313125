//! `nervure inspect`: what a model is made of.

use std::path::PathBuf;

use clap::Args;
use nervure_artifact::Artifact;
use nervure_graph::{Graph, Op, ScopeId};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::style::{WIDTH, bytes, count, cut, number, table};
use crate::{Common, model, output};

/// Show a model's layers, shapes, parameters, memory and columns
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure inspect model.nervure
  nervure inspect model.nervure --graph")]
pub struct InspectArgs {
    /// A .nervure or .keras file
    model: PathBuf,

    /// Print the graph that predicts, in its text form
    #[arg(long)]
    graph: bool,

    #[command(flatten)]
    common: Common,
}

/// A layer as the graph shows it.
struct Layer {
    name: String,
    kind: String,
    /// None for one that does nothing when predicting.
    output: Option<String>,
    parameters: usize,
}

impl InspectArgs {
    /// Prints what there is.
    pub fn run(self) -> Result<()> {
        let artifact = model::load(&self.model)?;
        if self.graph && !self.common.json {
            return output::text(&artifact.network().graph().to_string());
        }
        let mut seen = json!({
            "model": self.model.display().to_string(),
            "file_bytes": std::fs::metadata(&self.model).map_or(0, |m| m.len()),
            "format": artifact.metadata().format,
            "created_by": artifact.metadata().created_by,
            "task": artifact.metadata().task,
        });
        let layers = layers(&artifact);
        let parameters: usize = artifact.network().weights().iter().map(|(_, b)| b.len()).sum();
        let threads = self.common.threads().count();
        let (row, batch) = (artifact.memory(1, threads)?, artifact.memory(256, threads)?);
        if self.common.json {
            let layer = |l: &Layer| json!({"name": l.name, "kind": l.kind, "output": l.output, "parameters": l.parameters});
            seen["layers"] = layers.iter().map(layer).collect();
            seen["parameters"] = parameters.into();
            seen["memory"] = json!({
                "parameters": 4 * parameters,
                "predict_1_row": row,
                "predict_256_rows": batch,
            });
            seen["schema"] = serde_json::to_value(artifact.schema()).unwrap_or(Value::Null);
            seen["metrics"] = artifact.metadata().metrics.clone();
            seen["settings"] = artifact.metadata().settings.clone();
            if self.graph {
                seen["graph"] = artifact.network().graph().to_string().into();
            }
            return output::line(&seen.to_string());
        }
        let mut text = String::new();
        let task = artifact.metadata().task.map_or("tensors", |t| t.name());
        let size = bytes(seen["file_bytes"].as_u64().unwrap_or(0));
        text += &format!(
            "{}: {task}, {size}, format {}, made by {}\n\n",
            self.model.display(),
            artifact.metadata().format,
            artifact.metadata().created_by,
        );
        let head = ["layer", "kind", "output", "parameters"].map(String::from).to_vec();
        let rows = layers.iter().map(|l| {
            let output = l.output.clone().unwrap_or_else(|| "as its input".into());
            vec![cut(&l.name, 28), l.kind.clone(), output, count(l.parameters)]
        });
        text += &table(&[head].into_iter().chain(rows).collect::<Vec<_>>());
        text += &format!(
            "\n{} parameters in {}; predicting takes {} more, {} for 256 rows\n",
            count(parameters),
            bytes(4 * parameters as u64),
            bytes(row as u64),
            bytes(batch as u64),
        );
        if let Some(schema) = artifact.schema() {
            text += "\ncolumns\n";
            for line in schema.describe() {
                text += &format!("  {}\n", cut(&line, WIDTH - 2));
            }
        }
        text += &metrics(&artifact.metadata().metrics);
        output::text(&text)
    }
}

/// The layers: outermost scopes of the graph, in their order.
fn layers(artifact: &Artifact) -> Vec<Layer> {
    let graph = artifact.network().graph();
    let mut layers: Vec<Layer> = Vec::new();
    for (i, scope) in graph.scopes().iter().enumerate() {
        // A layer that is applied several times is one layer.
        if scope.parent != Some(ScopeId(0)) || layers.iter().any(|l| l.name == scope.name) {
            continue;
        }
        let within = format!("{}/", scope.name);
        let weights = artifact.network().weights().iter().filter(|(path, _)| path.starts_with(&within));
        layers.push(Layer {
            name: scope.name.clone(),
            kind: scope.kind.clone(),
            output: last_type(graph, ScopeId(i as u32)),
            parameters: weights.map(|(_, b)| b.len()).sum(),
        });
    }
    layers
}

/// The type of the last value that is computed in a scope.
fn last_type(graph: &Graph, scope: ScopeId) -> Option<String> {
    let within = |mut at: ScopeId| loop {
        if at == scope {
            return true;
        }
        match graph.scopes().get(at.index()).and_then(|s| s.parent) {
            Some(parent) => at = parent,
            None => return false,
        }
    };
    let computed = |op: &Op| !matches!(op, Op::Parameter { .. } | Op::Constant(_));
    graph.nodes().iter().rev().find(|n| computed(&n.op) && within(n.scope)).map(|n| n.ty.to_string())
}

/// The metrics that the trainer left, part by part.
fn metrics(metrics: &Value) -> String {
    let parts: Vec<(&str, &serde_json::Map<String, Value>)> = ["train", "validation", "test"]
        .into_iter()
        .filter_map(|name| Some((name, metrics.get(name)?.as_object().filter(|o| !o.is_empty())?)))
        .collect();
    let Some((_, first)) = parts.first() else { return String::new() };
    let head = ["metric"].into_iter().chain(parts.iter().map(|p| p.0)).map(String::from).collect();
    let rows = first.keys().map(|name| {
        let cell = |(_, part): &(&str, &serde_json::Map<String, Value>)| {
            part.get(name).and_then(Value::as_f64).map_or("-".into(), number)
        };
        [name.clone()].into_iter().chain(parts.iter().map(cell)).collect()
    });
    format!("\n{}", table(&[head].into_iter().chain(rows).collect::<Vec<_>>()))
}
