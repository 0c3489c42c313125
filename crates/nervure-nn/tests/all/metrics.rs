//! Metrics against what they count, and what is refused.

use ndarray::arr2;
use nervure_nn::losses::Loss;
use nervure_nn::metrics::*;
use nervure_nn::word::{Family, Object};

use crate::score::{Numbers, classes, floats, metric_case, near, operand, plan_agrees, score, sums, values};

const ROWS: usize = 60;

fn rows() -> impl Iterator<Item = usize> {
    0..ROWS
}

/// Numbers in single precision, as Keras gets them.
fn share(i: usize) -> f64 {
    f64::from((i % 61) as f32 / 61.0)
}

fn truth() -> Numbers {
    floats(&[ROWS, 1], &rows().map(|i| f64::from(u8::from((i * i + i / 3) % 5 < 2))).collect::<Vec<_>>())
}

fn said() -> Numbers {
    floats(&[ROWS, 1], &rows().map(|i| share(i * 37)).collect::<Vec<_>>())
}

fn weights() -> Numbers {
    floats(&[ROWS], &rows().map(|i| (i % 4) as f64 + 0.5).collect::<Vec<_>>())
}

fn class(i: usize) -> usize {
    (i * i + i / 3) % 3
}

fn one_hot() -> Numbers {
    let row = |i| (0..3).map(move |c| f64::from(u8::from(class(i) == c)));
    floats(&[ROWS, 3], &rows().flat_map(row).collect::<Vec<_>>())
}

fn numbers() -> Numbers {
    classes(&rows().map(|i| class(i) as f64).collect::<Vec<_>>())
}

fn three() -> Numbers {
    let row = |i: usize| [share(i * 37), share(i * 17), share(i * 29 + 7)];
    floats(&[ROWS, 3], &rows().flat_map(row).collect::<Vec<_>>())
}

#[test]
fn losses_are_means_of_their_values() {
    let check = |loss: Object<dyn Loss>, metric: Object<dyn Metric>, t: Numbers, y: Numbers, kept: usize| {
        let values = values(&*loss, &t, &y, None);
        let w = weights().2[..kept].to_vec();
        let mean = values.iter().zip(&w).map(|(v, w)| v * w).sum::<f64>() / w.iter().sum::<f64>();
        near(&score(&*metric, &t, &y, Some(&weights())), &[mean], 1e-12);
    };
    check(Huber::new().delta(0.3).into(), Huber::new().delta(0.3).into(), one_hot(), three(), ROWS);
    let sparse = SparseCategoricalCrossentropy::new().ignore_class(-1);
    // The last half of the rows is of the class that is ignored.
    let half =
        classes(&rows().map(|i| if i < ROWS / 2 { class(i) as f64 } else { -1.0 }).collect::<Vec<_>>());
    check(sparse.into(), sparse.into(), half, three(), ROWS / 2);
}

/// By counting: the mean over classes of the share that is right, and what the exact one says.
#[test]
fn balanced_accuracy_is_the_mean_recall_of_classes() {
    let said =
        |i: usize| (0..3).max_by(|&a, &b| three().2[i * 3 + a].total_cmp(&three().2[i * 3 + b])).unwrap();
    let (t, y): (Vec<_>, Vec<_>) = rows().map(|i| (class(i), said(i))).unzip();
    let w = weights().2;
    let recall = |c| {
        let of = |right: bool| -> f64 {
            rows().filter(|&i| t[i] == c && (!right || y[i] == c)).map(|i| w[i]).sum()
        };
        of(true) / of(false)
    };
    let expected = (recall(0) + recall(1) + recall(2)) / 3.0;
    near(&score(&BalancedAccuracy, &numbers(), &three(), Some(&weights())), &[expected], 1e-12);
    let exact = exact::Confusion::new(&t, &y, 4, Some(&w)).balanced_accuracy();
    near(&[exact], &[expected], 1e-12);
    // One output: recall of 1 and of 0.
    let (t, p) = (floats(&[4, 1], &[1.0, 1.0, 1.0, 0.0]), floats(&[4, 1], &[0.9, 0.2, 0.6, 0.7]));
    near(&score(&BalancedAccuracy, &t, &p, None), &[(2.0 / 3.0 + 0.0) / 2.0], 1e-12);
    near(&score(&BalancedAccuracy, &floats(&[1, 1], &[1.0]), &floats(&[1, 1], &[0.9]), None), &[1.0], 1e-12);
}

