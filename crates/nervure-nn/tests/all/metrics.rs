//! Metrics against Keras's answers, and against what they count.

use nervure_nn::metrics::*;
use nervure_nn::word::{Family, Object};

use crate::score::{Numbers, classes, floats, metric_case, near, operand, plan_agrees, score, sums};

/// Keras computes in single precision.
const KERAS: f64 = 2e-6;
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

/// Answers of Keras 3.15.1 on JAX to the same calls.
#[test]
fn metrics_agree_with_keras() {
    let check = |metric: Object<dyn Metric>, t: Numbers, y: Numbers, w: Option<Numbers>, expected: &[f64]| {
        near(&score(&*metric, &t, &y, w.as_ref()), expected, KERAS);
    };
    let one = |metric: Object<dyn Metric>, expected| check(metric, truth(), said(), None, &[expected]);
    let three_of =
        |metric: Object<dyn Metric>, expected| check(metric, one_hot(), three(), None, &[expected]);
    let w = || Some(weights());

    one(Auc::new().into(), 0.4017857015);
    check(Auc::new().into(), truth(), said(), w(), &[0.4612165093]);
    one(Auc::new().curve(Curve::Pr).into(), 0.4150370061);
    let few = Auc::new().num_thresholds(20);
    one(few.summation_method(Summation::Minoring).into(), 0.3883928657);
    one(few.summation_method(Summation::Majoring).curve(Curve::Pr).into(), 0.4446715713);
    three_of(Auc::new().multi_label(true).into(), 0.4886593819);
    three_of(Auc::new().into(), 0.4891666472);
    let logits = Numbers(said().0, said().1, said().2.iter().map(|p| p * 6.0 - 3.0).collect());
    check(Auc::new().from_logits(true).into(), truth(), logits, None, &[0.4017857313]);

    one(Precision::new().into(), 0.4);
    check(Precision::new().thresholds(0.3).into(), truth(), said(), w(), &[0.3952095807]);
    three_of(Precision::new().class_id(1).into(), 0.3793103397);
    three_of(Precision::new().top_k(2).into(), 0.3166666627);
    three_of(Precision::new().top_k(2).thresholds(0.6).into(), 0.3230769336);
    one(Recall::new().into(), 0.4285714328);
    three_of(Recall::new().top_k(1).class_id(2).into(), 0.3499999940);

    let f1 = F1Score::new;
    check(f1().into(), one_hot(), three(), None, &[0.2564102113, 0.2999999523, 0.3333332837]);
    check(f1().average(Average::Weighted).into(), one_hot(), three(), w(), &[0.3402665854]);
    three_of(f1().average(Average::Micro).threshold(0.4).into(), 0.3855421245);
    three_of(f1().average(Average::Macro).into(), 0.2965811491);
    one(f1().into(), 0.4137930572);

    three_of(R2Score::new().into(), -0.5152400732);
    let scaled = Numbers(
        one_hot().0,
        one_hot().1,
        one_hot().2.iter().zip([1.0, 2.0, 3.0].iter().cycle()).map(|(t, s)| t * s).collect(),
    );
    let by_variance = R2Score::new().class_aggregation(Aggregation::VarianceWeightedAverage);
    check(by_variance.into(), scaled, three(), None, &[-0.1998064667]);
    check(RootMeanSquaredError.into(), one_hot(), three(), w(), &[0.5918145776]);
    three_of(MeanAbsoluteError.into(), 0.5017304420);
    three_of(BinaryCrossentropy::new().into(), 1.0672992468);

    three_of(BinaryAccuracy::new().threshold(0.3).into(), 0.4388888776);
    check(CategoricalAccuracy.into(), one_hot(), three(), w(), &[0.3416666687]);
    check(SparseCategoricalAccuracy.into(), numbers(), three(), None, &[0.3]);
    three_of(TopKCategoricalAccuracy::new().k(2).into(), 0.6333333254);
    check(SparseTopKCategoricalAccuracy::new().k(2).into(), numbers(), three(), None, &[0.6333333254]);
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
            let [t, y] = [0, 1].map(|i| operand(&sample.inputs[i], 7, i));
            let w = floats(&[7], &[0.5, 1.0, 2.0, 0.0, 1.5, 1.0, 3.0]);
            for weight in [None, Some(&w)] {
                plan_agrees(&metric_case(&*sample.word, &t, &y, weight).unwrap());
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
    refused(&MeanSquaredError, numbers(), three(), "expected a target f32[60, 3], received i32[60]");
}
