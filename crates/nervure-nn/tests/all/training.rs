//! Fitting, evaluating, predicting: what is minimized, what is reported, what stays.

use std::sync::Arc;

use ndarray::{Array1, Array2, arr1, arr2};
use nervure_nn::initializers::Constant;
use nervure_nn::layers::Layer;
use nervure_nn::prelude::*;
use nervure_nn::{Buffer, Error, Kind, Lower, Network, Result, Store, Tensor, Threads, Weight};
use serde::{Deserialize, Serialize};

use crate::noise::mixing;
use crate::score::near;

/// Sums of a few numbers in single precision.
const SINGLE: f64 = 1e-6;

/// Numbers without pattern.
pub fn noise(i: usize) -> f32 {
    ((i * 2_654_435_761) % 1009) as f32 / 1009.0 - 0.5
}

pub fn rows(n: usize) -> Dataset {
    let x = Array2::from_shape_fn((n, 3), |(i, j)| noise(i * 3 + j));
    let y =
        Array1::from_shape_fn(
            n,
            |i| if x[[i, 0]] * x[[i, 1]] + 0.3 * x[[i, 2]] > 0.0 { 1.0f32 } else { 0.0 },
        );
    Dataset::new(&x, &y)
}

fn network() -> Sequential {
    Sequential::new([3])
        .add(Dense::new(5).activation(Relu).kernel_regularizer(L2::new(0.01)))
        .add(Dropout::new(0.3))
        .add(Dense::new(1).activation(Sigmoid))
}

fn fit() -> Fit {
    Fit::new(BinaryCrossentropy::new(), Adam::new().learning_rate(0.02)).batch_size(8).metrics([Accuracy])
}

pub fn bits(state: &Store) -> Vec<(String, Vec<u32>)> {
    let of = |b: &Buffer| match (b.as_f32(), b.as_i64()) {
        (Some(v), _) => v.iter().map(|x| x.to_bits()).collect(),
        (_, Some(v)) => v.iter().flat_map(|x| [*x as u32, (*x >> 32) as u32]).collect(),
        _ => panic!("state of {}", b.dtype()),
    };
    let mut all: Vec<_> = state.iter().map(|(name, b)| (name.to_string(), of(b))).collect();
    all.sort();
    all
}

/// y = w · x, for losses that one can work out.
fn scale(w: f32) -> nervure_nn::Model {
    let mut model =
        Sequential::new([1]).add(Dense::new(1).use_bias(false).named("scale")).build(Seed(1)).unwrap();
    model.set_weight("scale/kernel", arr2(&[[w]])).unwrap();
    model
}

#[test]
fn the_seed_fixes_everything_and_threads_change_nothing() {
    let run = |seed, threads| {
        let mut model = network().build(Seed(seed)).unwrap().with_threads(Arc::new(Threads::new(threads)));
        let history = model.fit(&rows(50), fit().epochs(3).validation_split(0.2)).unwrap();
        (bits(model.state()), history)
    };
    let first = run(7, 1);
    assert_eq!(first, run(7, 1));
    assert_eq!(first, run(7, 2));
    assert_ne!(first.0, run(8, 1).0);
    assert_eq!(first.1.epochs().len(), 3);
    let names: Vec<&str> = first.1.epochs()[0].names().collect();
    assert_eq!(names, ["loss", "accuracy", "val_loss", "val_accuracy"]);
}

