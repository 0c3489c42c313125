//! Recurrent layers: what Keras's numbers cannot show of them.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, Axis, s};
use nervure_exec::Buffer;
use nervure_graph::{Array, Bindings, Builder, DType, Dim, evaluate};
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Error, Layer, Lower};

const UNITS: usize = 3;
const ROWS: usize = 2;

/// Numbers between −1 and 1, the same for the same name and place.
fn numbers(name: &str, shape: &[usize]) -> Array<f64> {
    let start = name.bytes().map(usize::from).sum::<usize>();
    let values: Vec<f64> =
        (0..shape.iter().product()).map(|i| ((start + 31 * i) % 67) as f64 / 33.0 - 1.0).collect();
    Array::of(DType::F32, shape, &values)
}

/// Outputs and new states of a layer for `[rows, time, 4]`, with these parameters before any made up.
fn run(
    layer: &Object<dyn Layer>,
    training: bool,
    x: &Array<f64>,
    known: &BTreeMap<String, Array<f64>>,
) -> (Vec<Array<f64>>, BTreeMap<String, Array<f64>>) {
    let builder = Builder::new();
    let shape: Vec<Dim> = x.shape().iter().map(|&n| n.into()).collect();
    let input = builder.input("x", DType::F32, shape);
    let mut cx = Lower::new(&builder, training);
    let outputs = cx.layer("tried", &**layer, true, &[input]).unwrap();
    for (i, y) in outputs.iter().enumerate() {
        builder.output(&format!("y{i}"), *y);
    }
    let updated: Vec<String> = cx.updates().map(|(path, _)| path.to_string()).collect();
    for (path, value) in cx.updates() {
        builder.output(path, value);
    }
    let mut parameters: BTreeMap<String, Array<f64>> = cx
        .parameters()
        .iter()
        .map(|p| {
            let zeros = || Array::of(DType::F32, &p.shape, &vec![0.0; p.shape.iter().product()]);
            let value = if p.trainable { numbers(&p.path, &p.shape) } else { zeros() };
            (p.path.clone(), known.get(&p.path).cloned().unwrap_or(value))
        })
        .collect();
    drop(cx);
    let count = outputs.len();
    for name in ["training/seed", "training/step"] {
        parameters.insert(name.into(), Array::of(DType::I64, &[], &[5.0]));
    }
    let graph = builder.finish().unwrap();
    let known: Vec<&str> = graph.parameters().map(|(name, _)| name).collect();
    parameters.retain(|name, _| known.contains(&name.as_str()));
    let run =
        evaluate(&graph, &Bindings::new(), &[("x".to_string(), x.clone())].into(), &parameters).unwrap();
    let output = |name: &str| run.output(name).unwrap().clone();
    let states = updated.iter().map(|path| (path.clone(), output(path))).collect();
    ((0..count).map(|i| output(&format!("y{i}"))).collect(), states)
}

/// So many steps of `[rows, 6, 4]`, from one on.
fn steps(x: &Array<f64>, from: usize, count: usize) -> Array<f64> {
    let values = x.to_f64();
    let rows = values.chunks(6 * 4).flat_map(|row| &row[4 * from..4 * (from + count)]).copied();
    Array::of(DType::F32, &[ROWS, count, 4], &rows.collect::<Vec<_>>())
}

#[test]
fn a_stateful_layer_goes_on_where_it_stopped() {
    let stack = StackedRNNCells::new([LSTMCell::new(2).into(), GRUCell::new(UNITS).into()]);
    let pairs: [[Object<dyn Layer>; 2]; 4] = [
        [SimpleRNN::new(UNITS).into(), SimpleRNN::new(UNITS).stateful(true).into()],
        [GRU::new(UNITS).into(), GRU::new(UNITS).stateful(true).into()],
        [LSTM::new(UNITS).into(), LSTM::new(UNITS).stateful(true).into()],
        [RNN::new(stack.clone()).into(), RNN::new(stack).stateful(true).into()],
    ];
    let x = numbers("x", &[ROWS, 6, 4]);
    for [layer, stateful] in pairs {
        let (expected, none) = run(&layer, true, &x, &BTreeMap::new());
        assert!(none.is_empty());
        let (_, states) = run(&stateful, true, &steps(&x, 0, 2), &BTreeMap::new());
        assert!(states.keys().all(|path| path.starts_with("tried/rnn_state")), "{states:?}");
        let (received, _) = run(&stateful, true, &steps(&x, 2, 4), &states);
        // The same sums in the same order.
        assert_eq!(received[0].to_f64(), expected[0].to_f64(), "{layer:?}");
    }
}

