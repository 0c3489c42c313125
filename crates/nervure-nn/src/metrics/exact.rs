//! Metrics of whole predictions, exact, in `f64`: what final tables show.
//!
//! Weights may be left out, and then each row counts 1. A number that is not defined (an area where one class is missing, R² of a constant) is NaN.
//!
//! ```
//! use nervure_nn::metrics::exact;
//! assert_eq!(exact::roc_auc(&[false, true, true], &[0.1, 0.4, 0.35], None), 1.0);
//! assert_eq!(exact::root_mean_squared_error(&[1.0, 2.0], &[1.0, 4.0], None), 2f64.sqrt());
//! ```

use std::cmp::Ordering;

/// The weight of a row.
fn weight(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |w| w[row])
}

fn same_rows(rows: usize, others: &[usize], weights: Option<&[f64]>) {
    let same = others.iter().chain(&weights.map(<[f64]>::len)).all(|&n| n == rows);
    assert!(same, "targets, predictions and weights need as many rows as each other");
}

/// Σ weight · value / Σ weight.
fn mean(rows: usize, value: impl Fn(usize) -> f64, weights: Option<&[f64]>) -> f64 {
    let total: f64 = (0..rows).map(|i| weight(weights, i)).sum();
    (0..rows).map(|i| weight(weights, i) * value(i)).sum::<f64>() / total
}

/// The area under the ROC curve: the share, by weight, of pairs of a positive and a negative row of which the positive one has the greater score,
/// ties counting half (Mann and Whitney 1947). NaN if one of the classes is missing or a score is NaN.
///
/// # Panics
/// If the lengths differ.
pub fn roc_auc(targets: &[bool], scores: &[f64], weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len(), &[scores.len()], weights);
    if scores.iter().any(|s| s.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|&a, &b| scores[a].partial_cmp(&scores[b]).unwrap_or(Ordering::Equal));
    let (mut below, mut positives, mut pairs) = (0.0, 0.0, 0.0);
    for ties in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let sum = |class: bool| -> f64 {
            ties.iter().filter(|&&i| targets[i] == class).map(|&i| weight(weights, i)).sum()
        };
        let (positive, negative) = (sum(true), sum(false));
        pairs += positive * (below + negative / 2.0);
        below += negative;
        positives += positive;
    }
    // 0 / 0 is NaN where a class is missing.
    pairs / (positives * below)
}

/// The mean over classes of the area of each against the others; `scores` has a row of `classes` numbers for each target. A class that no target has, or that
/// all have, makes it NaN.
///
/// # Panics
/// If the lengths differ.
pub fn roc_auc_macro(targets: &[usize], scores: &[f64], classes: usize, weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len() * classes, &[scores.len()], None);
    let of = |class: usize| {
        let own: Vec<bool> = targets.iter().map(|&t| t == class).collect();
        let column: Vec<f64> = scores.chunks_exact(classes).map(|row| row[class]).collect();
        roc_auc(&own, &column, weights)
    };
    (0..classes).map(of).sum::<f64>() / classes as f64
}

/// The average precision: Σ (recall − recall before) · precision over thresholds from the greatest score down, rows of equal scores together. The exact area under
/// precision over recall, by steps and not by lines, which would be too good (Davis and Goadrich 2006, "The relationship between precision-recall and ROC
/// curves"). NaN if no row is positive or a score is NaN.
///
/// # Panics
/// If the lengths differ.
pub fn average_precision(targets: &[bool], scores: &[f64], weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len(), &[scores.len()], weights);
    if scores.iter().any(|s| s.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap_or(Ordering::Equal));
    let (mut found, mut said, mut area) = (0.0, 0.0, 0.0);
    for ties in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let positive: f64 = ties.iter().filter(|&&i| targets[i]).map(|&i| weight(weights, i)).sum();
        found += positive;
        said += ties.iter().map(|&i| weight(weights, i)).sum::<f64>();
        area += positive * super::divide_no_nan(found, said);
    }
    // 0 / 0 is NaN where no row is positive.
    area / found
}

/// −mean of ln p of the right class; `probabilities` has a row of `classes` numbers for each target, or with `classes` 1 the probability of class 1. A probability
/// is kept within [2⁻⁵², 1 − 2⁻⁵²], so that one certain mistake does not hide all else.
///
/// # Panics
/// If the lengths differ, or a target is no class.
pub fn log_loss(targets: &[usize], probabilities: &[f64], classes: usize, weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len() * classes.max(1), &[probabilities.len()], None);
    same_rows(targets.len(), &[], weights);
    let of_target = |i: usize| match (classes, targets[i]) {
        (1, 0) => 1.0 - probabilities[i],
        (1, t) => {
            assert!(t == 1, "class {t} of 2");
            probabilities[i]
        }
        (n, t) => probabilities[i * n..][..n][t],
    };
    let kept = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    mean(targets.len(), |i| -kept(of_target(i)).ln(), weights)
}

