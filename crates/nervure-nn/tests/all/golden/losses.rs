//! Losses: values, gradients to predictions, and what a batch with weights comes to.

use std::collections::BTreeMap;

use nervure_graph::{Bindings, Builder, Type, evaluate, gradient};
use nervure_nn::losses::Loss;
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use serde::Deserialize;
use serde_json::Value;

use super::{Numbers, agree, cases, cosines};
use crate::trial::buffer;

/// A whole evaluation runs in single precision.
const SINGLE: f64 = 2e-6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    target: Numbers,
    prediction: Numbers,
    values: Numbers,
    /// Of Σ values · cos(0, 1, 2, …), to the prediction.
    gradient: Numbers,
    /// Of the rows.
    weight: Numbers,
    /// What Keras makes of the values and weights.
    reduced: f64,
}

#[test]
fn losses_compute_what_keras_does() {
    for case in cases::<Case>("losses") {
        let loss = Object::<dyn Loss>::from_config(&case.class_name, case.config.clone()).unwrap();
        check(&case, &loss);
        let reduced = evaluated(&case, loss);
        agree(&format!("{} {}: reduced", case.class_name, case.config), &[case.reduced], &[reduced], SINGLE);
    }
}

fn check(case: &Case, loss: &Object<dyn Loss>) {
    let what = format!("{} {}", case.class_name, case.config);
    let builder = Builder::new();
    let t = builder.input("t", case.target.dtype(), case.target.dims());
    let y = builder.input("y", DType::F32, case.prediction.dims());
    let expected = loss.target(&y.ty()).unwrap();
    assert_eq!(expected, Type::new(t.dtype(), t.shape()), "{what}: the target's type");
    let values = loss.lower(t, y.into());
    builder.output("values", values);
    let sum = (values * builder.input("cos", DType::F32, values.shape())).sum_all();
    builder.output("dy", gradient(&builder, sum, &[y])[0].unwrap());
    let inputs = BTreeMap::from([
        ("t".into(), case.target.array()),
        ("y".into(), case.prediction.array()),
        ("cos".into(), cosines(&case.values.shape)),
    ]);
    let run = evaluate(&builder.finish().unwrap(), &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
    case.values.agree(&what, run.output("values").unwrap());
    case.gradient.agree(&format!("{what}: gradient"), run.output("dy").unwrap());
}

/// The loss that a model reports which gives its input back.
fn evaluated(case: &Case, loss: Object<dyn Loss>) -> f64 {
    let x = input("y", case.prediction.shape[1..].iter().copied());
    let model = Model::new(&x, &Activation::new(Linear).on(&x)).build(Seed(1)).unwrap();
    let [y, t, weight] = [&case.prediction, &case.target, &case.weight].map(|n| buffer(&n.array()));
    let data = Dataset::new(y, t).sample_weight(weight);
    model.evaluate(&data, &Training::new(loss, SGD::new()), 32).unwrap().get("loss").unwrap()
}
