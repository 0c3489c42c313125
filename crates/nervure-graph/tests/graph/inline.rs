use nervure_graph::{Builder, DType, Dim, Graph, Tensor, inline, verify};

/// A layer `[n, 2] → [n, 3]`, with a value that no output needs.
fn layer() -> Graph {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [Dim::symbol("n"), 2.into()]);
    let _scope = g.scope("dense", "Dense");
    let y = x.matmul(g.parameter("kernel", DType::F32, [2.into(), 3.into()]));
    y.exp();
    g.output("y", y);
    g.output("x", x);
    drop(_scope);
    g.finish().unwrap()
}

#[test]
fn a_graph_is_written_within_the_present_scope() {
    let g = Builder::new();
    let x = g.input("rows", DType::F32, [Dim::symbol("n"), 2.into()]);
    let block = g.scope("block", "Block");
    let first = inline(&g, &layer(), &[x]);
    let second = inline(&g, &layer(), &[x * 2.0]);
    drop(block);
    assert_eq!(first[1].id(), x.id(), "an output that is an input is what was given");
    g.output("y", first[0] + second[0]);
    let paths: Vec<String> =
        first.iter().map(|t: &Tensor| g.read(|graph| graph.path(graph.node(t.id()).scope))).collect();
    assert_eq!(paths, ["block/dense", "graph"]);
    let graph = g.finish().unwrap();
    assert_eq!(verify(&graph), Ok(()));
    assert_eq!(
        graph.parameters().map(|(name, _)| name).collect::<Vec<_>>(),
        ["kernel"],
        "one name, one parameter"
    );
    assert!(graph.nodes().iter().all(|n| n.op.name() != "Exp"), "what no output needs stays away");
}

#[test]
fn inputs_must_fit() {
    let check = |sizes: &[usize], expected: &str| {
        let g = Builder::new();
        let inputs: Vec<Tensor> =
            sizes.iter().map(|&n| g.full(DType::F32, [Dim::symbol("n"), n.into()], 0.0)).collect();
        assert_eq!(inline(&g, &layer(), &inputs).len(), 2);
        assert_eq!(g.check().unwrap_err().to_string(), expected);
    };
    check(&[3], "graph: inline: expected f32[n, 2], received f32[n, 3]");
    check(&[], "graph: inline: expected 1 inputs, received 0");
    check(&[2, 2], "graph: inline: expected 1 inputs, received 2");
}
