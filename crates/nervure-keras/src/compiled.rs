//! `compile_config`: what a model was trained with, and the optimizer's state.

use nervure_exec::Buffer;
use nervure_nn::losses::Loss;
use nervure_nn::metrics::Metric;
use nervure_nn::optimizers::Optimizer;
use nervure_nn::word::{Family, Object};
use nervure_nn::{Model, Training};
use serde_json::Value;

use crate::error::Fault;
use crate::hdf5::Arrays;
use crate::words::word;

const PLACE: &str = "config.json/compile_config";
/// Of a model's state: what the optimizer keeps of each weight, `optimizer/slots/layer/weight/slot`.
const SLOTS: &str = "optimizer/slots";
const STATE: &str = "model.weights.h5: optimizer";

/// What a model was compiled with, none for one that was not.
pub(crate) fn training(model: &Model, config: &Value) -> Result<Option<Training>, Fault> {
    if config["optimizer"].is_null() {
        return Ok(None);
    }
    let mut training = Training::with_optimizer(read::<dyn Optimizer>("optimizer", &config["optimizer"])?);
    let outputs: Vec<&str> = model.network().outputs().iter().map(|(name, _)| name.as_str()).collect();
    for (output, loss) in by_output("loss", &config["loss"], &outputs)? {
        training = training.loss(output, read::<dyn Loss>("loss", loss)?);
    }
    for (output, weight) in by_output("loss_weights", &config["loss_weights"], &outputs)? {
        let Some(weight) = weight.as_f64() else {
            return Err(Fault::expected(format!("{PLACE}/loss_weights"), "numbers", weight));
        };
        training = training.loss_weight(output, weight);
    }
    for (output, metrics) in metrics("metrics", &config["metrics"], &outputs)? {
        training = training.metric(output, read::<dyn Metric>("metrics", metrics)?);
    }
    match &config["weighted_metrics"] {
        Value::Null => {}
        Value::Array(all) if outputs.len() == 1 && !all.iter().any(Value::is_array) => {
            for metric in all {
                training = training.weighted_metrics([read::<dyn Metric>("weighted_metrics", metric)?]);
            }
        }
        other => {
            return Err(Fault::expected(
                format!("{PLACE}/weighted_metrics"),
                "a list for the one output",
                other,
            ));
        }
    }
    Ok(Some(training))
}

fn read<F: Family + ?Sized>(name: &str, value: &Value) -> Result<Object<F>, Fault> {
    let place = format!("{PLACE}/{name}");
    serde_json::from_value(word(&place, value)?).map_err(|e| Fault::new(place, e))
}

