//! Keras's objects as words of the registries: the same names and settings, without what only Keras itself has a use for.

use nervure_nn::activations::Activation;
use nervure_nn::constraints::Constraint;
use nervure_nn::initializers::Initializer;
use nervure_nn::layers::Layer;
use nervure_nn::losses::Loss;
use nervure_nn::metrics::Metric;
use nervure_nn::optimizers::Optimizer;
use nervure_nn::regularizers::Regularizer;
use nervure_nn::schedules::Schedule;
use nervure_nn::word::{Entry, Family, Setting};
use serde_json::{Map, Value, json};

use crate::config;
use crate::error::Fault;

/// An object as Keras writes it: `{"module", "class_name", "config", "registered_name", …}`.
pub(crate) struct Object<'a> {
    pub class: &'a str,
    pub config: &'a Map<String, Value>,
    pub module: &'a str,
}

impl<'a> Object<'a> {
    /// Reads one; none where the value is no object of a class.
    ///
    /// # Errors
    /// A class that is not Keras's own.
    pub fn of(place: &str, value: &'a Value) -> Result<Option<Object<'a>>, Fault> {
        let (Some(class), Some(config)) = (value["class_name"].as_str(), value.get("config")) else {
            return Ok(None);
        };
        let module = value["module"].as_str().unwrap_or("keras");
        if class == "__lambda__" || class == "Lambda" {
            return Err(Fault::new(place, "it holds a Lambda, code of its author's, which is never run"));
        }
        let own = module == "keras" || module.starts_with("keras.");
        let registered = value["registered_name"].as_str().filter(|name| *name != class);
        if !own || registered.is_some_and(|name| name.contains('>')) {
            let name = registered.unwrap_or(class);
            return Err(Fault::new(
                place,
                format!("`{name}` of `{module}` is its author's own, and not among Keras's layers"),
            ));
        }
        let Value::Object(config) = config else {
            return Err(Fault::expected(format!("{place}: {class}"), "settings", config));
        };
        Ok(Some(Object { class, config, module }))
    }

    /// The part of Keras to which it belongs: `layers`, `initializers`, …
    fn part(&self) -> &'a str {
        let own = self.module.strip_prefix("keras").unwrap_or_default().trim_start_matches('.');
        own.strip_prefix("src.").unwrap_or(own).split('.').next().unwrap_or_default()
    }

    /// The settings of the word of this class; none if there is none.
    fn known(&self) -> Option<Vec<Setting>> {
        fn of<F: Family + ?Sized>(class: &str) -> Option<Vec<Setting>> {
            let named = |e: &&Entry<F>| {
                e.kind == class || e.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(class))
            };
            F::registry().builtin().iter().find(named).map(|e| (e.settings)())
        }
        match (self.part(), self.module.contains("schedules")) {
            (_, true) => of::<dyn Schedule>(self.class),
            ("layers" | "ops", _) => of::<dyn Layer>(self.class),
            ("initializers", _) => of::<dyn Initializer>(self.class),
            ("regularizers", _) => of::<dyn Regularizer>(self.class),
            ("constraints", _) => of::<dyn Constraint>(self.class),
            ("activations", _) => of::<dyn Activation>(self.class),
            ("optimizers", _) => of::<dyn Optimizer>(self.class),
            ("losses", _) => of::<dyn Loss>(self.class),
            ("metrics", _) => of::<dyn Metric>(self.class),
            _ => None,
        }
    }
}

/// Settings that say how Keras computes, or what it did before, and change no number, whatever they are.
const OF_KERAS: &[&str] =
    &["name", "seed", "unroll", "implementation", "use_cudnn", "autocast", "renorm_momentum", "fused"];
/// Settings that Nervure lacks, with the one value for which it computes the same.
fn is_as_without(name: &str, value: &Value) -> bool {
    match name {
        "sparse"
        | "ragged"
        | "synchronized"
        | "renorm"
        | "rms_scaling"
        | "zero_output_for_mask"
        | "supports_masking"
        | "optional"
        | "use_gate"
        | "multi_label"
        | "invert" => *value == json!(false),
        // Of a layer within another, which is trained as that one is.
        "trainable" => *value == json!(true),
        "axis" => *value == json!(-1),
        "reduction" => *value == json!("sum_over_batch_size"),
        "attention_axes" => *value == json!([1]),
        "data_format" => *value == json!("channels_last"),
        "fill_mode" => *value == json!("constant"),
        _ => false,
    }
}

/// A word of Keras's as one of ours: `{"class_name", "config"}`, a name, or what it is made of.
pub(crate) fn word(place: &str, value: &Value) -> Result<Value, Fault> {
    // An activation that is a function stands there by its name.
    if value["class_name"] == "function" {
        return match (&value["config"], value["module"].as_str()) {
            (Value::String(name), Some("builtins") | None) => Ok(json!(name)),
            (other, _) => Err(Fault::new(place, format!("the function {other} is its author's own"))),
        };
    }
    match value {
        Value::Array(parts) => parts.iter().map(|part| word(place, part)).collect(),
        Value::Object(_) => {
            let Some(object) = Object::of(place, value)? else { return Ok(value.clone()) };
            if let "Sequential" | "Functional" | "Model" = object.class {
                return Ok(json!({"class_name": "Functional", "config": config::network(place, &object)?}));
            }
            Ok(json!({"class_name": object.class, "config": settings(place, &object, &[])?}))
        }
        plain => Ok(plain.clone()),
    }
}

/// The settings of a word, without those that are `read` elsewhere.
///
/// # Errors
/// A class that Nervure lacks; a setting that it does not honour.
pub(crate) fn settings(place: &str, object: &Object<'_>, read: &[&str]) -> Result<Value, Fault> {
    let Some(known) = object.known() else {
        return Err(Fault::new(place, format!("Nervure has no `{}`", object.class)));
    };
    let mut settings = Map::new();
    for (name, value) in object.config {
        if read.contains(&name.as_str()) {
            continue;
        }
        let is_known = known.iter().any(|s| s.name == *name);
        if name == "dtype" {
            if !is_known {
                single_precision(place, value)?;
                continue;
            }
        } else if !is_known {
            // Bidirectional says so of its layers, and does so itself.
            let of_bidirectional = name == "zero_output_for_mask" && place.ends_with("_layer");
            if value.is_null()
                || OF_KERAS.contains(&name.as_str())
                || is_as_without(name, value)
                || of_bidirectional
            {
                continue;
            }
            return Err(Fault::new(
                place,
                format!("`{}` has no setting `{name}` here, received {value}", object.class),
            ));
        }
        let of_layer = ["layer", "backward_layer", "cell", "cells"].contains(&name.as_str());
        let place = if of_layer { format!("{place}/{name}") } else { place.to_owned() };
        if name == "seed" {
            continue;
        }
        settings.insert(name.clone(), word(&place, value)?);
    }
    Ok(Value::Object(settings))
}

/// Fails unless a dtype, or a policy of such, says single precision.
pub(crate) fn single_precision(place: &str, dtype: &Value) -> Result<(), Fault> {
    let name = dtype.as_str().or_else(|| dtype["config"]["name"].as_str());
    match (name, dtype) {
        (Some("float32"), _) | (None, Value::Null) => Ok(()),
        _ => Err(Fault::expected(place, "dtype float32", dtype)),
    }
}
