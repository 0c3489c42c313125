//! Ten steps of each optimizer, of two variables along a given sequence of gradients.

use nervure_nn::initializers::Constant;
use nervure_nn::losses::{Loss, Prediction};
use nervure_nn::optimizers::Optimizer;
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Kind, Lower, Result, Tensor, Weight};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{agree, read};

/// Rounding over ten steps: ours are in single precision, Keras's in double.
const SINGLE: f64 = 3e-6;

#[derive(Deserialize)]
struct Golden {
    /// What the variables start from: the kernel `[2, 3]`, then the bias `[3]`.
    start: Vec<f64>,
    /// Those of each step.
    gradients: Vec<Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    /// The variables after each step.
    trace: Vec<Vec<f64>>,
}

/// A network whose output is x · (kernel, bias), so that x is the gradient.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Probe;

impl Kind for Probe {
    const KIND: &'static str = "Probe";
}

impl Layer for Probe {
    fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let kernel = cx.weight(Weight::new("kernel", [2, 3], Constant::new(0.0)));
        let bias = cx.weight(Weight::new("bias", [3], Constant::new(0.0)));
        let all = cx.builder().concat(&[kernel.reshape([6.into()]), bias], 0);
        Ok(vec![(x[0] * all).sum(&[-1]).expand(-1)])
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

#[test]
fn optimizers_step_as_those_of_keras() {
    let golden: Golden = read("optimizers");
    for case in &golden.cases {
        let what = format!("{} {}", case.class_name, case.config);
        let optimizer = Object::<dyn Optimizer>::from_config(&case.class_name, case.config.clone());
        let trace = trace(&golden, optimizer.unwrap_or_else(|e| panic!("{what}: {e}")));
        assert_eq!(trace.len(), case.trace.len(), "{what}: steps");
        for (step, (keras, received)) in case.trace.iter().zip(&trace).enumerate() {
            agree(&format!("{what}: after step {}", step + 1), keras, received, SINGLE);
        }
    }
}

fn trace(golden: &Golden, optimizer: Object<dyn Optimizer>) -> Vec<Vec<f64>> {
    let mut model = Sequential::new([9]).add(Probe.named("probe")).build(Seed(1)).unwrap();
    let start: Vec<f32> = golden.start.iter().map(|&w| w as f32).collect();
    let kernel = ndarray::Array2::from_shape_vec((2, 3), start[..6].to_vec()).unwrap();
    model.set_weight("probe/kernel", kernel).unwrap();
    model.set_weight("probe/bias", ndarray::arr1(&start[6..])).unwrap();
    let mut trainer = model.trainer(Training::new(Itself, optimizer)).unwrap();
    let step = |gradients: &Vec<f64>| {
        let x = ndarray::Array2::from_shape_vec((1, 9), gradients.clone()).unwrap();
        trainer.train_on_batch(&Dataset::new(&x, ndarray::arr2(&[[0.0]]))).unwrap();
        let weights = trainer.model().weights();
        weights
            .flat_map(|(_, w)| w.as_f32().unwrap().iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
            .collect()
    };
    golden.gradients.iter().map(step).collect()
}
