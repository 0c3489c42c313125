//! `nervure datasets`: the built-in sets.

use clap::Args;
use nervure_data::datasets::{self, Builtin};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Result};
use crate::style::{count, table};
use crate::{Common, output};

/// List the built-in data sets, or print one as CSV
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure datasets
  nervure datasets iris > iris.csv")]
pub struct DatasetsArgs {
    /// The set to print
    name: Option<String>,

    #[command(flatten)]
    common: Common,
}

impl DatasetsArgs {
    /// Lists or prints.
    pub fn run(self) -> Result<()> {
        let Some(name) = &self.name else {
            if self.common.json {
                let sets: Vec<Value> = datasets::all().iter().map(describe).collect::<Result<_>>()?;
                return output::line(&json!({"datasets": sets}).to_string());
            }
            return output::text(&list()?);
        };
        let Some(set) = datasets::get(name) else {
            let names: Vec<&str> = datasets::all().iter().map(|set| set.name).collect();
            return Err(Failure::new(
                format!("{name}: no built-in set has this name"),
                format!("the built-in sets are {}", names.join(", ")),
            ));
        };
        if !self.common.json {
            return output::text(set.csv);
        }
        let table = set.table()?;
        let mut object = describe(set)?;
        object["rows"] = (0..table.rows())
            .map(|row| {
                let cells = table.columns().iter().map(|c| (c.name().to_owned(), c.get(row).into()));
                Value::Object(cells.collect::<Map<String, Value>>())
            })
            .collect();
        output::line(&object.to_string())
    }
}

fn describe(set: &Builtin) -> Result<Value> {
    Ok(json!({
        "name": set.name,
        "rows": set.rows,
        "columns": set.table()?.columns().len(),
        "task": set.task,
        "target": set.target,
        "description": set.description,
        "origin": set.origin,
        "licence": set.licence,
    }))
}

fn list() -> Result<String> {
    let mut rows = vec![["name", "rows", "columns", "task", "target"].map(String::from).to_vec()];
    for set in datasets::all() {
        let about = describe(set)?;
        rows.push(vec![
            set.name.to_owned(),
            count(set.rows),
            about["columns"].to_string(),
            about["task"].as_str().unwrap_or_default().to_owned(),
            set.target.to_owned(),
        ]);
    }
    let mut text = table(&rows);
    for set in datasets::all() {
        text += &format!("\n{}\n  {}.\n  {} ({})\n", set.name, set.description, set.origin, set.licence);
    }
    Ok(text)
}
