//! Tests through the public interface.

use std::collections::BTreeMap;

use nervure_graph::{Array, Bindings, Builder, DType, Dim, Scan, evaluate, gradient};

/// h ← tanh(h·w + x), summed: the gradient of a recurrent network agrees with differences.
#[test]
fn a_recurrent_network_is_differentiated() {
    let body = {
        let g = Builder::new();
        let h = g.input("h", DType::F32, [2.into()]);
        let x = g.input("x", DType::F32, [2.into()]);
        let w = g.input("w", DType::F32, [2.into()]);
        g.input("t", DType::I32, []);
        let h = (h * w + x).tanh();
        g.output("h", h);
        g.output("y", h * h);
        g.finish().unwrap()
    };
    let g = Builder::new();
    let h = g.input("h", DType::F32, [2.into()]);
    let x = g.input("x", DType::F32, [Dim::symbol("time"), 2.into()]);
    let w = g.parameter("w", DType::F32, [2.into()]);
    let scan =
        g.scan(Scan { body, carries: 1, slices: 1, length: Dim::symbol("time"), reverse: false }, &[h, x, w]);
    let loss = scan.project(0).sin().sum_all() + scan.project(1).sum_all();
    g.output("loss", loss);
    for (name, d) in ["h", "x", "w"].iter().zip(gradient(&g, loss, &[h, x, w])) {
        g.output(name, d.unwrap());
    }
    let graph = g.finish().unwrap();
    let values = [
        ("h", Array::<f64>::floats(&[2], [0.3, -0.4])),
        ("x", Array::floats(&[3, 2], [0.1, 0.2, -0.3, 0.5, 0.7, -0.2])),
        ("w", Array::floats(&[2], [0.8, -1.1])),
    ];
    let values = BTreeMap::from(values.map(|(n, v)| (n.to_string(), v)));
    let run = |v: &BTreeMap<String, Array<f64>>| evaluate(&graph, &Bindings::new(), v, v).unwrap();
    let exact = run(&values);
    for name in ["h", "x", "w"] {
        for i in 0..values[name].len() {
            let at = |step: f64| {
                let mut moved = values.clone();
                moved.get_mut(name).unwrap().as_floats_mut().unwrap()[i] += step;
                run(&moved).output("loss").unwrap().to_f64()[0]
            };
            let (difference, exact) =
                ((at(1e-6) - at(-1e-6)) / 2e-6, exact.output(name).unwrap().to_f64()[i]);
            assert!(
                (difference - exact).abs() < 1e-8,
                "{name}[{i}]: expected {difference}, received {exact}"
            );
        }
    }
}

mod values {
    use nervure_graph::testing::{OPS, cases, check_gradients, gradients_of, op_name};
    use std::collections::BTreeSet;

    #[test]
    fn every_primitive_has_a_case() {
        let cases = cases();
        let seen: BTreeSet<&str> =
            cases.iter().flat_map(|c| c.graph.nodes()).map(|n| op_name(&n.op)).collect();
        let missing: Vec<&&str> = OPS.iter().filter(|op| !seen.contains(*op)).collect();
        assert!(missing.is_empty(), "no case for {missing:?}");
    }

    #[test]
    fn gradients_agree_with_differences() {
        let failed: Vec<String> = cases().iter().filter_map(|c| check_gradients(c).err()).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }

    #[test]
    fn second_derivatives_agree_with_differences() {
        let failed: Vec<String> =
            cases().iter().filter_map(|c| gradients_of(c).and_then(|c| check_gradients(&c)).err()).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

mod random_graphs {
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
}