/// How often, by weight, each class was taken for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<f64>,
}

impl Confusion {
    /// Counts targets and the classes that were predicted for them.
    ///
    /// # Panics
    /// If the lengths differ, or a number is not below `classes`.
    pub fn new(targets: &[usize], predicted: &[usize], classes: usize, weights: Option<&[f64]>) -> Confusion {
        same_rows(targets.len(), &[predicted.len()], weights);
        let mut counts = vec![0.0; classes * classes];
        for (i, (&t, &p)) in targets.iter().zip(predicted).enumerate() {
            assert!(t < classes && p < classes, "class {} of {classes}", t.max(p));
            counts[t * classes + p] += weight(weights, i);
        }
        Confusion { classes, counts }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of the rows of class `target` that were taken for `predicted`.
    pub fn count(&self, target: usize, predicted: usize) -> f64 {
        self.counts[target * self.classes + predicted]
    }

    /// The weight of the rows of a class.
    pub fn support(&self, class: usize) -> f64 {
        (0..self.classes).map(|p| self.count(class, p)).sum()
    }

    /// The weight of the rows that were taken for a class.
    pub fn predicted(&self, class: usize) -> f64 {
        (0..self.classes).map(|t| self.count(t, class)).sum()
    }

    /// The share of rows that were taken for what they are.
    pub fn accuracy(&self) -> f64 {
        let right: f64 = (0..self.classes).map(|c| self.count(c, c)).sum();
        right / self.counts.iter().sum::<f64>()
    }

    /// The mean recall of the classes that have rows: a rare class counts as much as a frequent one.
    pub fn balanced_accuracy(&self) -> f64 {
        let there: Vec<usize> = (0..self.classes).filter(|&c| self.support(c) > 0.0).collect();
        there.iter().map(|&c| self.recall(c)).sum::<f64>() / there.len() as f64
    }

    /// Of what was taken for a class, the share that is of it; 0 where there is nothing.
    pub fn precision(&self, class: usize) -> f64 {
        super::divide_no_nan(self.count(class, class), self.predicted(class))
    }

    /// Of what is of a class, the share that was taken for it; 0 where there is nothing.
    pub fn recall(&self, class: usize) -> f64 {
        super::divide_no_nan(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall of a class; 0 where there is nothing.
    pub fn f1(&self, class: usize) -> f64 {
        super::divide_no_nan(2.0 * self.count(class, class), self.support(class) + self.predicted(class))
    }

    /// The mean over classes of a number of each: `confusion.mean(Confusion::f1)`.
    pub fn mean(&self, of_class: impl Fn(&Confusion, usize) -> f64) -> f64 {
        (0..self.classes).map(|c| of_class(self, c)).sum::<f64>() / self.classes as f64
    }
}

/// Mean of |t − y|.
///
/// # Panics
/// If the lengths differ.
pub fn mean_absolute_error(targets: &[f64], predictions: &[f64], weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len(), &[predictions.len()], weights);
    mean(targets.len(), |i| (targets[i] - predictions[i]).abs(), weights)
}

/// Mean of (t − y)².
///
/// # Panics
/// If the lengths differ.
pub fn mean_squared_error(targets: &[f64], predictions: &[f64], weights: Option<&[f64]>) -> f64 {
    same_rows(targets.len(), &[predictions.len()], weights);
    mean(targets.len(), |i| (targets[i] - predictions[i]).powi(2), weights)
}

/// √ of the mean of (t − y)².
///
/// # Panics
/// If the lengths differ.
pub fn root_mean_squared_error(targets: &[f64], predictions: &[f64], weights: Option<&[f64]>) -> f64 {
    mean_squared_error(targets, predictions, weights).sqrt()
}

/// R² = 1 − Σ (t − y)² / Σ (t − mean of t)², by weight; NaN for targets that are all equal.
///
/// # Panics
/// If the lengths differ.
pub fn r2_score(targets: &[f64], predictions: &[f64], weights: Option<&[f64]>) -> f64 {
    let center = mean(targets.len(), |i| targets[i], weights);
    let spread = mean(targets.len(), |i| (targets[i] - center).powi(2), weights);
    if spread == 0.0 {
        return f64::NAN;
    }
    1.0 - mean_squared_error(targets, predictions, weights) / spread
}
