//! The network that every introduction begins with: 8 inputs, hidden layers of 10 and 8, one probability; here on 1000 random rows,
//! from which there is nothing to learn but how a network is trained.
//!
//! `cargo run --release --example first_script`

use ndarray::Array2;
use nervure::nn::initializers::Stream;
use nervure::prelude::*;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = Stream::new(42, "rows");
    let x = Array2::from_shape_simple_fn((1000, 8), || random.uniform());
    let y = Array2::from_shape_simple_fn((1000, 1), || f64::from(random.below(2)));

    let mut model = Sequential::new([8])
        .add(Dense::new(10).activation(Relu))
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(42))?;

    let fit = Fit::new(BinaryCrossentropy::new(), Adam::new()).metrics([Accuracy]).epochs(10).batch_size(32);
    let history = model.fit(&Dataset::new(&x, &y), fit)?;

    for (epoch, logs) in history.epochs().iter().enumerate() {
        let [loss, accuracy] = ["loss", "accuracy"].map(|name| logs.get(name).unwrap_or(f64::NAN));
        println!("epoch {:2}  loss {loss:.4}  accuracy {accuracy:.4}", epoch + 1);
    }
    let loss = history.get("loss");
    if loss.last() >= loss.first() {
        return Err(format!("the loss did not fall: {loss:?}").into());
    }
    Ok(())
}
