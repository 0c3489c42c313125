use std::collections::BTreeSet;

use nervure_graph::testing::{Case, cases, gradients_of, random_graph};
use nervure_graph::{Builder, DType, Graph, Op, simplify};

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