/// What is said of each output: one thing for all, one each in their order, or by name; null for none.
fn by_output<'a>(
    name: &str,
    value: &'a Value,
    outputs: &[&'a str],
) -> Result<Vec<(&'a str, &'a Value)>, Fault> {
    let all: Vec<(&str, &Value)> = match value {
        Value::Null => Vec::new(),
        Value::Array(each) if each.len() == outputs.len() => outputs.iter().copied().zip(each).collect(),
        Value::Object(by_name) if !by_name.contains_key("class_name") => {
            if let Some(unknown) = by_name.keys().find(|key| !outputs.contains(&key.as_str())) {
                return Err(Fault::new(format!("{PLACE}/{name}"), format!("no output is named `{unknown}`")));
            }
            by_name.iter().map(|(name, value)| (name.as_str(), value)).collect()
        }
        Value::String(_) | Value::Object(_) | Value::Number(_) => {
            outputs.iter().map(|&output| (output, value)).collect()
        }
        other => {
            return Err(Fault::expected(
                format!("{PLACE}/{name}"),
                format!("{} values", outputs.len()),
                other,
            ));
        }
    };
    Ok(all.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

/// The metrics of each output: a list for the only one, a list of lists, or such by name.
fn metrics<'a>(
    name: &str,
    value: &'a Value,
    outputs: &[&'a str],
) -> Result<Vec<(&'a str, &'a Value)>, Fault> {
    if let (Value::Array(all), [only]) = (value, outputs)
        && !all.iter().any(Value::is_array)
    {
        return Ok(all.iter().map(|metric| (*only, metric)).collect());
    }
    let mut found = Vec::new();
    for (output, metrics) in by_output(name, value, outputs)? {
        match metrics {
            Value::Array(all) => found.extend(all.iter().map(|metric| (output, metric))),
            metric => found.push((output, metric)),
        }
    }
    Ok(found)
}

/// Gives a model the optimizer's state of a file, if it has one. `weights` are those of the model in Keras's order.
pub(crate) fn resume(
    model: &mut Model,
    training: &Training,
    weights: &[String],
    arrays: &Arrays,
) -> Result<(), Fault> {
    let count = arrays.below("optimizer/vars").count();
    let optimizer = training.optimizer().clone();
    let known = usize::from(optimizer.schedule().is_none());
    // A model that was compiled and never trained has its iteration and its learning rate alone.
    if count <= 1 + known {
        return Ok(());
    }
    let fail = |e: nervure_nn::Error| Fault::new(PLACE, e);
    // The states that training keeps, with what they start from.
    model.trainer(training.clone()).map(drop).map_err(fail)?;
    let mut state = model.state().clone();
    let mut next = 0;
    let mut take = || {
        next += 1;
        format!("optimizer/vars/{}", next - 1)
    };
    let iterations = arrays.whole(&take())?;
    state.insert(
        "optimizer/iterations",
        Buffer::from_i64(&[], &[iterations]).map_err(|e| Fault::new(STATE, e))?,
    );
    if known == 1 {
        state.insert("optimizer/learning_rate", arrays.floats(&take())?);
    }
    for block in blocks(&*optimizer)? {
        for weight in weights {
            for slot in &block {
                let name = format!("{SLOTS}/{weight}/{slot}");
                let Some(now) = state.get(&name) else {
                    // Adafactor keeps places for what it does not use of a weight.
                    if optimizer.kind() == "adafactor" && is_trained(&state, weight) {
                        take();
                    }
                    continue;
                };
                let path = take();
                let array = arrays.floats(&path)?;
                if array.shape() != now.shape() {
                    let place = format!("model.weights.h5: {path}");
                    return Err(Fault::expected(
                        place,
                        format!("{:?} for {name}", now.shape()),
                        format!("{:?}", array.shape()),
                    ));
                }
                state.insert(&name, array);
            }
        }
    }
    if optimizer.kind() == "nadam" {
        let product = arrays.floats(&take())?;
        for weight in weights {
            let name = format!("{SLOTS}/{weight}/u_product");
            if state.get(&name).is_some() {
                state.insert(&name, product.clone());
            }
        }
    }
    if next != count {
        return Err(Fault::expected(STATE, format!("{next} arrays of {}", optimizer.kind()), count));
    }
    model.set_state(state, Some(optimizer)).map_err(fail)
}

fn is_trained(state: &nervure_exec::Store, weight: &str) -> bool {
    state
        .iter()
        .any(|(name, _)| name.strip_prefix(SLOTS).is_some_and(|n| n[1..].starts_with(&format!("{weight}/"))))
}

/// What Keras's optimizers keep, block by block: of all weights in a block, and of each its slots one after the other.
fn blocks(optimizer: &dyn Optimizer) -> Result<Vec<Vec<&'static str>>, Fault> {
    let options = optimizer.options();
    let mut blocks = Vec::new();
    if options.use_ema {
        blocks.push(vec!["average"]);
    }
    if options.gradient_accumulation_steps.is_some() {
        return Err(Fault::new(STATE, "the state of accumulated gradients is not read yet"));
    }
    blocks.extend(match optimizer.kind() {
        "sgd" | "lion" => vec![vec!["momentum"]],
        "adam" | "adamw" => vec![vec!["momentum", "velocity"], vec!["velocity_hat"]],
        "nadam" | "lamb" | "muon" | "schedule_free_adamw" => vec![vec!["momentum", "velocity"]],
        "adamax" => vec![vec!["momentum", "norm"]],
        "rmsprop" => vec![vec!["velocity"], vec!["momentum"], vec!["average_gradient"]],
        "adagrad" => vec![vec!["accumulator"]],
        "adadelta" => vec![vec!["accumulated_grad", "accumulated_delta_var"]],
        "ftrl" => vec![vec!["accumulator", "linear"]],
        "adafactor" => vec![vec!["r", "c", "velocity"]],
        other => return Err(Fault::new(STATE, format!("the state of `{other}` is not known"))),
    });
    Ok(blocks)
}
