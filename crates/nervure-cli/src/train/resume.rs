//! Checkpoints of a run, and going on from them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nervure_artifact::Checkpoint;
use nervure_data::{Table, TargetValues};
use nervure_nn::optimizers::Optimizer;
use nervure_nn::{Model, Object, Progress};
use serde_json::{Map, Value};

use super::parts::{Part, Parts};
use crate::failure::{Failure, Result};
use crate::settings::Settings;
use crate::style::shell;

/// Where the run goes on, if it is to: with the state of the checkpoint in `model`.
pub fn open(
    resume: bool,
    path: &Path,
    settings: &Settings,
    parts: &Parts,
    model: &mut Model,
    quiet: bool,
) -> Result<Option<Progress>> {
    if !resume {
        return Ok(None);
    }
    let say = |text: &str| {
        if !quiet {
            tell!("{text}");
        }
    };
    if !path.exists() {
        say(&format!("resume    there is no {}: beginning anew", path.display()));
        return Ok(None);
    }
    let checkpoint = Checkpoint::load(path)?;
    let differs = |what: String| {
        let help = "give the settings and data of that run, or begin anew without --resume";
        Err(Failure::new(format!("{}: the run that left it had {what}", path.display()), help))
    };
    let own = Value::Object(settings.identity());
    for name in keys(&checkpoint.settings, &own) {
        let (then, now) = (checkpoint.settings.get(&name), own.get(&name));
        if then != now {
            let (then, now) = (shown(then), shown(now));
            return differs(format!("{name} {then}, this one has {now}"));
        }
    }
    let data = fingerprints(parts);
    for name in keys(&checkpoint.data, &data) {
        if checkpoint.data.get(&name) != data.get(&name) {
            return differs(format!("other data: the {name} rows are not the same"));
        }
    }
    let broken = |e: &dyn std::fmt::Display| {
        Failure::new(format!("{}: {e}", path.display()), "begin anew without --resume")
    };
    let progress: Progress = serde_json::from_value(checkpoint.progress).map_err(|e| broken(&e))?;
    let optimizer: Option<Object<dyn Optimizer>> =
        serde_json::from_value(checkpoint.optimizer).map_err(|e| broken(&e))?;
    model.set_state(checkpoint.state, optimizer).map_err(|e| broken(&e))?;
    let progress = progress.with_tensors(checkpoint.tensors);
    say(&format!("resume    from epoch {}, batch {}", progress.epoch + 1, progress.batch + 1));
    Ok(Some(progress))
}

/// Time after which a checkpoint has to be on the disk, and not only with the system. It decides nothing about the run.
const SYNC: Duration = Duration::from_secs(1);

/// What writes a checkpoint. One that cannot be written is told and costs no more than itself.
pub fn saver(
    path: &Path,
    settings: &Settings,
    parts: &Parts,
    interrupt: Arc<AtomicBool>,
) -> Result<impl FnMut(&nervure_nn::Checkpoint<'_>) -> nervure_nn::Result<()> + 'static> {
    let (path, settings, data) = (path.to_owned(), Value::Object(settings.identity()), fingerprints(parts));
    let (mut failing, mut synced) = (false, Instant::now());
    Ok(move |at: &nervure_nn::Checkpoint<'_>| {
        let json = |value: Result<Value, serde_json::Error>| {
            value.map_err(|e| nervure_nn::Error::Callback(format!("the checkpoint: {e}")))
        };
        let checkpoint = Checkpoint {
            settings: settings.clone(),
            data: data.clone(),
            progress: json(serde_json::to_value(&at.progress))?,
            optimizer: json(serde_json::to_value(at.model.optimizer()))?,
            state: at.model.state().clone(),
            tensors: at.progress.tensors().map(|(name, b)| (name, b.clone())).collect(),
        };
        let saved = if interrupt.load(Ordering::Relaxed) || synced.elapsed() > SYNC {
            synced = Instant::now();
            checkpoint.save(&path)
        } else {
            checkpoint.save_unsynced(&path)
        };
        match saved {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tell!("warning: no checkpoint could be written, training goes on: {error}");
            }
            Err(_) => {}
        }
        Ok(())
    })
}

/// This command, with `--resume`.
pub fn command() -> String {
    let mut words: Vec<String> = std::env::args().skip(1).map(|word| shell(&word)).collect();
    if !words.iter().any(|w| w == "--resume") {
        words.push("--resume".into());
    }
    format!("nervure {}", words.join(" "))
}

fn keys(a: &Value, b: &Value) -> Vec<String> {
    let all = [a, b].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    let mut keys: Vec<String> = all.cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "none".into(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// What tells the rows of a run from others.
fn fingerprints(parts: &Parts) -> Value {
    let fingerprint =
        |(name, part): (&str, &Part)| (name.to_owned(), Value::String(format!("{:016x}", hash(part))));
    let mut all: Map<String, Value> = parts.all().map(fingerprint).collect();
    all.insert("raw".into(), Value::String(format!("{:016x}", hash_table(&parts.table))));
    Value::Object(all)
}

fn hash(part: &Part) -> u64 {
    let mut hasher = DefaultHasher::new();
    part.encoded.dense.shape().hash(&mut hasher);
    part.encoded.dense.iter().for_each(|x| x.to_bits().hash(&mut hasher));
    part.encoded.indices.iter().flat_map(|i| &i.values).for_each(|x| x.hash(&mut hasher));
    for target in &part.targets {
        match target {
            TargetValues::Float(values) => values.iter().for_each(|x| x.to_bits().hash(&mut hasher)),
            TargetValues::Class(classes) => classes.iter().for_each(|x| x.hash(&mut hasher)),
        }
    }
    hasher.finish()
}

fn hash_table(table: &Table) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in table.columns() {
        column.name().hash(&mut hasher);
        column.iter().for_each(|cell| cell.hash(&mut hasher));
    }
    hasher.finish()
}
