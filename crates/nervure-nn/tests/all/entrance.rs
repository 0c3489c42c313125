//! Networks whose inputs are texts or keys: what the host makes of them reaches the graph in training, evaluation and prediction alike.

use ndarray::{Array1, Array2, arr1, arr2};
use nervure_nn::layers::OutputMode;
use nervure_nn::prelude::*;
use nervure_nn::{Instance, Network, Result, Threads};

use crate::trial::array;

const TEXTS: [&str; 6] =
    ["a fine day", "it rains", "fine, fine!", "rain and wind", "a day of rain", "a fine wind"];

fn words() -> TextVectorization {
    TextVectorization::new().output_sequence_length(4).adapt(TEXTS).unwrap()
}

fn classifier(words: TextVectorization) -> Sequential {
    let tokens = words.vocabulary_size();
    Sequential::from_input(text_input("text", [1]))
        .add(words)
        .add(Embedding::new(tokens, 4).mask_zero(true))
        .add(GlobalAveragePooling1D::new())
        .add(Dense::new(1).activation(Sigmoid))
}

fn numbers(y: &nervure_nn::Buffer) -> Vec<f64> {
    array(y).to_f64()
}

/// The same network from its first layer's numbers on, with the same weights, is the same to the bit.
#[test]
fn texts_train_evaluate_and_predict_as_their_numbers_do() {
    let words = words();
    let x = words.call(TEXTS).unwrap();
    let target = arr1(&[1.0_f32, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let mut of_texts = classifier(words.clone()).build(Seed(3)).unwrap();
    let mut of_numbers = Sequential::from_input(input_of("text", DType::I32, [4]))
        .add(Embedding::new(words.vocabulary_size(), 4).mask_zero(true))
        .add(GlobalAveragePooling1D::new())
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(3))
        .unwrap();
    let texts = Dataset::new(TEXTS, &target);
    let encoded = Dataset::new(x, &target);
    let training = Training::new(BinaryCrossentropy::new(), Adam::new()).metrics([BinaryAccuracy::new()]);
    let fit = || Fit::from_training(training.clone()).epochs(3).batch_size(2).validation_split(0.3);
    let losses = of_texts.fit(&texts, fit()).unwrap().get("val_loss").to_vec();
    assert_eq!(losses, of_numbers.fit(&encoded, fit()).unwrap().get("val_loss"));
    let evaluated = |model: &Model, data| model.evaluate(data, &training, 4).unwrap().get("loss");
    assert_eq!(evaluated(&of_texts, &texts), evaluated(&of_numbers, &encoded));
    let all = numbers(&of_texts.predict(TEXTS).unwrap());
    assert_eq!(all, numbers(&of_numbers.predict_all(&encoded).unwrap()[0]));
    // A row alone and some of them, as `[n]` and as `[n, 1]`, are the same bits.
    assert_eq!(numbers(&of_texts.predict(&TEXTS[2..3]).unwrap()), all[2..3]);
    assert_eq!(numbers(&of_texts.predict(arr2(&[[TEXTS[4]]])).unwrap()), all[4..5]);
    let picked = of_texts.predict_all(&texts.select(&[5, 1]).unwrap()).unwrap();
    assert_eq!(numbers(&picked[0]), [all[5], all[1]]);
    assert!(of_texts.predict(Array1::<String>::from(vec![])).unwrap().is_empty());
    let mut trainer = of_texts.trainer(training).unwrap();
    assert!(trainer.train_on_batch(&texts).unwrap().get("loss").is_some());
}

#[test]
fn a_network_with_texts_is_plain_data() {
    let network = classifier(words()).network().unwrap();
    let text = serde_json::to_string(&network).unwrap();
    assert!(text.contains(r#""dtype":"Text""#), "{text}");
    let read: Network = serde_json::from_str(&text).unwrap();
    assert_eq!(read, network);
    let [a, b] = [read, network].map(|n| n.build(Seed(1)).unwrap().predict(TEXTS).unwrap());
    assert_eq!(numbers(&a), numbers(&b));
    let summary = classifier(words()).build(Seed(1)).unwrap().summary();
    assert!(summary.contains("text_vectorization (TextVectorization)"), "{summary}");
    assert!(summary.contains("(batch, 4) i32"), "{summary}");
}

#[test]
fn one_text_goes_through_several_layers_and_layers_on_the_host_follow_one_another() {
    let colour = text_input("colour", [1]);
    let key = input_of("key", DType::I64, [2]);
    let known = StringLookup::new().vocabulary(["red", "blue"]).output_mode(OutputMode::OneHot);
    let hashed = Hashing::new(4).output_mode(OutputMode::MultiHot).on(&Hashing::new(9).on(&colour));
    let keys = IntegerLookup::new().vocabulary([7, 3]).output_mode(OutputMode::Count);
    let joined = concat([&known.clone().on(&colour), &hashed, &keys.clone().on(&key)], -1);
    let model =
        Model::new([&colour, &key], &joined).build(Seed(1)).unwrap().with_threads(Threads::new(1).into());
    let colours = arr2(&[["red"], ["green"], ["blue"]]);
    let numbers_of_keys = arr2(&[[7_i32, 7], [3, 1], [0, 3]]);
    let data = Dataset::default().input("key", &numbers_of_keys).input("colour", &colours);
    let y = numbers(&model.predict_all(&data).unwrap()[0]);
    let once = Hashing::new(9).call(&colours).unwrap();
    let parts = [
        known.call(&colours).unwrap(),
        Hashing::new(4).output_mode(OutputMode::MultiHot).call(once).unwrap(),
        keys.call(&numbers_of_keys).unwrap(),
    ];
    let rows = |part: &nervure_nn::Buffer, row: usize| {
        let width = part.shape()[1];
        numbers(part)[row * width..(row + 1) * width].to_vec()
    };
    let expected: Vec<f64> = (0..3).flat_map(|row| parts.iter().flat_map(move |p| rows(p, row))).collect();
    assert_eq!(y, expected);
    let names: Vec<&str> = model.graph().inputs().iter().map(|&id| model.graph().name(id)).collect();
    assert_eq!(names, ["colour/string_lookup", "colour/hashing/hashing_1", "key/integer_lookup"]);
}

#[test]
fn rows_have_the_length_of_the_longest_where_none_is_said() {
    let words = TextVectorization::new().adapt(TEXTS).unwrap();
    let mut model = classifier(words).build(Seed(1)).unwrap();
    let y = model.predict(TEXTS).unwrap();
    // Zeros behind a row are masked: the mean is over as many words, summed in the same order.
    let alone = numbers(&model.predict(&TEXTS[1..2]).unwrap());
    assert!((alone[0] - numbers(&y)[1]).abs() < 1e-6);
    let data = Dataset::new(TEXTS, Array2::<f32>::zeros((6, 1)));
    model.fit(&data, Fit::new(MeanSquaredError, SGD::new()).batch_size(4)).unwrap();
}

/// What a refusal says.
#[track_caller]
fn refused<T>(result: Result<T>, expected: &str) {
    let error = result.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn texts_where_numbers_belong_are_refused_and_the_other_way_round() {
    let text = || text_input("text", [1]);
    let chain = |layer: Instance| Sequential::from_input(text()).add(layer).build(Seed(1));
    refused(chain(Dense::new(1).named("d")), "layer `d` (Dense, written at");
    refused(chain(Dense::new(1).named("d")), "expected numbers, received `text`, text[batch, 1]");
    let t = text();
    refused(
        Model::new(&t, &t).build(Seed(1)),
        "output `text`: expected numbers, received `text`, text[batch, 1]",
    );
    let inverted = IntegerLookup::new().vocabulary([1]).on(&t);
    refused(Model::new(&t, &inverted).build(Seed(1)), "expected whole numbers, received text[batch, 1]");
    let one_hot = Hashing::new(2).output_mode(OutputMode::OneHot).named("first").on(&t);
    let twice = Hashing::new(2).on(&one_hot);
    refused(
        Model::new(&t, &twice).build(Seed(1)),
        "expected output_mode `int` of the layer on the host before it",
    );
    let within = Sequential::from_input(text()).add(Hashing::new(2)).network().unwrap();
    refused(Sequential::from_input(text()).add(within).build(Seed(1)), "expected numbers, received `text`");
    refused(classifier(words().vocabulary(["a", "a"])).build(Seed(1)), "layer `text_vectorization`");

    let mut model = classifier(words()).build(Seed(1)).unwrap();
    refused(model.predict(arr1(&[1.0_f32])), "input `text`: expected text[batch, 1], received f32[1]");
    refused(model.predict(arr2(&[["a", "b"]])), "input `text`: expected text[batch, 1], received text[1, 2]");
    let training = || Fit::new(BinaryCrossentropy::new(), SGD::new());
    let targets = Dataset::new(["a"], ["b"]);
    refused(model.fit(&targets, training()), "target of output `dense`: expected numbers, received text[1]");
    let of_floats = Sequential::new([1]).add(Dense::new(1)).build(Seed(1)).unwrap();
    refused(of_floats.predict(["a"]), "input `input`: expected numbers, received text[1]");
    let strict = StringLookup::new().vocabulary(["a"]).num_oov_indices(0);
    let strict = Sequential::from_input(text()).add(strict.named("strict")).build(Seed(1)).unwrap();
    refused(strict.predict(["b"]), "layer `strict` (StringLookup): expected texts of the vocabulary");
}