/// Layers that are large enough for their work to be shared.
#[test]
fn threads_change_nothing_where_they_share_the_work() {
    let run = |threads| {
        let mut model = Sequential::new([300])
            .add(Dense::new(400).activation(Relu))
            .add(Dropout::new(0.2))
            .add(Dense::new(10).activation(Softmax))
            .build(Seed(1))
            .unwrap()
            .with_threads(Arc::new(Threads::new(threads)));
        let x = Array2::from_shape_fn((256, 300), |(i, j)| noise(i * 300 + j));
        let y = Array1::from_shape_fn(256, |i| (i * 7 % 10) as i32);
        let fit =
            Fit::new(SparseCategoricalCrossentropy::new(), Adam::new()).batch_size(100).metrics([Accuracy]);
        (model.fit(&Dataset::new(&x, &y), fit.epochs(2)).unwrap(), bits(model.state()))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn a_second_fit_goes_on() {
    let mut twice = network().build(Seed(1)).unwrap();
    twice.fit(&rows(50), fit().epochs(2)).unwrap();
    let later = twice.fit(&rows(50), fit().epochs(2)).unwrap();
    let mut once = network().build(Seed(1)).unwrap();
    let history = once.fit(&rows(50), fit().epochs(4)).unwrap();
    assert_eq!(bits(twice.state()), bits(once.state()));
    assert_eq!(later.get("loss"), history.get("loss")[2..]);
    assert_eq!(once.step(), 4 * 7);
}

/// Another optimizer has no state yet: its first step of Adam is that of a rate's length.
#[test]
fn another_optimizer_starts_afresh() {
    let mut model = scale(1.0);
    let data = Dataset::new(arr2(&[[1.0]]), arr2(&[[0.0]]));
    model.fit(&data, Fit::new(MeanSquaredError, Adam::new()).epochs(50)).unwrap();
    let before = model.weight("scale/kernel").unwrap().as_f32().unwrap()[0];
    model.fit(&data, Fit::new(MeanSquaredError, Adam::new().learning_rate(0.1))).unwrap();
    let moved = before - model.weight("scale/kernel").unwrap().as_f32().unwrap()[0];
    near(&[f64::from(moved)], &[0.1], SINGLE);
    model.fit(&data, Fit::new(MeanSquaredError, SGD::new())).unwrap();
    let slots = model.state().names().filter(|n| n.starts_with("optimizer/slots")).count();
    assert_eq!(slots, 0, "SGD without momentum has no slots, and Adam's are gone");
}

#[test]
fn a_batch_of_fewer_rows_than_asked_for_is_a_batch() {
    let mut model = network().build(Seed(1)).unwrap();
    let history = model.fit(&rows(3), fit().batch_size(100).epochs(2)).unwrap();
    assert_eq!(history.get("loss").len(), 2);
    assert_eq!(model.step(), 2);
}

#[test]
fn no_row_is_refused_to_train_and_evaluate_and_predicts_nothing() {
    let mut model = network().build(Seed(1)).unwrap();
    let none = rows(4).select(&[]).unwrap();
    let error = model.fit(&none, fit()).unwrap_err().to_string();
    assert_eq!(error, "expected at least one row, received none");
    assert!(model.fit(&rows(4), fit().validation_data(none.clone())).is_err());
    assert!(model.evaluate(&none, &Training::new(BinaryCrossentropy::new(), Adam::new()), 8).is_err());
    let empty = Array2::<f32>::zeros((0, 3));
    assert_eq!(model.predict(&empty).unwrap().shape(), [0, 1]);
    assert!(model.fit(&rows(4), fit().batch_size(0)).is_err());
    for share in [1.0, -0.1, f64::NAN, 0.9] {
        let error = model.fit(&rows(4), fit().validation_split(share)).unwrap_err().to_string();
        assert!(error.contains("validation_split"), "{error}");
    }
}

/// The last ⌊…⌋ rows validate, before any shuffling; theirs are the numbers of the weights at the end of the epoch.
#[test]
fn the_tail_validates() {
    let mut model = network().build(Seed(1)).unwrap();
    let data = rows(21);
    let history = model.fit(&data, fit().validation_split(0.3).epochs(1)).unwrap();
    // 21 · 0.7 = 14.7.
    let tail = data.select(&(14..21).collect::<Vec<_>>()).unwrap();
    let training = Training::new(BinaryCrossentropy::new(), Adam::new()).metrics([Accuracy]);
    let logs = model.evaluate(&tail, &training, 8).unwrap();
    assert_eq!(history.get("val_loss"), [logs.get("loss").unwrap()]);
    assert_eq!(history.get("val_accuracy"), [logs.get("accuracy").unwrap()]);
}

/// The loss of an epoch is the batches' mean, weighted by rows, each before its update, with penalties.
#[test]
fn an_epoch_reports_its_batches_before_their_update() {
    let mut model = scale(1.0);
    let data = Dataset::new(arr2(&[[1.0], [2.0], [3.0]]), arr2(&[[0.0], [0.0], [0.0]]));
    let sgd = || SGD::new().learning_rate(0.1);
    let history = model.fit(&data, Fit::new(MeanSquaredError, sgd()).batch_size(2).shuffle(false)).unwrap();
    // w = 1: loss (1 + 4) / 2, gradient 2 · 5 / 2 = 5 → w = 0.5: loss 9 · 0.25.
    near(&history.get("loss"), &[(2.0 * 2.5 + 2.25) / 3.0], SINGLE);
    near(
        &[f64::from(model.weight("scale/kernel").unwrap().as_f32().unwrap()[0])],
        &[0.5 - 0.1 * 2.0 * 9.0 * 0.5],
        SINGLE,
    );
}

#[test]
fn weights_of_rows_weigh_the_loss_and_only_weighted_metrics() {
    let model = scale(1.0);
    let (x, y) = (arr2(&[[1.0], [2.0], [3.0]]), arr2(&[[0.0], [0.0], [0.0]]));
    let data = Dataset::new(&x, &y).sample_weight(arr1(&[1.0, 0.5, 0.0]));
    let training = Training::new(MeanSquaredError, SGD::new())
        .metrics([MeanAbsoluteError])
        .weighted_metrics([MeanAbsoluteError]);
    for batch_size in [1, 2, 3] {
        let logs = model.evaluate(&data, &training, batch_size).unwrap();
        let names: Vec<&str> = logs.names().collect();
        assert_eq!(names, ["loss", "mean_absolute_error", "mean_absolute_error_1"]);
        // Divided by rows, not by weights; the metric by weights.
        near(&[logs.get("loss").unwrap()], &[(1.0 + 2.0) / 3.0], SINGLE);
        near(&[logs.get("mean_absolute_error").unwrap()], &[2.0], SINGLE);
        near(&[logs.get("mean_absolute_error_1").unwrap()], &[2.0 / 1.5], SINGLE);
    }
}

/// Weights by class are weights of rows, however the classes are written.
#[test]
fn classes_weigh_as_their_rows() {
    let x = Array2::from_shape_fn((9, 3), |(i, j)| noise(i * 3 + j));
    let classes: Array1<i32> = Array1::from_shape_fn(9, |i| (i % 3) as i32);
    let one_hot = Array2::from_shape_fn((9, 3), |(i, j)| if i % 3 == j { 1.0f32 } else { 0.0 });
    let weights = [(0, 2.0), (2, 0.5)];
    let of_rows = Array1::from_shape_fn(9, |i| [2.0f32, 1.0, 0.5][i % 3]);
    let train = |data: Dataset, fit: Fit, units: usize| {
        let layer = if units == 1 {
            Dense::new(1).activation(Sigmoid)
        } else {
            Dense::new(units).activation(Softmax)
        };
        let mut model = Sequential::new([3]).add(layer).build(Seed(3)).unwrap();
        model.fit(&data, fit.epochs(2).batch_size(4)).unwrap();
        bits(model.state())
    };
    let sparse = || Fit::new(SparseCategoricalCrossentropy::new(), Adam::new());
    let expected = train(Dataset::new(&x, &classes).sample_weight(&of_rows), sparse(), 3);
    assert_eq!(train(Dataset::new(&x, &classes), sparse().class_weight(weights), 3), expected);
    let dense = || Fit::new(CategoricalCrossentropy::new(), Adam::new());
    let expected = train(Dataset::new(&x, &one_hot).sample_weight(&of_rows), dense(), 3);
    assert_eq!(train(Dataset::new(&x, &one_hot), dense().class_weight(weights), 3), expected);
    // Weights that are there are multiplied, of whatever type.
    let own = arr1(&[2i64; 9]);
    let doubled = of_rows.mapv(|w| 2.0 * w);
    let expected = train(Dataset::new(&x, &classes).sample_weight(&doubled), sparse(), 3);
    assert_eq!(
        train(Dataset::new(&x, &classes).sample_weight(own), sparse().class_weight(weights), 3),
        expected
    );
    let binary = || Fit::new(BinaryCrossentropy::new(), Adam::new());
    let y = classes.mapv(|c| if c == 0 { 0.0f32 } else { 1.0 });
    let of_rows = y.mapv(|y| if y == 0.0 { 3.0f32 } else { 1.0 });
    let expected = train(Dataset::new(&x, &y).sample_weight(&of_rows), binary(), 1);
    assert_eq!(train(Dataset::new(&x, &y), binary().class_weight([(0, 3.0)]), 1), expected);
    for bad in [Dataset::new(&x, y.mapv(|y| y + 0.5)), Dataset::new(&x, one_hot.mapv(|y| y * 2.0))] {
        let error = bad.class_weight(&[(0, 1.0)]).unwrap_err().to_string();
        assert!(error.contains("class numbers or one-hot rows"), "{error}");
    }
}

/// Gives its input a mask: true where it is not below 0.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Masked;

impl Kind for Masked {
    const KIND: &'static str = "Masked";
}

impl Layer for Masked {
    fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let y = x[0].abs();
        let counts = x[0].greater_equal(x[0].constant(0.0));
        cx.set_mask(y, counts.reshape(x[0].shape()[..2].to_vec()));
        Ok(vec![y])
    }
}

/// The mean is over what the mask leaves; weights of rows come on top. The numbers are Keras 3.15.1's `reduce_weighted_values`.
#[test]
fn what_is_masked_does_not_count() {
    let mut model = Sequential::new([3, 1])
        .add(Masked)
        .add(Dense::new(1).use_bias(false).kernel_initializer(Constant::new(1.0)))
        .build(Seed(1))
        .unwrap();
    let x = Array2::from_shape_vec((2, 3), vec![0.2, 0.7, -0.4, 0.9, -0.1, -0.6f32]).unwrap();
    let y = Array2::from_shape_vec((2, 3), vec![1.0, 0.0, 1.0, 1.0, 1.0, 0.0f32]).unwrap();
    let data = Dataset::new(
        x.into_shape_with_order((2, 3, 1)).unwrap(),
        y.into_shape_with_order((2, 3, 1)).unwrap(),
    );
    let training = Training::new(MeanSquaredError, SGD::new()).metrics([MeanAbsoluteError]);
    let logs = model.evaluate(&data, &training, 8).unwrap();
    near(&[logs.get("loss").unwrap(), logs.get("mean_absolute_error").unwrap()], &[0.38, 1.6 / 3.0], SINGLE);
    let weighted = data.clone().sample_weight(arr1(&[2.0, 0.5]));
    near(&[model.evaluate(&weighted, &training, 8).unwrap().get("loss").unwrap()], &[0.755], SINGLE);
    // A batch in which nothing counts has a loss of 0, and a gradient.
    let none = Dataset::new(
        ndarray::Array3::from_elem((1, 3, 1), -1.0f32),
        ndarray::Array3::<f32>::zeros((1, 3, 1)),
    );
    let before = bits(model.state());
    let history = model.fit(&none, Fit::from_training(training)).unwrap();
    assert_eq!(history.get("loss"), [0.0]);
    assert_eq!(
        before.iter().find(|w| w.0.contains("kernel")),
        bits(model.state()).iter().find(|w| w.0.contains("kernel"))
    );
}

#[test]
fn an_ignored_class_counts_neither_above_nor_below() {
    let model = Sequential::new([3]).add(Activation::new(Linear)).build(Seed(1)).unwrap();
    let x = arr2(&[[0.2f32, 0.3, 0.5], [0.1, 0.1, 0.2], [0.0, 1.0, 0.0]]);
    let data = Dataset::new(&x, arr1(&[2i32, 0, 1]));
    let loss = SparseCategoricalCrossentropy::new().ignore_class(0);
    let logs = model.evaluate(&data, &Training::new(loss, SGD::new()).metrics([loss]), 8).unwrap();
    // Keras 3.15.1: 0.34657368.
    near(&[logs.get("loss").unwrap()], &[2f64.ln() / 2.0], SINGLE);
    near(&[logs.get("sparse_categorical_crossentropy").unwrap()], &[2f64.ln() / 2.0], SINGLE);
}

#[test]
fn a_frozen_layer_keeps_its_weights_and_has_no_slots() {
    let build = || {
        Sequential::new([3])
            .add(Dense::new(4).activation(Relu).named("base").frozen())
            .add(Dense::new(1).activation(Sigmoid).named("head"))
            .build(Seed(1))
            .unwrap()
    };
    let mut model = build();
    let base = model.weight("base/kernel").unwrap().clone();
    let head = model.weight("head/kernel").unwrap().clone();
    model.fit(&rows(20), fit().epochs(2)).unwrap();
    assert_eq!(*model.weight("base/kernel").unwrap(), base);
    assert_ne!(*model.weight("head/kernel").unwrap(), head);
    let slots: Vec<&str> = model.state().names().filter(|n| n.contains("slots")).collect();
    assert!(slots.iter().all(|s| s.contains("head/")) && slots.len() == 4, "{slots:?}");
    // Thawed, and the head frozen instead: the base moves, from slots of its own.
    model.freeze(|name| name == "head").unwrap();
    let head = model.weight("head/kernel").unwrap().clone();
    model.fit(&rows(20), fit().epochs(1)).unwrap();
    assert_ne!(*model.weight("base/kernel").unwrap(), base);
    assert_eq!(*model.weight("head/kernel").unwrap(), head);
    assert!(model.summary().contains("Non-trainable params: 5"), "{}", model.summary());
    // All frozen: nothing moves, but it runs.
    model.freeze(|_| true).unwrap();
    let before = model.weights().map(|(_, w)| w.clone()).collect::<Vec<_>>();
    model.fit(&rows(20), fit()).unwrap();
    assert_eq!(before, model.weights().map(|(_, w)| w.clone()).collect::<Vec<_>>());
}

/// Has a weight that only a rounded number depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Dead;

impl Kind for Dead {
    const KIND: &'static str = "Dead";
}

impl Layer for Dead {
    fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let w = cx.weight(Weight::new("w", [1], Constant::new(1.0)));
        Ok(vec![x[0] + w.stop_gradient()])
    }
}

