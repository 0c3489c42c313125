//! How good predictions are: exact metrics over all rows, under Keras's names.

use nervure_artifact::{Predictions, TargetPrediction};
use nervure_data::{Output, Schema, Target, TargetValues};

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
    let each = outputs.iter().zip(values).flat_map(|(o, v)| o.targets.clone().map(move |place| (o, v, place)));
    each.map(|(o, v, place)| (&schema.targets()[place], column(o, v, place))).collect()
}

/// Accuracy, and for two classes AUC, precision, recall and F1 of the second one.
pub fn classes_score(truth: &[usize], chosen: &[usize], probabilities: &[f32], classes: usize) -> Vec<(&'static str, f64)> {
    let right = truth.iter().zip(chosen).filter(|(t, c)| t == c).count();
    let mut scores = vec![("accuracy", right as f64 / truth.len() as f64)];
    if classes == 2 {
        let positive: Vec<f32> = probabilities.iter().skip(1).step_by(2).copied().collect();
        let truth: Vec<bool> = truth.iter().map(|&t| t == 1).collect();
        scores.push(("auc", auc(&truth, &positive)));
        let hits = truth.iter().zip(chosen).filter(|(t, c)| **t && **c == 1).count() as f64;
        let (called, there) =
            (chosen.iter().filter(|&&c| c == 1).count() as f64, truth.iter().filter(|&&t| t).count() as f64);
        // Keras's values where nothing is called positive, or nothing is.
        let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        scores.push(("precision", ratio(hits, called)));
        scores.push(("recall", ratio(hits, there)));
        scores.push(("f1_score", ratio(2.0 * hits, called + there)));
    }
    scores
}

/// Mean absolute error, root of the mean squared error, and R².
pub fn numbers_score(truth: &[f64], values: &[f64]) -> Vec<(&'static str, f64)> {
    let n = truth.len() as f64;
    let errors = || truth.iter().zip(values).map(|(t, v)| v - t);
    let squares: f64 = errors().map(|e| e * e).sum();
    let mean = truth.iter().sum::<f64>() / n;
    let spread: f64 = truth.iter().map(|t| (t - mean) * (t - mean)).sum();
    vec![
        ("mean_absolute_error", errors().map(f64::abs).sum::<f64>() / n),
        ("root_mean_squared_error", (squares / n).sqrt()),
        ("r2_score", 1.0 - squares / spread),
    ]
}

/// The share of pairs of a positive and a negative row in which the positive one has the higher score; equal scores count half. NaN where
/// there is no pair.
pub fn auc(truth: &[bool], scores: &[f32]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut below, mut pairs) = (0.0, 0.0);
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let positives = group.iter().filter(|&&i| truth[i]).count() as f64;
        let negatives = group.len() as f64 - positives;
        pairs += positives * (below + negatives / 2.0);
        below += negatives;
    }
    let positives = truth.iter().filter(|&&t| t).count() as f64;
    pairs / (positives * below)
}
