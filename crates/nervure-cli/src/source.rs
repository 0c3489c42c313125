//! DATA: files, standard input and built-in sets.

use std::path::Path;

use nervure_data::datasets::{self, Builtin};
use nervure_data::{BadRow, Delimiter, Table, TableReader};

use crate::failure::{Failure, Result};

/// A table and where it came from.
#[derive(Debug)]
pub struct Source {
    /// The rows.
    pub table: Table,
    /// The built-in set that it is.
    pub builtin: Option<&'static Builtin>,
    /// The rows that could not be read, where these are skipped.
    pub bad: Vec<BadRow>,
}

impl Source {
    /// Reads DATA; every row has to be readable.
    pub fn read(data: &str) -> Result<Source> {
        Source::with(data, false)
    }

    /// Reads DATA, past bad rows if that is asked for.
    pub fn with(data: &str, skip_bad_rows: bool) -> Result<Source> {
        let reader = TableReader::new().skip_bad_rows(skip_bad_rows);
        if data == "-" {
            let (table, bad) =
                reader.from_reader("standard input", std::io::stdin().lock(), Delimiter::Comma)?;
            return Ok(Source { table, builtin: None, bad });
        }
        if let Some(set) = datasets::get(data) {
            return Ok(Source { table: set.table()?, builtin: Some(set), bad: Vec::new() });
        }
        let path = Path::new(data);
        if path.is_dir() {
            return Err(Failure::not_yet(
                format!("{data}: reading a folder of images"),
                "give a .csv or .tsv file, whose columns may be pixels",
            ));
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if let "parquet" | "npy" | "npz" = extension.as_str() {
            return Err(Failure::not_yet(
                format!("{data}: reading .{extension} files"),
                "write the data as .csv or .tsv",
            ));
        }
        if extension.is_empty() && !path.exists() {
            let names: Vec<&str> = datasets::all().iter().map(|set| set.name).collect();
            return Err(Failure::new(
                format!("{data}: no file and no built-in set has this name"),
                format!("the built-in sets are {}; files end in .csv or .tsv", names.join(", ")),
            ));
        }
        let (table, bad) = reader.read(path)?;
        Ok(Source { table, builtin: None, bad })
    }
}
