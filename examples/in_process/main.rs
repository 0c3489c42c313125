//! Training inside a program, from `ndarray` arrays: a service that learns from what it sees, step by step, and answers in between.
//!
//! `cargo run --release --example in_process`

use ndarray::{Array1, Array2, s};
use nervure::nn::initializers::Stream;
use nervure::prelude::*;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A stream of readings: y = sin(3 x₀) + x₁².
    let mut random = Stream::new(11, "readings");
    let x = Array2::from_shape_simple_fn((4096, 2), || 2.0 * random.uniform() as f32 - 1.0);
    let y: Array1<f32> = x.rows().into_iter().map(|r| (3.0 * r[0]).sin() + r[1] * r[1]).collect();

    let mut model = Sequential::new([2])
        .add(Dense::new(32).activation(Tanh))
        .add(Dense::new(32).activation(Tanh))
        .add(Dense::new(1))
        .build(Seed(9))?;

    let mut trainer = model.trainer(Training::new(MeanSquaredError, Adam::new().learning_rate(0.01)))?;
    for round in 0..20 {
        let mut loss = f64::NAN;
        for at in (0..4096).step_by(64) {
            let batch = Dataset::new(x.slice(s![at..at + 64, ..]), y.slice(s![at..at + 64]));
            loss = trainer.train_on_batch(&batch)?.get("loss").unwrap_or(f64::NAN);
        }
        if round % 5 == 4 {
            println!("after {:2} rounds: loss {loss:.5}", round + 1);
        }
    }

    let points = ndarray::array![[0.0_f32, 0.0], [0.5, -0.5], [-0.5, 0.5]];
    let answers = model.predict(&points)?;
    let mut worst = 0.0_f32;
    for (p, answer) in points.rows().into_iter().zip(answers.as_f32().unwrap_or(&[])) {
        let truth = (3.0 * p[0]).sin() + p[1] * p[1];
        println!("f({:4.1}, {:4.1}) = {truth:6.3}, the network says {answer:6.3}", p[0], p[1]);
        worst = worst.max((answer - truth).abs());
    }
    if worst < 0.15 { Ok(()) } else { Err(format!("off by {worst}, expected below 0.15").into()) }
}
