use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::callbacks::monitor::{Best, Monitor};
use crate::callbacks::{Batch, Callback, Context, Mode, load, save};
use crate::word::setters;
use crate::{Error, Logs, Model, Result};

type Write = Box<dyn FnMut(&Model, &Path, &Logs) -> Result<()> + Send>;

/// Writes the model at the end of each epoch (or after so many batches), or only when a number is better than ever before.
///
/// The path may have places for the epoch (from 1), the batch and what is reported, as in Python: `{epoch:03}`, `{batch}`, `{val_loss:.2f}`. In what
/// format the model is written is the writer's affair.
///
/// # Errors
/// Training fails where the writer does, at a place in the path that nothing fills, and at the first epoch that does not report what is watched.
pub struct ModelCheckpoint {
    filepath: String,
    write: Write,
    monitor: Monitor,
    save_best_only: bool,
    save_freq: Option<usize>,
    initial_value_threshold: Option<f64>,
    epoch: usize,
    state: State,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    best: Best,
    batches: usize,
}

const NAME: &str = "ModelCheckpoint";

impl ModelCheckpoint {
    /// Writes every epoch, by this writer: model, path, what the epoch reports.
    pub fn new(
        filepath: impl Into<String>,
        write: impl FnMut(&Model, &Path, &Logs) -> Result<()> + Send + 'static,
    ) -> ModelCheckpoint {
        ModelCheckpoint {
            filepath: filepath.into(),
            write: Box::new(write),
            monitor: Monitor::new(NAME, 0.0),
            save_best_only: false,
            save_freq: None,
            initial_value_threshold: None,
            epoch: 0,
            state: State::default(),
        }
    }

    /// The number that is watched; default `val_loss`.
    pub fn monitor(mut self, name: &str) -> ModelCheckpoint {
        self.monitor.name = name.into();
        self
    }

    setters! {
        @monitor;
        /// Whether less or more is better; default what the metric says.
        mode: Mode,
    }

    setters! {
        /// Whether only a model that is better than all before is written; default false.
        save_best_only: bool,
        /// Batches after which the model is written, instead of after each epoch; what is watched is then the epoch's number so far.
        save_freq: just usize,
        /// What the first model has to be better than; default none.
        initial_value_threshold: just f64,
    }

    fn save(&mut self, batch: Option<usize>, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        if self.save_best_only {
            let value = self.monitor.value(logs)?;
            if !self.monitor.improves(value, self.state.best.get(), cx)? {
                return Ok(());
            }
            self.state.best = Best::new(Some(value));
        }
        let path = PathBuf::from(fill(&self.filepath, self.epoch, batch, logs)?);
        (self.write)(cx.model(), &path, logs)
    }
}

impl Callback for ModelCheckpoint {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.state = State { best: Best::new(self.initial_value_threshold), batches: 0 };
        Ok(())
    }

    fn on_batch_end(&mut self, done: &Batch, cx: &mut Context<'_>) -> Result<()> {
        self.epoch = done.epoch;
        let Some(every) = self.save_freq else { return Ok(()) };
        self.state.batches += 1;
        if self.state.batches < every {
            return Ok(());
        }
        self.state.batches = 0;
        let logs = cx.running();
        self.save(Some(done.batch), &logs, cx)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        self.epoch = epoch;
        if self.save_freq.is_some() { Ok(()) } else { self.save(None, logs, cx) }
    }

    fn state(&self) -> serde_json::Value {
        save(&self.state)
    }

    fn restore(
        &mut self,
        state: &serde_json::Value,
        _tensors: &[(String, nervure_exec::Buffer)],
    ) -> Result<()> {
        self.state = load(NAME, state)?;
        Ok(())
    }
}

impl std::fmt::Debug for ModelCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(NAME).field("filepath", &self.filepath).finish_non_exhaustive()
    }
}

/// `{epoch:02d}` and `{val_loss:.2f}` of a path by their numbers.
fn fill(pattern: &str, epoch: usize, batch: Option<usize>, logs: &Logs) -> Result<String> {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        let place = |what: &str| Error::Callback(format!("{NAME}: path `{pattern}`: {what}"));
        let (field, after) = after.split_once('}').ok_or_else(|| place("`{` without `}`"))?;
        let (name, format) = field.split_once(':').unwrap_or((field, ""));
        let counted = match name {
            "epoch" => Some(epoch + 1),
            "batch" => batch.map(|b| b + 1),
            _ => None,
        };
        let unknown = || place(&format!("nothing is reported as `{name}`"));
        let text = match counted {
            Some(n) => whole(n, format),
            None => decimal(logs.get(name).ok_or_else(unknown)?, format),
        };
        path.push_str(
            &text.ok_or_else(|| {
                place(&format!("expected a format like `03` or `.2f`, received `{format}`"))
            })?,
        );
        rest = after;
    }
    path.push_str(rest);
    Ok(path)
}

/// Digits that a format may ask for: file names are no longer.
const DIGITS: usize = 64;

fn whole(n: usize, format: &str) -> Option<String> {
    let format = format.strip_suffix('d').unwrap_or(format);
    if format.is_empty() {
        return Some(n.to_string());
    }
    let width = format.parse::<usize>().ok().filter(|w| *w <= DIGITS)?;
    Some(if format.starts_with('0') { format!("{n:0width$}") } else { format!("{n:width$}") })
}

fn decimal(x: f64, format: &str) -> Option<String> {
    if format.is_empty() {
        return Some(x.to_string());
    }
    let digits = format.strip_prefix('.')?.strip_suffix('f')?.parse::<usize>().ok()?;
    (digits <= DIGITS).then(|| format!("{x:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_filled_as_python_does() {
        let mut logs = Logs::default();
        logs.push("val_loss", 0.12567);
        let fill = |pattern| fill(pattern, 8, Some(0), &logs);
        assert_eq!(fill("a/{epoch:02d}-{val_loss:.2f}.x").unwrap(), "a/09-0.13.x");
        assert_eq!(fill("{epoch}{batch:3}{epoch:003}").unwrap(), "9  1009");
        assert_eq!(fill("plain").unwrap(), "plain");
        for wrong in ["{loss}", "{epoch", "{epoch:x}", "{val_loss:.99999999f}", "{val_loss:2}"] {
            assert!(fill(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}
