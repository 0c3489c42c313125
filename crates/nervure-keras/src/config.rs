//! `config.json` as a network: Sequential and functional, nested and shared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::error::Fault;
use crate::inbound::{self, Call, Tensor};
use crate::words::{Object, settings, single_precision, word};

/// The network of a model, as data that [`Network`](nervure_nn::Network) is read from.
pub(crate) fn network(place: &str, model: &Object<'_>) -> Result<Value, Fault> {
    let Some(layers) = model.config.get("layers").and_then(Value::as_array) else {
        return Err(Fault::new(place, format!("the {} has no list of layers", model.class)));
    };
    if let Some(dtype) = model.config.get("dtype") {
        single_precision(place, dtype)?;
    }
    let mut network = Network::default();
    match model.class {
        "Sequential" => network.chain(place, layers, model.config.get("build_input_shape"))?,
        _ => network.functional(place, layers, model.config)?,
    }
    Ok(json!({
        "inputs": network.inputs, "layers": network.layers, "calls": network.calls, "outputs": network.outputs,
    }))
}

#[derive(Default)]
struct Network {
    inputs: Vec<Value>,
    layers: Vec<Value>,
    calls: Vec<Value>,
    outputs: Vec<Value>,
}

/// The name of a layer, which stands beside its settings or among them.
fn name_of<'a>(place: &str, layer: &'a Value) -> Result<&'a str, Fault> {
    let name = layer["name"].as_str().or_else(|| layer["config"]["name"].as_str());
    name.ok_or_else(|| Fault::new(place, format!("a {} has no name", layer["class_name"])))
}

impl Network {
    fn chain(&mut self, place: &str, layers: &[Value], built: Option<&Value>) -> Result<(), Fault> {
        let mut layers = layers.iter().peekable();
        match layers.peek() {
            Some(first) if first["class_name"] == "InputLayer" => {
                self.input(place, first)?;
                layers.next();
            }
            Some(_) if built.is_some_and(Value::is_array) => {
                let config = json!({"name": "input", "batch_shape": built, "dtype": "float32"});
                self.input(place, &json!({"class_name": "InputLayer", "config": config}))?;
            }
            _ => return Err(Fault::new(place, "the Sequential was never built: its input has no shape")),
        }
        let (mut last, mut name) = (json!({"input": 0}), String::new());
        for layer in layers {
            let at = self.layer(place, layer, &Map::new())?;
            name = name_of(place, layer)?.to_owned();
            self.calls.push(json!({"layer": at, "inputs": [last]}));
            last = json!({"call": [self.calls.len() - 1, 0]});
        }
        if self.calls.is_empty() {
            return Err(Fault::new(place, "the Sequential has no layers"));
        }
        self.outputs.push(json!([name, last]));
        Ok(())
    }

    fn functional(
        &mut self,
        place: &str,
        layers: &[Value],
        config: &Map<String, Value>,
    ) -> Result<(), Fault> {
        let by_name: BTreeMap<&str, &Value> =
            layers.iter().map(|layer| Ok((name_of(place, layer)?, layer))).collect::<Result<_, Fault>>()?;
        if by_name.len() != layers.len() {
            return Err(Fault::new(place, "two layers have one name"));
        }
        // In the order in which the model takes them.
        let mut inputs: BTreeMap<String, usize> = BTreeMap::new();
        for input in inbound::tensors(place, config.get("input_layers"))? {
            let layer = by_name.get(input.tensor.layer.as_str()).filter(|l| l["class_name"] == "InputLayer");
            let Some(layer) = layer else {
                let reason = format!("the input `{}` is no InputLayer", input.tensor.layer);
                return Err(Fault::new(place, reason));
            };
            self.input(place, layer)?;
            inputs.insert(input.tensor.layer, self.inputs.len() - 1);
        }
        // Each with the number of its layer.
        let mut calls: Vec<(usize, Call)> = Vec::new();
        let mut nodes: BTreeMap<(&str, usize), usize> = BTreeMap::new();
        for layer in layers.iter().filter(|layer| layer["class_name"] != "InputLayer") {
            let name = name_of(place, layer)?;
            let of_layer = inbound::calls(&format!("{place}/{name}"), layer)?;
            let flags = of_layer.first().map(|call| call.flags.clone()).unwrap_or_default();
            if of_layer.iter().any(|call| call.flags != flags) {
                return Err(Fault::new(format!("{place}/{name}"), "its calls differ in their arguments"));
            }
            let at = self.layer(place, layer, &flags)?;
            for (node, call) in of_layer.into_iter().enumerate() {
                nodes.insert((name, node), calls.len());
                calls.push((at, call));
            }
        }
        // The place of each call among those of the network, once it has one.
        let mut placed: Vec<Option<usize>> = vec![None; calls.len()];
        let find = |placed: &[Option<usize>], t: &Tensor| match inputs.get(&t.layer) {
            Some(input) => Some(json!({"input": input})),
            None => Some(json!({"call": [placed[*nodes.get(&(t.layer.as_str(), t.node))?]?, t.output]})),
        };
        for first in 0..calls.len() {
            // Calls that wait for others, which come before them.
            let mut waiting = vec![first];
            let mut entered = BTreeSet::new();
            while let Some(&at) = waiting.last() {
                if placed[at].is_some() {
                    waiting.pop();
                    continue;
                }
                let (layer, call) = &calls[at];
                let needed: Vec<usize> = call
                    .tensors
                    .iter()
                    .filter(|t| !inputs.contains_key(&t.layer))
                    .map(|t| {
                        let node = nodes.get(&(t.layer.as_str(), t.node)).copied();
                        node.ok_or_else(|| {
                            Fault::new(place, format!("no layer makes what `{}` is to give", t.layer))
                        })
                    })
                    .collect::<Result<_, _>>()?;
                if needed.iter().all(|&n| placed[n].is_some()) {
                    let operands: Option<Vec<Value>> =
                        call.tensors.iter().map(|t| find(&placed, t)).collect();
                    placed[at] = Some(self.calls.len());
                    self.calls.push(json!({"layer": layer, "inputs": operands}));
                } else if entered.insert(at) {
                    waiting.extend(needed.into_iter().filter(|&n| placed[n].is_none()));
                } else {
                    let reason = format!("layers wait for one another, `{}` among them", self.name(*layer));
                    return Err(Fault::new(place, reason));
                }
            }
        }
        for output in inbound::tensors(place, config.get("output_layers"))? {
            let Some(value) = find(&placed, &output.tensor) else {
                let reason = format!("no layer makes the output `{}`", output.tensor.layer);
                return Err(Fault::new(place, reason));
            };
            let name = output.name.unwrap_or_else(|| output.tensor.layer.clone());
            self.outputs.push(json!([name, value]));
        }
        Ok(())
    }

