//! The first network on a real table: 768 women, 8 measurements each, with or without diabetes.
//!
//! The columns' scaling is fitted on the training rows alone; zeros that stand for missing values are filled in.
//!
//! `cargo run --release --example diabetes`

use nervure::data::{Problem, Schema, Split, SplitOptions, TargetValues, datasets};
use nervure::prelude::*;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = datasets::get("diabetes").ok_or("the set is built in")?;
    let table = set.table()?;
    let problem = Problem::new(&table, &set.options())?;
    let split = Split::new(&table, &problem, &SplitOptions::default(), 42)?;
    let schema = Schema::fit(&table, &problem, &split)?;
    let rows = |rows: &[usize]| -> Result<Dataset, Box<dyn std::error::Error>> {
        let x = schema.encode_rows(&table, rows)?.dense;
        let [TargetValues::Float(outcome)] = &schema.encode_targets(&table, rows)?[..] else {
            return Err("the target has two classes".into());
        };
        Ok(Dataset::new(&x, outcome))
    };

    let mut model = Sequential::new([schema.dense_width()])
        .add(Dense::new(10).activation(Relu))
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(42))?;
    println!("{}\n", model.summary());

    let training = Training::new(BinaryCrossentropy::new(), Adam::new()).metrics([Accuracy]);
    let fit = Fit::from_training(training.clone())
        .epochs(40)
        .batch_size(32)
        .validation_data(rows(&split.validation)?);
    model.fit(&rows(&split.train)?, fit)?;

    let test = model.evaluate(&rows(&split.test)?, &training, 32)?;
    for (name, value) in test.iter() {
        println!("test {name:10} {value:.4}");
    }
    let accuracy = test.get("accuracy").unwrap_or(0.0);
    if accuracy < 0.7 {
        return Err(format!("accuracy {accuracy}, expected at least 0.7").into());
    }
    Ok(())
}
