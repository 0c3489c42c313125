use std::collections::{BTreeMap, BTreeSet};

use nervure_graph::testing::{Case, OPS, cases, check_gradients, gradients_of, op_name};
use nervure_graph::{
    Array, Binary, Bindings, Builder, DType, Dim, Graph, Op, PoolKind, Reduction, Scan, Tensor, Unary,
    evaluate, gradient, simplify,
};

#[test]
fn every_primitive_has_a_case() {
    let cases = cases();
    let seen: BTreeSet<&str> = cases.iter().flat_map(|c| c.graph.nodes()).map(|n| op_name(&n.op)).collect();
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

/// Every function, reduction and pooling stands in the lists by which the cases are made.
#[test]
fn the_lists_of_kinds_are_whole() {
    let seen: BTreeSet<String> = cases().iter().flat_map(|c| c.graph.nodes()).map(|n| n.op.name()).collect();
    let kinds = Unary::ALL.map(|u| format!("{u:?}")).into_iter().chain(Binary::ALL.map(|b| format!("{b:?}")));
    let kinds = kinds.chain(Reduction::ALL.map(|r| format!("Reduce{r:?}")));
    for kind in kinds.chain(PoolKind::ALL.map(|p| format!("Pool{p:?}"))) {
        assert!(seen.contains(&kind), "no case for {kind}");
    }
}

/// The gradient of a sum to each of the values, which are constants.
fn gradients(
    values: &[&[f64]],
    write: impl for<'g> Fn(&[Tensor<'g>]) -> Tensor<'g>,
) -> Vec<Option<Vec<f64>>> {
    let g = Builder::new();
    let x: Vec<Tensor> = values.iter().map(|v| g.floats(&[v.len()], v)).collect();
    let gradients: Vec<_> =
        gradient(&g, write(&x).sum_all(), &x).into_iter().map(|d| d.map(Tensor::id)).collect();
    let none = BTreeMap::<String, Array<f64>>::new();
    let run = evaluate(&g.finish().unwrap(), &Bindings::new(), &none, &none).unwrap();
    gradients.into_iter().map(|d| d.map(|id| run.value(id).to_f64())).collect()
}

#[test]
fn no_path_no_gradient() {
    let check =
        |write: fn(Tensor<'_>) -> Tensor<'_>| assert_eq!(gradients(&[&[0.5, 1.5]], |x| write(x[0])), [None]);
    check(|x| x.stop_gradient().exp());
    check(|x| x.floor() + x.ceil() + x.round() + x.sign());
    check(|x| x.cast(DType::I32).cast(DType::F32));
    check(|x| x.argmax(0).cast(DType::F32));
    check(|x| x.greater(x.sin()).cast(DType::F32));
    check(|x| x.ones_like());
    // Beside a path that goes through: the gradient is that of this path alone.
    assert_eq!(gradients(&[&[3.0]], |x| x[0] * x[0].stop_gradient()), [Some(vec![3.0])]);
    assert_eq!(gradients(&[&[2.0], &[5.0]], |x| x[1] * x[1]), [None, Some(vec![10.0])]);
}

#[test]
fn equals_share() {
    let reduce =
        |kind: Reduction| gradients(&[&[2.0, 1.0, 2.0, 1.0, 2.0]], |x| x[0].reduce(kind, &[0]) * 6.0);
    assert_eq!(reduce(Reduction::Max), [Some(vec![2.0, 0.0, 2.0, 0.0, 2.0])]);
    assert_eq!(reduce(Reduction::Min), [Some(vec![0.0, 3.0, 0.0, 3.0, 0.0])]);
    let (a, b) = ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]);
    let (low, high) = (Some(vec![1.0, 0.5, 0.0]), Some(vec![0.0, 0.5, 1.0]));
    assert_eq!(gradients(&[&a, &b], |x| x[0].min(x[1])), [low.clone(), high.clone()]);
    assert_eq!(gradients(&[&a, &b], |x| x[0].max(x[1])), [high, low]);
    assert_eq!(gradients(&[&[-1.0, 0.0, 1.0]], |x| x[0].abs()), [Some(vec![-1.0, 0.0, 1.0])]);
}

/// At the edges of their domains gradients are 0 where the value does not change, never NaN.
#[test]
fn edges_leak_no_nan() {
    let base = [0.0, 0.0, 0.0, -2.0, -2.0];
    let exponent = [0.0, 1.0, 2.0, 3.0, 0.0];
    let received = gradients(&[&base, &exponent], |x| x[0].pow(x[1]));
    assert_eq!(received, [Some(vec![0.0, 1.0, 0.0, 12.0, 0.0]), Some(vec![0.0; 5])]);
    let hidden = [f64::NEG_INFINITY, f64::NEG_INFINITY];
    assert_eq!(gradients(&[&hidden], |x| x[0].reduce(Reduction::LogSumExp, &[0])), [Some(vec![0.0, 0.0])]);
    let half = [f64::NEG_INFINITY, 7.0];
    assert_eq!(gradients(&[&half], |x| x[0].reduce(Reduction::LogSumExp, &[0])), [Some(vec![0.0, 1.0])]);
    // What `select` leaves out.
    let safe = gradients(&[&[0.0, 4.0]], |x| x[0].greater(x[0].zeros_like()).select(x[0].sqrt(), x[0]));
    assert_eq!(safe[0].as_ref().map(|d| d[1]), Some(0.25));
    assert_eq!(gradients(&[&[800.0, -800.0]], |x| x[0].softplus()), [Some(vec![1.0, 0.0])]);
}

