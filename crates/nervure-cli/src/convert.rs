//! `nervure convert`: a model in another format.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::style::bytes;
use crate::{Answering, model, output};

/// Write a model in another format
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure convert model.keras model.nervure")]
pub struct ConvertArgs {
    /// A .nervure or .keras file
    model: PathBuf,

    /// What is written: a .nervure file
    out: PathBuf,

    #[command(flatten)]
    common: Answering,
}

impl ConvertArgs {
    /// Converts.
    pub fn run(self) -> Result<()> {
        match self.out.extension().unwrap_or_default().to_string_lossy().to_lowercase().as_str() {
            "nervure" => {}
            kind @ ("keras" | "onnx") => {
                let what = format!("{}: writing .{kind} files", self.out.display());
                return Err(Failure::not_yet(what, "name a .nervure file"));
            }
            _ => {
                let what = format!("{}: expected a model's name, ending in .nervure", self.out.display());
                return Err(Failure::usage(
                    what,
                    "the model that is read stands before the one that is written",
                ));
            }
        }
        let artifact = model::load(&self.model)?.with_threads(self.common.common.threads());
        artifact.save(&self.out)?;
        let size = std::fs::metadata(&self.out).map_or(0, |m| m.len());
        if self.common.common.json {
            return output::line(&json!({"out": self.out, "file_bytes": size}).to_string());
        }
        if !self.common.common.quiet {
            tell!("{}, {}", self.out.display(), bytes(size));
        }
        Ok(())
    }
}
