//! Ten steps of each optimizer against its formula, written out in double precision, and against Keras.

use nervure_nn::initializers::Constant;
use nervure_nn::losses::{Loss, Prediction};
use nervure_nn::optimizers::*;
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Error, Kind, Lower, Result, Tensor, Weight};
use serde::{Deserialize, Serialize};

use crate::score::near;

/// Steps that are compared.
const STEPS: usize = 10;
/// Rounding of single precision over ten steps.
const SINGLE: f64 = 3e-6;
/// Keras's Adam has 1 − βᵗ in single precision, wrong by 6e-5 of itself at first.
const KERAS: f64 = 2e-5;

/// A network whose output is x · (kernel, bias) + Σ kernel² / 20 + bias² / 2, so that its gradient is x plus the weights in part.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Probe;

impl Kind for Probe {
    const KIND: &'static str = "Probe";
}

impl Layer for Probe {
    fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let kernel = cx.weight(Weight::new("kernel", [3], Constant::new(0.0)));
        let bias = cx.weight(Weight::new("bias", [1], Constant::new(0.0)));
        let all = cx.builder().concat(&[kernel, bias], 0);
        let penalty = kernel.square().sum_all() * 0.05 + bias.square().sum_all() * 0.5;
        Ok(vec![(x[0] * all).sum(&[-1]).expand(-1) + penalty])
    }
}

/// The prediction itself is the loss.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Itself;

impl Kind for Itself {
    const KIND: &'static str = "itself";
}

impl Loss for Itself {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        (prediction.value + target * 0.0).mean(&[-1])
    }
}

fn drive(step: usize, j: usize) -> f64 {
    let s = step as f64;
    if j == 3 { s.sin() } else { (s + j as f64).cos() * (j + 1) as f64 }
}

const START: [f64; 4] = [1.0, -2.0, 0.5, 0.3];