#[test]
fn a_weight_without_gradient_is_an_error_unless_frozen_or_without_a_loss() {
    let mut model = Sequential::new([3]).add(Dead.named("dead")).add(Dense::new(1)).build(Seed(1)).unwrap();
    let error = model.fit(&rows(4), Fit::new(MeanSquaredError, SGD::new())).unwrap_err();
    assert!(matches!(&error, Error::NoGradient(path) if path == "dead/w"), "{error}");
    let mut frozen = Sequential::new([3]).add(Dead.frozen()).add(Dense::new(1)).build(Seed(1)).unwrap();
    frozen.fit(&rows(4), Fit::new(MeanSquaredError, SGD::new())).unwrap();

    let x = input("x", [3]);
    let (a, b) = (Dense::new(1).named("a").on(&x), Dense::new(1).named("b").on(&x));
    let mut model = Model::new(&x, [&a, &b]).build(Seed(1)).unwrap();
    let before = model.weight("b/kernel").unwrap().clone();
    let training = Training::with_optimizer(SGD::new()).loss("a", MeanSquaredError);
    model.fit(&rows(4), Fit::from_training(training)).unwrap();
    assert_eq!(*model.weight("b/kernel").unwrap(), before);
}

#[test]
fn several_outputs_have_losses_weights_and_metrics_of_their_own() {
    let x = input("x", [1]);
    let one =
        |name, w: f64| Dense::new(1).use_bias(false).kernel_initializer(Constant::new(w)).named(name).on(&x);
    let mut model = Model::new(&x, [&one("a", 1.0), &one("b", -2.0)]).build(Seed(1)).unwrap();
    let data = Dataset::of_inputs(arr2(&[[1.0], [3.0]]))
        .target("b", arr2(&[[0.0], [0.0]]))
        .target("a", arr2(&[[0.0], [1.0]]));
    let training = Training::with_optimizer(SGD::new())
        .loss("a", MeanSquaredError)
        .loss("b", MeanAbsoluteError)
        .loss_weight("b", 0.25)
        .metrics([MeanAbsoluteError])
        .metric("b", RootMeanSquaredError);
    let logs = model.evaluate(&data, &training, 1).unwrap();
    let received: Vec<(&str, f64)> = logs.iter().collect();
    let (a, b) = ((1.0 + 4.0) / 2.0, (2.0 + 6.0) / 2.0);
    let expected = [
        ("loss", a + 0.25 * b),
        ("a_loss", a),
        ("b_loss", b),
        ("a_mean_absolute_error", 1.5),
        ("b_mean_absolute_error", 4.0),
        ("b_root_mean_squared_error", 20f64.sqrt()),
    ];
    assert_eq!(received.iter().map(|r| r.0).collect::<Vec<_>>(), expected.map(|e| e.0));
    near(&received.iter().map(|r| r.1).collect::<Vec<_>>(), &expected.map(|e| e.1), SINGLE);
    let history = model.fit(&data, Fit::from_training(training).validation_data(data.clone())).unwrap();
    assert!(history.epochs()[0].get("val_b_root_mean_squared_error").is_some());

    let wrong = Training::with_optimizer(SGD::new()).loss("c", MeanSquaredError);
    let error = model.fit(&data, Fit::from_training(wrong)).unwrap_err().to_string();
    assert_eq!(error, "loss or metric of output `c`: expected one of a, b, received `c`");
}