#[test]
fn a_metric_may_have_another_name() {
    let named = Auc::new().named("area");
    assert_eq!(named.name(), "area");
    assert_eq!(named.direction(), Some(Direction::Up));
    assert_eq!(score(&named, &truth(), &said(), None), score(&Auc::new(), &truth(), &said(), None));
}

/// Class numbers and one-hot rows say the same to every metric of classes.
#[test]
fn class_numbers_are_as_good_as_one_hot_rows() {
    let all: [Object<dyn Metric>; 8] = [
        Accuracy.into(),
        CategoricalAccuracy.into(),
        SparseCategoricalAccuracy.into(),
        TopKCategoricalAccuracy::new().k(2).into(),
        Auc::new().into(),
        Precision::new().top_k(1).into(),
        Recall::new().into(),
        F1Score::new().into(),
    ];
    for metric in all {
        let w = weights();
        let by_number = score(&*metric, &numbers(), &three(), Some(&w));
        assert_eq!(by_number, score(&*metric, &one_hot(), &three(), Some(&w)), "{metric:?}");
    }
}

/// Sums add up: what counts is the rows, not how they came in batches.
#[test]
fn sums_of_parts_are_the_sums_of_all() {
    let all: [Object<dyn Metric>; 6] = [
        Auc::new().into(),
        Precision::new().into(),
        F1Score::new().into(),
        R2Score::new().into(),
        RootMeanSquaredError.into(),
        BinaryAccuracy::new().into(),
    ];
    let part = |n: &Numbers, rows: std::ops::Range<usize>| {
        let width = n.2.len() / ROWS;
        let shape = [&[rows.len()], &n.1[1..]].concat();
        Numbers(n.0, shape, n.2[rows.start * width..rows.end * width].into())
    };
    for metric in all {
        let of = |r: std::ops::Range<usize>| {
            let w = part(&weights(), r.clone());
            sums(&*metric, &part(&truth(), r.clone()), &part(&said(), r), Some(&w)).unwrap()
        };
        let mut total = of(0..17);
        for (sum, more) in total.iter_mut().zip(of(17..ROWS)) {
            sum.iter_mut().zip(more).for_each(|(s, m)| *s += m);
        }
        near(&[metric.result(&total)], &[metric.result(&of(0..ROWS))], 1e-12);
    }
}

#[test]
fn plans_of_every_metric_agree_with_the_reference() {
    for entry in <dyn Metric as Family>::registry().builtin() {
        for sample in (entry.samples)() {
            for rows in [0, 1, 7] {
                let [t, y] = [0, 1].map(|i| operand(&sample.inputs[i], rows, i));
                let w = floats(&[rows], &[0.5, 1.0, 2.0, 0.0, 1.5, 1.0, 3.0][..rows]);
                for weight in [None, Some(&w)] {
                    plan_agrees(&metric_case(&*sample.word, &t, &y, weight).unwrap());
                }
            }
        }
    }
}

#[test]
fn a_prediction_that_is_no_number_does_not_look_good() {
    let t = floats(&[2, 1], &[1.0, 0.0]);
    let y = floats(&[2, 1], &[f64::NAN, 0.2]);
    assert!(score(&Auc::new(), &t, &y, None)[0].is_nan());
    let classes = floats(&[1, 3], &[1.0, 0.0, 0.0]);
    let y = floats(&[1, 3], &[f64::NAN, 0.2, 0.1]);
    assert_eq!(score(&TopKCategoricalAccuracy::new().k(2), &classes, &y, None), [0.0]);
    assert_eq!(
        score(&BinaryAccuracy::new(), &floats(&[1, 1], &[1.0]), &floats(&[1, 1], &[f64::NAN]), None),
        [0.0]
    );
    assert!(score(&MeanSquaredError, &t, &floats(&[2, 1], &[f64::NAN, 0.0]), None)[0].is_nan());
}