fn train(optimizer: Object<dyn Optimizer>) -> Vec<f64> {
    let mut model = Sequential::new([4]).add(Probe.named("probe")).build(Seed(1)).unwrap();
    let start = START.map(|x| x as f32);
    model.set_weight("probe/kernel", ndarray::arr1(&start[..3])).unwrap();
    model.set_weight("probe/bias", ndarray::arr1(&start[3..])).unwrap();
    let mut trainer = model.trainer(Training::new(Itself, optimizer)).unwrap();
    for step in 0..STEPS {
        let x = ndarray::Array2::from_shape_fn((1, 4), |(_, j)| drive(step, j));
        trainer.train_on_batch(&Dataset::new(&x, ndarray::arr2(&[[0.0]]))).unwrap();
    }
    model
        .weights()
        .flat_map(|(_, w)| w.as_f32().unwrap().iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
        .collect()
}

/// Ten steps by hand: `update(step from 1, place, weight, gradient)` gives the new weight.
fn by_hand(clip: impl Fn(&mut [f64; 4]), mut update: impl FnMut(i32, usize, f64, f64) -> f64) -> Vec<f64> {
    let mut w = START;
    for step in 0..STEPS {
        let mut g: [f64; 4] = std::array::from_fn(|j| drive(step, j) + w[j] * if j == 3 { 1.0 } else { 0.1 });
        clip(&mut g);
        for j in 0..4 {
            w[j] = update(step as i32 + 1, j, w[j], g[j]);
        }
    }
    w.into()
}

fn check(optimizer: impl Into<Object<dyn Optimizer>>, by_hand: Vec<f64>, keras: [f64; 4]) {
    let received = train(optimizer.into());
    near(&received, &by_hand, SINGLE);
    near(&received, &keras, KERAS);
}

/// The ends of Keras 3.15.1's own ten steps, on JAX, stand last in each case.
#[test]
fn sgd() {
    let free = |_: &mut [f64; 4]| {};
    check(
        SGD::new(),
        by_hand(free, |_, _, w, g| w - 0.01 * g),
        [0.98589414358, -1.95180034637, 0.55332875251, 0.25251087546],
    );
    let mut m = [0.0; 4];
    let momentum = by_hand(free, |_, j, w, g| {
        m[j] = 0.9 * m[j] - 0.1 * g;
        w + m[j]
    });
    check(
        SGD::new().learning_rate(0.1).momentum(0.9),
        momentum,
        [0.24686351418, -0.67373543977, 2.35454654693, -0.23432824015],
    );
    let mut m = [0.0; 4];
    let nesterov = by_hand(free, |_, j, w, g| {
        let w = w - 0.1 * 0.05 * w;
        m[j] = 0.9 * m[j] - 0.1 * g;
        w + 0.9 * m[j] - 0.1 * g
    });
    check(
        SGD::new().learning_rate(0.1).momentum(0.9).nesterov(true).weight_decay(0.05),
        nesterov,
        [0.21687176823, -0.35389155149, 2.47418117523, -0.25515764951],
    );
}

#[test]
fn clipping() {
    fn scale(g: &mut [f64], bound: f64) {
        let norm = g.iter().map(|x| x * x).sum::<f64>().sqrt();
        g.iter_mut().for_each(|x| *x *= bound / norm.max(bound));
    }
    let step = |_, _, w: f64, g: f64| w - 0.1 * g;
    let sgd = || SGD::new().learning_rate(0.1);
    let each = |g: &mut [f64; 4]| {
        scale(&mut g[..3], 0.5);
        scale(&mut g[3..], 0.5);
    };
    check(
        sgd().clipnorm(0.5),
        by_hand(each, step),
        [0.96618866920, -1.91945672035, 0.59460109472, 0.09294076263],
    );
    let value = |g: &mut [f64; 4]| g.iter_mut().for_each(|x| *x = x.clamp(-0.3, 0.3));
    check(
        sgd().clipvalue(0.3),
        by_hand(value, step),
        [0.97515010833, -1.94000005722, 0.58277219533, 0.15394155681],
    );
    check(
        sgd().global_clipnorm(0.5),
        by_hand(|g| scale(g, 0.5), step),
        [0.96609997749, -1.92737913131, 0.58653342723, 0.21830542385],
    );
}

/// Adam's step of one place, in double precision.
fn adam(rate: f64, b1: f64, b2: f64, eps: f64, amsgrad: bool, decay: [f64; 4]) -> Vec<f64> {
    let (mut m, mut v, mut most) = ([0.0; 4], [0.0; 4], [0.0f64; 4]);
    by_hand(
        |_| {},
        move |t, j, w, g| {
            let w = w - rate * decay[j] * w;
            m[j] = b1 * m[j] + (1.0 - b1) * g;
            v[j] = b2 * v[j] + (1.0 - b2) * g * g;
            most[j] = most[j].max(v[j]);
            let second = if amsgrad { most[j] } else { v[j] };
            let alpha = rate * (1.0 - b2.powi(t)).sqrt() / (1.0 - b1.powi(t));
            w - alpha * m[j] / (second.sqrt() + eps)
        },
    )
}

#[test]
fn adam_and_adamw() {
    check(
        Adam::new().learning_rate(0.01),
        adam(0.01, 0.9, 0.999, 1e-7, false, [0.0; 4]),
        [0.96430313587, -1.98313510417, 0.54030233621, 0.23691114783],
    );
    check(
        Adam::new().learning_rate(0.05).beta_1(0.8).beta_2(0.9).epsilon(1e-3).amsgrad(true),
        adam(0.05, 0.8, 0.9, 1e-3, true, [0.0; 4]),
        [0.84224337339, -1.91885507106, 0.68096423149, 0.04556334763],
    );
    check(
        AdamW::new().learning_rate(0.1),
        adam(0.1, 0.9, 0.999, 1e-7, false, [0.004; 4]),
        [0.65752929449, -1.82407116889, 0.89290851354, -0.14153806865],
    );
    check(
        AdamW::new().learning_rate(0.1).weight_decay(0.3).exclude_from_weight_decay(["bias"]),
        adam(0.1, 0.9, 0.999, 1e-7, false, [0.3, 0.3, 0.3, 0.0]),
        [0.46363562345, -1.32672715187, 0.69401919841, -0.14163792133],
    );
}

#[test]
fn rmsprop() {
    let mut v = [0.0; 4];
    let plain = by_hand(
        |_| {},
        |_, j, w, g| {
            v[j] = 0.9 * v[j] + 0.1 * g * g;
            w - 0.01 * g / (v[j] + 1e-7f64).sqrt()
        },
    );
    check(
        RMSprop::new().learning_rate(0.01),
        plain,
        [0.96445721387, -1.95929515361, 0.56677377223, 0.18927675485],
    );
    let (mut v, mut a, mut m) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    let centered = by_hand(
        |_| {},
        |_, j, w, g| {
            v[j] = 0.8 * v[j] + 0.2 * g * g;
            a[j] = 0.8 * a[j] + 0.2 * g;
            m[j] = 0.5 * m[j] + 0.01 * g / (v[j] - a[j] * a[j] + 1e-7f64).sqrt();
            w - m[j]
        },
    );
    check(
        RMSprop::new().learning_rate(0.01).rho(0.8).momentum(0.5).centered(true),
        centered,
        [0.93042415380, -1.94969940185, 0.61048954725, 0.12997217476],
    );
}

#[test]
fn settings_that_make_no_sense_are_refused_in_words() {
    let refused = |optimizer: Object<dyn Optimizer>, words: &str| {
        let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
        let error = model.trainer(Training::new(MeanSquaredError, optimizer)).unwrap_err();
        assert!(matches!(error, Error::Compile { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(
        SGD::new().learning_rate(-1.0).into(),
        "optimizer `sgd`: expected a learning_rate of at least 0, received -1",
    );
    refused(SGD::new().learning_rate(f64::NAN).into(), "received NaN");
    refused(SGD::new().momentum(1.5).into(), "expected a momentum of 0 to 1, received 1.5");
    refused(Adam::new().beta_1(1.0).into(), "expected a beta_1 of at least 0 and below 1, received 1");
    refused(RMSprop::new().epsilon(-1.0).into(), "epsilon");
    refused(Adam::new().clipnorm(1.0).clipvalue(1.0).into(), "received clipnorm and clipvalue");
    refused(Adam::new().clipnorm(0.0).into(), "expected a clipnorm above 0, received 0");
    refused(AdamW::new().weight_decay(-0.1).into(), "weight_decay");
}

#[test]
fn defaults_and_names_are_those_of_keras() {
    let config = |name: &str| Object::<dyn Optimizer>::named(name).unwrap().config();
    assert_eq!(config("AdamW")["weight_decay"], 0.004);
    assert_eq!(config("adam")["weight_decay"], serde_json::Value::Null);
    assert_eq!(config("Adam")["epsilon"], 1e-7);
    assert_eq!(config("RMSprop")["rho"], 0.9);
    assert_eq!(config("SGD")["learning_rate"], 0.01);
    let none = serde_json::json!({"weight_decay": null});
    let adamw = Object::<dyn Optimizer>::from_config("adamw", none).unwrap();
    assert_eq!(adamw.options().weight_decay, None, "what is said is not overridden");
}