/// Steps in pieces, batch after batch, are what a layer that is not stateful does with all of them.
#[test]
fn a_stateful_model_goes_on_from_prediction_to_prediction() {
    let network = |steps: usize, stateful| {
        let x = input("x", [steps, 4]);
        let x = if stateful { x.batch_size(ROWS) } else { x };
        let y = LSTM::new(UNITS).return_sequences(true).stateful(stateful).named("lstm").on(&x);
        Model::new(&x, &y).build(Seed(3)).unwrap()
    };
    let x =
        Array3::from_shape_fn((ROWS, 6, 4), |(row, step, i)| ((31 * row + 7 * step + i) % 11) as f32 / 5.0);
    let piece = |from: usize, to: usize| x.slice(s![.., from..to, ..]).to_owned();
    let doubles = |y: Buffer| y.as_f32().unwrap().to_vec();
    let whole = doubles(network(6, false).predict(&x).unwrap());
    let expected = |from: usize| -> Vec<f32> {
        let rows = whole.chunks(6 * UNITS);
        rows.flat_map(|row| row[from * UNITS..(from + 3) * UNITS].to_vec()).collect()
    };
    let mut model = network(3, true);
    let first = piece(0, 3);
    for _ in 0..2 {
        assert_eq!(doubles(model.predict_stateful(&first).unwrap()), expected(0));
        // What leaves the model as it is goes on too, from the same state each time.
        for _ in 0..2 {
            assert_eq!(doubles(model.predict(piece(3, 6)).unwrap()), expected(3));
        }
        assert_eq!(doubles(model.predict_stateful(piece(3, 6)).unwrap()), expected(3));
        model.reset_states();
    }
    // Batches of one call follow each other.
    let both = ndarray::concatenate![Axis(0), first, piece(3, 6)];
    assert_eq!(doubles(model.predict(&both).unwrap()), [expected(0), expected(3)].concat());
}

#[test]
fn rows_are_multiples_of_a_fixed_batch() {
    let x = input("x", [3]).batch_size(4);
    let model = Model::new(&x, &Dense::new(1).on(&x)).build(Seed(1)).unwrap();
    assert_eq!(model.predict(Array2::<f32>::zeros((8, 3))).unwrap().shape(), [8, 1]);
    let refused = |result: Result<Buffer, Error>| result.unwrap_err().to_string();
    let said = refused(model.predict(Array2::<f32>::zeros((6, 3))));
    assert_eq!(said, "input `x`: expected rows in multiples of 4, its batch_size, received 6");
    let data = Dataset::new(Array2::<f32>::zeros((8, 3)), Array2::<f32>::zeros((8, 1)));
    let mut model = model;
    model.fit(&data, Fit::new(MeanSquaredError, Adam::new())).unwrap();
    assert_eq!(model.step(), 2);
    let fit = Fit::new(MeanSquaredError, Adam::new()).batch_size(8);
    let said = model.fit(&data, fit).unwrap_err().to_string();
    assert_eq!(said, "batch_size: expected 4, that of the inputs, received 8");
    let other = input("other", [3]).batch_size(2);
    let network = Model::new([&x, &other], &(x.clone() + other.clone())).build(Seed(1));
    let said = network.unwrap_err().to_string();
    assert!(said.contains("batch_size of input `other`: expected 4"), "{said}");
}

#[test]
fn a_stateful_layer_needs_a_batch_of_fixed_size() {
    let refused = Sequential::new([6, 4]).add(GRU::new(UNITS).stateful(true)).build(Seed(1)).unwrap_err();
    let said = refused.to_string();
    let expected = "expected a batch of fixed size for `stateful`, received f32[batch, 6, 4]";
    assert!(said.starts_with("layer `gru` (GRU") && said.contains(expected), "{said}");
}

