//! A small convolutional network that reads handwritten digits: 1797 images of 8 × 8 grey values.
//!
//! `cargo run --release --example digits [SEED]`

use ndarray::Array4;
use nervure::data::{Problem, Split, SplitOptions, datasets};
use nervure::prelude::*;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(42), |a| a.parse())?;
    let accuracy = train(seed, 30)?;
    println!("test accuracy {accuracy:.4}");
    if accuracy < 0.97 {
        return Err(format!("accuracy {accuracy}, expected at least 0.97").into());
    }
    Ok(())
}

/// Trains for so many epochs; the share of the test images that are read right.
pub(crate) fn train(seed: u64, epochs: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let set = datasets::get("digits").ok_or("the set is built in")?;
    let table = set.table()?;
    let split = Split::new(&table, &Problem::new(&table, &set.options())?, &SplitOptions::default(), seed)?;
    let images = |rows: &[usize]| -> Result<Dataset, Box<dyn std::error::Error>> {
        let mut x = Array4::<f32>::zeros((rows.len(), 8, 8, 1));
        let mut y = ndarray::Array1::<i32>::zeros(rows.len());
        for (i, &row) in rows.iter().enumerate() {
            for (j, column) in table.columns().iter().enumerate() {
                let value: f32 = column.get(row).parse()?;
                if j < 64 { x[[i, j / 8, j % 8, 0]] = value } else { y[i] = value as i32 }
            }
        }
        Ok(Dataset::new(&x, &y))
    };

    let mut model = Sequential::new([8, 8, 1])
        .add(Rescaling::new(1.0 / 16.0))
        .add(Conv2D::new(32, [3, 3]).padding(Padding::Same).activation(Relu))
        .add(Conv2D::new(64, [3, 3]).activation(Relu))
        .add(MaxPooling2D::new([2, 2]))
        .add(Dropout::new(0.25))
        .add(Flatten::new())
        .add(Dense::new(128).activation(Relu))
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation(Softmax))
        .build(Seed(seed))?;
    let training = Training::new(SparseCategoricalCrossentropy::new(), Adam::new()).metrics([Accuracy]);
    let fit = Fit::from_training(training.clone()).epochs(epochs).batch_size(32);
    model.fit(&images(&[&split.train[..], &split.validation[..]].concat())?, fit)?;
    let test = model.evaluate(&images(&split.test)?, &training, 256)?;
    Ok(test.get("accuracy").unwrap_or(0.0))
}
