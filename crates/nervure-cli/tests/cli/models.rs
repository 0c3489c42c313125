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

#[test]
fn models_are_told_apart() {
    let bench = Bench::with_iris();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../nervure-keras/tests/fixtures");
    for name in ["mlp", "compiled", "transformer", "several"] {
        bench.write(&format!("{name}.keras"), std::fs::read(format!("{fixtures}/{name}.keras")).unwrap());
    }
    bench.ok("convert transformer.keras transformer.nervure");
    for words in
        ["transformer.keras transformer.nervure", "several.keras several.keras", "iris.nervure iris.nervure"]
    {
        let found = bench.json(&format!("verify {words} --json --tolerance 0"));
        assert!(found["outputs"].as_array().unwrap().iter().all(|o| o["largest"] == 0.0), "{words}: {found}");
    }
    has(&bench.ok("verify mlp.keras mlp.keras"), &["dense_2", "largest difference", "64 rows"]);
    // The same layers with other weights: the differences are printed, and the status tells.
    let ran = bench.run("verify mlp.keras compiled.keras");
    assert_eq!(ran.code, 1);
    has(&ran.stdout, &["dense_2"]);
    has(&ran.sentence(), &["compiled.keras", "`dense_2`", "away"]);
    has(&bench.fails(1, "verify mlp.keras several.keras"), &["several.keras", "inputs", "f32[batch, 2]"]);
    has(&bench.fails(1, "verify mlp.keras iris.nervure"), &["iris.nervure"]);
    has(&bench.fails(2, "verify mlp.keras mlp.keras --tolerance 2"), &["0 to 1"]);
}
