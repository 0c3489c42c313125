//! MODEL: files of trained models.

use std::path::Path;

use nervure::Persist;
use nervure_artifact::Artifact;
use nervure_data::Schema;

use crate::failure::{Failure, Result};

/// Reads a model.
pub fn load(path: &Path) -> Result<Artifact> {
    match path.extension().unwrap_or_default().to_string_lossy().to_lowercase().as_str() {
        "nervure" => Ok(Artifact::load(path)?),
        "keras" => Ok(nervure_keras::load(path)?.model.artifact()?),
        "onnx" => Err(Failure::not_yet(
            format!("{}: reading .onnx files", path.display()),
            "give a .nervure or .keras file",
        )),
        _ => Err(Failure::new(
            format!("{}: expected a model's name, ending in .nervure or .keras", path.display()),
            "nervure train makes one; the model stands before the data",
        )),
    }
}

/// The raw columns of a model.
pub fn schema<'a>(artifact: &'a Artifact, path: &Path) -> Result<&'a Schema> {
    artifact.schema().ok_or_else(|| {
        Failure::not_yet(
            format!("{}: it takes tensors, and reading these", path.display()),
            "use a model that was trained on a table",
        )
    })
}
