use std::path::{Path, PathBuf};

use nervure_artifact::Checkpoint;
use nervure_nn::callbacks::{Callback, Context};
use nervure_nn::optimizers::Optimizer;
use nervure_nn::{Error, Fit, Model, Object, Progress, Result};
use serde_json::Value;

/// Keeps a run in a folder, so that the same program, started again after it was killed, goes on where it was, with the same bits as if nothing had happened.
///
/// ```
/// use nervure::prelude::*;
///
/// let data = Dataset::new(&ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0]]), &ndarray::arr1(&[1.0, 2.0]));
/// let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1))?;
/// let folder = std::env::temp_dir().join("doc-backup");
/// let fit = Fit::new(MeanSquaredError, Adam::new()).epochs(5);
/// let fit = BackupAndRestore::new(&folder).of(fit, &mut model)?;
/// model.fit(&data, fit)?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What is kept is written whole or not at all, so there is no second copy of it, which Keras's `double_checkpoint` makes.
#[derive(Debug, Clone)]
pub struct BackupAndRestore {
    backup_dir: PathBuf,
    save_freq: Option<usize>,
    delete_checkpoint: bool,
}

impl BackupAndRestore {
    /// In this folder, after every epoch, until the run ends.
    pub fn new(backup_dir: impl Into<PathBuf>) -> BackupAndRestore {
        BackupAndRestore { backup_dir: backup_dir.into(), save_freq: None, delete_checkpoint: true }
    }

    /// Within an epoch too, after so many batches; default none.
    pub fn save_freq(mut self, batches: usize) -> BackupAndRestore {
        self.save_freq = Some(batches);
        self
    }

    /// Whether what is kept is deleted when the run ends; default true.
    pub fn delete_checkpoint(mut self, delete: bool) -> BackupAndRestore {
        self.delete_checkpoint = delete;
        self
    }

    /// The run `fit` of `model`, kept; `model` takes the state of a run that was kept before, and `fit` goes on with it. This takes the place of
    /// [`Fit::checkpoint`] and [`Fit::resume`].
    ///
    /// # Errors
    /// A file that is no checkpoint, or one of another network. That its run had other settings, data of another size or other callbacks, [`Model::fit`] says.
    pub fn of(&self, fit: Fit, model: &mut Model) -> Result<Fit> {
        let path = self.backup_dir.join("latest.ckpt");
        let mut fit = fit;
        if path.exists() {
            fit = fit.resume(restore(&path, model)?);
        }
        if let Some(batches) = self.save_freq {
            fit = fit.checkpoint_freq(batches);
        }
        if self.delete_checkpoint {
            fit = fit.callback(Delete(path.clone()));
        }
        Ok(fit.checkpoint(move |at| save(&path, at)))
    }
}

/// Deletes the file when the run ends.
struct Delete(PathBuf);

impl Callback for Delete {
    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        match std::fs::remove_file(&self.0) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::File { path: self.0.display().to_string(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::Callback(format!("BackupAndRestore: {}: {reason}", path.display()))
}

fn save(path: &Path, at: &nervure_nn::Checkpoint<'_>) -> Result<()> {
    let json = |value: serde_json::Result<Value>| value.map_err(|e| failed(path, e));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(path, e))?;
    }
    let checkpoint = Checkpoint {
        settings: Value::Null,
        data: Value::Null,
        progress: json(serde_json::to_value(&at.progress))?,
        optimizer: json(serde_json::to_value(at.model.optimizer()))?,
        state: at.model.state().clone(),
        tensors: at.progress.tensors().map(|(name, b)| (name, b.clone())).collect(),
    };
    checkpoint.save(path).map_err(|e| failed(path, e))
}

fn restore(path: &Path, model: &mut Model) -> Result<Progress> {
    let kept = Checkpoint::load(path).map_err(|e| failed(path, e))?;
    let progress: Progress = serde_json::from_value(kept.progress).map_err(|e| failed(path, e))?;
    let optimizer: Option<Object<dyn Optimizer>> =
        serde_json::from_value(kept.optimizer).map_err(|e| failed(path, e))?;
    model.set_state(kept.state, optimizer)?;
    Ok(progress.with_tensors(kept.tensors))
}