    /// The name of a layer by its number.
    fn name(&self, layer: usize) -> &str {
        self.layers[layer]["name"].as_str().unwrap_or_default()
    }

    /// Adds an input.
    fn input(&mut self, place: &str, layer: &Value) -> Result<(), Fault> {
        let name = name_of(place, layer)?;
        let place = format!("{place}/{name}");
        Object::of(&place, layer)?;
        let config = &layer["config"];
        let shape =
            config.get("batch_shape").or_else(|| config.get("batch_input_shape")).and_then(Value::as_array);
        let Some([rows, shape @ ..]) = shape.map(Vec::as_slice) else {
            return Err(Fault::expected(place, "a batch_shape", &config["batch_shape"]));
        };
        for name in ["sparse", "ragged", "optional"] {
            if config.get(name).is_some_and(|v| !v.is_null() && *v != json!(false)) {
                return Err(Fault::expected(place, format!("{name} false"), &config[name]));
            }
        }
        let dtype = match &config["dtype"] {
            Value::Null => "F32",
            dtype => match dtype.as_str().or_else(|| dtype["config"]["name"].as_str()) {
                Some("float32") => "F32",
                Some("int32") => "I32",
                Some("int64") => "I64",
                Some("uint8") => "U8",
                Some("bool") => "Bool",
                Some("string") => "Text",
                _ => {
                    return Err(Fault::expected(
                        place,
                        "a dtype float32, int32, int64, uint8, bool or string",
                        dtype,
                    ));
                }
            },
        };
        let mut sizes = Vec::new();
        for (axis, size) in shape.iter().enumerate() {
            sizes.push(match size {
                Value::Null => json!(format!("{}_{}", symbol(name), axis + 1)),
                size => {
                    json!(size.as_u64().ok_or_else(|| Fault::expected(&place, "sizes", size))?.to_string())
                }
            });
        }
        let mut input = json!({"name": name, "dtype": dtype, "shape": sizes});
        if let Some(rows) = rows.as_u64() {
            input["batch_size"] = json!(rows);
        }
        self.inputs.push(input);
        Ok(())
    }

    /// Adds a layer, with arguments of its calls that are settings here; its number.
    fn layer(&mut self, place: &str, layer: &Value, flags: &Map<String, Value>) -> Result<usize, Fault> {
        let name = name_of(place, layer)?;
        let place = format!("{place}/{name}");
        let Some(object) = Object::of(&place, layer)? else {
            return Err(Fault::expected(place, "a layer with class_name and config", "another value"));
        };
        let mut spec = json!({"name": name});
        if object.config.get("trainable") == Some(&json!(false)) {
            spec["trainable"] = json!(false);
        }
        spec["layer"] = match object.class {
            "Sequential" | "Functional" | "Model" => word(&place, layer)?,
            // Of a frozen layer its parts are frozen too, and say so.
            class => {
                let config = match spec["trainable"] == json!(false) {
                    true => without_trainable(&layer["config"]),
                    false => layer["config"].clone(),
                };
                let object = Object { config: config.as_object().unwrap_or(object.config), ..object };
                if let Some(dtype) = object.config.get("dtype").filter(|_| class != "CategoryEncoding") {
                    single_precision(&place, dtype)?;
                }
                let mut config =
                    settings(&place, &object, &["name", "trainable", "dtype", "activity_regularizer"])?;
                for (name, value) in flags {
                    config[name] = value.clone();
                }
                json!({"class_name": class, "config": config})
            }
        };
        if let Some(penalty) = object.config.get("activity_regularizer").filter(|p| !p.is_null()) {
            spec["activity_regularizer"] = word(&place, penalty)?;
        }
        self.layers.push(spec);
        Ok(self.layers.len() - 1)
    }
}

/// The same without what parts say of their training.
fn without_trainable(value: &Value) -> Value {
    match value {
        Value::Object(parts) => {
            let parts = parts.iter().filter(|(name, _)| *name != "trainable");
            parts.map(|(name, part)| (name.clone(), without_trainable(part))).collect()
        }
        Value::Array(parts) => parts.iter().map(without_trainable).collect(),
        plain => plain.clone(),
    }
}

/// A name of an input as a symbol of a size.
fn symbol(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
