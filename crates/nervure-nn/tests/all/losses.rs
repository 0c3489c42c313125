//! Losses on cases by hand, and what is refused.

use std::collections::BTreeMap;

use ndarray::{arr1, arr2};
use nervure_graph::testing::check_gradients;
use nervure_graph::{Array, Bindings, Builder, DType, Type, evaluate};
use nervure_nn::activations::Link;
use nervure_nn::losses::*;
use nervure_nn::network::batch;
use nervure_nn::prelude::{Dataset, Dense, Fit, SGD, Seed, Sequential};
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
    refused(&BinaryFocalCrossentropy::new().gamma(-1.0), f32s(&[1]), "a gamma of at least 0, received -1");
    refused(&BinaryFocalCrossentropy::new().alpha(2.0), f32s(&[1]), "an alpha of 0 to 1, received 2");
    let weighted = CategoricalFocalCrossentropy::new().alpha([0.5, 0.5]);
    refused(&weighted, f32s(&[3]), "an alpha for each class of f32[batch, 3], received 2");
    refused(
        &CategoricalGeneralizedCrossEntropy::new().q(1.0),
        f32s(&[3]),
        "a q above 0 and below 1, received 1",
    );
    refused(&CosineSimilarity::new().axis(0), f32s(&[3]), "an axis behind the batch, received 0");
    refused(&CosineSimilarity::new().axis(isize::MIN), f32s(&[3]), "an axis behind the batch");
    refused(&Dice::new().axis([1, 1]), f32s(&[3]), "axes behind the batch, each once, received [1, 1]");
    refused(&Tversky::new().axis(0), f32s(&[3]), "axes behind the batch, each once, received [0]");
    refused(&Tversky::new().beta(-1.0), f32s(&[3]), "beta of at least 0, received -1");
    refused(&Circle::new().gamma(0.0), f32s(&[3]), "a gamma above 0 and a margin, received 0 and 0.4");
    refused(&Circle::new(), f32s(&[2, 3]), "expected an output f32[batch, n]");
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
            // A single row, and none.
            for rows in [0, 1] {
                let [t, y] = [0, 1].map(|i| operand(&sample.inputs[i], rows, i));
                plan_agrees(&loss_case(&*sample.word, &t, &y, None));
            }
        }
    }
}

#[test]
fn values_of_arrays_that_do_not_fit_are_refused_in_words() {
    let refused = |received: nervure_nn::Result<Vec<f32>>, words: &str| {
        let error = received.unwrap_err().to_string();
        assert_eq!(error, words);
    };
    let (pair, three) = (arr2(&[[1.0, 2.0]]), arr2(&[[1.0, 2.0, 3.0]]));
    refused(
        MeanSquaredError.values(&pair, &three),
        "loss `mean_squared_error`: expected a target f32[1, 3], received f32[1, 2]",
    );
    refused(
        Huber::new().delta(0.0).values(&pair, &pair),
        "loss `huber`: expected a delta above 0, received 0",
    );
    refused(
        SparseCategoricalCrossentropy::new().values(arr1(&[0.5]), &pair),
        "target: expected i32, received 0.5",
    );
    let error = SparseCategoricalCrossentropy::new().values(arr1(&[7]), &pair).unwrap_err().to_string();
    assert!(error.contains('7'), "{error}");
}

/// A focusing exponent of 0 is no focusing, and of the logits behind a sigmoid the loss is exact where a float cannot tell 1 − p from 0.
#[test]
fn focal_losses_go_back_to_crossentropy_and_to_the_logits() {
    let plain = values(&BinaryCrossentropy::new(), &targets(), &probabilities(), None);
    near(
        &values(&BinaryFocalCrossentropy::new().gamma(0.0), &targets(), &probabilities(), None),
        &plain,
        EXACT,
    );
    let plain = values(&CategoricalCrossentropy::new(), &one_hot(), &distributions(), None);
    let focal = CategoricalFocalCrossentropy::new().alpha(1.0).gamma(0.0);
    near(&values(&focal, &one_hot(), &distributions(), None), &plain, EXACT);
    let (t, z) = (floats(&[1, 1], &[0.0]), floats(&[1, 1], &[90.0]));
    near(&values(&BinaryFocalCrossentropy::new(), &t, &z, Some(Link::Sigmoid)), &[90.0], EXACT);
}

/// Rows without a second one of their class, or without one of another, are masked.
#[test]
fn circle_counts_rows_that_have_pairs() {
    let builder = Builder::new();
    let t = builder.input("t", DType::I32, [4.into()]);
    builder.output("mask", Circle::new().mask(t).unwrap());
    let graph = builder.finish().unwrap();
    let masked = |classes: [f64; 4]| {
        let inputs = BTreeMap::from([("t".into(), Array::<f64>::of(DType::I32, &[4], &classes))]);
        let run = evaluate(&graph, &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
        run.output("mask").unwrap().to_f64()
    };
    assert_eq!(masked([1.0, 0.0, 1.0, 2.0]), [1.0, 0.0, 1.0, 0.0]);
    assert_eq!(masked([1.0; 4]), [0.0; 4]);
}

#[test]
fn an_expression_is_a_loss() {
    let x = arr2(&[[0.5_f32, -1.0], [2.0, 0.3], [-0.7, 1.1]]);
    let y = arr2(&[[1.0_f32], [-0.5], [0.2]]);
    let train = |loss: Object<dyn Loss>| {
        let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
        let history = model.fit(&Dataset::new(&x, &y), Fit::new(loss, SGD::new()).epochs(3)).unwrap();
        history.get("loss")
    };
    let squared = LossFunction::new("squared", |t, y| (y - t).square().mean(&[-1]));
    assert_eq!(train(squared.into()), train(MeanSquaredError.into()));
    let wrong = LossFunction::new("wrong", |t, y| t + y.narrow(-1, 0, 3));
    let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
    let error = model.fit(&Dataset::new(&x, &y), Fit::new(wrong, SGD::new())).unwrap_err().to_string();
    assert!(error.contains("loss `wrong` of output `dense`: "), "{error}");
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
        ("mape", "mean_absolute_percentage_error"),
        ("MSLE", "mean_squared_logarithmic_error"),
        ("KLD", "kl_divergence"),
        ("logcosh", "log_cosh"),
    ];
    for (name, kind) in names {
        assert_eq!(Object::<dyn Loss>::named(name).unwrap().kind(), kind, "{name}");
    }
}
