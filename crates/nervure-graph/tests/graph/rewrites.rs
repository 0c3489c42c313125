use std::collections::BTreeSet;

use nervure_graph::testing::{Case, cases, gradients_of, random_graph};
use nervure_graph::{Array, Bindings, Builder, DType, Dim, Graph, Op, Scan, simplify};

/// Every value that is left is the same to the bit. How many nodes went into others or are not needed.
fn check(case: &Case) -> usize {
    let simplified = simplify(&case.graph);
    let after = Case { graph: simplified.graph, ..case.clone() };
    let (before, now) = (case.evaluate::<f64>().unwrap(), after.evaluate::<f64>().unwrap());
    let bits = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
    let name = |graph: &Graph, id| format!("{}: {id} {}", case.name, graph.node(id).op.name());
    for (id, to) in case.graph.ids().zip(&simplified.map) {
        let Some(to) = to else { continue };
        if matches!(case.graph.node(id).op, Op::Scan(_)) {
            continue;
        }
        let (a, b) = (before.value(id), now.value(*to));
        assert_eq!(a.shape(), b.shape(), "{}", name(&case.graph, id));
        for (a, b) in a.to_f64().into_iter().zip(b.to_f64()) {
            assert_eq!(bits(a), bits(b), "{}: {a} became {b}", name(&case.graph, id));
        }
    }
    let names = |g: &Graph| g.outputs().iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&case.graph), names(&after.graph), "{}", case.name);
    assert_eq!(case.graph.inputs().len(), after.graph.inputs().len(), "{}", case.name);
    assert_eq!(simplify(&after.graph).graph, after.graph, "{}: simplified twice", case.name);
    case.graph.nodes().len() - simplified.map.iter().flatten().collect::<BTreeSet<_>>().len()
}

#[test]
fn simplified_graphs_give_the_same_bits() {
    for case in cases() {
        check(&case);
        check(&gradients_of(&case).unwrap());
    }
    for seed in 0..150 {
        let case = random_graph(seed);
        check(&case);
        let removed = check(&gradients_of(&case).unwrap());
        assert!(removed > 0 || case.wrt.is_empty(), "{}", case.name);
    }
}

fn simplified(write: impl FnOnce(&Builder)) -> Vec<String> {
    let g = Builder::new();
    write(&g);
    simplify(&g.finish().unwrap()).graph.nodes().iter().map(|n| n.op.name()).collect()
}

#[test]
fn identities_leave() {
    let check = |write: &dyn Fn(&Builder), expected: &[&str]| assert_eq!(simplified(|g| write(g)), expected);
    fn x(g: &Builder) -> nervure_graph::Tensor<'_> {
        g.input("x", DType::F32, ["n".parse().unwrap(), 2.into(), 3.into()])
    }
    check(&|g| g.output("y", -(-x(g)).stop_gradient()), &["Input"]);
    check(&|g| g.output("y", (x(g) * 1.0 / 1.0 - 0.0) + -0.0), &["Input"]);
    check(&|g| g.output("y", x(g) + 0.0), &["Input", "Constant", "Broadcast", "Add"]);
    check(&|g| g.output("y", x(g).transpose(&[1, 2, 0]).transpose(&[2, 0, 1])), &["Input"]);
    check(&|g| g.output("y", x(g).transpose(&[1, 2, 0]).transpose(&[1, 2, 0])), &["Input", "Transpose"]);
    check(&|g| g.output("y", x(g).expand(0).expand(0).expand(0)), &["Input", "Reshape"]);
    check(&|g| g.output("y", x(g).reverse(&[1]).reverse(&[1])), &["Input"]);
    check(&|g| g.output("y", g.concat(&[x(g).narrow(1, 0, 2)], 0).pad(&[(0, 0); 3], 1.0)), &["Input"]);
    check(&|g| g.output("y", g.scalar(DType::Bool, 1.0).select(x(g), g.scalar(DType::F32, 2.0))), &["Input"]);
    check(
        &|g| {
            let x = x(g);
            g.output("y", x.matmul(x.transpose(&[0, 2, 1])));
        },
        &["Input", "MatMul"],
    );
    check(
        &|g| {
            let (x, around) = (x(g), [(1, 0); 3]);
            g.output("y", g.concat(&[x.pad(&around, 0.0), x.pad(&around, -0.0), x.pad(&around, 0.0)], 0));
        },
        &["Input", "Pad", "Pad", "Concat"],
    );
    check(&|g| g.output("y", g.size(&4.into()).log() * 2.0), &["Constant"]);
    check(
        &|g| {
            let x = x(g);
            g.output("y", x.sin() * x.sin());
            let _unread = x.exp().cos();
        },
        &["Input", "Sin", "Mul"],
    );
}

