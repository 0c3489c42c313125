//! How the layers of a functional model are applied to one another.

use serde_json::{Map, Value, json};

use crate::error::Fault;

/// A result of a call of a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tensor {
    pub layer: String,
    pub node: usize,
    pub output: usize,
}

/// A tensor with the name that the model gives it.
pub(crate) struct Named {
    pub name: Option<String>,
    pub tensor: Tensor,
}

/// A call of a layer.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// What it is applied to.
    pub tensors: Vec<Tensor>,
    /// Arguments that are settings here: `use_causal_mask`.
    pub flags: Map<String, Value>,
}

/// Arguments with a tensor, behind the first, in the order in which layers here take them.
const TENSORS: &[&str] = &["inputs", "x", "query", "value", "key", "sequences", "sequence", "initial_state"];

/// `input_layers` and `output_layers`: one `[layer, node, tensor]`, a list, or a dictionary of them.
pub(crate) fn tensors(place: &str, value: Option<&Value>) -> Result<Vec<Named>, Fault> {
    let mut found = Vec::new();
    walk(place, None, value.unwrap_or(&Value::Null), 0, &mut found)?;
    Ok(found)
}

fn walk(
    place: &str,
    name: Option<&str>,
    value: &Value,
    depth: usize,
    found: &mut Vec<Named>,
) -> Result<(), Fault> {
    match value {
        _ if depth > 8 => return Err(Fault::new(place, "inputs or outputs too deep within one another")),
        Value::Array(parts) if parts.len() == 3 && parts[0].is_string() => {
            found.push(Named { name: name.map(Into::into), tensor: tensor(place, value)? });
        }
        Value::Array(parts) => {
            for part in parts {
                walk(place, None, part, depth + 1, found)?;
            }
        }
        Value::Object(parts) => {
            for (name, part) in parts {
                walk(place, Some(name), part, depth + 1, found)?;
            }
        }
        other => return Err(Fault::expected(place, "[layer, node, tensor]", other)),
    }
    Ok(())
}

/// `[layer, node, tensor]`.
fn tensor(place: &str, value: &Value) -> Result<Tensor, Fault> {
    let number = |i: usize| value[i].as_u64().map(|n| n as usize);
    match (value[0].as_str(), number(1), number(2)) {
        (Some(layer), Some(node), Some(output)) => Ok(Tensor { layer: layer.into(), node, output }),
        _ => Err(Fault::expected(place, "[layer, node, tensor]", value)),
    }
}

/// The calls of a layer, in their order.
pub(crate) fn calls(place: &str, layer: &Value) -> Result<Vec<Call>, Fault> {
    let Some(nodes) = layer["inbound_nodes"].as_array() else {
        return Err(Fault::expected(place, "a list of inbound_nodes", &layer["inbound_nodes"]));
    };
    nodes.iter().map(|node| call(place, node)).collect()
}

fn call(place: &str, node: &Value) -> Result<Call, Fault> {
    let (Some(args), Some(kwargs)) = (node["args"].as_array(), node["kwargs"].as_object()) else {
        return Err(Fault::expected(place, "a call with args and kwargs, as Keras 3 writes it", node));
    };
    let mut call = Call::default();
    for arg in args {
        operands(place, arg, 0, &mut call.tensors)?;
    }
    let mut named: Vec<(usize, &String, &Value)> = Vec::new();
    for (name, value) in kwargs {
        match (name.as_str(), value) {
            (_, Value::Null) | ("training", Value::Bool(false)) => {}
            ("use_causal_mask", Value::Bool(flag)) => drop(call.flags.insert(name.clone(), json!(flag))),
            ("return_attention_scores", Value::Bool(false)) => {}
            _ => match TENSORS.iter().position(|known| known == name) {
                Some(order) => named.push((order, name, value)),
                None => {
                    return Err(Fault::new(
                        place,
                        format!("the argument `{name}` of its call is not known, received {value}"),
                    ));
                }
            },
        }
    }
    named.sort_by_key(|n| n.0);
    for (_, _, value) in named {
        operands(place, value, 0, &mut call.tensors)?;
    }
    Ok(call)
}

/// The tensors of an argument.
fn operands(place: &str, value: &Value, depth: usize, found: &mut Vec<Tensor>) -> Result<(), Fault> {
    match value {
        _ if depth > 8 => Err(Fault::new(place, "arguments too deep within one another")),
        Value::Array(parts) => parts.iter().try_for_each(|part| operands(place, part, depth + 1, found)),
        Value::Object(_) if value["class_name"] == "__keras_tensor__" => {
            found.push(tensor(place, &value["config"]["keras_history"])?);
            Ok(())
        }
        Value::Null => Ok(()),
        other => Err(Fault::expected(place, "tensors as arguments of its call", other)),
    }
}