/// A dropped input is 0 in every step; what is left of ones, times 1 / (1 − rate), the output is the sum of.
#[test]
fn inputs_and_states_are_dropped_the_same_in_every_step() {
    let ones = |shape: &[usize]| Array::of(DType::F32, shape, &vec![1.0; shape.iter().product()]);
    let (x, time) = (ones(&[ROWS, 3, 4]), 3);
    let known: BTreeMap<String, Array<f64>> = [
        ("tried/kernel".to_string(), ones(&[4, 1])),
        ("tried/recurrent_kernel".to_string(), ones(&[1, 1])),
        ("tried/bias".to_string(), Array::of(DType::F32, &[1], &[0.0])),
    ]
    .into();
    let of = |layer: SimpleRNN, training| {
        let layer = layer.activation(Linear).return_sequences(true).into();
        run(&layer, training, &x, &known).0[0].to_f64()
    };
    let whole: Vec<f64> = [4.0, 8.0, 12.0].repeat(ROWS);
    assert_eq!(of(SimpleRNN::new(1).dropout(0.5), false), whole);
    for row in of(SimpleRNN::new(1).dropout(0.5), true).chunks(time) {
        // Elements that are left count 2 each.
        assert!(row[0] % 2.0 == 0.0 && row[0] <= 8.0, "{row:?}");
        assert_eq!(row, [row[0], 2.0 * row[0], 3.0 * row[0]]);
    }
    for row in of(SimpleRNN::new(1).recurrent_dropout(0.5), true).chunks(time) {
        let dropped = [4.0, 4.0, 4.0];
        let left = [4.0, 4.0 + 2.0 * 4.0, 4.0 + 2.0 * 12.0];
        assert!(row == dropped || row == left, "{row:?}");
    }
}

/// Each gate of a cell of several drops its own: none of its parts is the same as without.
#[test]
fn every_gate_drops_its_own() {
    let x = numbers("x", &[8, 3, 4]);
    let layers: [[Object<dyn Layer>; 2]; 3] = [
        [LSTM::new(8).recurrent_dropout(0.5).into(), LSTM::new(8).into()],
        [GRU::new(8).recurrent_dropout(0.5).into(), GRU::new(8).into()],
        [
            GRU::new(8).reset_after(false).recurrent_dropout(0.5).dropout(0.2).into(),
            GRU::new(8).reset_after(false).into(),
        ],
    ];
    for [dropping, whole] in layers {
        let y = |layer, training| run(layer, training, &x, &BTreeMap::new()).0[0].to_f64();
        assert_eq!(y(&dropping, false), y(&whole, false));
        assert_ne!(y(&dropping, true), y(&whole, true));
    }
}

#[track_caller]
fn refused(layer: impl Into<nervure_nn::Instance>, expected: &str) {
    let error = Sequential::new([4, 2]).add(layer).build(Seed(1)).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn recurrent_layers_refuse_in_words() {
    refused(LSTM::new(0), "layer `lstm` (LSTM");
    refused(LSTM::new(0), "expected at least 1 unit and at most 268435456, received 0");
    refused(GRU::new(2).dropout(1.5), "expected a rate `dropout` of at least 0 and below 1, received 1.5");
    refused(RNN::new(Dense::new(2)), "layer `rnn` (RNN");
    refused(RNN::new(Dense::new(2)), "expected a cell, as LSTMCell is one, received Dense");
    refused(RNN::new(StackedRNNCells::new([])), "expected at least 1 cell, received 0");
    refused(
        RNN::new(StackedRNNCells::new([LSTMCell::new(2).into(), Dense::new(2).into()])),
        "expected cells, as LSTMCell is one, received Dense",
    );
    refused(
        Bidirectional::new(Dense::new(2)),
        "expected a layer with a setting `go_backwards`, as LSTM is one, received Dense",
    );
    refused(
        Bidirectional::new(LSTM::new(2)).backward_layer(LSTM::new(2)),
        "expected a backward_layer with `go_backwards` true, received LSTM",
    );
    refused(
        Bidirectional::new(LSTM::new(2))
            .backward_layer(LSTM::new(2).go_backwards(true).return_sequences(true)),
        "expected a backward_layer with `return_sequences` false, received true",
    );
    refused(TimeDistributed::new(Conv1D::new(2, 2)), "layer `time_distributed/layer` (Conv1D");
    let (x, h) = (input("x", [4, 2]), input("h", [3]));
    let y = LSTM::new(3).on([&x, &h]);
    let error = Model::new([&x, &h], &y).build(Seed(1)).unwrap_err().to_string();
    assert!(
        error.contains("expected states f32[batch, 3], f32[batch, 3], received f32[batch, 3]"),
        "{error}"
    );
}

/// A network is applied to each step as any layer is.
#[test]
fn a_network_goes_along_time() {
    let inner = Sequential::new([4]).add(Dense::new(3)).add(Dense::new(2)).network().unwrap();
    let model = Sequential::new([5, 4]).add(TimeDistributed::new(inner)).build(Seed(1)).unwrap();
    let x = ndarray::Array3::from_shape_fn((2, 5, 4), |(i, j, k)| (i + 2 * j + 3 * k) as f32 / 10.0);
    assert_eq!(model.predict(x.view()).unwrap().shape(), [2, 5, 2]);
}