#[test]
fn edges_are_what_keras_makes_of_them() {
    let t = floats(&[3, 1], &[0.0, 0.0, 0.0]);
    let y = floats(&[3, 1], &[0.1, 0.2, 0.3]);
    assert_eq!(score(&Auc::new(), &t, &y, None), [0.0], "one class");
    assert_eq!(score(&Precision::new(), &t, &y, None), [0.0], "nothing positive");
    assert_eq!(score(&F1Score::new(), &t, &y, None), [0.0]);
    // 0, 1 and beyond are in the first and the last place.
    let t = floats(&[4, 1], &[0.0, 1.0, 0.0, 1.0]);
    let y = floats(&[4, 1], &[0.0, 1.0, -3.0, 7.0]);
    near(&score(&Auc::new(), &t, &y, None), &[1.0], 1e-12);
}

#[test]
fn scores_of_arrays_that_do_not_fit_are_refused_in_words() {
    let refused = |received: nervure_nn::Result<Vec<f64>>, words: &str| {
        assert_eq!(received.unwrap_err().to_string(), words);
    };
    let (one, two) = (arr2(&[[1.0]]), arr2(&[[1.0], [0.0]]));
    let rows = "expected a target for each of 2 rows, received 1";
    refused(BinaryAccuracy::new().score(&one, &two, None), rows);
    let rows = "expected a weight for each of 2 rows, received 1";
    refused(BinaryAccuracy::new().score(&two, &two, Some(&[1.0])), rows);
    refused(
        CategoricalAccuracy.score(&two, &two, None),
        "metric `categorical_accuracy`: categorical_accuracy: expected an output of at least 2 classes, received f32[2, 1]",
    );
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let refused = |metric: &dyn Metric, t: Numbers, y: Numbers, words: &str| {
        let error = sums(metric, &t, &y, None).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(
        &CategoricalAccuracy,
        truth(),
        said(),
        "expected an output of at least 2 classes, received f32[60, 1]",
    );
    refused(&Precision::new().class_id(3), one_hot(), three(), "expected a class below 3, received 3");
    refused(&Auc::new().num_thresholds(1), truth(), said(), "expected 2 to 1000000 thresholds");
    refused(&R2Score::new(), numbers(), three(), "expected target and output f32[batch, n]");
    let words = "expected 1 to 1000 thresholds of 0 to 1";
    refused(&Recall::new().thresholds([0.1, 1.5]), truth(), said(), words);
    refused(&TruePositives::new().thresholds(f64::NAN), truth(), said(), words);
    refused(&FalsePositives::new().thresholds([]), truth(), said(), words);
    refused(&Auc::new().thresholds([0.1, -0.5]), truth(), said(), "thresholds of 0 to 1");
    refused(
        &Auc::new().label_weights([1.0]),
        one_hot(),
        three(),
        "expected 3 label weights of at least 0, received [1.0]",
    );
    refused(&RecallAtPrecision::new(1.5), truth(), said(), "a precision of 0 to 1, received 200 and 1.5");
    refused(&PrecisionAtRecall::new(0.5).num_thresholds(0), truth(), said(), "1 to 1000000 thresholds");
    refused(
        &SensitivityAtSpecificity::new(0.5).class_id(1),
        truth(),
        said(),
        "expected a class below 1, received 1",
    );
    refused(&FBetaScore::new().beta(0.0), truth(), said(), "expected a beta above 0, received 0");
    let words = "expected 1 to 1000 classes and ids below their number, received 2 and [2]";
    refused(&IoU::new(2, [2]), truth(), said(), words);
    refused(&MeanIoU::new(usize::MAX), truth(), said(), "expected 1 to 1000 classes");
    refused(&MeanIoU::new(3), numbers(), three(), "expected a target and a prediction of the same places");
    refused(&PearsonCorrelation::new().axis(0), one_hot(), three(), "an axis 0 behind the batch");
    refused(&CosineSimilarity::new(), numbers(), three(), "expected a target and an output f32[batch, …]");
    refused(&MeanSquaredError, numbers(), three(), "expected a target f32[60, 3], received i32[60]");
}
