//! What is told before training: so that nothing is assumed in silence.

use nervure_data::{Schema, Target, Usage};
use nervure_nn::Model;

use super::parts::Parts;
use crate::settings::{Layers, Settings};
use crate::style::{WIDTH, count, counted, cut, plain};

/// Columns that are described one by one.
const SHOWN: usize = 30;

/// Tells of data, target, columns, rows, network and training.
pub fn run(parts: &Parts, settings: &Settings, model: &Model) {
    let table = &parts.table;
    let about = parts.builtin.map_or(String::new(), |set| format!(": {}", set.description));
    say(
        "data",
        &format!(
            "{}, {} × {}{about}",
            parts.name,
            counted(table.rows(), "row"),
            counted(table.columns().len(), "column")
        ),
    );
    let told = if parts.target_told || parts.builtin.is_some_and(|set| is_not_last(parts, set.target)) {
        ""
    } else {
        " (the last column; --target names another)"
    };
    for target in parts.schema.targets() {
        say("target", &format!("{}{told}: {}", target.name(), describe(target)));
    }
    columns(&parts.schema);
    let rows: Vec<String> =
        parts.all().map(|(name, part)| format!("{} {name}", count(part.rows()))).collect();
    say("rows", &rows.join(", "));
    say("network", &network(settings, model));
    let optimizer = settings.optimizer.as_ref().map_or("", |o| o.kind());
    let schedule = settings.optimizer.as_ref().and_then(|o| o.schedule()).map(|s| s.kind().to_owned());
    let rate = schedule.unwrap_or_else(|| settings.learning_rate.unwrap_or_default().to_string());
    let patience = settings.patience.filter(|_| parts.validation.is_some());
    let patience =
        patience.map_or(String::new(), |p| format!(", until {p} in a row bring no better validation loss"));
    say(
        "training",
        &format!(
            "{optimizer}, learning rate {rate}, batches of {}, up to {}{patience}",
            counted(settings.batch_size.unwrap_or_default(), "row"),
            counted(settings.epochs.unwrap_or_default(), "epoch"),
        ),
    );
}

fn say(what: &str, text: &str) {
    tell!("{what:<9} {}", plain(text));
}

fn is_not_last(parts: &Parts, target: &str) -> bool {
    parts.table.columns().last().is_none_or(|c| c.name() != target)
}

fn describe(target: &Target) -> String {
    match target {
        Target::Binary { classes, .. } => format!("binary, {} or {}", classes[0], classes[1]),
        Target::Multiclass { classes, .. } => {
            cut(&format!("multiclass, {} classes: {}", classes.len(), classes.join(", ")), WIDTH)
        }
        Target::Regression { min, max, .. } => format!("regression, {min} to {max}"),
    }
}

fn columns(schema: &Schema) {
    let lines = schema.describe();
    let features: Vec<&String> = schema
        .columns()
        .iter()
        .zip(&lines)
        .filter_map(|(c, line)| matches!(c.usage, Usage::Feature(_)).then_some(line))
        .collect();
    say("features", &counted(features.len(), "column"));
    for line in features.iter().take(SHOWN) {
        tell!("  {}", cut(line, WIDTH - 2));
    }
    if features.len() > SHOWN {
        tell!("  and {} more", count(features.len() - SHOWN));
    }
    let left_out: Vec<(&str, &str)> = schema.left_out().collect();
    for (name, reason) in left_out.iter().take(SHOWN) {
        say("left out", &format!("{name}: {reason}"));
    }
    if left_out.len() > SHOWN {
        say("left out", &format!("{} more columns", count(left_out.len() - SHOWN)));
    }
}

fn network(settings: &Settings, model: &Model) -> String {
    let hidden = match &settings.layers {
        Some(Layers::Units(units)) if units.is_empty() => "linear".to_owned(),
        Some(Layers::Units(units)) => {
            let units: Vec<String> = units.iter().map(usize::to_string).collect();
            let activation = settings.activation.as_ref().map_or("", |a| a.kind());
            let dropout = settings.dropout.filter(|&d| d > 0.0);
            let dropout = dropout.map_or(String::new(), |d| format!(", dropout {d}"));
            format!("hidden layers of {} units, {activation}{dropout}", units.join(" and "))
        }
        Some(Layers::Words(words)) => format!("{} hidden layers as configured", words.len()),
        None => String::new(),
    };
    format!("{hidden}; {} parameters", count(model.parameter_count()))
}
