//! What Keras computes for the same words, settings and weights: `tests/keras/golden.py` says how the numbers came about.

use std::collections::BTreeMap;

use nervure_graph::{Array, Bindings, Builder, DType, Dim, Tensor, Type, evaluate, gradient};
use nervure_nn::constraints::Constraint;
use nervure_nn::network::{BATCH, batch};
use nervure_nn::regularizers::Regularizer;
use nervure_nn::word::Object;
use nervure_nn::{Layer, Lower};
use serde::Deserialize;
use serde_json::Value;

/// Deviation, of the greatest value. Both sides compute in double precision, and the file has thirteen digits.
const BOUND: f64 = 1e-11;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    penalties: Vec<Penalty>,
    projections: Vec<Projection>,
}

#[derive(Deserialize)]
struct Case {
    layers: Vec<Applied>,
    training: bool,
    inputs: Vec<Numbers>,
    output: Numbers,
    mask: Option<Vec<bool>>,
    /// Of Σ y · cos(0, 1, 2, …), to weights and inputs by name.
    #[serde(default)]
    gradients: BTreeMap<String, Numbers>,
}

#[derive(Deserialize)]
struct Applied {
    class_name: String,
    config: Value,
    weights: BTreeMap<String, Numbers>,
    /// Weights that the layer itself updates, after the step.
    states: BTreeMap<String, Numbers>,
}

#[derive(Deserialize)]
struct Penalty {
    class_name: String,
    config: Value,
    input: Numbers,
    value: f64,
}

#[derive(Deserialize)]
struct Projection {
    class_name: String,
    config: Value,
    input: Numbers,
    output: Numbers,
}

#[derive(Deserialize)]
struct Numbers {
    dtype: String,
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Numbers {
    fn dtype(&self) -> DType {
        DType::from_name(&self.dtype).unwrap()
    }

    fn array(&self) -> Array<f64> {
        Array::of(self.dtype(), &self.shape, &self.values)
    }

    /// Its type, the first axis symbolic.
    fn rows(&self) -> Type {
        let rest = self.shape[1..].iter().map(|&n| Dim::from(n));
        Type::new(self.dtype(), [batch()].into_iter().chain(rest).collect::<Vec<_>>())
    }

    fn agree(&self, what: &str, received: &Array<f64>) {
        assert_eq!(self.shape, received.shape(), "{what}");
        let scale = self.values.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        for (i, (e, r)) in self.values.iter().zip(received.to_f64()).enumerate() {
            assert!((e - r).abs() <= BOUND * scale, "{what}: element {i}: Keras {e}, received {r}");
        }
    }
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../keras/golden.json")).unwrap()
}

#[test]
fn layers_compute_what_keras_does() {
    let golden = golden();
    assert!(golden.cases.len() > 100);
    for case in &golden.cases {
        check(case);
    }
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
    let operands = values.clone();
    for (i, l) in case.layers.iter().enumerate() {
        let layer = Object::<dyn Layer>::from_config(&l.class_name, l.config.clone()).unwrap();
        values = cx.layer(&i.to_string(), &*layer, true, &values).unwrap_or_else(|e| panic!("{what}: {e}"));
        parameters.extend(l.weights.iter().map(|(name, w)| (format!("{i}/{name}"), w.array())));
    }
    builder.output("y", values[0]);
    if let Some(mask) = cx.mask(values[0]) {
        builder.output("mask", mask);
    }
    let mut states = 0;
    for (path, value) in cx.updates() {
        builder.output(path, value);
        states += 1;
    }
    drop(cx);
    differentiate(&builder, case, values[0], &operands);
    let cos = (0..case.output.values.len()).map(|i| (i as f64).cos()).collect::<Vec<_>>();
    inputs.insert("cos".into(), Array::of(DType::F32, &case.output.shape, &cos));
    let graph = builder.finish().unwrap();
    let declared = graph.parameters().count();
    assert_eq!(declared, parameters.len(), "{what}: weights");
    let run = evaluate(&graph, &Bindings::from([(BATCH.into(), case.output.shape[0])]), &inputs, &parameters);
    let run = run.unwrap_or_else(|e| panic!("{what}: {e}"));
    case.output.agree(&what, run.output("y").unwrap());
    for (name, value) in &case.gradients {
        let received = run.output(&format!("gradient of {name}")).unwrap();
        value.agree(&format!("{what}: gradient of {name}"), received);
    }
    let mask = run.output("mask").map(|m| m.to_f64().iter().map(|&b| b != 0.0).collect::<Vec<_>>());
    assert_eq!(mask, case.mask, "{what}: mask");
    let mut expected = 0;
    for (i, l) in case.layers.iter().enumerate() {
        for (name, value) in &l.states {
            value.agree(&format!("{what}: {name}"), run.output(&format!("{i}/{name}")).unwrap());
            expected += 1;
        }
    }
    assert_eq!(states, expected, "{what}: states that are updated");
}

/// Adds the gradients that the case names to the outputs. The factors come in as an input.
fn differentiate<'g>(builder: &'g Builder, case: &Case, y: Tensor<'g>, x: &[Tensor<'g>]) {
    if case.gradients.is_empty() {
        return;
    }
    let loss = (y * builder.input("cos", DType::F32, y.shape())).sum_all();
    let of = |(name, value): (&String, &Numbers)| match name.strip_prefix('x') {
        Some(i) => x[i.parse::<usize>().unwrap()],
        None => {
            builder.parameter(name, DType::F32, value.shape.iter().map(|&n| n.into()).collect::<Vec<Dim>>())
        }
    };
    let wrt: Vec<Tensor> = case.gradients.iter().map(of).collect();
    for (name, d) in case.gradients.keys().zip(gradient(builder, loss, &wrt)) {
        builder.output(&format!("gradient of {name}"), d.unwrap());
    }
}

#[test]
fn regularizers_compute_what_keras_does() {
    for p in golden().penalties {
        let word = Object::<dyn Regularizer>::from_config(&p.class_name, p.config.clone()).unwrap();
        let builder = Builder::new();
        let x = builder.input("x", DType::F32, p.input.shape.iter().map(|&n| n.into()).collect::<Vec<Dim>>());
        builder.output("y", word.lower(x));
        let inputs = BTreeMap::from([("x".into(), p.input.array())]);
        let run = evaluate(&builder.finish().unwrap(), &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
        let received = run.output("y").unwrap().to_f64()[0];
        assert!(
            (received - p.value).abs() <= BOUND * p.value,
            "{word:?}: Keras {}, received {received}",
            p.value
        );
    }
}

#[test]
fn constraints_compute_what_keras_does() {
    for p in golden().projections {
        let word = Object::<dyn Constraint>::from_config(&p.class_name, p.config.clone()).unwrap();
        word.accepts(&p.input.shape).unwrap();
        let builder = Builder::new();
        let w = builder.input("w", DType::F32, p.input.shape.iter().map(|&n| n.into()).collect::<Vec<Dim>>());
        builder.output("y", word.lower(w));
        let inputs = BTreeMap::from([("w".into(), p.input.array())]);
        let run = evaluate(&builder.finish().unwrap(), &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
        p.output.agree(&format!("{word:?}"), run.output("y").unwrap());
    }
}
