//! `nervure predict`: a row of answers for every row.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use nervure_artifact::{Cells, PredictionColumn, atomic};
use nervure_data::{BadRow, Delimiter, Table};
use serde_json::{Map, Value};

use crate::failure::{Failure, Result};
use crate::source::Source;
use crate::{Answering, model, output};

/// Answer for rows: a prediction, and for a classifier the probability of each class
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure predict model.nervure diabetes
  nervure predict model.nervure patients.csv --keep id -o answers.csv
  cat patients.csv | nervure predict model.nervure - --json")]
pub struct PredictArgs {
    /// A .nervure file
    model: PathBuf,

    /// A .csv or .tsv file, `-` for CSV on stdin, or a built-in set
    data: String,

    /// Where the answers go: .csv, .tsv or .json [default: CSV on stdout]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Columns of DATA to copy before the answers
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    keep: Vec<String>,

    /// Leave out rows that cannot be read, and tell which on stderr
    #[arg(long)]
    skip_bad_rows: bool,

    #[command(flatten)]
    common: Answering,
}

impl PredictArgs {
    /// Predicts.
    pub fn run(self) -> Result<()> {
        if let Some((i, name)) = self.keep.iter().enumerate().find(|(i, name)| self.keep[..*i].contains(name))
        {
            let help = format!("leave out column {} of --keep", i + 1);
            return Err(Failure::usage(format!("--keep: '{name}' is named twice"), help));
        }
        let format = self.out.as_deref().map(Format::of).transpose()?;
        let artifact = model::load(&self.model)?.with_threads(self.common.common.threads());
        let schema = model::schema(&artifact, &self.model)?;
        let Source { table, mut bad, .. } = Source::with(&self.data, self.skip_bad_rows)?;
        let (encoded, kept) = if self.skip_bad_rows {
            let (encoded, kept, unreadable) = schema.encode_readable(&table)?;
            bad.extend(unreadable);
            (encoded, kept)
        } else {
            (schema.encode(&table)?, (0..table.rows()).collect())
        };
        let mut columns = copied(&table, &self.keep, &kept)?;
        let answers = artifact.predict_encoded(&encoded)?.columns();
        if let Some(name) = self.keep.iter().find(|name| answers.iter().any(|c| c.name == **name)) {
            return Err(Failure::new(
                format!(
                    "{}: the column '{name}' cannot be kept: the answers have one of this name",
                    table.source()
                ),
                "name it otherwise in the data",
            ));
        }
        columns.extend(answers);
        tell(bad);
        match (&self.out, format) {
            (Some(path), Some(format)) => {
                atomic::write(path, |to| format.write(&columns, kept.len(), to))
                    .map_err(|e| Failure::file(path.display(), &e))?;
                if !self.common.common.quiet {
                    tell!("{} rows in {}", kept.len(), path.display());
                }
                if self.common.common.json {
                    output::line(&serde_json::json!({"rows": kept.len(), "out": path}).to_string())?;
                }
                Ok(())
            }
            _ => {
                let format =
                    if self.common.common.json { Format::Json } else { Format::Table(Delimiter::Comma) };
                output::write(|to| format.write(&columns, kept.len(), to))
            }
        }
    }
}

/// The columns that are copied to the output.
fn copied(table: &Table, names: &[String], rows: &[usize]) -> Result<Vec<PredictionColumn>> {
    let copy = |name: &String| {
        let Some(column) = table.column(name) else {
            let known: Vec<&str> = table.columns().iter().map(|c| c.name()).take(12).collect();
            return Err(Failure::new(
                format!("{}: there is no column '{name}' to keep", table.source()),
                format!("the columns are {}", known.join(", ")),
            ));
        };
        let cells = rows.iter().map(|&row| column.get(row).to_owned()).collect();
        Ok(PredictionColumn { name: name.clone(), cells: Cells::Text(cells) })
    };
    names.iter().map(copy).collect()
}

/// Tells which rows were left out, in their order.
fn tell(mut bad: Vec<BadRow>) {
    bad.sort_by_key(|row| match row.at {
        nervure_data::At::Line(n) | nervure_data::At::Row(n) => n,
    });
    for row in bad {
        tell!("left out: {}", row.reason);
    }
}

/// How answers are written.
#[derive(Debug, Clone, Copy)]
enum Format {
    Table(Delimiter),
    Json,
}

impl Format {
    fn of(path: &Path) -> Result<Format> {
        match path.extension().unwrap_or_default().to_string_lossy().to_lowercase().as_str() {
            "csv" => Ok(Format::Table(Delimiter::Comma)),
            "tsv" => Ok(Format::Table(Delimiter::Tab)),
            "json" => Ok(Format::Json),
            kind @ ("parquet" | "npy" | "npz") => Err(Failure::not_yet(
                format!("{}: writing .{kind} files", path.display()),
                "name the file .csv, .tsv or .json",
            )),
            _ => Err(Failure::usage(
                format!("{}: expected a name ending in .csv, .tsv or .json", path.display()),
                "for example -o answers.csv",
            )),
        }
    }

    fn write(self, columns: &[PredictionColumn], rows: usize, to: &mut dyn Write) -> std::io::Result<()> {
        match self {
            Format::Table(delimiter) => {
                let cells = columns.iter().map(|c| (c.name.as_str(), c.cells.text()));
                let table = Table::from_columns("answers", cells).map_err(std::io::Error::other)?;
                table.write(to, delimiter)
            }
            Format::Json => {
                let cell = |column: &PredictionColumn, row: usize| match &column.cells {
                    Cells::Text(cells) => Value::String(cells[row].clone()),
                    Cells::Number(cells) => serde_json::from_str(&cells[row])
                        .unwrap_or_else(|_| Value::String(cells[row].clone())),
                };
                let object = |row: usize| -> Map<String, Value> {
                    columns.iter().map(|c| (c.name.clone(), cell(c, row))).collect()
                };
                to.write_all(b"{\"predictions\": [")?;
                for row in 0..rows {
                    to.write_all(if row == 0 { b"\n" } else { b",\n" })?;
                    serde_json::to_writer(&mut *to, &object(row))?;
                }
                to.write_all(b"\n]}\n")
            }
        }
    }
}
