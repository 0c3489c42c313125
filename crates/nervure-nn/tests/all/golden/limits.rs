//! How wide initial weights are spread: what variance the inputs and outputs of each, as Keras counts them, come to.

use nervure_graph::{Builder, DType, Dim};
use nervure_nn::word::Object;
use nervure_nn::{Layer, Lower};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::cases;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    /// Shapes.
    inputs: Vec<Vec<usize>>,
    /// Of each weight that is drawn: uniform between −limit and limit.
    limits: BTreeMap<String, f64>,
}

/// Models whose weights are drawn. Of 16 · 240 numbers all are within 0.99 of the limit once in 10¹⁶ times; in single precision the widest may round up to it.
const SEEDS: u64 = 16;

#[test]
fn weights_are_drawn_as_wide_as_in_keras() {
    for case in cases::<Case>("limits") {
        let builder = Builder::new();
        let mut cx = Lower::new(&builder, false);
        let shape = |sizes: &Vec<usize>| sizes.iter().map(|&n| n.into()).collect::<Vec<Dim>>();
        let input = |(i, sizes)| builder.input(&format!("x{i}"), DType::F32, shape(sizes));
        let inputs: Vec<_> = case.inputs.iter().enumerate().map(input).collect();
        let layer = Object::<dyn Layer>::from_config(&case.class_name, case.config.clone()).unwrap();
        cx.layer("layer", &*layer, true, &inputs).unwrap();
        let of = |name: &str| format!("{} {}: {name}", case.class_name, case.config);
        for (name, &limit) in &case.limits {
            let path = format!("layer/{name}");
            let spec =
                cx.parameters().iter().find(|p| p.path == path).unwrap_or_else(|| panic!("{}", of(name)));
            let values: Vec<f32> = (0..SEEDS).flat_map(|seed| spec.initial(seed)).collect();
            assert!(values.len() >= 3840, "{}: {} numbers", of(name), values.len());
            let widest = values.iter().fold(0.0, |m, v| f64::from(v.abs()).max(m)) / limit;
            assert!(
                (0.99..1.0 + 1e-6).contains(&widest),
                "{}: {widest} times Keras's limit {limit}",
                of(name)
            );
        }
    }
}
