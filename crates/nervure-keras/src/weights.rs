//! Which array of a file is which weight.

use std::collections::{BTreeMap, BTreeSet};

use nervure_nn::Model;
use serde_json::{Value, json};

use crate::error::Fault;
use crate::hdf5::Arrays;

/// Gives a model the weights of a file; `config` is that of the model as Keras wrote it. Their paths, in Keras's order.
pub(crate) fn set(model: &mut Model, config: &Value, arrays: &Arrays) -> Result<Vec<String>, Fault> {
    let paths: Vec<String> = model.weights().map(|(path, _)| path.to_owned()).collect();
    let mut places = Vec::new();
    of_network("", "", config, &paths, arrays, &mut places)?;
    let taken: BTreeSet<&str> =
        places.iter().filter_map(|(_, theirs)| theirs.strip_prefix("layers/")).collect();
    if let Some(left) = arrays.below("layers").find(|path| !taken.contains(path)) {
        return Err(Fault::new(format!("model.weights.h5: layers/{left}"), "nothing takes this array"));
    }
    for (ours, theirs) in &places {
        let array = arrays.floats(theirs)?;
        model.set_weight(ours, array).map_err(|e| Fault::new(format!("model.weights.h5: {theirs}"), e))?;
    }
    Ok(places.into_iter().map(|place| place.0).collect())
}

/// A network's data as far as Keras's configuration would tell it here: class and name of each layer. A network within it is taken for a functional one.
pub(crate) fn as_keras(network: &Value) -> Value {
    let layers = network["layers"].as_array().into_iter().flatten().map(|spec| {
        let layer = &spec["layer"];
        let class = layer.as_str().or_else(|| layer["class_name"].as_str());
        let config = if class == Some("Functional") { as_keras(&layer["config"]) } else { Value::Null };
        json!({"class_name": class, "name": spec["name"], "config": config})
    });
    json!({"layers": layers.collect::<Vec<_>>()})
}

/// The weights of the layers of a network that stands at `ours` in the model and at `theirs` in the file.
fn of_network(
    ours: &str,
    theirs: &str,
    config: &Value,
    paths: &[String],
    arrays: &Arrays,
    places: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let layers = config["layers"].as_array().into_iter().flatten();
    for layer in layers.filter(|layer| layer["class_name"] != "InputLayer") {
        let class = layer["class_name"].as_str().unwrap_or_default();
        let name = layer["name"].as_str().or_else(|| layer["config"]["name"].as_str()).unwrap_or_default();
        // The one class whose name in Python is not the one in its configuration.
        let folder = snake_case(if class == "GroupQueryAttention" { "GroupedQueryAttention" } else { class });
        let count = used.entry(folder.clone()).or_insert(0);
        let folder = if *count == 0 { folder } else { format!("{folder}_{count}") };
        *count += 1;
        let (ours, theirs) = (format!("{ours}{name}/"), format!("{theirs}layers/{folder}"));
        if let "Functional" | "Sequential" | "Model" = class {
            of_network(&ours, &format!("{theirs}/"), &layer["config"], paths, arrays, places)?;
            continue;
        }
        of_layer(&ours, &theirs, paths, arrays, places)?;
    }
    Ok(())
}

/// The weights of a layer, part by part: `vars/0`, `vars/1`, … are in the order in which the layer declares them.
fn of_layer(
    ours: &str,
    theirs: &str,
    paths: &[String],
    arrays: &Arrays,
    places: &mut Vec<(String, String)>,
) -> Result<(), Fault> {
    // Parts of the layer, with their weights in order.
    let mut wanted: Vec<(&str, Vec<&str>)> = Vec::new();
    for path in paths.iter().filter_map(|p| p.strip_prefix(ours)) {
        let (part, weight) = path.rsplit_once('/').unwrap_or(("", path));
        match wanted.iter_mut().find(|w| w.0 == part) {
            Some((_, weights)) => weights.push(weight),
            None => wanted.push((part, vec![weight])),
        }
    }
    let mut found: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    let parts: BTreeSet<&str> = arrays.below(theirs).filter_map(|p| Some(p.rsplit_once('/')?.0)).collect();
    for part in parts {
        let vars = part.strip_suffix("vars").unwrap_or(part).trim_end_matches('/');
        let count =
            arrays.below(theirs).filter(|p| p.rsplit_once('/').is_some_and(|(at, _)| at == part)).count();
        found.insert(ours_of(vars), (part, count));
    }
    let place = || format!("model.weights.h5: {theirs}");
    for (part, weights) in &wanted {
        let (folder, count) = found.remove(*part).unwrap_or(("vars", 0));
        if count != weights.len() {
            let expected = format!("{} arrays for {}", weights.len(), weights.join(", "));
            return Err(Fault::expected(place(), expected, count));
        }
        let slash = if part.is_empty() { "" } else { "/" };
        for (i, weight) in weights.iter().enumerate() {
            places.push((format!("{ours}{part}{slash}{weight}"), format!("{theirs}/{folder}/{i}")));
        }
    }
    Ok(())
}

/// The part of a layer here whose weights Keras keeps in this folder. A cell is no part of its layer here.
fn ours_of(folder: &str) -> String {
    let ours = |name: &str| match name.trim_start_matches('_') {
        "cell" | "cells" => None,
        "query_dense" => Some("query".to_owned()),
        "key_dense" => Some("key".into()),
        "value_dense" => Some("value".into()),
        "gate_dense" => Some("gate".into()),
        "output_dense" => Some("attention_output".into()),
        other => Some(other.to_owned()),
    };
    folder.split('/').filter_map(ours).collect::<Vec<_>>().join("/")
}

/// The name that Keras gives an object of a class in a list.
fn snake_case(class: &str) -> String {
    let chars: Vec<char> = class.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let next_is_lower = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        // Before a word that goes on in small letters, and behind a small letter.
        let begins =
            c.is_ascii_uppercase() && before.is_some_and(|b| next_is_lower || b.is_ascii_lowercase());
        if begins && before != Some('_') {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}
