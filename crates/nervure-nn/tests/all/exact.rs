//! Exact metrics against brute force and cases by hand.

use nervure_nn::initializers::Stream;
use nervure_nn::metrics::exact::*;

const SUMS: f64 = 1e-12;

/// Every pair of a positive and a negative row.
fn pairs(targets: &[bool], scores: &[f64], weights: &[f64]) -> f64 {
    let (mut won, mut all) = (0.0, 0.0);
    for i in 0..targets.len() {
        for j in 0..targets.len() {
            if targets[i] && !targets[j] {
                let w = weights[i] * weights[j];
                all += w;
                won += w * if scores[i] > scores[j] {
                    1.0
                } else if scores[i] == scores[j] {
                    0.5
                } else {
                    0.0
                };
            }
        }
    }
    won / all
}

#[test]
fn the_area_is_the_share_of_pairs_in_order() {
    for seed in 0..200 {
        let mut random = Stream::new(seed, "auc");
        let n = 2 + random.below(40) as usize;
        let targets: Vec<bool> = (0..n).map(|_| random.uniform() < 0.4).collect();
        // Few values, so that there are ties.
        let scores: Vec<f64> = (0..n).map(|_| f64::from(random.below(8)) / 8.0).collect();
        let weights: Vec<f64> = (0..n).map(|_| random.uniform() + 0.1).collect();
        let expected = pairs(&targets, &scores, &weights);
        let received = roc_auc(&targets, &scores, Some(&weights));
        assert!(
            (expected - received).abs() < SUMS || expected.is_nan() && received.is_nan(),
            "{seed}: {expected} {received}"
        );
        let plain = roc_auc(&targets, &scores, None);
        let expected = pairs(&targets, &scores, &vec![1.0; n]);
        assert!((expected - plain).abs() < SUMS || expected.is_nan() && plain.is_nan());
        // Complement and order: 1 − area of the negated scores.
        let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
        let mirrored = 1.0 - roc_auc(&targets, &negated, None);
        assert!((plain - mirrored).abs() < SUMS || plain.is_nan() && mirrored.is_nan());
    }
}

/// By definition: for each threshold that is a score, from the greatest down, precision and the recall that it adds.
fn by_thresholds(targets: &[bool], scores: &[f64], weights: &[f64]) -> f64 {
    let mut thresholds = scores.to_vec();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let total = |rows: &dyn Fn(usize) -> bool| -> f64 {
        (0..targets.len()).filter(|&i| rows(i)).map(|i| weights[i]).sum()
    };
    let (mut area, mut before) = (0.0, 0.0);
    for t in thresholds {
        let found = total(&|i| targets[i] && scores[i] >= t);
        let recall = found / total(&|i| targets[i]);
        area += (recall - before) * found / total(&|i| scores[i] >= t);
        before = recall;
    }
    area
}

#[test]
fn average_precision_is_precision_at_each_step_of_recall() {
    for seed in 0..200 {
        let mut random = Stream::new(seed, "ap");
        let n = 2 + random.below(40) as usize;
        let targets: Vec<bool> = (0..n).map(|_| random.uniform() < 0.4).collect();
        let scores: Vec<f64> = (0..n).map(|_| f64::from(random.below(8)) / 8.0).collect();
        let weights: Vec<f64> = (0..n).map(|_| random.uniform() + 0.1).collect();
        let expected = by_thresholds(&targets, &scores, &weights);
        let received = average_precision(&targets, &scores, Some(&weights));
        let both_none = expected.is_nan() && received.is_nan();
        assert!((expected - received).abs() < SUMS || both_none, "{seed}: {expected} {received}");
    }
    assert_eq!(average_precision(&[true, false, true], &[0.9, 0.8, 0.7], None), (1.0 + 2.0 / 3.0) / 2.0);
    assert!(average_precision(&[false], &[0.1], None).is_nan());
    assert!(average_precision(&[true], &[f64::NAN], None).is_nan());
}

#[test]
fn areas_at_the_edges() {
    assert!(roc_auc(&[true, true], &[0.1, 0.2], None).is_nan());
    assert!(roc_auc(&[], &[], None).is_nan());
    assert!(roc_auc(&[true, false], &[f64::NAN, 0.2], None).is_nan());
    assert_eq!(roc_auc(&[true, false], &[f64::INFINITY, f64::NEG_INFINITY], None), 1.0);
    assert_eq!(roc_auc(&[true, false, true], &[0.5; 3], None), 0.5);
    // A row of weight 0 is no row.
    assert_eq!(roc_auc(&[true, false, true], &[0.9, 0.5, 0.1], Some(&[1.0, 1.0, 0.0])), 1.0);
}

