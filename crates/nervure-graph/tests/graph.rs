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

mod rewrites {
    use nervure_graph::testing::{Case, cases, gradients_of, random_graph};
    use nervure_graph::{Builder, DType, Graph, Op, simplify};

    /// Every value that is left is the same to the bit.
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
        case.graph.nodes().len() - after.graph.nodes().len()
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
        let check =
            |write: &dyn Fn(&Builder), expected: &[&str]| assert_eq!(simplified(|g| write(g)), expected);
        fn x(g: &Builder) -> nervure_graph::Tensor<'_> {
            g.input("x", DType::F32, ["n".parse().unwrap(), 2.into(), 3.into()])
        }
        check(&|g| g.output("y", -(-x(g)).stop_gradient()), &["Input"]);
        check(&|g| g.output("y", (x(g) * 1.0 / 1.0 - 0.0) + -0.0), &["Input"]);
        check(&|g| g.output("y", x(g) + 0.0), &["Input", "Constant", "Broadcast", "Add"]);
        check(&|g| g.output("y", x(g).transpose(&[1, 2, 0]).transpose(&[2, 0, 1])), &["Input"]);
        check(&|g| g.output("y", x(g).transpose(&[1, 2, 0]).transpose(&[1, 0, 2])), &["Input", "Transpose"]);
        check(&|g| g.output("y", x(g).expand(0).expand(0).expand(0)), &["Input", "Reshape"]);
        check(&|g| g.output("y", x(g).reverse(&[1]).reverse(&[1])), &["Input"]);
        check(&|g| g.output("y", g.concat(&[x(g).narrow(1, 0, 2)], 0).pad(&[(0, 0); 3], 1.0)), &["Input"]);
        check(
            &|g| g.output("y", g.scalar(DType::Bool, 1.0).select(x(g), g.scalar(DType::F32, 2.0))),
            &["Input"],
        );
        check(
            &|g| {
                let x = x(g);
                g.output("y", x.matmul(x.transpose(&[0, 2, 1])));
            },
            &["Input", "MatMul"],
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
                if let Op::Scan(s) = op {
                    Some((s.carries, s.body.outputs().len() - s.carries))
                } else {
                    None
                }
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
}

mod text {
    use nervure_graph::testing::{cases, gradients_of, random_graph};
    use nervure_graph::{Graph, simplify, verify};
    use proptest::prelude::*;

    fn check(graph: &Graph) {
        let text = graph.to_string();
        let parsed = Graph::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(&parsed, graph, "{text}");
    }

    #[test]
    fn graphs_parse_back() {
        for case in cases().into_iter().chain((0..200).map(random_graph)) {
            check(&case.graph);
            check(&gradients_of(&case).unwrap().graph);
        }
    }

    const SMALL: &str = r#"# A comment.
graph main {
  @1 = ("dense","Dense",[("units","1")]) in @0
  %0: f32[batch, 8] = Input(name:"x",ty:(dtype:F32,shape:["batch","8"]))
  %1: f32[8, 1] = Parameter(name:"dense/kernel",ty:(dtype:F32,shape:["8","1"])) @1
  %2: f32[batch, 1] = MatMul(transpose_a:false,transpose_b:false) %0 %1 @1
  output "y" = %2
}
"#;

    #[test]
    fn the_text_is_this() {
        let parsed = Graph::parse(SMALL).unwrap();
        assert_eq!(parsed.to_string(), SMALL.split_once('\n').unwrap().1);
    }

    #[test]
    fn errors_tell_line_and_reason() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(SMALL.contains(from));
            let error = Graph::parse(&SMALL.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("f32[batch, 1]", "f32[batch, 2]", "graph, line 6: %2 is f32[batch, 1], not f32[batch, 2]");
        check(
            "%0 %1 @1",
            "%1 %0 @1",
            "line 6: dense: MatMul: expected […, m, k] and […, k, n], received f32[8, 1]",
        );
        check("%0 %1 @1", "%0 %9 @1", "line 6: dense: MatMul: expected inputs that stand before");
        check("%0 %1 @1", "%0 %1 @2", "line 6: @2 is no scope above this node");
        check("%0 %1 @1", "%0 %1 @1 @1", "line 6: primitive");
        check("%2: ", "%3: ", "line 6: expected node %2, received %3");
        check("in @0", "in @1", "line 3: @1 is no scope above this one");
        check("@1 = ", "@2 = ", "line 3: expected scope @1, received @2");
        check("= %2", "= %3", "line 7: %3 is no node above this line");
        check("transpose_a:false,", "", "line 6: primitive");
        check("output", "update", "line 7: ");
        check("graph main", "graph other", "expected a graph `main`");
        check("\n}\n", "\n", "line 7: graph `main` is not closed");
        check(
            "Parameter(name:\"dense/kernel\"",
            "Input(name:\"x\"",
            "line 8: node %1 (Input) in `dense`: a second",
        );
    }

    #[test]
    fn bodies_of_bodies_cannot_multiply() {
        let mut text = String::new();
        let body = |n: usize, nodes: &str| {
            format!("graph b{n} {{\n %0: i32[] = Input(name:\"t\",ty:(dtype:I32,shape:[]))\n{nodes}}}\n")
        };
        text += &body(0, "");
        for n in 1..9 {
            let scan = |i: usize| {
                let of = format!("(body:\"b{}\",carries:0,slices:0,length:\"1\",reverse:false)", n - 1);
                format!(" %{i}: i32[] = Scan{of}\n")
            };
            text += &body(n, &(1..20).map(scan).collect::<String>());
        }
        let error = Graph::parse(&text).unwrap_err().to_string();
        assert!(error.contains("more than 1000000 nodes"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

        /// Whatever is made of a text, it is a graph that keeps the rules or an error.
        #[test]
        fn altered_texts_do_no_harm(
            seed in 0u64..40,
            edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..8, any::<prop::sample::Index>()), 1..6),
        ) {
            let mut text = gradients_of(&random_graph(seed)).unwrap().graph.to_string();
            for (at, kind, other) in edits {
                let boundary = |i: &prop::sample::Index, text: &str| {
                    let mut i = i.index(text.len().max(1));
                    while !text.is_char_boundary(i) { i -= 1; }
                    i
                };
                let (i, j) = (boundary(&at, &text), boundary(&other, &text));
                match kind {
                    0 => text.truncate(i),
                    1 => { text = text[..i].to_string() + &text[(i + text[i..].chars().next().map_or(0, char::len_utf8))..]; }
                    2 => text.insert(i, '9'),
                    3 => text.insert_str(i, "999999999999999999"),
                    4 => text.insert(i, '-'),
                    5 => text.insert_str(i, "(batch*batch + 1)//2"),
                    6 => { let line = text[j..].lines().next().unwrap_or("").to_string(); text.insert_str(i, &line); }
                    _digit => {
                        let digits: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(i, _)| i).collect();
                        if !digits.is_empty() {
                            let d = *at.get(&digits);
                            text.replace_range(d..d + 1, &other.index(10).to_string());
                        }
                    }
                }
            }
            if let Ok(graph) = Graph::parse(&text) {
                prop_assert_eq!(verify(&graph), Ok(()));
                prop_assert_eq!(Graph::parse(&graph.to_string()), Ok(graph.clone()));
                simplify(&graph);
            }
        }
    }
}