#[test]
fn a_loss_that_does_not_fit_its_output_is_an_error_that_names_both() {
    let mut model = network().build(Seed(1)).unwrap();
    let error = model.fit(&rows(4), Fit::new(SparseCategoricalCrossentropy::new(), Adam::new())).unwrap_err();
    assert!(matches!(error, Error::Compile { .. }));
    let words = "loss `sparse_categorical_crossentropy` of output `dense_1`: expected an output of at least 2 classes, received f32[batch, 1]";
    assert!(error.to_string().starts_with(words), "{error}");
}

/// Rows and targets are mixed before the network and the loss see them, while training alone.
#[test]
fn layers_before_the_network_change_rows_and_targets() {
    let row = |i: usize| [noise(i), noise(i + 100)];
    let data = Dataset::new(
        Array2::from_shape_fn((16, 1), |(i, _)| row(i)[0]),
        Array2::from_shape_fn((16, 1), |(i, _)| row(i)[1]),
    );
    let mut model = scale(0.5);
    let training = || Training::new(MeanSquaredError, SGD::new().learning_rate(0.0)).augment(MixUp::new());
    let mut trainer = model.trainer(training()).unwrap();
    let mean = |rows: &mut dyn Iterator<Item = [f64; 2]>| {
        rows.map(|[x, t]| (t - 0.5 * x).powi(2)).sum::<f64>() / 16.0
    };
    let given: Vec<[f64; 2]> = (0..16).map(|i| row(i).map(f64::from)).collect();
    let mixed = mixing(16, 0.2, 0).into_iter().enumerate().map(|(i, (other, share))| {
        std::array::from_fn(|k| share * given[i][k] + (1.0 - share) * given[other][k])
    });
    let trained = trainer.train_on_batch(&data).unwrap().get("loss").unwrap();
    near(&[trained], &[mean(&mut mixed.into_iter())], SINGLE);
    let evaluated = trainer.test_on_batch(&data).unwrap().get("loss").unwrap();
    near(&[evaluated], &[mean(&mut given.into_iter())], SINGLE);

    // Of a network of bytes it gets bytes.
    let bytes = input_of("bytes", DType::U8, [2]);
    let mut model =
        Model::new(&bytes, &Dense::new(1).on(&Rescaling::new(0.1).on(&bytes))).build(Seed(1)).unwrap();
    let data = Dataset::new(ndarray::arr2(&[[1_u8, 2], [3, 4]]), arr1(&[0.0, 1.0]));
    model.fit(&data, Fit::from_training(training())).unwrap();

    let refused = |network: Sequential, fit: Fit, expected: &str| {
        let error = network.build(Seed(1)).unwrap().fit(&rows(4), fit).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let classes = Sequential::new([3]).add(Dense::new(2).activation(Softmax));
    let numbered = Fit::new(SparseCategoricalCrossentropy::new(), SGD::new());
    refused(
        classes,
        numbered.augment(MixUp::new()),
        "expected labels [batch, …, n], one-hot, received i32[batch]",
    );
    let (a, b) = (input("a", [3]), input("b", [1]));
    let learns = Network::new([&a, &b], [&Dense::new(3).on(&a), &b]).unwrap();
    refused(
        network(),
        fit().augment(learns),
        "expected a layer without weights, received one with `Functional/dense/kernel`",
    );
    let narrow = Network::new([&a, &b], [&a, &Dense::new(2).on(&b)]).unwrap();
    refused(
        network(),
        fit().augment(narrow),
        "expected outputs f32[batch, 3] and f32[batch, 1], received f32[batch, 3] and f32[batch, 2]",
    );
}

#[test]
fn evaluating_and_predicting_change_nothing() {
    let mut model = network().build(Seed(1)).unwrap();
    model.fit(&rows(20), fit()).unwrap();
    let before = bits(model.state());
    model.evaluate(&rows(20), &Training::new(BinaryCrossentropy::new(), Adam::new()), 8).unwrap();
    let x = Array2::from_shape_fn((300, 3), |(i, j)| noise(i * 3 + j));
    let y = model.predict(&x).unwrap();
    assert_eq!(before, bits(model.state()));
    assert_eq!(y, model.predict_on_batch(&x).unwrap());
    assert_eq!(y.shape(), [300, 1]);
}

/// Trained on rows that a line parts, the network finds it: loss and accuracy get better.
#[test]
fn training_learns() {
    let x = Array2::from_shape_fn((200, 3), |(i, j)| noise(i * 3 + j));
    let y = Array1::from_shape_fn(200, |i| if x[[i, 0]] > 0.2 * x[[i, 1]] { 1.0f32 } else { 0.0 });
    let mut model = Sequential::new([3])
        .add(Dense::new(8).activation(Relu))
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(1))
        .unwrap();
    let fit = fit().epochs(20).metrics([Auc::new()]);
    let history = model.fit(&Dataset::new(&x, &y), fit).unwrap();
    let (loss, accuracy, auc) = (history.get("loss"), history.get("accuracy"), history.get("auc"));
    assert!(loss[19] < 0.5 * loss[0] && accuracy[19] > 0.95 && auc[19] > 0.98, "{history:?}");
}

