//! A layer and an optimizer of one's own: plain data, a name, and formulas in primitives. Gradients, shapes, kernels, saving and loading
//! follow from these.
//!
//! `cargo run --release --example own_words`

use ndarray::{Array1, Array2};
use nervure::nn::initializers::Stream;
use nervure::nn::optimizers::{Optimizer, Step};
use nervure::nn::{Kind, Lower, Result, Tensor, Weight, initializers::GlorotUniform};
use nervure::prelude::*;
use serde::{Deserialize, Serialize};

/// A gated linear unit (Dauphin et al. 2017): y = (x · kernel) ⊙ sigmoid(x · gate).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Gated {
    units: usize,
}

impl Kind for Gated {
    const KIND: &'static str = "Gated";
}

impl Layer for Gated {
    fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let columns = cx.fixed(self, x[0], -1)?;
        let kernel = cx.weight(Weight::new("kernel", [columns, self.units], GlorotUniform));
        let gate = cx.weight(Weight::new("gate", [columns, self.units], GlorotUniform));
        Ok(vec![x[0].matmul(kernel) * x[0].matmul(gate).sigmoid()])
    }
}

/// Lion (Chen et al. 2023): the sign of a moving average of the gradients.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SignMomentum {
    learning_rate: f64,
}

impl Kind for SignMomentum {
    const KIND: &'static str = "SignMomentum";
}

impl Optimizer for SignMomentum {
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, gradient: Tensor<'g>) -> Tensor<'g> {
        let m = cx.slot("m", weight, 0.0);
        let direction = (m * 0.9 + gradient * 0.1).sign();
        cx.set_slot("m", m * 0.99 + gradient * 0.01);
        weight - cx.learning_rate() * direction
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Inside the unit circle or not.
    let mut random = Stream::new(3, "points");
    let x = Array2::from_shape_simple_fn((800, 2), || 2.5 * random.uniform() as f32 - 1.25);
    let y: Array1<f32> =
        x.rows().into_iter().map(|p| if p[0] * p[0] + p[1] * p[1] < 1.0 { 1.0 } else { 0.0 }).collect();

    let mut model = Sequential::new([2])
        .add(Dense::new(16).activation(Relu))
        .add(Gated { units: 16 })
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(5))?;
    let fit = Fit::new(BinaryCrossentropy::new(), SignMomentum { learning_rate: 0.003 })
        .metrics([Accuracy])
        .epochs(40)
        .validation_split(0.25);
    let history = model.fit(&Dataset::new(&x, &y), fit)?;

    let accuracy = history.get("val_accuracy").last().copied().unwrap_or(0.0);
    println!("validation accuracy {accuracy:.4}");
    if accuracy > 0.93 { Ok(()) } else { Err(format!("accuracy {accuracy}, expected above 0.93").into()) }
}
