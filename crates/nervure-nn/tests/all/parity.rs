//! Whole trainings beside Keras's: `tests/golden/training.py` says how its losses came about.

use std::collections::BTreeMap;

use ndarray::{Array, ArrayD, Axis, IxDyn, Slice};
use nervure_nn::prelude::*;
use nervure_nn::{IntoArray, Model, Result};
use serde::Deserialize;

/// Deviation of a loss, next to the largest of its run. Both sides train in single precision; what they round apart grows from step to step.
const BOUND: f64 = 1e-4;
const ROWS: usize = 16;
const BATCHES: usize = 4;

#[derive(Deserialize)]
struct Golden {
    networks: BTreeMap<String, Run>,
}

#[derive(Deserialize)]
struct Run {
    weights: Vec<String>,
    losses: Vec<f64>,
}

/// Numbers in [-0.5, 0.5) without pattern: the script has the same formula.
fn noise(start: usize, shape: &[usize]) -> ArrayD<f32> {
    let count = shape.iter().product::<usize>();
    let value = |i: usize| ((i as u64 * 2_654_435_761 % 1009) as f64 / 1009.0 - 0.5) as f32;
    Array::from_iter((start..start + count).map(value)).into_shape_with_order(IxDyn(shape)).unwrap()
}

/// Takes a model through the steps, on targets that follow from the rows.
fn follows<Y: IntoArray>(
    name: &str,
    mut model: Model,
    training: Training,
    shape: &[usize],
    target: impl Fn(&ArrayD<f32>) -> Y,
) {
    let golden: Golden = serde_json::from_str(include_str!("../golden/training.json")).unwrap();
    let run = &golden.networks[name];
    let mut weights: Vec<(String, Vec<usize>)> =
        model.weights().map(|(path, w)| (path.to_string(), w.shape().to_vec())).collect();
    weights.sort();
    assert_eq!(weights.len(), run.weights.len(), "{weights:?}, Keras {:?}", run.weights);
    for (i, (path, shape)) in weights.iter().enumerate() {
        let around_one = path.contains("gamma") || path.contains("variance");
        let (middle, scale) = if around_one { (1.0, 0.2) } else { (0.0, 0.8) };
        model.set_weight(path, noise(1000 * (i + 1), shape).mapv(|v| middle + v * scale)).unwrap();
    }
    let all = noise(7, &[&[ROWS * BATCHES], shape].concat());
    let largest = run.losses.iter().fold(0.0_f64, |m, l| m.max(*l));
    let mut trainer = model.trainer(training).unwrap();
    for (step, expected) in run.losses.iter().enumerate() {
        let first = step % BATCHES * ROWS;
        let x = all.slice_axis(Axis(0), Slice::from(first..first + ROWS)).to_owned();
        let loss = trainer.train_on_batch(&Dataset::new(&x, target(&x))).unwrap().get("loss").unwrap();
        let off = (loss - expected).abs() / largest;
        assert!(off <= BOUND, "{name}: step {step}: Keras {expected}, received {loss}: off by {off:.1e}");
    }
}

#[test]
fn a_multilayer_perceptron_trains_as_in_keras() -> Result<()> {
    let model = Sequential::new([8])
        .add(Dense::new(10).activation(Relu).named("a"))
        .add(Dense::new(8).activation(Relu).named("b"))
        .add(Dense::new(1).activation(Sigmoid).named("c"))
        .build(Seed(1))?;
    let training = Training::new(BinaryCrossentropy::new(), Adam::new().learning_rate(0.01));
    follows("mlp", model, training, &[8], |x| {
        Array::from_shape_fn(ROWS, |i| f32::from(u8::from(x[[i, 0]] * x[[i, 1]] > 0.0)))
    });
    Ok(())
}

#[test]
fn a_convolutional_network_with_batch_normalization_trains_as_in_keras() -> Result<()> {
    let model = Sequential::new([8, 8, 2])
        .add(Conv2D::new(6, [3, 3]).padding(Padding::Same).use_bias(false).named("a"))
        .add(BatchNormalization::new().named("b"))
        .add(Activation::new(Relu))
        .add(MaxPooling2D::new([2, 2]))
        .add(Conv2D::new(8, [3, 3]).activation(Relu).named("c"))
        .add(Flatten::new())
        .add(Dense::new(3).activation(Softmax).named("d"))
        .build(Seed(1))?;
    let optimizer = SGD::new().learning_rate(0.01).momentum(0.9).nesterov(true);
    let training = Training::new(SparseCategoricalCrossentropy::new(), optimizer);
    follows("cnn", model, training, &[8, 8, 2], |x| {
        let largest = |i: usize| {
            let at = |c: usize| x[[i, c, 4, 0]];
            (3..5).fold(2, |best, c| if at(c) > at(best) { c } else { best }) - 2
        };
        Array::from_shape_fn(ROWS, |i| largest(i) as i32)
    });
    Ok(())
}

#[test]
fn an_lstm_trains_as_in_keras() -> Result<()> {
    let model = Sequential::new([12, 3])
        .add(LSTM::new(10).named("a"))
        .add(Dense::new(1).named("b"))
        .build(Seed(1))?;
    let training = Training::new(MeanSquaredError, RMSprop::new().learning_rate(0.005));
    follows("lstm", model, training, &[12, 3], |x| {
        Array::from_shape_fn(ROWS, |i| (0..12).map(|t| x[[i, t, 0]]).sum::<f32>())
    });
    Ok(())
}

#[test]
fn a_transformer_block_trains_as_in_keras() -> Result<()> {
    let x = input("x", [6, 8]);
    let attention = MultiHeadAttention::new(2, 4).named("a").on(&x);
    let h = LayerNormalization::new().named("b").on(&(&x + &attention));
    let inner = Dense::new(8).named("d").on(&Dense::new(16).activation(Gelu).named("c").on(&h));
    let h = LayerNormalization::new().named("e").on(&(&h + &inner));
    let y = Dense::new(2).named("f").on(&GlobalAveragePooling1D::new().on(&h));
    let model = Model::new(&x, &y).build(Seed(1))?;
    let training = Training::new(Huber::new(), AdamW::new().learning_rate(0.01).weight_decay(0.02));
    follows("transformer", model, training, &[6, 8], |x| {
        Array::from_shape_fn((ROWS, 2), |(i, j)| x[[i, 0, j]] - x[[i, 5, j]])
    });
    Ok(())
}
