//! Constrained weights, by hand, and what is refused.

use ndarray::{Array1, Array2, arr1, arr2};
use nervure_nn::constraints::Constraint;
use nervure_nn::initializers::Constant;
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Error, Result};
use serde_json::json;

use crate::score::near;

/// Rounding of single precision over a few steps.
const SINGLE: f64 = 1e-6;

fn kernel(model: &Model) -> Vec<f64> {
    let (_, w) = model.weights().find(|(path, _)| path.ends_with("/kernel")).unwrap();
    w.as_f32().unwrap().iter().map(|&w| f64::from(w)).collect()
}

/// y = w₁ x₁ + w₂ x₂ from w = (3, 4), a step of SGD with η = 1 on (y − t)², x = (1, 0), t = 2.5: the gradient is (2 · (3 − 2.5), 0) = (1, 0), so that
/// w becomes (2, 4) before the constraint. Its norm is √20.
fn stepped(constraint: impl Into<Object<dyn Constraint>>) -> Vec<f64> {
    let layer = Dense::new(1).use_bias(false).kernel_constraint(constraint);
    let mut model = Sequential::new([2]).add(layer).build(Seed(1)).unwrap();
    model.set_weight("dense/kernel", arr2(&[[3.0_f32], [4.0]])).unwrap();
    let mut trainer = model.trainer(Training::new(MeanSquaredError, SGD::new().learning_rate(1.0))).unwrap();
    trainer.train_on_batch(&Dataset::new(arr2(&[[1.0_f32, 0.0]]), arr2(&[[2.5_f32]]))).unwrap();
    drop(trainer);
    kernel(&model)
}

#[test]
fn a_step_ends_with_the_constraint() {
    let norm = 20.0_f64.sqrt();
    let scaled = |to: f64| [2.0 * to / (norm + 1e-7), 4.0 * to / (norm + 1e-7)];
    near(&stepped(MaxNorm::new()), &scaled(2.0), SINGLE);
    near(&stepped(MaxNorm::new().max_value(5.0)), &[2.0, 4.0], SINGLE);
    near(&stepped(UnitNorm::new()), &scaled(1.0), SINGLE);
    near(
        &stepped(MinMaxNorm::new().min_value(6.0).max_value(7.0).rate(0.5)),
        &scaled((norm + 6.0) / 2.0),
        SINGLE,
    );
    near(&stepped(NonNeg), &[2.0, 4.0], SINGLE);
}

#[test]
fn what_is_constrained_stays_so() {
    let layer = Dense::new(3).kernel_constraint(MaxNorm::new().max_value(0.4)).bias_constraint(NonNeg);
    let layer = layer.bias_initializer(Constant::new(-1.0));
    let mut model = Sequential::new([2]).add(layer).add(Dense::new(1)).build(Seed(1)).unwrap();
    let x = Array2::from_shape_fn((32, 2), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
    let y = Array1::from_shape_fn(32, |i| (i % 5) as f32 * 10.0);
    let optimizer = Adam::new().learning_rate(0.1).weight_decay(0.01);
    let start = kernel(&model);
    for _ in 0..3 {
        model
            .fit(&Dataset::new(&x, &y), Fit::new(MeanSquaredError, optimizer.clone()).batch_size(8))
            .unwrap();
        let w = kernel(&model);
        assert_ne!(w, start);
        for unit in 0..3 {
            let norm = (w[unit].powi(2) + w[3 + unit].powi(2)).sqrt();
            assert!(norm <= 0.4 + SINGLE, "unit {unit}: {norm}");
        }
        let bias = model.weight("dense/bias").unwrap().as_f32().unwrap().to_vec();
        assert!(bias.iter().all(|&b| b >= 0.0), "{bias:?}");
    }
}

#[test]
fn a_frozen_weight_is_left_alone() {
    let frozen = Dense::new(1).kernel_constraint(UnitNorm::new()).frozen();
    let mut model = Sequential::new([1]).add(frozen).add(Dense::new(1)).build(Seed(1)).unwrap();
    model.set_weight("dense/kernel", arr2(&[[3.0_f32]])).unwrap();
    let data = Dataset::new(arr2(&[[1.0_f32]]), arr1(&[1.0_f32]));
    model.fit(&data, Fit::new(MeanSquaredError, SGD::new())).unwrap();
    assert_eq!(kernel(&model), [3.0]);
}

#[test]
fn files_of_keras_say_it_for_every_weight() {
    let config = json!({"units": 2, "recurrent_constraint": {"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}}, "bias_constraint": "non_neg"});
    let read = Object::<dyn Layer>::from_config("LSTM", config).unwrap();
    let written = LSTM::new(2).recurrent_constraint(MaxNorm::new().max_value(3.0)).bias_constraint(NonNeg);
    assert_eq!(read, written.into());
}

#[test]
fn settings_that_make_no_sense_are_refused_in_words() {
    let refused = |constraint: Object<dyn Constraint>, words: &str| {
        let built: Result<Model> =
            Sequential::new([2]).add(Dense::new(1).kernel_constraint(constraint)).build(Seed(1));
        let error = built.unwrap_err();
        assert!(matches!(error, Error::Layer { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(
        UnitNorm::new().axis(2).into(),
        "constraint `UnitNorm` of `kernel`: expected a weight with the axes [2], at least one and each once, received [2, 1]",
    );
    refused(UnitNorm::new().axis([0, -2]).into(), "each once");
    refused(UnitNorm::new().axis([]).into(), "at least one");
    refused(UnitNorm::new().axis(isize::MIN).into(), "a weight with the axes");
    refused(UnitNorm::new().axis(isize::MAX).into(), "a weight with the axes");
    refused(MaxNorm::new().max_value(-1.0).into(), "expected a max_value of at least 0 instead of -1");
    refused(
        MinMaxNorm::new().min_value(2.0).into(),
        "expected a max_value of at least min_value instead of 1",
    );
    refused(MinMaxNorm::new().rate(2.0).into(), "expected a rate of 0 to 1 instead of 2");
}
