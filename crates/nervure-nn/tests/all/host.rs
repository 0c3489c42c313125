//! What every layer that begins on the host has to show, and what is refused in words.

use ndarray::{Array2, arr1, arr2};
use nervure_nn::layers::{OovMethod, OutputMode, Split, Vocabulary};
use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Error, IntoValues, Layer, Result, Values};
use serde_json::{Value, json};

use crate::trial::{Trial, array, samples};

fn trials() -> Vec<Trial> {
    let trials: Vec<Trial> = samples().into_iter().filter(|t| t.layer.host().is_some()).collect();
    assert!(trials.len() > 15);
    trials
}

/// Rows of texts and of numbers, of several shapes.
fn inputs() -> Vec<Values> {
    let texts = ["a", "b", "", "c", "a c", "Zz"];
    let text = |shape: [usize; 2]| Array2::from_shape_fn(shape, |(i, j)| texts[(3 * i + j) % texts.len()]);
    let number = |shape: [usize; 2]| Array2::from_shape_fn(shape, |(i, j)| (3 * i + j) as i64 % 8);
    let mut all = vec![text([4, 3]).row(0).into_values(), number([4, 3]).row(0).into_values()];
    for shape in [[4, 3], [4, 1], [0, 2]] {
        all.extend([text(shape).into_values(), number(shape).into_values()]);
    }
    all.extend([
        number([4, 3]).mapv(|n| n as f32).into_values(),
        number([4, 3]).mapv(|n| n > 3).into_values(),
    ]);
    all
}

fn bits(values: &Values) -> Vec<String> {
    match values {
        Values::Texts(texts) => texts.as_slice().to_vec(),
        Values::Numbers(numbers) => array(numbers).to_f64().iter().map(|x| x.to_bits().to_string()).collect(),
    }
}

/// Whether an error says which layer it is of, what was expected and what was received.
fn is_in_words(error: &Error) -> bool {
    match error {
        Error::Layer { path, reason, .. } => {
            !path.is_empty() && reason.contains("expected ") && reason.contains(", received ")
        }
        _ => false,
    }
}

#[test]
fn every_layer_on_the_host_takes_or_refuses_what_it_is_given() {
    let mut refused = 0;
    for t in trials() {
        let mut taken = 0;
        for values in inputs() {
            match t.layer.call(values.clone()) {
                Ok(received) => {
                    taken += 1;
                    assert_eq!(received.shape()[0], values.shape()[0], "{}", t.name);
                    assert_eq!(bits(&t.layer.call(values).unwrap()), bits(&received), "{}", t.name);
                }
                Err(e) => {
                    refused += 1;
                    assert!(is_in_words(&e), "{} of {}: {e}", t.name, values.ty());
                }
            }
        }
        assert!(taken > 0, "{} takes nothing", t.name);
    }
    assert!(refused > 100, "only {refused} were refused");
}

/// Settings come from files: whatever number stands in them, a layer is refused in words or gives something, and never panics.
#[test]
fn no_number_among_the_settings_of_a_layer_on_the_host_is_fatal() {
    for t in trials() {
        let config = t.layer.config();
        for (name, value) in config.as_object().unwrap().iter().filter(|(_, v)| v.is_number() || v.is_null())
        {
            for wrong in [json!(0), json!(-1), json!(1), json!(i64::MAX), json!(u64::MAX), json!(1e300)] {
                let mut config = config.clone();
                config[name] = wrong;
                let Ok(layer) = Object::<dyn Layer>::from_config(t.layer.kind(), config) else { continue };
                for values in inputs() {
                    // Vectors of two thousand million places are within the settings' bounds, but not of this test's.
                    let vast = value.is_number() && t.layer.config()["output_mode"] != json!("int");
                    if vast {
                        continue;
                    }
                    if let Err(e) = layer.call(values) {
                        assert!(is_in_words(&e), "{}: {e}", t.name);
                    }
                }
            }
        }
    }
}

#[test]
fn a_layer_on_the_host_within_the_graph_is_refused() {
    let hidden = |layer: Object<dyn Layer>| {
        Sequential::new([3]).add(Dense::new(2)).add(layer.instance().named("inner")).build(Seed(1))
    };
    for t in trials() {
        let e = hidden(t.layer.clone()).unwrap_err();
        assert!(is_in_words(&e) && e.to_string().contains("layer `inner`"), "{}: {e}", t.name);
    }
}