/// The gradient of a gradient of the product of three numbers, one of them 0, is what is left of it.
#[test]
fn products_with_zeros_have_second_derivatives() {
    let second = gradients(&[&[0.0, 3.0, 5.0]], |x| {
        let loss = x[0].reduce(Reduction::Product, &[0]);
        let first = gradient(x[0].builder(), loss, x)[0].unwrap();
        first.narrow(0, 1, 1)
    });
    // ∂/∂x₁ of x₀x₁x₂ is x₀x₂: its gradient is (x₂, 0, x₀).
    assert_eq!(second, [Some(vec![5.0, 0.0, 0.0])]);
}

#[test]
fn gradients_stand_in_the_scopes_of_what_they_differentiate() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [2.into()]);
    let unused = x.exp();
    let y = {
        let _block = g.scope("block", "Sequential");
        let _layer = g.scope("tanh", "Activation");
        x.tanh()
    };
    let before = g.read(|graph| graph.nodes().len());
    let [Some(dx), Some(dy), None] = gradient(&g, y.sum_all(), &[x, y, unused])[..] else {
        panic!("x and y have gradients, what the loss does not read has none")
    };
    g.output("dx", dx);
    g.output("dy", dy);
    let (dx, dy) = (dx.id(), dy.id());
    let graph = g.finish().unwrap();
    assert_eq!(graph.path(graph.node(dx).scope), "block/tanh/gradient");
    assert_eq!(graph.path(graph.node(dy).scope), "gradient");
    let exp = graph.nodes()[before..].iter().filter(|n| n.op == Op::Unary(Unary::Exp)).count();
    assert_eq!(exp, 0, "what is not on the path is not differentiated");
}

/// Deviations from a mean sum to zero, so that the way through the mean needs no sum but those by scale and shift: next to the two that the
/// normalization itself has.
#[test]
fn a_mean_needs_no_sum_of_its_own() {
    for (rows, axis) in [(Dim::from(5), 0), (Dim::symbol("rows"), 0), (Dim::from(5), 1)] {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [rows.clone(), 3.into()]);
        let of_all =
            |name: &str| g.input(name, DType::F32, [if axis == 0 { 3.into() } else { rows.clone() }]);
        let (gamma, beta) = (of_all("gamma"), of_all("beta"));
        let keep = |t: Tensor<'_>| g.tensor(t.id()).keep_axes(x, &[axis]);
        let deviation = x - keep(x.mean(&[axis]));
        let factor = (deviation.square().mean(&[axis]) + 0.1).rsqrt() * gamma;
        let y = (deviation * keep(factor) + keep(beta)).tanh();
        g.output("loss", y.sum_all());
        let values = |shape: &[usize], from: f64| {
            let n = shape.iter().product::<usize>();
            let values: Vec<f64> = (0..n).map(|i| (i as f64 * 2.3 + from).sin()).collect();
            Array::of(DType::F32, shape, &values)
        };
        let n = if axis == 0 { 3 } else { 5 };
        let inputs = [("x", values(&[5, 3], 0.0)), ("gamma", values(&[n], 0.4)), ("beta", values(&[n], 0.7))];
        let inputs: BTreeMap<_, _> = inputs.map(|(name, a)| (name.to_string(), a)).into();
        let graph = g.finish().unwrap();
        let case = Case::new("a mean", graph, Bindings::from([("rows".into(), 5)]), inputs, [].into());
        check_gradients(&case).unwrap();
        let gradients = gradients_of(&case).unwrap();
        check_gradients(&gradients).unwrap();
        let reductions = simplify(&gradients.graph).graph;
        let reductions = reductions.nodes().iter().filter(|n| matches!(n.op, Op::Reduce { .. })).count();
        assert_eq!(reductions, 4, "{axis}: {:?}", gradients.graph);
    }
}

#[test]
fn a_loss_is_a_float_scalar() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [2.into()]);
    assert!(gradient(&g, x, &[x])[0].is_none());
    let error = g.finish().unwrap_err().to_string();
    assert_eq!(error, "graph: gradient: expected a loss of f32[], received f32[2]");
}

/// The scan itself stacks what its gradient needs: there is no second one that computes the same.
#[test]
fn scans_are_extended_in_place() {
    let body = Builder::new();
    let h = body.input("h", DType::F32, []);
    body.input("t", DType::I32, []);
    body.output("h", h.sin());
    let scan = Scan {
        body: body.finish().unwrap(),
        carries: 1,
        slices: 0,
        length: Dim::symbol("n"),
        reverse: false,
    };
    let g = Builder::new();
    let x = g.input("x", DType::F32, []);
    let y = g.scan(scan, &[x]).project(0);
    for _twice in 0..2 {
        gradient(&g, y, &[x]);
    }
    let stacks: Vec<usize> = g.read(|graph| {
        let of = |op: &Op| if let Op::Scan(s) = op { Some(s.body.outputs().len() - s.carries) } else { None };
        graph.nodes().iter().filter_map(|n| of(&n.op)).collect()
    });
    assert_eq!(stacks, [1, 0, 0]);
}

/// A weight's gradient is one product over all steps, and what a step's product gave is not computed again.
#[test]
fn weights_of_a_scan_get_their_gradients_from_products_after_it() {
    let case = cases().into_iter().find(|c| c.name == "recurrent layer, reverse: false").unwrap();
    let graph = simplify(&gradients_of(&case).unwrap().graph).graph;
    let products = |graph: &Graph| graph.nodes().iter().filter(|n| matches!(n.op, Op::MatMul { .. })).count();
    let scans: Vec<(usize, usize)> = graph
        .nodes()
        .iter()
        .filter_map(|n| if let Op::Scan(s) = &n.op { Some((s.carries, products(&s.body))) } else { None })
        .collect();
    // Within, h·u and the cotangent of h, which alone is carried; around, x·k and the cotangents of x, k and u.
    assert_eq!(scans, [(1, 1), (1, 1)]);
    assert_eq!(products(&graph), 4);
}
