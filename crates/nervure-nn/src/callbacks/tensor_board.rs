use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};
use serde::{Deserialize, Serialize};

use crate::callbacks::{Batch, Callback, Context, load, save};
use crate::word::setters;
use crate::{Error, Logs, Result};

/// Writes what is reported to event files that TensorBoard reads, under Keras's names: `epoch_loss` and the like over the epochs, those of training in the folder
/// `train` of `log_dir`, those of validation in `validation`; the learning rate where it follows a schedule.
///
/// ```no_run
/// use nervure_nn::callbacks::TensorBoard;
/// let callback = TensorBoard::new("logs").update_freq(100);
/// ```
///
/// A run that is resumed goes on in the same files, without what a checkpoint does not know of.
///
/// # Errors
/// [`Error::File`] where a file cannot be written.
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    update_freq: Option<usize>,
    files: [Option<File>; 2],
    state: State,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Batches so far.
    batches: u64,
    /// Those of the folders [`RUNS`]. They are named before there is something in them, so that every checkpoint knows of them.
    files: [Kept; 2],
}

/// A file, and its length so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Kept {
    path: PathBuf,
    bytes: u64,
}

const NAME: &str = "TensorBoard";
const RUNS: [&str; 2] = ["train", "validation"];
const TRAIN: usize = 0;
const VALIDATION: usize = 1;

impl TensorBoard {
    /// Into this folder.
    pub fn new(log_dir: impl Into<PathBuf>) -> TensorBoard {
        TensorBoard {
            log_dir: log_dir.into(),
            update_freq: None,
            files: [None, None],
            state: State::default(),
        }
    }

    setters! {
        /// Batches after which loss and metrics so far are written too, as `batch_loss` and the like, over the batches of the run; default none, as Keras's
        /// `epoch`.
        update_freq: just usize,
    }

    fn write(&mut self, run: usize, step: u64, scalars: &[(String, f64)]) -> Result<()> {
        if scalars.is_empty() {
            return Ok(());
        }
        let now = seconds();
        self.try_write(run, now, &event(now, step, scalars))
            .map_err(|source| Error::File { path: self.state.files[run].path.display().to_string(), source })
    }

    fn try_write(&mut self, run: usize, now: f64, event: &[u8]) -> std::io::Result<()> {
        let kept = &mut self.state.files[run];
        let file = match &mut self.files[run] {
            Some(file) => file,
            none => {
                kept.path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                let mut file =
                    OpenOptions::new().write(true).create(true).truncate(false).open(&kept.path)?;
                // Never longer: what is not there is not made up.
                file.set_len(kept.bytes.min(file.metadata()?.len()))?;
                kept.bytes = file.seek(SeekFrom::End(0))?;
                none.insert(file)
            }
        };
        let mut bytes = if kept.bytes == 0 { record(&version(now)) } else { Vec::new() };
        bytes.extend(record(event));
        file.write_all(&bytes)?;
        kept.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        if self.update_freq == Some(0) {
            return Err(Error::Callback(format!(
                "{NAME}: expected an update_freq of at least 1, received 0"
            )));
        }
        let name = file_name(seconds());
        let files = RUNS.map(|run| Kept { path: self.log_dir.join(run).join(&name), bytes: 0 });
        (self.state, self.files) = (State { batches: 0, files }, [None, None]);
        Ok(())
    }

    fn on_batch_end(&mut self, _batch: &Batch, cx: &mut Context<'_>) -> Result<()> {
        self.state.batches += 1;
        let step = self.state.batches;
        if self.update_freq.is_none_or(|every| !step.is_multiple_of(every as u64)) {
            return Ok(());
        }
        let so_far = cx.running();
        let scalars: Vec<_> = so_far.iter().map(|(name, value)| (format!("batch_{name}"), value)).collect();
        self.write(TRAIN, step, &scalars)
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, cx: &mut Context<'_>) -> Result<()> {
        let mut scalars = [Vec::new(), Vec::new()];
        for (name, value) in logs.iter() {
            match name.strip_prefix("val_") {
                Some(name) => scalars[VALIDATION].push((format!("epoch_{name}"), value)),
                None => scalars[TRAIN].push((format!("epoch_{name}"), value)),
            }
        }
        if logs.get("learning_rate").is_none() && cx.model().scheduled_rate().is_some() {
            scalars[TRAIN].push(("epoch_learning_rate".into(), cx.learning_rate()));
        }
        let [train, validation] = scalars;
        self.write(TRAIN, epoch as u64, &train)?;
        self.write(VALIDATION, epoch as u64, &validation)
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
        self.files = [None, None];
        Ok(())
    }
}

/// Since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// A name that TensorBoard knows for one of events, and that no other run has.
fn file_name(now: f64) -> String {
    format!(
        "events.out.tfevents.{:010}.nervure.{}.{:06}.v2",
        now as u64,
        std::process::id(),
        (now.fract() * 1e6) as u64
    )
}

/// A record of the TFRecord format: length, its checksum, content, its checksum.
fn record(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), content, &masked(content)].concat()
}

/// CRC-32C, turned and shifted so that checksums of checksums are no weaker.
fn masked(bytes: &[u8]) -> [u8; 4] {
    const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// `Event { wall_time: 1, file_version: 3 }` of TensorFlow's `event.proto`: what a file begins with.
fn version(now: f64) -> Vec<u8> {
    let mut event = time(now);
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// `Event { wall_time: 1, step: 2, summary: 5 }`, the summary of `Value { tag: 1, simple_value: 2 }`.
fn event(now: f64, step: u64, scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in scalars {
        let mut scalar = Vec::new();
        bytes(&mut scalar, 1, tag.as_bytes());
        scalar.push(2 << 3 | FIXED_32);
        scalar.extend((*value as f32).to_le_bytes());
        bytes(&mut summary, 1, &scalar);
    }
    let mut event = time(now);
    event.push(2 << 3 | VARINT);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    event
}

// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const BYTES: u8 = 2;
const FIXED_32: u8 = 5;

fn time(now: f64) -> Vec<u8> {
    [&[1 << 3 | FIXED_64][..], &now.to_le_bytes()].concat()
}

fn bytes(to: &mut Vec<u8>, field: u8, content: &[u8]) {
    to.push(field << 3 | BYTES);
    varint(to, content.len() as u64);
    to.extend(content);
}

fn varint(to: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        to.push(n as u8 | 0x80);
        n >>= 7;
    }
    to.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What TensorFlow 2.21 writes for the same events.
    #[test]
    fn records_are_those_of_tensorflow() {
        let scalars = [("epoch_loss".to_string(), 0.25), ("epoch_accuracy".to_string(), f64::NAN)];
        let written = [record(&version(1.5)), record(&event(1.5, 300, &scalars))].concat();
        let hex: String = written.iter().map(|b| format!("{b:02x}")).collect();
        let expected = concat!(
            "1800000000000000a37f4b22",
            "09000000000000f83f1a0d627261696e2e4576656e743a32",
            "2a28646c",
            "3800000000000000a3797d57",
            "09000000000000f83f10ac022a2a0a110a0a65706f63685f6c6f7373150000803e",
            "0a150a0e65706f63685f6163637572616379150000c07f",
            "f1a2187d",
        );
        assert_eq!(hex, expected);
    }
}
