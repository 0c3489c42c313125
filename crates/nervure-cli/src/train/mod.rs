//! `nervure train`: from rows to a saved model.

mod announce;
mod outcome;
mod parts;
mod resume;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use nervure_artifact::atomic;
use nervure_artifact::checkpoint::path_of;
use nervure_data::Task;
use nervure_nn::callbacks::{EarlyStopping, TerminateOnNaN};
use nervure_nn::{Fit, Seed};

use crate::Common;
use crate::failure::{Failure, Result};
use crate::progress::{HistoryFile, Shown, Watch};
use crate::recipe;
use crate::settings::{ClassWeight, Settings};
use crate::style;
pub use outcome::EVALUATE;
use outcome::Outcome;
use parts::Parts;

/// Train a network on a table, tell how good it is, save it
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  nervure train
  nervure train iris --layers 16 --epochs 50 -o iris.nervure
  nervure train wine_quality --target quality -o wine.nervure --history wine.jsonl"
)]
pub struct TrainArgs {
    #[command(flatten)]
    settings: Settings,

    /// A TOML file of settings, named as the flags; flags go before it
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,

    /// Go on from the checkpoint that an interrupted run with the same data and settings has left (FILE.ckpt)
    #[arg(long)]
    resume: bool,

    #[command(flatten)]
    common: Common,
}

impl TrainArgs {
    /// Trains, evaluates, saves.
    pub fn run(self) -> Result<()> {
        let begin = Instant::now();
        let settings = match &self.config {
            Some(path) => self.settings.over_file(path)?,
            None => self.settings,
        };
        let out = settings.out.clone().unwrap_or_else(|| "model.nervure".into());
        check_out(&out)?;

        let parts = Parts::read(&settings)?;
        let schema = &parts.schema;
        let validation = parts.validation.as_ref();
        let settings = recipe::complete(settings, schema, parts.train.rows(), validation.is_some())?;
        let seed = Seed(settings.seed.unwrap_or(42));
        let threads = self.common.threads();
        let mut model = recipe::network(schema, &settings)?.build(seed)?.with_threads(Arc::clone(&threads));
        let training = recipe::training(schema, &settings)?;
        if !self.common.quiet {
            announce::run(&parts, &settings, &model);
        }

        let checkpoint = path_of(&out);
        let resumed =
            resume::open(self.resume, &checkpoint, &settings, &parts, &mut model, self.common.quiet)?;
        let train = parts.train.dataset(schema, &model, &settings)?;
        let epochs = settings.epochs.unwrap_or(0);
        let interrupt = interrupted()?;
        let mut fit = Fit::from_training(training.clone())
            .epochs(epochs)
            .batch_size(settings.batch_size.unwrap_or(32))
            .shuffle(!settings.no_shuffle)
            .interrupt(Arc::clone(&interrupt))
            .callback(TerminateOnNaN::new().fail(true));
        if let Some(part) = validation {
            fit = fit.validation_data(part.dataset(schema, &model, &settings)?);
            if let Some(patience) = settings.patience {
                let stop = EarlyStopping::new().monitor("val_loss").patience(patience);
                fit = fit.callback(stop.restore_best_weights(true));
            }
        }
        if settings.class_weight == Some(ClassWeight::Balanced) {
            fit = fit.class_weight(balanced(&parts)?);
        }
        let begun = resumed.as_ref().map_or(0, |p| p.epoch);
        let shown = (!self.common.quiet).then(|| Shown::new(epochs, begun));
        let history = match &settings.history {
            Some(path) => Some(
                HistoryFile::new(path, settings.history_batches, resumed.as_ref())
                    .map_err(|e| Failure::file(path.display(), &e))?,
            ),
            None => None,
        };
        // One callback whether they are there or not: a run that is resumed may be watched otherwise.
        fit = fit.callback(Watch { shown, history });
        fit = fit.checkpoint(resume::saver(&checkpoint, &settings, &parts, interrupt)?);
        if let Some(progress) = resumed {
            fit = fit.resume(progress);
        }
        let history = model.fit(&train, fit)?;
        if history.interrupted() {
            return Err(Failure::new(
                format!("interrupted after {}", style::counted(history.epochs().len(), "epoch")),
                format!("to go on: {}", resume::command()),
            ));
        }

        let outcome = Outcome::new(&parts, &settings, &mut model, &training, &history, threads)?;
        outcome.artifact.save(&out)?;
        // It has served; one that cannot be removed does no harm, as it leads to the same model.
        let _ = std::fs::remove_file(&checkpoint);
        outcome.print(&out, begin.elapsed(), &settings, &self.common)
    }
}

/// Whether the model can be written, before any work.
fn check_out(out: &Path) -> Result<()> {
    match out.extension().unwrap_or_default().to_string_lossy().to_lowercase().as_str() {
        "nervure" => {}
        kind @ ("keras" | "onnx") => {
            let what = format!("{}: writing .{kind} files", out.display());
            return Err(Failure::not_yet(what, "name the file .nervure"));
        }
        _ => {
            let message = format!("{}: expected a name ending in .nervure", out.display());
            return Err(Failure::usage(message, "for example -o model.nervure"));
        }
    }
    atomic::check(out).map_err(|e| Failure::file(out.display(), &e))
}

/// A flag that Ctrl-C (or SIGTERM) raises; the second one ends the process.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
    })
    .map_err(|e| Failure::new(format!("the signal handler cannot be set: {e}"), "try again"))?;
    Ok(flag)
}

fn balanced(parts: &Parts) -> Result<Vec<(i64, f32)>> {
    let fail = |reason: &str| {
        Err(Failure::usage(
            format!("--class-weight balanced: {reason}"),
            "leave it out, or choose one target of classes",
        ))
    };
    let ([target], Task::Binary | Task::Multiclass) = (parts.schema.targets(), parts.schema.task()) else {
        return fail("it needs one target of classes");
    };
    let classes: Vec<i32> = parts.train.classes();
    let weights = nervure_data::balanced_class_weights(&classes, target.classes().len());
    Ok(weights.iter().enumerate().map(|(class, &w)| (class as i64, w as f32)).collect())
}