/// A parameter that nothing reads leaves, one that is updated stays, as does every input.
#[test]
fn the_interface_stays() {
    let ops = simplified(|g| {
        g.input("unread", DType::F32, []);
        g.parameter("unread", DType::F32, []);
        let p = g.parameter("counted", DType::F32, []);
        g.update(p, p + 1.0);
    });
    assert_eq!(ops, ["Input", "Parameter", "Constant", "Add"]);
}

/// A scan keeps no more carries, slices and stacks than are read.
#[test]
fn scans_are_pruned() {
    let case = cases().into_iter().find(|c| c.name == "scan of which only the stack is used").unwrap();
    let sizes = |graph: &Graph| -> Vec<(usize, usize)> {
        let of = |op: &Op| {
            if let Op::Scan(s) = op { Some((s.carries, s.body.outputs().len() - s.carries)) } else { None }
        };
        graph.nodes().iter().filter_map(|n| of(&n.op)).collect()
    };
    assert_eq!(sizes(&case.graph), [(2, 2)]);
    assert_eq!(sizes(&simplify(&case.graph).graph), [(2, 1)]);
    // The gradient saves the two carries, of which `never read` stacks one already, and reads no other result.
    let gradients = gradients_of(&case).unwrap().graph;
    assert_eq!(sizes(&gradients), [(2, 3), (2, 0)]);
    assert_eq!(sizes(&simplify(&gradients).graph), [(2, 2), (2, 0)]);
}

/// What is the same in every step is computed before the loop; an index that no step would read stays in a loop that may have no steps, as
/// does all that is made of what it picks.
#[test]
fn what_may_fail_leaves_only_loops_that_have_steps() {
    let case = |length: Dim, steps: usize| {
        let body = Builder::new();
        let x = body.input("x", DType::F32, [2.into()]);
        let table = body.input("table", DType::F32, [3.into(), 2.into()]);
        let w = body.input("w", DType::F32, [2.into(), 2.into()]);
        let index = body.input("index", DType::I32, []);
        body.input("time", DType::I32, []);
        let picked = table.gather(index, 0);
        let of_step = x.reshape([1, 2].map(Dim::from)) + 1.0;
        let right = w * picked.sin();
        body.output("elementwise", x * picked.exp());
        body.output("of the slice", x.reshape([1, 2].map(Dim::from)).matmul(right));
        body.output("of the step", of_step.matmul(right));
        body.output("without it", x * w.sum(&[0]));
        let body = body.finish().unwrap();
        let scan = Scan { body, carries: 0, slices: 1, length: length.clone(), reverse: false };
        let g = Builder::new();
        let x = g.input("x", DType::F32, [length, 2.into()]);
        let table = g.input("table", DType::F32, [3.into(), 2.into()]);
        let w = g.input("w", DType::F32, [2.into(), 2.into()]);
        let scan = g.scan(scan, &[x, table, w, g.input("index", DType::I32, [])]);
        (0..4).for_each(|i| g.output(&format!("{i}"), scan.project(i)));
        let inputs = [
            ("x", Array::floats(&[steps, 2], vec![0.5; steps * 2])),
            ("table", Array::floats(&[3, 2], vec![0.25; 6])),
            ("w", Array::floats(&[2, 2], vec![2.0; 4])),
            ("index", Array::of(DType::I32, &[], &[if steps == 0 { 3.0 } else { 2.0 }])),
        ];
        let inputs = inputs.map(|(name, a)| (name.to_string(), a)).into();
        Case::new("loop", g.finish().unwrap(), Bindings::from([("n".into(), steps)]), inputs, [].into())
    };
    let gathers = |length: Dim, steps: usize| {
        let case = case(length, steps);
        check(&case);
        let is_gather = |node: &&nervure_graph::Node| matches!(node.op, Op::Gather { .. });
        let graph = simplify(&case.graph).graph;
        let sums = graph.nodes().iter().filter(|node| matches!(node.op, Op::Reduce { .. }));
        assert_eq!(sums.count(), 1, "a sum that cannot fail leaves");
        graph.nodes().iter().filter(is_gather).count()
    };
    assert_eq!(gathers(Dim::symbol("n"), 0), 0);
    assert_eq!(gathers(Dim::symbol("n"), 3), 0);
    assert_eq!(gathers(0.into(), 0), 0);
    assert_eq!(gathers(3.into(), 3), 1);
}
