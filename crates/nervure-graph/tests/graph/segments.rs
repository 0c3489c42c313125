use std::collections::BTreeMap;

use nervure_graph::testing::Case;
use nervure_graph::{Array, Bindings, Builder, DType, Dim, Error, Graph, Op, Scan, Tensor, gradient};

/// h ← tanh(h·w + x·noise) + t/100, with h·h stacked.
fn scan(length: impl Into<Dim>, reverse: bool) -> Scan {
    let b = Builder::new();
    let h = b.input("h", DType::F32, [3.into(), 2.into()]);
    let x = b.input("x", DType::F32, [3.into(), 2.into()]);
    let w = b.input("w", DType::F32, [2.into(), 2.into()]);
    let t = b.input("first", DType::I32, []);
    let key = [b.scalar(DType::I64, 3.0), b.scalar(DType::I64, 5.0), t];
    let noise = b.apply(Op::Random { stream: 1, shape: vec![3.into(), 2.into()] }, &key);
    let new = (h.matmul(w) + x * noise).tanh() + t.cast(DType::F32) * 0.01;
    b.output("h", new);
    b.output("squares", new * new);
    Scan { body: b.finish().unwrap(), carries: 1, slices: 1, length: length.into(), reverse }
}

fn graph(
    length: usize,
    reverse: bool,
    run: for<'g> fn(&'g Builder, &Scan, &[Tensor<'g>]) -> Vec<Tensor<'g>>,
) -> Graph {
    let g = Builder::new();
    let h = g.input("h", DType::F32, [3.into(), 2.into()]);
    let x = g.input("x", DType::F32, [length.into(), 3.into(), 2.into()]);
    let w = g.input("w", DType::F32, [2.into(), 2.into()]);
    let results = run(&g, &scan(length, reverse), &[h, x, w]);
    g.output("last", results[0]);
    g.output("squares", results[1]);
    let loss = results[0].sum_all() + results[1].sin().sum_all();
    for (i, d) in gradient(&g, loss, &[h, x, w]).into_iter().enumerate() {
        g.output(&format!("gradient {i}"), d.unwrap());
    }
    g.finish().unwrap()
}

fn values(graph: Graph, length: usize) -> BTreeMap<String, Vec<f64>> {
    let array = |shape: &[usize]| {
        let count = shape.iter().product::<usize>();
        let values: Vec<f64> = (0..count).map(|i| (i * 37 % 19) as f64 / 19.0 - 0.4).collect();
        Array::floats(shape, values)
    };
    let inputs = [("h", vec![3, 2]), ("x", vec![length, 3, 2]), ("w", vec![2, 2])];
    let inputs = inputs.into_iter().map(|(name, shape)| (name.to_string(), array(&shape))).collect();
    let case = Case::new("segments", graph, Bindings::new(), inputs, [].into());
    case.evaluate::<f64>().unwrap().outputs().map(|(name, a)| (name.to_string(), a.to_f64())).collect()
}

/// Results have the same bits, gradients differ by the order of sums over time alone.
#[test]
fn segments_change_nothing_but_the_order_of_sums() {
    for reverse in [false, true] {
        // Too short to cut, cut evenly, with a rest.
        for length in [3, 9, 11, 16] {
            let whole = values(
                graph(length, reverse, |g, scan, x| {
                    let scan = g.scan(scan.clone(), x);
                    vec![scan.project(0), scan.project(1)]
                }),
                length,
            );
            let cut = values(graph(length, reverse, |g, scan, x| g.scan_in_segments(scan, x)), length);
            for (name, expected) in &whole {
                if name.starts_with("gradient") {
                    for (a, b) in cut[name].iter().zip(expected) {
                        assert!(
                            (a - b).abs() <= 1e-12 * (1.0 + b.abs()),
                            "{length}, {reverse}: {name}: {a}, {b}"
                        );
                    }
                } else {
                    assert_eq!(&cut[name], expected, "{length}, {reverse}: {name}");
                }
            }
        }
    }
}

#[test]
fn what_a_gradient_keeps_is_known() {
    // The carry, a product and a hyperbolic tangent, of six floats each.
    assert_eq!(scan(10, false).kept_bytes(), Dim::from(10 * 3 * 6 * 4));
    assert_eq!(scan(Dim::symbol("n"), true).kept_bytes().to_string(), "72*n");
}

/// As many results as the body has, and the error: whatever the operands are.
#[test]
fn operands_that_do_not_fit_are_an_error() {
    let check = |operands: fn(&Builder) -> Vec<Tensor<'_>>| {
        let g = Builder::new();
        let operands = operands(&g);
        assert_eq!(g.scan_in_segments(&scan(16, false), &operands).len(), 2);
        let error = g.finish().unwrap_err();
        assert!(matches!(&error, Error::Operands { op, .. } if op == "Scan"), "{error}");
    };
    check(|_| Vec::new());
    check(|g| vec![g.scalar(DType::F32, 0.0); 2]);
    check(|g| vec![g.scalar(DType::F32, 0.0); 3]);
    check(|g| {
        let float = |name: &str, shape: &[usize]| {
            g.input(name, DType::F32, shape.iter().map(|&n| n.into()).collect::<Vec<Dim>>())
        };
        vec![float("h", &[3, 2]), float("x", &[15, 3, 2]), float("w", &[2, 2])]
    });
}
