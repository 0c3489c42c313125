//! What makes no sense is refused in words, before anything large is allocated.

use ndarray::{Array1, Array2, arr1};
use nervure_nn::prelude::*;
use nervure_nn::{Error, Instance, Model, Network, Result};

fn x(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 3), |(i, j)| (i * 3 + j) as f32 / 10.0)
}

fn y(rows: usize) -> Array1<f32> {
    Array1::from_shape_fn(rows, |i| (i % 2) as f32)
}

fn fit(model: &mut Model, data: &Dataset) -> Result<f64> {
    let history = model.fit(data, Fit::new(MeanSquaredError, SGD::new()))?;
    Ok(history.get("loss")[0])
}

fn chain(layers: impl IntoIterator<Item = Dense>) -> Result<Model> {
    layers.into_iter().fold(Sequential::new([3]), |chain, layer| chain.add(layer)).build(Seed(1))
}

/// What a refusal says.
#[track_caller]
fn refused<T>(result: Result<T>, expected: &str) {
    let error = result.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn weights_are_bounded_each_and_together() {
    for units in [usize::MAX, usize::MAX / 2, i64::MAX as usize, 1 << 32, 1_000_000_000] {
        refused(chain([Dense::new(units)]), "weight `kernel`: expected at most 1073741824 elements");
    }
    refused(chain((0..10).map(|_| Dense::new(1_000_000_000))), "layer `dense`");
    // Each within the bound, but not all of them.
    refused(chain((0..10).map(|_| Dense::new(32_000))), "layer `dense_2` (Dense, written at");
    refused(chain((0..10).map(|_| Dense::new(32_000))), "received [32000, 32000] beside 1024160000 elements");
    refused(chain([Dense::new(0)]), "expected at least 1 unit, received 0");
    let filters = Sequential::new([8, 1]).add(Conv1D::new(0, 3)).build(Seed(1));
    refused(filters, "expected at least 1 filter, received 0");
}

#[test]
fn answers_beyond_all_memory_are_an_error() {
    let wide = Sequential::new([1])
        .add(Dense::new(1 << 20))
        .add(Reshape::new([1 << 20, 1]))
        .add(Dense::new(1 << 20));
    let model = wide.build(Seed(1)).unwrap();
    // 2⁴⁰ numbers a row.
    assert!(matches!(model.predict(Array2::<f32>::zeros((1 << 12, 1))), Err(Error::Exec(_))));
}

#[test]
fn networks_within_one_another_and_their_uses_are_bounded() {
    let nest = |network: Network| Sequential::new([3]).add(network).network();
    let mut network = Sequential::new([3]).add(Dense::new(3)).network().unwrap();
    for _ in 1..64 {
        network = nest(network).unwrap();
    }
    assert_eq!(network.clone().build(Seed(1)).unwrap().parameter_count(), 12);
    refused(nest(network), "expected at most 64 networks within one another");

    // A network that uses one twice, which uses one twice, …
    let mut network = Sequential::new([3]).add(Dense::new(3)).network().unwrap();
    for _ in 0..40 {
        let i = input("i", [3]);
        let twice = Instance::from(network);
        network = Network::new(&i, &twice.on(&twice.on(&i))).unwrap();
    }
    refused(network.build(Seed(1)), "expected at most 16384 uses of layers");
}

#[test]
fn names_that_would_clash_are_refused_or_kept_apart() {
    let named = |name: &str| Sequential::new([3]).add(Dense::new(1).named(name)).build(Seed(1));
    for name in ["optimizer", "training"] {
        refused(named(name), &format!("layer name `{name}`: the state of training has that name"));
    }
    let a = input("a", [3]);
    let d = Instance::from(Dense::new(1)).named("d");
    let outputs = [&d.on(&a), &d.on(&a), &Dense::new(1).named("d_1").on(&a)];
    refused(Model::new(&a, outputs).build(Seed(1)), "two outputs are named `d_1`");
    refused(Model::new(&a, &a.output(1)).build(Seed(1)), "input `a` has no output 1");
    refused(Model::new(&a, &d.on(&a.output(2))).build(Seed(1)), "input `a` has no output 2");

    // The inputs that a step adds have names of their own, whatever the network's are called.
    let loss = |inputs: [&str; 2]| {
        let inputs = inputs.map(|name| input(name, [3]));
        let sum = Dense::new(1).named("y").on(&(&inputs[0] + &inputs[1]));
        let mut model = Model::new([&inputs[0], &inputs[1]], &sum).build(Seed(1)).unwrap();
        let names: Vec<String> = model.network().inputs().iter().map(|i| i.name.clone()).collect();
        let data = names.iter().fold(Dataset::default(), |data, name| data.input(name, x(4)));
        fit(&mut model, &data.target("y", y(4)).sample_weight(arr1(&[1.0, 2.0, 3.0, 4.0]))).unwrap()
    };
    assert_eq!(loss(["sample_weight", "target/y"]), loss(["a", "b"]));
}

#[test]
fn data_given_twice_are_refused() {
    let mut model = chain([Dense::new(1)]).unwrap();
    let twice = Dataset::default().input("input", x(4)).input("input", x(4)).target("dense", y(4));
    refused(fit(&mut model, &twice), "expected one array for `input`, received several");
    let weighted = |classes: &[(i64, f32)]| Dataset::new(x(4), y(4)).class_weight(classes);
    refused(weighted(&[(0, 1.0), (0, 2.0)]), "expected one weight for class 0");
    refused(weighted(&[(1, f32::NAN)]), "class weight of class 1: expected a finite number, received NaN");
    assert!(weighted(&[(0, 1.0), (1, 0.0)]).is_ok());
}

#[test]
fn batches_of_no_row_are_refused() {
    let model = chain([Dense::new(1)]).unwrap();
    let training = Training::new(MeanSquaredError, SGD::new());
    let evaluated = model.evaluate(&Dataset::new(x(4), y(4)), &training, 0);
    refused(evaluated, "batch_size: expected at least 1, received 0");
}