#[test]
fn the_area_of_classes_is_the_mean_of_each_against_the_others() {
    let targets = [0, 1, 2, 1];
    #[rustfmt::skip]
    let scores = [0.7, 0.2, 0.1, 0.4, 0.3, 0.3, 0.2, 0.3, 0.5, 0.1, 0.1, 0.8];
    // Class 0: 0.7 over 0.4, 0.2, 0.1. Class 1: 0.3 and 0.1 against 0.2 and 0.3: (1 + ½ + 0 + 0) / 4. Class 2: 0.5 against 0.1, 0.3, 0.8.
    let expected = (1.0 + 1.5 / 4.0 + 2.0 / 3.0) / 3.0;
    assert!((roc_auc_macro(&targets, &scores, 3, None) - expected).abs() < SUMS);
    assert!(roc_auc_macro(&[0, 1, 1, 0], &scores, 3, None).is_nan());
}

#[test]
fn log_loss_by_hand() {
    let expected = -(0.9f64.ln() + 0.4f64.ln()) / 2.0;
    assert!((log_loss(&[1, 0], &[0.9, 0.6], 1, None) - expected).abs() < SUMS);
    assert!((log_loss(&[1, 0], &[0.1, 0.9, 0.4, 0.6], 2, None) - expected).abs() < SUMS);
    let weighted = -(3.0 * 0.9f64.ln() + 0.4f64.ln()) / 4.0;
    assert!((log_loss(&[1, 0], &[0.9, 0.6], 1, Some(&[3.0, 1.0])) - weighted).abs() < SUMS);
    // A certain mistake is bounded.
    assert!((log_loss(&[1], &[0.0], 1, None) - 52.0 * 2f64.ln()).abs() < SUMS);
    assert!(log_loss(&[1], &[f64::NAN], 1, None).is_nan());
}

#[test]
fn confusion_counts() {
    let (targets, predicted) = ([0, 0, 1, 1, 1, 2, 2], [0, 1, 1, 1, 0, 0, 0]);
    let c = Confusion::new(&targets, &predicted, 3, None);
    assert_eq!((c.count(0, 0), c.count(0, 1), c.count(1, 0), c.count(2, 2)), (1.0, 1.0, 1.0, 0.0));
    assert_eq!(c.accuracy(), 3.0 / 7.0);
    assert_eq!((c.precision(0), c.recall(0)), (1.0 / 4.0, 1.0 / 2.0));
    assert_eq!((c.precision(1), c.recall(1), c.f1(1)), (2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0));
    assert_eq!((c.precision(2), c.recall(2), c.f1(2)), (0.0, 0.0, 0.0));
    assert_eq!(c.f1(0), 2.0 * (0.25 * 0.5) / 0.75);
    assert_eq!(c.mean(Confusion::recall), (0.5 + 2.0 / 3.0) / 3.0);
    assert_eq!((c.support(1), c.predicted(0), c.classes()), (3.0, 4.0, 3));
    let weighted = Confusion::new(&targets, &predicted, 3, Some(&[2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0]));
    assert_eq!(weighted.accuracy(), 4.0 / 10.0);
}

#[test]
fn errors_of_numbers_by_hand() {
    let (t, y) = ([1.0, 2.0, 4.0], [1.5, 2.0, 2.0]);
    assert!((mean_absolute_error(&t, &y, None) - 2.5 / 3.0).abs() < SUMS);
    assert!((mean_squared_error(&t, &y, None) - 4.25 / 3.0).abs() < SUMS);
    assert!((root_mean_squared_error(&t, &y, None) - (4.25f64 / 3.0).sqrt()).abs() < SUMS);
    let mean = 7.0 / 3.0;
    let spread: f64 = t.iter().map(|x| (x - mean) * (x - mean)).sum();
    assert!((r2_score(&t, &y, None) - (1.0 - 4.25 / spread)).abs() < SUMS);
    assert!(r2_score(&[2.0, 2.0], &[1.0, 2.0], None).is_nan());
    // Two of the same row are one of twice the weight.
    let (t2, y2) = ([1.0, 1.0, 2.0, 4.0], [1.5, 1.5, 2.0, 2.0]);
    let w = Some(&[2.0, 1.0, 1.0][..]);
    assert!((r2_score(&t2, &y2, None) - r2_score(&t, &y, w)).abs() < SUMS);
    assert!((mean_absolute_error(&t2, &y2, None) - mean_absolute_error(&t, &y, w)).abs() < SUMS);
    // Far from 0 nothing cancels.
    let far = |v: &[f64]| v.iter().map(|x| x + 1e9).collect::<Vec<_>>();
    assert!((r2_score(&far(&t), &far(&y), None) - r2_score(&t, &y, None)).abs() < 1e-6);
}