#[test]
fn a_trainer_steps_as_fit_does() {
    steps_as_fit_does(network(), &rows(24), 8);
}

#[test]
fn wide_rows_that_threads_gather_are_the_same_batches() {
    let x = Array2::from_shape_fn((100, 700), |(i, j)| noise(i * 700 + j));
    let y = Array1::from_shape_fn(100, |i| if x[[i, 0]] > 0.0 { 1.0f32 } else { 0.0 });
    // A batch of 32 × 700 floats is more than the 32 KiB that a thread gathers at a time; the last one has 4 rows.
    steps_as_fit_does(
        Sequential::new([700]).add(Dense::new(1).activation(Sigmoid)),
        &Dataset::new(&x, &y),
        32,
    );
}

fn steps_as_fit_does(network: Sequential, data: &Dataset, size: usize) {
    let mut fitted = network.clone().build(Seed(5)).unwrap();
    fitted.fit(data, fit().batch_size(size).epochs(2).shuffle(false)).unwrap();
    let mut stepped = network.build(Seed(5)).unwrap();
    let training = Training::new(BinaryCrossentropy::new(), Adam::new().learning_rate(0.02));
    let mut trainer = stepped.trainer(training).unwrap();
    let all: Vec<usize> = (0..data.rows().unwrap()).collect();
    for batch in all.chunks(size).chain(all.chunks(size)) {
        trainer.train_on_batch(&data.select(batch).unwrap()).unwrap();
    }
    // The one has a weight a row, all 1, in its graph, and the other none: the same to rounding, which Adam makes as large as its steps
    // where a gradient is next to nothing.
    for ((path, a), (_, b)) in fitted.weights().zip(stepped.weights()) {
        let doubles = |w: &Buffer| w.as_f32().unwrap().iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        near(&doubles(a), &doubles(b), 10.0 * SINGLE);
        assert_eq!(a.shape(), b.shape(), "{path}");
    }
}

