//! How good predictions are: exact metrics over all rows, under Keras's names.

use nervure_artifact::{Predictions, TargetPrediction};
use nervure_data::{Output, Schema, Target, TargetValues};
use nervure_nn::metrics::exact::{self, Confusion};

/// Numbers by name.
pub type Scores = Vec<(String, f64)>;

/// The metrics of predictions; with several targets each name has the target's before it.
pub fn score(schema: &Schema, predictions: &Predictions, targets: &[TargetValues]) -> Scores {
    let several = schema.targets().len() > 1;
    let mut scores = Scores::new();
    for (prediction, (target, truth)) in predictions.targets.iter().zip(truths(schema, targets)) {
        let of_target = match prediction {
            TargetPrediction::Class { chosen, probabilities, classes, .. } => {
                let truth: Vec<usize> = truth.iter().map(|&t| t as usize).collect();
                classes_score(&truth, chosen, probabilities, classes.len())
            }
            TargetPrediction::Number { values, .. } => {
                let truth: Vec<f64> = truth.iter().map(|&t| target.inverse(t)).collect();
                numbers_score(&truth, values)
            }
        };
        let named = |(name, value): (&str, f64)| {
            (if several { format!("{}_{name}", target.name()) } else { name.to_owned() }, value)
        };
        scores.extend(of_target.into_iter().map(named));
    }
    scores
}

/// Each target with its encoded values.
pub fn truths<'s>(schema: &'s Schema, values: &[TargetValues]) -> Vec<(&'s Target, Vec<f32>)> {
    let column = |output: &Output, values: &TargetValues, place: usize| match values {
        TargetValues::Class(classes) => classes.iter().map(|&c| c as f32).collect(),
        TargetValues::Float(values) => values.column(place - output.targets.start).to_vec(),
    };
    let outputs = schema.outputs();
    let each =
        outputs.iter().zip(values).flat_map(|(o, v)| o.targets.clone().map(move |place| (o, v, place)));
    each.map(|(o, v, place)| (&schema.targets()[place], column(o, v, place))).collect()
}

/// Accuracy, and the area under the ROC curve; for two classes also precision, recall and F1 of the second one.
fn classes_score(
    truth: &[usize],
    chosen: &[usize],
    probabilities: &[f32],
    classes: usize,
) -> Vec<(&'static str, f64)> {
    let confusion = Confusion::new(truth, chosen, classes, None);
    let probabilities: Vec<f64> = probabilities.iter().map(|&p| p.into()).collect();
    let mut scores = vec![("accuracy", confusion.accuracy())];
    if classes == 2 {
        let positive: Vec<f64> = probabilities.iter().skip(1).step_by(2).copied().collect();
        let truth: Vec<bool> = truth.iter().map(|&t| t == 1).collect();
        scores.push(("auc", exact::roc_auc(&truth, &positive, None)));
        scores.push(("precision", confusion.precision(1)));
        scores.push(("recall", confusion.recall(1)));
        scores.push(("f1_score", confusion.f1(1)));
    } else {
        scores.push(("auc", exact::roc_auc_macro(truth, &probabilities, classes, None)));
        scores.push(("f1_score", confusion.mean(Confusion::f1)));
    }
    scores
}

/// Mean absolute error, root of the mean squared error, and R², in the target's own unit.
fn numbers_score(truth: &[f64], values: &[f64]) -> Vec<(&'static str, f64)> {
    vec![
        ("mean_absolute_error", exact::mean_absolute_error(truth, values, None)),
        ("root_mean_squared_error", exact::root_mean_squared_error(truth, values, None)),
        ("r2_score", exact::r2_score(truth, values, None)),
    ]
}
