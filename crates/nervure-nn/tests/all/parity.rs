//! Whole trainings beside Keras's: `tests/golden/training.py` says how its losses came about.

use std::collections::BTreeMap;

use ndarray::{Array, ArrayD, Axis, IxDyn, Slice};
use nervure_nn::prelude::*;
use nervure_nn::{Buffer, Model, Result};
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
    /// Losses of each output, where there are several, before they are weighed.
    #[serde(default)]
    parts: BTreeMap<String, Vec<f64>>,
    first_step: Option<Step>,
}

/// A step of plain gradient descent.
#[derive(Deserialize)]
struct Step {
    rate: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

/// Numbers in [-0.5, 0.5) without pattern: the script has the same formula.
fn noise(start: usize, shape: &[usize]) -> ArrayD<f32> {
    let count = shape.iter().product::<usize>();
    let value = |i: usize| ((i as u64 * 2_654_435_761 % 1009) as f64 / 1009.0 - 0.5) as f32;
    Array::from_iter((start..start + count).map(value)).into_shape_with_order(IxDyn(shape)).unwrap()
}

/// Takes a model through the steps, on targets that follow from the rows.
fn follows(
    name: &str,
    mut model: Model,
    training: Training,
    shape: &[usize],
    rows: impl Fn(&ArrayD<f32>) -> Dataset,
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
    let before: BTreeMap<String, Buffer> =
        model.weights().map(|(path, w)| (path.to_string(), w.clone())).collect();
    let all = noise(7, &[&[ROWS * BATCHES], shape].concat());
    let largest = run.losses.iter().fold(0.0_f64, |m, l| m.max(*l));
    let mut trainer = model.trainer(training).unwrap();
    for step in 0..run.losses.len() {
        let first = step % BATCHES * ROWS;
        let x = all.slice_axis(Axis(0), Slice::from(first..first + ROWS)).to_owned();
        let logs = trainer.train_on_batch(&rows(&x)).unwrap();
        for (of, losses) in
            run.parts.iter().map(|(of, losses)| (of.as_str(), losses)).chain([("loss", &run.losses)])
        {
            let (expected, loss) = (losses[step], logs.get(of).unwrap());
            let off = (loss - expected).abs() / largest;
            assert!(
                off <= BOUND,
                "{name}: {of} of step {step}: Keras {expected}, received {loss}: off by {off:.1e}"
            );
        }
        if let (0, Some(first)) = (step, &run.first_step) {
            agree(name, first, &before, trainer.model());
        }
    }
}

/// Whether the step took the weights along Keras's gradients.
fn agree(name: &str, step: &Step, before: &BTreeMap<String, Buffer>, after: &Model) {
    for (path, gradient) in &step.gradients {
        let [old, new] = [&before[path], after.weight(path).unwrap()].map(|w| w.as_f32().unwrap());
        assert_eq!(gradient.len(), old.len(), "{name}: {path}");
        for ((expected, old), new) in gradient.iter().zip(old).zip(new) {
            let received = f64::from(old - new) / step.rate;
            // Weights below 1 are rounded to 2⁻²⁵, twice, and so are Keras's; a gradient of 16 rows some more.
            assert!(
                (received - expected).abs() < 5e-7,
                "{name}: {path}: Keras {expected}, received {received}"
            );
        }
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
        let y = Array::from_shape_fn(ROWS, |i| f32::from(u8::from(x[[i, 0]] * x[[i, 1]] > 0.0)));
        Dataset::new(x, y)
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
        Dataset::new(x, Array::from_shape_fn(ROWS, |i| largest(i) as i32))
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
        Dataset::new(x, Array::from_shape_fn(ROWS, |i| (0..12).map(|t| x[[i, t, 0]]).sum::<f32>()))
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
        Dataset::new(x, Array::from_shape_fn((ROWS, 2), |(i, j)| x[[i, 0, j]] - x[[i, 5, j]]))
    });
    Ok(())
}

/// The losses of both outputs, weighed, and a penalty, which is not; with the gradients of the first step.
#[test]
fn two_outputs_with_weights_of_their_losses_train_as_in_keras() -> Result<()> {
    let x = input("x", [4]);
    let hidden = Dense::new(5).activation(Tanh).kernel_regularizer(L2::new(0.01));
    let h = hidden.activity_regularizer(L2::new(0.01)).named("a").on(&x);
    let c = Dense::new(2).activity_regularizer(L1::new(0.1)).named("c");
    let outputs = [Dense::new(1).activation(Sigmoid).named("b").on(&h), c.on(&h)];
    let model = Model::new(&x, &outputs[..]).build(Seed(1))?;
    let training = Training::with_optimizer(SGD::new().learning_rate(0.5))
        .loss("b", BinaryCrossentropy::new())
        .loss("c", MeanSquaredError)
        .loss_weight("b", 0.3)
        .loss_weight("c", 2.0);
    follows("outputs", model, training, &[4], |x| {
        let above = Array::from_shape_fn((ROWS, 1), |(i, _)| f32::from(u8::from(x[[i, 0]] > x[[i, 1]])));
        let difference = Array::from_shape_fn((ROWS, 2), |(i, j)| x[[i, j + 2]] - x[[i, j]]);
        Dataset::of_inputs(x).target("b", above).target("c", difference)
    });
    Ok(())
}
