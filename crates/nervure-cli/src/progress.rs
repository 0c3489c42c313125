//! What a run tells while it goes on: a bar on a terminal, a line an epoch elsewhere, and the history file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nervure_nn::callbacks::{Batch, Callback, Context};
use nervure_nn::{Error, Logs, Progress, Result};
use serde_json::{Map, Value};

use crate::style;

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

impl Callback for Shown {
    fn on_epoch_begin(&mut self, epoch: usize, cx: &mut Context<'_>) -> Result<()> {
        if let Some(bar) = &self.bar {
            bar.set_length((self.epochs * cx.batches()) as u64);
            bar.set_prefix(format!("{}/{}", epoch + 1, self.epochs));
        }
        Ok(())
    }

    fn on_batch_end(&mut self, batch: &Batch, cx: &mut Context<'_>) -> Result<()> {
        if let Some(bar) = &self.bar {
            bar.set_position((batch.epoch * cx.batches() + batch.batch + 1) as u64);
        }
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, _cx: &mut Context<'_>) -> Result<()> {
        let numbers: Vec<String> = logs.iter().map(|(n, v)| format!("{n} {}", style::number(v))).collect();
        match &self.bar {
            Some(bar) => bar.set_message(numbers.join("  ")),
            None => eprintln!("epoch {}/{}  {}", epoch + 1, self.epochs, numbers.join("  ")),
        }
        Ok(())
    }

    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        Ok(())
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

impl Callback for HistoryFile {
    fn on_batch_end(&mut self, batch: &Batch, _cx: &mut Context<'_>) -> Result<()> {
        if !self.batches {
            return Ok(());
        }
        let mut line = Map::new();
        line.insert("epoch".into(), batch.epoch.into());
        line.insert("batch".into(), batch.batch.into());
        line.insert("loss".into(), batch.loss.into());
        self.line(line)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, _cx: &mut Context<'_>) -> Result<()> {
        let mut line = Map::new();
        line.insert("epoch".into(), epoch.into());
        line.extend(logs.iter().map(|(name, value)| (name.to_owned(), value.into())));
        self.line(line)
    }
}
