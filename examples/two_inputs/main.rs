//! A functional model with two inputs: measurements, and a category that is embedded; the layer that reads the measurements has a bypass.
//!
//! `cargo run --release --example two_inputs`

use ndarray::{Array1, Array2};
use nervure::nn::DType;
use nervure::nn::initializers::Stream;
use nervure::prelude::*;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // y = the sum of the measurements, turned around for half of the places.
    let mut random = Stream::new(7, "rows");
    let measures = Array2::from_shape_simple_fn((600, 4), || random.uniform() as f32 - 0.5);
    let places = Array1::from_shape_simple_fn(600, || random.below(6) as i32);
    let y = Array1::from_shape_fn(600, |i| {
        let sum: f32 = measures.row(i).sum();
        if places[i] % 2 == 0 { sum } else { -sum }
    });

    let (a, b) = (input("measures", [4]), input_of("place", DType::I32, [1]));
    let place = Flatten::new().on(&Embedding::new(6, 4).on(&b));
    let h = Dense::new(32).activation(Relu).on(&concat([&a, &place], -1));
    let h = &h + &Dense::new(32).activation(Relu).on(&h);
    let mut model = Model::new([&a, &b], [&Dense::new(1).named("value").on(&h)]).build(Seed(1))?;
    println!("{}\n", model.summary());

    let data = Dataset::default().input("measures", &measures).input("place", &places).target("value", &y);
    let fit = Fit::new(MeanSquaredError, Adam::new().learning_rate(0.01)).epochs(60).validation_split(0.2);
    let history = model.fit(&data, fit)?;

    let last = history.get("val_loss").last().copied().unwrap_or(f64::NAN);
    println!("validation loss {last:.5}");
    // The variance of y is 1/3: a network that had not learnt would be there.
    if last < 0.03 { Ok(()) } else { Err(format!("validation loss {last}, expected below 0.03").into()) }
}
