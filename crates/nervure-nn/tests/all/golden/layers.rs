//! Chains of layers: outputs, masks, states, penalties, gradients, and what their weights start from and are held to.

use std::collections::BTreeMap;

use nervure_graph::{Bindings, Builder, DType, Tensor, evaluate, gradient};
use nervure_nn::network::BATCH;
use nervure_nn::word::Object;
use nervure_nn::{Layer, Lower};
use serde::Deserialize;
use serde_json::Value;

use super::{BOUND, Numbers, agree, cases, cosines};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    layers: Vec<Applied>,
    training: bool,
    inputs: Vec<Numbers>,
    /// Of the inputs.
    #[serde(default)]
    masks: Vec<Option<Numbers>>,
    outputs: Vec<Numbers>,
    /// Of the first output.
    mask: Option<Vec<bool>>,
    /// What the layers add to the loss.
    penalty: Option<f64>,
    /// Of Σ y · cos(0, 1, 2, …), to weights and inputs by name.
    #[serde(default)]
    gradients: BTreeMap<String, Numbers>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Applied {
    class_name: String,
    config: Value,
    weights: BTreeMap<String, Numbers>,
    /// What weights start from, of those whose initializer is not random.
    #[serde(default)]
    initial: BTreeMap<String, Numbers>,
    /// What the weights above become by their constraints.
    #[serde(default)]
    constrained: BTreeMap<String, Numbers>,
    /// Weights that the layer itself updates, after the step.
    #[serde(default)]
    states: BTreeMap<String, Numbers>,
}

#[test]
fn layers_compute_what_keras_does() {
    cases("layers").iter().for_each(check);
}

fn check(case: &Case) {
    let names: Vec<String> = case.layers.iter().map(|l| format!("{} {}", l.class_name, l.config)).collect();
    let what = names.join(" → ");
    let builder = Builder::new();
    let mut cx = Lower::new(&builder, case.training);
    let (mut inputs, mut parameters) = (BTreeMap::new(), BTreeMap::new());
    let mut values = Vec::new();
    for (i, x) in case.inputs.iter().enumerate() {
        let (name, ty) = (format!("x{i}"), x.rows());
        values.push(builder.input(&name, ty.dtype, ty.shape));
        inputs.insert(name, x.array());
    }
    for (i, (x, mask)) in values.iter().zip(&case.masks).enumerate() {
        let Some(mask) = mask else { continue };
        let (name, ty) = (format!("mask{i}"), mask.rows());
        cx.set_mask(*x, builder.input(&name, ty.dtype, ty.shape));
        inputs.insert(name, mask.array());
    }
    let operands = values.clone();
    for (i, l) in case.layers.iter().enumerate() {
        let layer = Object::<dyn Layer>::from_config(&l.class_name, l.config.clone()).unwrap();
        values = cx.layer(&i.to_string(), &*layer, true, &values).unwrap_or_else(|e| panic!("{what}: {e}"));
        parameters.extend(l.weights.iter().map(|(name, w)| (format!("{i}/{name}"), w.array())));
    }
    assert_eq!(values.len(), case.outputs.len(), "{what}: outputs");
    for (i, y) in values.iter().enumerate() {
        builder.output(&format!("y{i}"), *y);
    }
    if let Some(mask) = cx.mask(values[0]) {
        builder.output("mask", mask);
    }
    let mut states = 0;
    for (path, value) in cx.updates() {
        builder.output(path, value);
        states += 1;
    }
    if let Some(penalty) = cx.penalties().iter().copied().reduce(|a, b| a + b) {
        builder.output("penalty", penalty);
    }
    let of_weights = weights(&what, &cx, case);
    drop(cx);
    differentiate(&builder, case, &values, &operands);
    inputs.extend(case.outputs.iter().enumerate().map(|(i, y)| (format!("cos{i}"), cosines(&y.shape))));
    let graph = builder.finish().unwrap();
    assert_eq!(of_weights, parameters.len(), "{what}: weights");
    let rows = case.inputs[0].shape[0];
    let run = evaluate(&graph, &Bindings::from([(BATCH.into(), rows)]), &inputs, &parameters);
    let run = run.unwrap_or_else(|e| panic!("{what}: {e}"));
    for (i, y) in case.outputs.iter().enumerate() {
        y.agree(&format!("{what}: output {i}"), run.output(&format!("y{i}")).unwrap());
    }
    for (name, value) in &case.gradients {
        let received = run.output(&format!("gradient of {name}")).unwrap();
        value.agree(&format!("{what}: gradient of {name}"), received);
    }
    let mask = run.output("mask").map(|m| m.to_f64().iter().map(|&b| b != 0.0).collect::<Vec<_>>());
    assert_eq!(mask, case.mask, "{what}: mask");
    let penalty = run.output("penalty").map_or(0.0, |p| p.to_f64()[0]);
    agree(&format!("{what}: penalty"), &[case.penalty.unwrap_or(0.0)], &[penalty], BOUND);
    let mut expected = 0;
    for (i, l) in case.layers.iter().enumerate() {
        for (name, value) in &l.states {
            value.agree(&format!("{what}: {name}"), run.output(&format!("{i}/{name}")).unwrap());
            expected += 1;
        }
        for (name, value) in &l.constrained {
            value.agree(&format!("{what}: {name}"), run.output(&format!("constrained {i}/{name}")).unwrap());
        }
    }
    assert_eq!(states, expected, "{what}: states that are updated");
}

/// Checks what weights start from, and adds what they become by their constraints to the outputs. Gives the number of weights.
fn weights(what: &str, cx: &Lower<'_>, case: &Case) -> usize {
    let builder = cx.builder();
    for p in cx.parameters() {
        let (layer, name) = p.path.split_once('/').unwrap();
        let applied = &case.layers[layer.parse::<usize>().unwrap()];
        if let Some(initial) = applied.initial.get(name) {
            let drawn: Vec<f64> = p.initial(1).into_iter().map(f64::from).collect();
            // Initial weights are in single precision.
            agree(&format!("{what}: initial {name}"), &initial.values, &drawn, 1e-7);
        }
        assert_eq!(
            p.constraint.is_some(),
            applied.constrained.contains_key(name),
            "{what}: constraint of {name}"
        );
        if let Some(constraint) = &p.constraint {
            let shape: Vec<_> = p.shape.iter().map(|&n| n.into()).collect();
            let weight = builder.parameter(&p.path, DType::F32, shape);
            builder.output(&format!("constrained {}", p.path), constraint.lower(weight));
        }
    }
    cx.parameters().len()
}

/// Adds the gradients that the case names to the outputs. The factors come in as inputs.
fn differentiate<'g>(builder: &'g Builder, case: &Case, y: &[Tensor<'g>], x: &[Tensor<'g>]) {
    if case.gradients.is_empty() {
        return;
    }
    let term = |(i, y): (usize, &Tensor<'g>)| {
        (*y * builder.input(&format!("cos{i}"), DType::F32, y.shape())).sum_all()
    };
    let loss = y.iter().enumerate().map(term).reduce(|a, b| a + b).unwrap();
    let of = |(name, value): (&String, &Numbers)| match name.strip_prefix('x') {
        Some(i) => x[i.parse::<usize>().unwrap()],
        None => builder.parameter(name, DType::F32, value.dims()),
    };
    let wrt: Vec<Tensor> = case.gradients.iter().map(of).collect();
    for ((name, d), x) in case.gradients.keys().zip(gradient(builder, loss, &wrt)).zip(&wrt) {
        builder.output(&format!("gradient of {name}"), d.unwrap_or_else(|| x.zeros_like()));
    }
}
