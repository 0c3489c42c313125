use std::path::Path;

use nervure_artifact::Archive;
use nervure_nn::{Model, Network, Seed};
use serde_json::Value;

use crate::config;
use crate::error::{Fault, Result};
use crate::hdf5::Arrays;
use crate::weights;
use crate::words::Object;

const KIND: &str = ".keras model";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// Reads a `.keras` file of Keras 3: the network with its weights.
///
/// # Errors
/// A file that is none; layers and settings that Nervure does not have, by name; weights that do not fit.
///
/// ```
/// let model = nervure_keras::load("tests/fixtures/mlp.keras")?;
/// assert_eq!(model.network().layers().len(), 3);
/// assert_eq!(model.weight("dense/kernel").map(|w| w.shape().to_vec()), Some(vec![8, 10]));
/// # Ok::<(), nervure_keras::Error>(())
/// ```
pub fn load(path: impl AsRef<Path>) -> Result<Model> {
    read(&Archive::open(path.as_ref(), KIND)?)
}

/// [`load`] of what was read already, under this name in messages.
///
/// # Errors
/// As there.
pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Model> {
    read(&Archive::new(name.into(), bytes, KIND)?)
}

fn read(archive: &Archive) -> Result<Model> {
    let value: Value = archive.json(CONFIG)?;
    model(archive, &value).map_err(|fault| fault.of_file(archive.file()))
}

fn model(archive: &Archive, value: &Value) -> std::result::Result<Model, Fault> {
    let object = Object::of(CONFIG, value)?
        .filter(|object| ["Sequential", "Functional", "Model"].contains(&object.class))
        .ok_or_else(|| Fault::expected(CONFIG, "a Sequential or Functional model", &value["class_name"]))?;
    let data = config::network(CONFIG, &object)?;
    let network: Network = serde_json::from_value(data).map_err(|e| Fault::new(CONFIG, e))?;
    let mut model = network.build(Seed(0)).map_err(|e| Fault::new(CONFIG, e))?;
    let bytes = archive.get(WEIGHTS).ok_or_else(|| Fault::new(WEIGHTS, "it is absent"))?;
    weights::set(&mut model, &value["config"], &Arrays::open(WEIGHTS, bytes)?)?;
    Ok(model)
}
