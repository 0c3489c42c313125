//! Model files of earlier releases.

use crate::{Bench, has};

/// A model that the first version of the format holds: it has to be read for ever.
#[test]
fn a_file_of_version_1_answers() {
    let bench = Bench::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/v1.nervure");
    bench.write("v1.nervure", std::fs::read(file).unwrap());
    let answers = bench.ok("predict v1.nervure iris");
    assert_eq!(
        answers.lines().next(),
        Some("prediction,probability_setosa,probability_versicolor,probability_virginica")
    );
    let accuracy = bench.json("evaluate v1.nervure iris --json")["metrics"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    has(&bench.ok("inspect v1.nervure"), &["format 1"]);
}

/// A model of Keras's becomes one that serves.
#[test]
fn a_model_of_kerass_is_converted() {
    let bench = Bench::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../nervure-keras/tests/fixtures/mlp.keras");
    bench.write("m.keras", std::fs::read(file).unwrap());
    assert_eq!(bench.ok("convert m.keras m.nervure"), "");
    for model in ["m.keras", "m.nervure"] {
        has(&bench.ok(&format!("inspect {model}")), &["tensors", "dense_2", "187 parameters"]);
    }
    assert!(bench.json("convert m.nervure again.nervure --json")["file_bytes"].as_u64().unwrap() > 1000);
    has(&bench.fails(1, "convert m.keras m.onnx"), &["m.onnx", "not"]);
    has(&bench.fails(2, "convert m.keras m.txt"), &["m.txt", "expected"]);
    has(&bench.fails(2, "convert m.nervure"), &["OUT"]);
}
