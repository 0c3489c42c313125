//! Stateful layers in a model: what is predicted, batch after batch, until the states are reset.

use std::collections::BTreeMap;

use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Layer, Model};
use serde::Deserialize;
use serde_json::Value;

use super::{Numbers, agree, cases};
use crate::trial::{array, buffer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    weights: BTreeMap<String, Numbers>,
    runs: Vec<Run>,
}

/// A prediction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// Whether the states are reset before it.
    reset: bool,
    input: Numbers,
    output: Numbers,
}

/// A model predicts in single precision, and Keras in double.
const SINGLE: f64 = 1e-6;

#[test]
fn stateful_models_predict_what_keras_does() {
    for case in cases::<Case>("states") {
        let what = format!("{} {}", case.class_name, case.config);
        let mut model = model(&case);
        for (i, run) in case.runs.iter().enumerate() {
            if run.reset {
                model.reset_states();
            }
            let y = array(&model.predict_stateful(buffer(&run.input.array())).unwrap());
            assert_eq!(y.shape(), run.output.shape, "{what}: prediction {i}");
            agree(&format!("{what}: prediction {i}"), &run.output.values, &y.to_f64(), SINGLE);
        }
    }
}

/// With Keras's weights.
fn model(case: &Case) -> Model {
    let first = &case.runs[0].input.shape;
    let x = input("x", first[1..].to_vec()).batch_size(first[0]);
    let layer = Object::<dyn Layer>::from_config(&case.class_name, case.config.clone()).unwrap();
    let y = layer.instance().named("layer").on(&x);
    let mut model = Model::new(&x, &y).build(Seed(1)).unwrap();
    for (name, value) in &case.weights {
        model.set_weight(&format!("layer/{name}"), buffer(&value.array())).unwrap();
    }
    model
}
