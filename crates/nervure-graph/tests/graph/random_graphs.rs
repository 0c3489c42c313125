use nervure_graph::testing::{OPS, check_gradients, gradients_of, op_name, random_graph};
use nervure_graph::verify;
use std::collections::BTreeSet;

#[test]
fn they_have_every_primitive_and_moderate_values() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let case = random_graph(seed);
        seen.extend(case.graph.nodes().iter().map(|n| op_name(&n.op)));
        verify(&case.graph).unwrap();
        verify(&gradients_of(&case).unwrap().graph).unwrap();
        let (wide, narrow) = (case.evaluate::<f64>().unwrap(), case.evaluate::<f32>().unwrap());
        assert!(!case.graph.outputs().is_empty(), "{}", case.name);
        for ((name, w), (_, n)) in wide.outputs().zip(narrow.outputs()) {
            for (w, n) in w.to_f64().into_iter().zip(n.to_f64()) {
                let near = (w - n).abs() <= 1e-3 * (1.0 + w.abs());
                assert!(near, "{}, {name}: {w} in f64, {n} in f32", case.name);
            }
        }
    }
    let missing: Vec<&&str> = OPS.iter().filter(|op| !seen.contains(*op)).collect();
    assert!(missing.is_empty(), "{missing:?} never occur");
}

#[test]
fn their_gradients_agree_with_differences() {
    let failed: Vec<String> = (0..60).filter_map(|s| check_gradients(&random_graph(s)).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
