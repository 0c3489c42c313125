//! What a run tells while it goes on: a bar on a terminal, a line an epoch elsewhere, and the history file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nervure_nn::callbacks::{Batch, Callback, Context};
use nervure_nn::{Error, Logs, Progress, Result};
use serde_json::{Map, Value};

use crate::style;

/// What a run tells, as far as it is asked to.
pub struct Watch {
    /// On stderr.
    pub shown: Option<Shown>,
    /// In a file.
    pub history: Option<HistoryFile>,
}

impl Callback for Watch {
    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>) -> Result<()> {
        if let Some(shown) = &self.shown {
            shown.begin(epoch, cx.batches());
        }
        Ok(())
    }

    fn on_batch_end(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<()> {
        if let Some(shown) = &self.shown {
            shown.batch(batch, cx.batches());
        }
        self.history.as_mut().map_or(Ok(()), |h| h.batch(batch))
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, _cx: &mut Context<'_>) -> Result<()> {
        if let Some(shown) = &self.shown {
            shown.epoch(epoch, logs);
        }
        self.history.as_mut().map_or(Ok(()), |h| h.epoch(epoch, logs))
    }

    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        if let Some(shown) = &self.shown {
            shown.end();
        }
        Ok(())
    }
}

/// Shows epochs on stderr.
pub struct Shown {
    bar: Option<ProgressBar>,
    epochs: usize,
}

impl Shown {
    /// A bar where stderr is a terminal. `done` epochs are done already.
    pub fn new(epochs: usize, done: usize) -> Shown {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let template = "epoch {prefix} [{bar:20}] {elapsed}<{eta} {wide_msg}";
            // The template is tested; a wrong one would only look otherwise.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(format!("{}/{epochs}", done + 1));
            bar
        });
        Shown { bar, epochs }
    }
}

impl Shown {
    fn begin(&self, epoch: usize, batches: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length((self.epochs * batches) as u64);
            bar.set_prefix(format!("{}/{}", epoch + 1, self.epochs));
        }
    }

    fn batch(&self, batch: &Batch, batches: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position((batch.epoch * batches + batch.batch + 1) as u64);
        }
    }

    fn epoch(&self, epoch: usize, logs: &Logs) {
        let numbers: Vec<String> = logs.iter().map(|(n, v)| format!("{n} {}", style::number(v))).collect();
        match &self.bar {
            Some(bar) => bar.set_message(numbers.join("  ")),
            None => tell!("epoch {}/{}  {}", epoch + 1, self.epochs, numbers.join("  ")),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Writes a JSON object a line: for each epoch, and for each batch if that is asked for.
pub struct HistoryFile {
    path: PathBuf,
    file: File,
    batches: bool,
}

impl HistoryFile {
    /// Begins the file, or goes on after the lines of what `progress` has done.
    pub fn new(path: &Path, batches: bool, progress: Option<&Progress>) -> io::Result<HistoryFile> {
        let kept = match progress {
            Some(progress) if path.exists() => done_lines(path, progress)?,
            Some(_) | None => Vec::new(),
        };
        let mut file = File::create(path)?;
        file.write_all(&kept)?;
        Ok(HistoryFile { path: path.into(), file, batches })
    }

    fn line(&mut self, line: Map<String, Value>) -> Result<()> {
        let text = format!("{}\n", Value::Object(line));
        let failed = |source| Error::File { path: self.path.display().to_string(), source };
        self.file.write_all(text.as_bytes()).map_err(failed)
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        if !self.batches {
            return Ok(());
        }
        let mut line = Map::new();
        line.insert("epoch".into(), batch.epoch.into());
        line.insert("batch".into(), batch.batch.into());
        line.insert("loss".into(), batch.loss.into());
        self.line(line)
    }

    fn epoch(&mut self, epoch: usize, logs: &Logs) -> Result<()> {
        let mut line = Map::new();
        line.insert("epoch".into(), epoch.into());
        line.extend(logs.iter().map(|(name, value)| (name.to_owned(), value.into())));
        self.line(line)
    }
}

/// The lines that tell of epochs and batches before the place where a run goes on.
fn done_lines(path: &Path, progress: &Progress) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        let line = line?;
        let Ok(Value::Object(entries)) = serde_json::from_str(&line) else { break };
        let number = |key: &str| entries.get(key).and_then(Value::as_u64).map(|n| n as usize);
        let done = match (number("epoch"), number("batch")) {
            (Some(epoch), None) => epoch < progress.epoch,
            (Some(epoch), Some(batch)) => (epoch, batch) < (progress.epoch, progress.batch),
            (None, _) => false,
        };
        if done {
            kept.extend(line.as_bytes());
            kept.push(b'\n');
        }
    }
    Ok(kept)
}