/// Any layer's results may be penalized: what [`ActivityRegularization`] behind it does, and in a file.
#[test]
fn results_are_penalized_as_by_a_layer_of_its_own() {
    let layer = || Dense::new(3).activation(Tanh);
    let end = || Dense::new(1).activation(Sigmoid);
    let apart = Sequential::new([3]).add(layer()).add(ActivityRegularization::new().l2(0.3)).add(end());
    let of_layer = Sequential::new([3]).add(layer().activity_regularizer(L2::new(0.3))).add(end());
    let written = serde_json::to_string(&of_layer.network().unwrap()).unwrap();
    let read: Network = serde_json::from_str(&written).unwrap();
    let train = |mut model: Model| {
        let history = model.fit(&rows(24), fit().epochs(3).batch_size(8).shuffle(false)).unwrap();
        (history.get("loss").to_vec(), doubles_of(&model))
    };
    let expected = train(apart.build(Seed(5)).unwrap());
    // The same operations, in another order of a sum of two.
    let received = train(read.build(Seed(5)).unwrap());
    near(&received.0, &expected.0, 10.0 * SINGLE);
    near(&received.1, &expected.1, 100.0 * SINGLE);
    let without = train(Sequential::new([3]).add(layer()).add(end()).build(Seed(5)).unwrap());
    assert!(expected.0[0] > without.0[0] + 1e-3);
}

