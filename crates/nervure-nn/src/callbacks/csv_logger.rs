use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::callbacks::{Callback, Context, load, save};
use crate::word::setters;
use crate::{Error, Logs, Result};

/// Writes a line an epoch to a CSV file: `epoch` (from 0), then what is reported, by name. Numbers are written as Python writes them.
///
/// The columns are those of the first epoch; a number that is absent later is `NA`. A run that is resumed goes on in the same file, without the lines of
/// epochs that the checkpoint does not know of.
///
/// # Errors
/// [`Error::File`] where the file cannot be written.
#[derive(Debug)]
pub struct CsvLogger {
    filename: PathBuf,
    separator: String,
    append: bool,
    file: Option<File>,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// The columns after `epoch`, once they are known.
    keys: Option<Vec<String>>,
    /// Whether the file needs a header first.
    header: bool,
    /// Length of the file so far.
    bytes: u64,
}

const NAME: &str = "CsvLogger";

impl CsvLogger {
    /// To this file, anew.
    pub fn new(filename: impl Into<PathBuf>) -> CsvLogger {
        CsvLogger {
            filename: filename.into(),
            separator: ",".into(),
            append: false,
            file: None,
            state: State::default(),
        }
    }

    setters! {
        /// Between columns; default a comma.
        separator: into String,
        /// Whether lines are added to what is there; default false.
        append: bool,
    }

    fn open(&mut self, keep: Option<u64>) -> Result<()> {
        self.file = Some(self.try_open(keep).map_err(|e| self.error(e))?);
        Ok(())
    }

    /// The file, with as many of its bytes as are kept.
    fn try_open(&self, keep: Option<u64>) -> std::io::Result<File> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.filename)?;
        if let Some(bytes) = keep {
            // Never longer: what is not there is not made up.
            file.set_len(bytes.min(file.metadata()?.len()))?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    fn has_first_line(&self) -> Result<bool> {
        let Ok(file) = File::open(&self.filename) else { return Ok(false) };
        let read = BufReader::new(file).fill_buf().map(<[u8]>::len);
        Ok(read.map_err(|e| self.error(e))? > 0)
    }

    fn write(&mut self, line: &str) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(line.as_bytes()).map_err(|e| self.error(e))?;
        self.state.bytes += line.len() as u64;
        Ok(())
    }

    fn error(&self, source: std::io::Error) -> Error {
        Error::File { path: self.filename.display().to_string(), source }
    }

    /// A line as Python's `csv` writes it.
    fn line(&self, fields: impl Iterator<Item = String>) -> String {
        let quoted = |f: String| {
            let special = f.contains(&self.separator) || f.contains(['"', '\r', '\n']);
            if special { format!("\"{}\"", f.replace('"', "\"\"")) } else { f }
        };
        fields.map(quoted).collect::<Vec<_>>().join(&self.separator) + "\r\n"
    }
}

impl Callback for CsvLogger {
    fn on_train_begin(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.state = State { header: !(self.append && self.has_first_line()?), ..State::default() };
        self.open((!self.append).then_some(0))?;
        let length = self.file.as_ref().map(File::metadata).transpose().map_err(|e| self.error(e))?;
        self.state.bytes = length.map_or(0, |m| m.len());
        Ok(())
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, _cx: &mut Context<'_>) -> Result<()> {
        let keys = match &self.state.keys {
            Some(keys) => keys.clone(),
            None => {
                let mut keys: Vec<String> = logs.names().map(String::from).collect();
                keys.sort();
                keys
            }
        };
        let mut text = String::new();
        if std::mem::take(&mut self.state.header) {
            text += &self.line(std::iter::once("epoch".into()).chain(keys.iter().cloned()));
        }
        let value = |key: &String| logs.get(key).map_or("NA".into(), python);
        text += &self.line(std::iter::once(epoch.to_string()).chain(keys.iter().map(value)));
        self.state.keys = Some(keys);
        self.write(&text)
    }

    fn on_train_end(&mut self, _cx: &mut Context<'_>) -> Result<()> {
        self.file = None;
        Ok(())
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
        self.open(Some(self.state.bytes))
    }
}

/// A number as Python's `repr` writes it: the shortest digits that read back as it.
fn python(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "nan".into() } else { if x > 0.0 { "inf" } else { "-inf" }.into() };
    }
    let scientific = format!("{x:e}");
    let exponent = scientific.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{x:?}");
    }
    let (digits, _) = scientific.split_once('e').unwrap_or((&scientific, ""));
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        let check = |x: f64, text| assert_eq!(python(x), text);
        check(0.1, "0.1");
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(0.0001, "0.0001");
        check(0.00001, "1e-05");
        check(1.25e-7, "1.25e-07");
        check(1e15, "1000000000000000.0");
        check(1e16, "1e+16");
        check(-1.5e300, "-1.5e+300");
        check(f64::NAN, "nan");
        check(f64::NEG_INFINITY, "-inf");
        check(f64::from(0.1_f32), "0.10000000149011612");
    }
}
