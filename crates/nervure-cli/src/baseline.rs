//! What a network has to beat on the same rows.

use nervure_artifact::{Predictions, TargetPrediction};
use nervure_data::baseline::{ClassPriors, LinearRegression, LogisticRegression, Mean};
use nervure_data::{Encoded, Schema, Target, TargetValues};

use crate::failure::Result;
use crate::score::{Scores, score, truths};

/// The scores of simple models that were fitted on the training rows, by name.
pub fn scores(
    schema: &Schema,
    train: (&Encoded, &[TargetValues]),
    test: (&Encoded, &[TargetValues]),
) -> Result<Vec<(&'static str, Scores)>> {
    let (x, x_test) = (train.0.to_linear(), test.0.to_linear());
    let rows = x_test.nrows();
    let mut constant = Predictions { targets: Vec::new() };
    let mut linear = Predictions { targets: Vec::new() };
    let mut classes_only = true;
    for (target, values) in truths(schema, train.1) {
        match target {
            Target::Binary { .. } | Target::Multiclass { .. } => {
                let classes = target.classes();
                let y: Vec<i32> = values.iter().map(|&v| v as i32).collect();
                let priors = ClassPriors::fit(&y, classes.len())?;
                let shares: Vec<f32> = priors.priors.iter().map(|&p| p as f32).collect();
                constant.targets.push(TargetPrediction::Class {
                    name: target.name().to_owned(),
                    classes: classes.to_vec(),
                    chosen: vec![priors.majority(); rows],
                    probabilities: shares.repeat(rows),
                });
                let fitted = LogisticRegression::fit(x.view(), &y, classes.len())?.predict(x_test.view());
                let greatest = |row: ndarray::ArrayView1<'_, f64>| {
                    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
                };
                linear.targets.push(TargetPrediction::Class {
                    name: target.name().to_owned(),
                    classes: classes.to_vec(),
                    chosen: fitted.rows().into_iter().map(greatest).collect(),
                    probabilities: fitted.iter().map(|&p| p as f32).collect(),
                });
            }
            Target::Regression { .. } => {
                classes_only = false;
                let y: Vec<f64> = values.iter().map(|&v| target.inverse(v)).collect();
                let number = |values: Vec<f64>| TargetPrediction::Number {
                    name: target.name().to_owned(),
                    values,
                    decimals: 0,
                };
                constant.targets.push(number(vec![Mean::fit(&y)?.value; rows]));
                let fitted = LinearRegression::fit(x.view(), ndarray::ArrayView1::from(&y))?;
                linear.targets.push(number(fitted.predict(x_test.view()).to_vec()));
            }
        }
    }
    let names = match (classes_only, schema.targets().iter().any(|t| !t.classes().is_empty())) {
        (true, _) => ("majority_class", "logistic_regression"),
        (false, false) => ("mean", "linear_regression"),
        (false, true) => ("constant", "linear_model"),
    };
    Ok(vec![(names.1, score(schema, &linear, test.1)), (names.0, score(schema, &constant, test.1))])
}
