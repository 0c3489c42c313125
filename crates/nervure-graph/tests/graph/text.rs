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
