//! Losses on cases by hand, and what is refused.

use nervure_graph::testing::check_gradients;
use nervure_graph::{DType, Type};
use nervure_nn::activations::Link;
use nervure_nn::losses::*;
use nervure_nn::network::batch;
use nervure_nn::word::{Family, Object};

use crate::score::{Numbers, classes, floats, loss_case, near, operand, plan_agrees, values};

/// The reference computes in double precision; constants of the graph are doubles.
const EXACT: f64 = 1e-12;

fn targets() -> Numbers {
    floats(&[3, 2], &[0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
}

fn probabilities() -> Numbers {
    floats(&[3, 2], &[0.1, 0.8, 0.35, 0.6, 0.99, 0.02])
}

fn one_hot() -> Numbers {
    floats(&[3, 3], &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
}

/// The second row does not add up to 1, the third is certain.
fn distributions() -> Numbers {
    floats(&[3, 3], &[0.2, 0.3, 0.5, 0.1, 0.1, 0.2, 0.0, 1.0, 0.0])
}

#[test]
fn losses_are_what_their_formulas_say() {
    let ln = f64::ln;
    let bce = values(&BinaryCrossentropy::new(), &targets(), &probabilities(), None);
    near(
        &bce,
        &[-(ln(0.9) + ln(0.8)) / 2.0, -(ln(0.35) + ln(0.4)) / 2.0, -(ln(0.99) + ln(0.02)) / 2.0],
        EXACT,
    );
    let smooth = BinaryCrossentropy::new().label_smoothing(0.2);
    let row = |p: f64, t: f64| -(t * ln(p) + (1.0 - t) * ln(1.0 - p));
    near(
        &values(&smooth, &targets(), &probabilities(), None)[..1],
        &[(row(0.1, 0.1) + row(0.8, 0.9)) / 2.0],
        EXACT,
    );
    let cce = CategoricalCrossentropy::new().label_smoothing(0.3);
    let t = [0.1, 0.1, 0.8];
    let expected = -(t[0] * ln(0.2) + t[1] * ln(0.3) + t[2] * ln(0.5));
    near(&values(&cce, &one_hot(), &distributions(), None)[..1], &[expected], EXACT);
}

/// From a sigmoid's or softmax's operand the loss is exact where probabilities are so near 0 or 1 that a float cannot tell.
#[test]
fn crossentropies_go_back_to_the_logits() {
    let z = floats(&[4, 1], &[40.0, -40.0, 90.0, -1.0]);
    let t = floats(&[4, 1], &[1.0, 0.0, 0.0, 1.0]);
    let expected = [(-40f64).exp().ln_1p(), (-40f64).exp().ln_1p(), 90.0, 1f64.exp().ln_1p()];
    let bce = values(&BinaryCrossentropy::new(), &t, &z, Some(Link::Sigmoid));
    near(&bce, &expected, EXACT);
    assert!(bce[0] > 0.0 && bce[1] > 0.0);

    let z = floats(&[2, 3], &[100.0, 0.0, 0.0, 3.0, 1.0, -200.0]);
    let lse = (3f64.exp() + 1f64.exp()).ln();
    let sparse = SparseCategoricalCrossentropy::new();
    near(&values(&sparse, &classes(&[1.0, 2.0]), &z, Some(Link::Softmax)), &[100.0, lse + 200.0], EXACT);
    let t = floats(&[2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let cce = CategoricalCrossentropy::new();
    near(&values(&cce, &t, &z, Some(Link::Softmax)), &[100.0, lse + 200.0], EXACT);
    // Without the link the guard of the logarithm shows: −ln 1e-7.
    let p = floats(&[1, 2], &[1.0, 0.0]);
    near(&values(&sparse, &classes(&[1.0]), &p, None), &[-(1e-7f64).ln()], EXACT);
}

#[test]
fn an_ignored_class_is_0_and_does_not_count() {
    let loss = SparseCategoricalCrossentropy::new().ignore_class(-1);
    let received = values(&loss, &classes(&[-1.0, 0.0, 1.0]), &distributions(), None);
    near(&received[..2], &[0.0, 4f64.ln()], EXACT);
}

#[test]
fn an_output_that_does_not_fit_is_refused_in_words() {
    let f32s = |shape: &[usize]| {
        let rest = shape.iter().map(|&n| n.into());
        Type::new(DType::F32, std::iter::once(batch()).chain(rest).collect::<Vec<_>>())
    };
    let refused = |loss: &dyn Loss, output: Type, words: &str| {
        let error = loss.target(&output).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    let sparse = SparseCategoricalCrossentropy::new();
    refused(&sparse, f32s(&[1]), "expected an output of at least 2 classes, received f32[batch, 1]");
    refused(&CategoricalCrossentropy::new(), f32s(&[1]), "at least 2 classes");
    refused(&MeanSquaredError, f32s(&[]), "expected an output f32[batch, …, n], received f32[batch]");
    refused(&BinaryCrossentropy::new(), Type::new(DType::I32, [batch(), 2.into()]), "received i32");
    refused(
        &BinaryCrossentropy::new().label_smoothing(1.5),
        f32s(&[1]),
        "label_smoothing of 0 to 1, received 1.5",
    );
    refused(&Huber::new().delta(0.0), f32s(&[1]), "a delta above 0, received 0");
    assert_eq!(sparse.target(&f32s(&[5, 3])).unwrap(), Type::new(DType::I32, [batch(), 5.into()]));
}

/// Gradients are those of finite differences, of every loss in the registry, and a plan's values those of the reference.
#[test]
fn gradients_and_plans_of_every_loss_agree_with_the_reference() {
    for entry in <dyn Loss as Family>::registry().builtin() {
        for sample in (entry.samples)() {
            let [t, y] = [0, 1].map(|i| operand(&sample.inputs[i], 2, i));
            let case = loss_case(&*sample.word, &t, &y, None);
            check_gradients(&case).unwrap_or_else(|e| panic!("{:?}: {e}", sample.word));
            plan_agrees(&case);
        }
    }
}

#[test]
fn losses_are_read_under_keras_names() {
    let names = [
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("MeanSquaredError", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
        ("BinaryCrossentropy", "binary_crossentropy"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        ("Huber", "huber"),
        ("hinge", "hinge"),
    ];
    for (name, kind) in names {
        assert_eq!(Object::<dyn Loss>::named(name).unwrap().kind(), kind, "{name}");
    }
}
