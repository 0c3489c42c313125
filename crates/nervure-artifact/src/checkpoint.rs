//! `OUT.ckpt`: where an interrupted run goes on.

use std::path::{Path, PathBuf};

use nervure_exec::{Buffer, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::container::{Archive, Writer};
use crate::error::{Error, Result};
use crate::metadata::Version;
use crate::tensors;

/// The version of the format. Only the release that wrote a checkpoint goes on with it.
const FORMAT: u32 = 1;
const KIND: &str = "checkpoint of nervure";
const RUN: &str = "run.json";
const STATE: &str = "state.safetensors";
const TENSORS: &str = "callbacks.safetensors";

/// All that a run needs to go on with the same bits, and what tells it from other runs.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// How the run was started: setting by setting, so that another one can be named.
    pub settings: Value,
    /// What the run learns from: part by part, as fingerprints.
    pub data: Value,
    /// Where the run is, as the trainer knows it.
    pub progress: Value,
    /// The optimizer, as the trainer knows it.
    pub optimizer: Value,
    /// The model's state: weights, the optimizer's slots, seed and step.
    pub state: Store,
    /// Arrays that callbacks keep, by name.
    pub tensors: Vec<(String, Buffer)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    format: u32,
    nervure: String,
    settings: Value,
    data: Value,
    progress: Value,
    optimizer: Value,
}

/// The checkpoint that goes with a model's file: its name with `.ckpt` behind it.
pub fn path_of(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".ckpt");
    name.into()
}

impl Checkpoint {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// Those of the system; a file that was there stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.members()?.save(path.as_ref())
    }

    /// As [`Checkpoint::save`], but leaves it to the system when the bytes reach the disk: see [`write_unsynced`](crate::atomic::write_unsynced).
    ///
    /// # Errors
    /// As [`Checkpoint::save`].
    pub fn save_unsynced(&self, path: impl AsRef<Path>) -> Result<()> {
        self.members()?.save_unsynced(path.as_ref())
    }

    fn members(&self) -> Result<Writer> {
        let Checkpoint { settings, data, progress, optimizer, state, tensors } = self;
        let run = Run {
            format: FORMAT,
            nervure: env!("CARGO_PKG_VERSION").into(),
            settings: settings.clone(),
            data: data.clone(),
            progress: progress.clone(),
            optimizer: optimizer.clone(),
        };
        let mut to = Writer::default();
        to.add_json(RUN, &run)?;
        to.add(STATE, tensors::write(state.iter())?);
        to.add(TENSORS, tensors::write(tensors.iter().map(|(n, b)| (n.as_str(), b)))?);
        Ok(to)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that is none, was truncated or altered, or was written by another release.
    pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint> {
        let reader = Archive::open(path.as_ref(), KIND)?;
        let Version { format } = reader.json(RUN)?;
        if format > FORMAT {
            return Err(Error::LaterVersion { file: reader.file().into(), version: format, newest: FORMAT });
        }
        let run: Run = reader.json(RUN)?;
        if run.nervure != env!("CARGO_PKG_VERSION") {
            let reason = format!(
                "the run was begun by nervure {}, this is {}",
                run.nervure,
                env!("CARGO_PKG_VERSION")
            );
            return Err(Error::member(reader.file(), RUN, reason));
        }
        reader.only(&[RUN, STATE, TENSORS])?;
        let mut state = Store::new();
        for (name, buffer) in tensors::read(&reader, STATE)? {
            state.insert(name, buffer);
        }
        let Run { settings, data, progress, optimizer, .. } = run;
        let tensors = tensors::read(&reader, TENSORS)?;
        Ok(Checkpoint { settings, data, progress, optimizer, state, tensors })
    }
}
