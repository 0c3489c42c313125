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