/// What a refusal says.
#[track_caller]
fn refused<T>(result: Result<T>, expected: &str) {
    let error = result.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn settings_of_lookups_that_do_not_fit_are_refused() {
    let of = || StringLookup::new().vocabulary(["a", "b"]);
    let text = arr2(&[["a", "z"]]);
    refused(StringLookup::new().call(&text), "layer `string_lookup` (StringLookup): expected a vocabulary");
    refused(of().max_tokens(1).call(&text), "expected max_tokens from 2 to 16777216, received 1");
    refused(
        of().max_tokens(2).call(&text),
        "expected terms within max_tokens 2, received 2 and 1 special ones",
    );
    refused(
        of().pad_to_max_tokens(true).call(&text),
        "expected max_tokens with pad_to_max_tokens, received none",
    );
    refused(
        of().vocabulary(["a", "b", "a"]).call(&text),
        "each term of the vocabulary once, received \"a\" twice",
    );
    refused(of().vocabulary(Vocabulary::from(Vec::<String>::new())).call(&text), "a vocabulary with a term");
    refused(of().mask_token("b").call(&text), "received \"b\" among them");
    refused(of().num_oov_indices(0).call(&text), "as num_oov_indices is 0, received \"z\"");
    refused(
        of().invert(true).output_mode(OutputMode::Count).call([1, 0]),
        "expected output_mode `int` with invert",
    );
    refused(of().idf_weights([1.0, 2.0]).call(&text), "expected idf_weights with output_mode `tf_idf` alone");
    let weighted = of().output_mode(OutputMode::TfIdf);
    refused(weighted.clone().call(&text), "expected idf_weights with output_mode `tf_idf`, received none");
    refused(weighted.idf_weights([1.0]).call(&text), "expected idf_weights for 2 terms, received 1");
    refused(of().output_mode(OutputMode::Count).call(["a"]), "expected an input [batch, places, …]");
    refused(of().call([1, 2]), "expected text, received i32[2]");
    refused(
        of().invert(true).call([1, 2]),
        "expected a layer that gives numbers, received one that gives texts",
    );
    refused(of().call_texts(&text), "expected a layer that gives texts, received one that gives numbers");
    refused(StringLookup::new().adapt([1, 2]), "string lookup: expected texts, received i32[2]");
    refused(StringLookup::new().adapt(["[UNK]"]), "string lookup: expected data with a term");

    let of = || IntegerLookup::new().vocabulary([3, 5]);
    refused(of().salt(1).call([1, 2]), "expected oov_method `farmhash` with a salt, received `floormod`");
    let hashed = of().oov_method(OovMethod::Farmhash).salt(1);
    assert!(hashed.call([1, 2]).is_ok());
    refused(of().call([0.5, 1.0]), "expected whole numbers, received f32[2]");
    refused(of().num_oov_indices(0).call([3, 4]), "as num_oov_indices is 0, received 4");
    refused(IntegerLookup::new().adapt(["a"]), "integer lookup: expected whole numbers, received text[1]");

    refused(Hashing::new(0).call(["a"]), "expected num_bins from 1 to 2147483647, received 0");
    refused(Hashing::new(3).mask_value("a").call([1, 2]), "expected a number as mask_value for i32[2]");
    refused(Hashing::new(3).mask_value(1).call(["a"]), "expected a text as mask_value for text[1]");
    refused(Hashing::new(3).output_mode(OutputMode::TfIdf).call(["a"]), "received `tf_idf`");

    let of = || TextVectorization::new().vocabulary(["a", "b"]);
    refused(of().call(arr2(&[["a", "z"]])), "expected text[batch] or text[batch, 1], received text[1, 2]");
    refused(of().split(Split::None).ngrams(2).call(["a"]), "expected text[batch, tokens] without a split");
    refused(of().ngrams(0).call(["a"]), "expected ngrams from 1 to 64, received UpTo(0)");
    refused(of().output_mode(OutputMode::OneHot).call(["a"]), "received `one_hot`");
    refused(of().output_sequence_length(0).call(["a"]), "expected output_sequence_length from 1 to");
    let counted = of().output_mode(OutputMode::Count).output_sequence_length(2);
    refused(counted.call(["a"]), "expected output_sequence_length with output_mode `int` alone");
    refused(
        of().call([1, 2]),
        "layer `text_vectorization` (TextVectorization): expected text, received i32[2]",
    );
    refused(
        TextVectorization::new().call(["a"]),
        "expected a vocabulary, given or from `adapt`, received none",
    );
    refused(TextVectorization::new().adapt(["", " !"]), "text vectorization: expected data with a term");
    let sparse: Value = json!({"num_bins": 3, "sparse": true});
    refused(Object::<dyn Layer>::from_config("Hashing", sparse), "unknown setting `sparse`");
}

#[test]
fn what_is_learnt_takes_the_place_of_what_was_given() {
    let lookup = StringLookup::new().vocabulary(["q"]).adapt(arr1(&["b", "a", "b"])).unwrap();
    assert_eq!(lookup.get_vocabulary(), ["[UNK]", "b", "a"]);
    assert_eq!(lookup.vocabulary_size(), 3);
    // One that was asked before has no other index after.
    assert_eq!(lookup.call(["q", "a"]).unwrap().as_i32(), Some(&[0, 2][..]));
    let other = lookup.vocabulary(["q"]);
    assert_eq!(other.call(["q", "a"]).unwrap().as_i32(), Some(&[1, 0][..]));
}