fn doubles_of(model: &Model) -> Vec<f64> {
    model
        .weights()
        .flat_map(|(_, w)| w.as_f32().unwrap().iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_run_may_go_to_another_thread() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Fit>();
    send::<nervure_nn::Model>();
    sync::<nervure_nn::Model>();
}

#[test]
fn a_summary_is_a_table_of_the_layers() {
    let model = network().build(Seed(1)).unwrap();
    let expected = "\
┌───────────────────┬──────────────┬─────────┐
│ Layer (type)      │ Output Shape │ Param # │
├───────────────────┼──────────────┼─────────┤
│ dense (Dense)     │ (batch, 5)   │      20 │
│ dropout (Dropout) │ (batch, 5)   │       0 │
│ dense_1 (Dense)   │ (batch, 1)   │       6 │
└───────────────────┴──────────────┴─────────┘
Total params: 26 (104.00 B)
Trainable params: 26 (104.00 B)
Non-trainable params: 0 (0.00 B)";
    assert_eq!(model.summary(), expected);
}

#[test]
fn a_summary_shows_networks_within_and_what_is_connected() {
    let (a, b) = (input("first_of_the_inputs", [4]), input("b", [4]));
    let tower =
        Sequential::new([4]).add(Dense::new(300).activation(Relu)).add(Dense::new(3)).network().unwrap();
    let tower = tower.named("a_tower_with_a_name_that_is_long");
    let (x, y) = (tower.on(&a), tower.on(&b));
    let sum = (&x + &y).output(0);
    let out = Dense::new(1).activation(Sigmoid).named("risk").on(&concat([&sum, &x, &y, &a], -1));
    let summary = Model::new([&a, &b], &out).build(Seed(1)).unwrap().summary();
    let expected = "\
┌──────────────────────────┬──────────────┬─────────┬──────────────────────────┐
│ Layer (type)             │ Output Shape │ Param # │ Connected to             │
├──────────────────────────┼──────────────┼─────────┼──────────────────────────┤
│ first_of_the_inputs      │ (batch, 4)   │       0 │ -                        │
│ (input)                  │              │         │                          │
│ b (input)                │ (batch, 4)   │       0 │ -                        │
│ a_tower_with_a_name_that │ (batch, 3)   │   2,403 │ first_of_the_inputs, b   │
│ _is_long (Functional)    │              │         │                          │
│   dense (Dense)          │ (batch, 300) │   1,500 │                          │
│   dense_1 (Dense)        │ (batch, 3)   │     903 │                          │
│ add (Add)                │ (batch, 3)   │       0 │ a_tower_with_a_name_that │
│                          │              │         │ _is_long,                │
│                          │              │         │ a_tower_with_a_name_that │
│                          │              │         │ _is_long                 │
│ concatenate              │ (batch, 13)  │       0 │ add,                     │
│ (Concatenate)            │              │         │ a_tower_with_a_name_that │
│                          │              │         │ _is_long,                │
│                          │              │         │ a_tower_with_a_name_that │
│                          │              │         │ _is_long,                │
│                          │              │         │ first_of_the_inputs      │
│ risk (Dense)             │ (batch, 1)   │      14 │ concatenate              │
└──────────────────────────┴──────────────┴─────────┴──────────────────────────┘
Total params: 2,417 (9.44 KB)
Trainable params: 2,417 (9.44 KB)
Non-trainable params: 0 (0.00 B)";
    assert_eq!(summary, expected, "\n{summary}");
    assert!(summary.lines().all(|l| l.chars().count() <= 80));
}
