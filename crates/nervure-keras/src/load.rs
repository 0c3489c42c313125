use std::path::Path;

use nervure_artifact::Archive;
use nervure_nn::{Model, Network, Seed, Training};
use serde_json::Value;

use crate::error::{Fault, Result};
use crate::hdf5::Arrays;
use crate::weights;
use crate::words::Object;
use crate::{compiled, config};

const KIND: &str = ".keras model";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// A model as Keras saved it.
#[derive(Debug)]
pub struct Saved {
    /// The network with its weights, and with the optimizer's state if there was one.
    pub model: Model,
    /// What it was compiled with: losses, optimizer, metrics. [`Fit::from_training`](nervure_nn::Fit::from_training) goes on where Keras left off.
    pub training: Option<Training>,
}

/// Reads a `.keras` file of Keras 3. `jit_compile`, `run_eagerly` and `steps_per_execution` are ignored.
///
/// # Errors
/// A file that is none; layers and settings that Nervure does not have, by name; weights that do not fit.
///
/// ```
/// let saved = nervure_keras::load("tests/fixtures/compiled.keras")?;
/// assert_eq!(saved.model.weight("dense/kernel").map(|w| w.shape().to_vec()), Some(vec![8, 10]));
/// assert_eq!(saved.training.map(|t| t.optimizer().kind()), Some("adam"));
/// # Ok::<(), nervure_keras::Error>(())
/// ```
pub fn load(path: impl AsRef<Path>) -> Result<Saved> {
    read(&Archive::open(path.as_ref(), KIND)?)
}

/// [`load`] of what was read already, under this name in messages.
///
/// # Errors
/// As there.
pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Saved> {
    read(&Archive::new(name.into(), bytes, KIND)?)
}

/// Gives a model the weights of a `.weights.h5` file, which Keras's `save_weights` wrote for a model of the same layers in the same order.
///
/// # Errors
/// A file that is none; weights that do not fit; a model of other layers. The model then has some of the weights.
///
/// ```
/// use nervure_nn::prelude::*;
/// let dense = |units| Dense::new(units).activation(Relu);
/// let last = Dense::new(1).activation(Sigmoid);
/// let mut model = Sequential::new([8]).add(dense(10)).add(dense(8)).add(last).build(Seed(1))?;
/// nervure_keras::load_weights(&mut model, "tests/fixtures/mlp.weights.h5")?;
/// let saved = nervure_keras::load("tests/fixtures/mlp.keras")?.model;
/// assert_eq!(model.weight("dense/kernel"), saved.weight("dense/kernel"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load_weights(model: &mut Model, path: impl AsRef<Path>) -> Result<()> {
    let file = path.as_ref().display().to_string();
    let bytes =
        std::fs::read(&path).map_err(|cause| nervure_artifact::Error::Io { file: file.clone(), cause })?;
    let mut set = || {
        let arrays = Arrays::open(WEIGHTS, &bytes)?;
        let config = serde_json::to_value(model.network()).map_err(|e| Fault::new(WEIGHTS, e))?;
        weights::set(model, &weights::as_keras(&config), &arrays).map(drop)
    };
    set().map_err(|fault| fault.of_file(&file))
}

fn read(archive: &Archive) -> Result<Saved> {
    let value: Value = archive.json(CONFIG)?;
    model(archive, &value).map_err(|fault| fault.of_file(archive.file()))
}

fn model(archive: &Archive, value: &Value) -> std::result::Result<Saved, Fault> {
    let object = Object::of(CONFIG, value)?
        .filter(|object| ["Sequential", "Functional", "Model"].contains(&object.class))
        .ok_or_else(|| Fault::expected(CONFIG, "a Sequential or Functional model", &value["class_name"]))?;
    let data = config::network(CONFIG, &object)?;
    let network: Network = serde_json::from_value(data).map_err(|e| Fault::new(CONFIG, e))?;
    let mut model = network.build(Seed(0)).map_err(|e| Fault::new(CONFIG, e))?;
    let bytes = archive.get(WEIGHTS).ok_or_else(|| Fault::new(WEIGHTS, "it is absent"))?;
    let arrays = Arrays::open(WEIGHTS, bytes)?;
    let weights = weights::set(&mut model, &value["config"], &arrays)?;
    let training = compiled::training(&model, &value["compile_config"])?;
    if let Some(training) = &training {
        compiled::resume(&mut model, training, &weights, &arrays)?;
    }
    Ok(Saved { model, training })
}
