//! Words that make one tensor of one: activations, penalties, what weights are held to, what they start from.

use std::collections::BTreeMap;

use nervure_graph::{Bindings, Builder, DType, Tensor, evaluate, gradient};
use nervure_nn::activations::Activation;
use nervure_nn::constraints::Constraint;
use nervure_nn::initializers::{Fans, Initializer, Stream};
use nervure_nn::regularizers::Regularizer;
use nervure_nn::word::{Family, Object};
use serde::Deserialize;
use serde_json::Value;

use super::{Numbers, agree, cases, cosines};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    input: Option<Numbers>,
    output: Numbers,
    /// Of Σ y · cos(0, 1, 2, …).
    gradient: Option<Numbers>,
}

impl Case {
    fn word<F: Family + ?Sized>(&self) -> Object<F> {
        Object::from_config(&self.class_name, self.config.clone()).unwrap()
    }

    fn input(&self) -> &Numbers {
        self.input.as_ref().unwrap()
    }

    fn check(&self, lower: impl for<'g> Fn(Tensor<'g>) -> Tensor<'g>) {
        let what = format!("{} {}", self.class_name, self.config);
        let builder = Builder::new();
        let x = builder.input("x", DType::F32, self.input().dims());
        let y = lower(x);
        builder.output("y", y);
        let mut inputs = BTreeMap::from([("x".to_string(), self.input().array())]);
        if self.gradient.is_some() {
            let loss = (y * builder.input("cos", DType::F32, y.shape())).sum_all();
            builder.output("dx", gradient(&builder, loss, &[x])[0].unwrap_or_else(|| x.zeros_like()));
            inputs.insert("cos".into(), cosines(&self.output.shape));
        }
        let run = evaluate(&builder.finish().unwrap(), &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
        self.output.agree(&what, run.output("y").unwrap());
        if let Some(expected) = &self.gradient {
            expected.agree(&format!("{what}: gradient"), run.output("dx").unwrap());
        }
    }
}

#[test]
fn activations_compute_what_keras_does() {
    for case in cases::<Case>("activations") {
        let word = case.word::<dyn Activation>();
        case.check(|x| word.lower(x));
    }
}

#[test]
fn regularizers_compute_what_keras_does() {
    for case in cases::<Case>("regularizers") {
        let word = case.word::<dyn Regularizer>();
        case.check(|x| word.lower(x));
    }
}

#[test]
fn constraints_compute_what_keras_does() {
    for case in cases::<Case>("constraints") {
        let word = case.word::<dyn Constraint>();
        word.accepts(&case.input().shape).unwrap();
        case.check(|w| word.lower(w));
    }
}

#[test]
fn initializers_that_are_not_random_give_what_keras_does() {
    for case in cases::<Case>("initializers") {
        let shape = &case.output.shape;
        let values =
            case.word::<dyn Initializer>().values(shape, Fans::of(shape), &mut Stream::new(1, "kernel"));
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        // Initial weights are in single precision.
        agree(&format!("{} {}", case.class_name, case.config), &case.output.values, &values, 1e-7);
    }
}
