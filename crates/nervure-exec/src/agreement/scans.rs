//! Scans that are done in blocks of rows, and such as must not be.

use nervure_graph::Shape;

use super::*;

/// Rows of the batch: several blocks, the last of another size.
const ROWS: usize = 70;
const UNITS: usize = 33;

/// What a body makes of the state, a slice, weights and the time.
type Write = for<'g> fn(&'g Builder, [Tensor<'g>; 4]) -> Tensor<'g>;

/// A scan over three steps whose body makes the next state, which is also stacked, as it comes and beside the slice; and the gradients of slices and
/// weights.
fn scan(write: Write) -> Graph {
    let b = Builder::new();
    let h = b.input("h", DType::F32, [ROWS.into(), UNITS.into()]);
    let x = b.input("x", DType::F32, [ROWS.into(), UNITS.into()]);
    let w = b.input("w", DType::F32, [UNITS.into(), UNITS.into()]);
    let t = b.input("t", DType::I32, Shape::new());
    let new = write(&b, [h, x, w, t]);
    b.output("h", new);
    b.output("all", new);
    b.output("beside", b.concat(&[new, x], 1));
    let body = b.finish().unwrap();

    let g = Builder::new();
    let x = g.input("x", DType::F32, [3.into(), ROWS.into(), UNITS.into()]);
    let w = g.input("w", DType::F32, [UNITS.into(), UNITS.into()]);
    let first = g.input("h", DType::F32, [ROWS.into(), UNITS.into()]);
    let scan = Scan { body, carries: 1, slices: 1, length: 3.into(), reverse: false };
    let states = g.scan(scan, &[first, x, w]);
    for (i, name) in ["last", "all", "beside"].into_iter().enumerate() {
        g.output(name, states.project(i));
    }
    let loss = states.project(0).square().sum_all() + states.project(1).sin().sum_all();
    // Not every body multiplies by the weights.
    for (i, grad) in gradient(&g, loss, &[x, w, first]).into_iter().flatten().enumerate() {
        g.output(&format!("gradient {i}"), grad * 0.1);
    }
    g.finish().unwrap()
}

/// Whether the first scan of the plan is done in blocks, whose results agree with the reference in any case.
fn is_divided(name: &str, write: Write) -> bool {
    let graph = scan(write);
    let inputs = [
        ("x".to_string(), walk(&[3, ROWS, UNITS], 0.0)),
        ("w".to_string(), walk(&[UNITS, UNITS], 0.3)),
        ("h".to_string(), walk(&[ROWS, UNITS], 0.7)),
    ];
    agree(&Case::new(name, graph.clone(), Bindings::new(), inputs.into(), [].into()));
    let plan = Plan::compile(&graph, &Bindings::new(), &Store::new()).unwrap();
    let scan = plan.listing().find(|k| k.what.starts_with("scan")).unwrap();
    scan.what.lines().next().unwrap().contains("in blocks of")
}

#[test]
fn bodies_that_do_rows_apart_are_done_in_blocks() {
    let cases: [(&str, Write); 7] = [
        ("a plain layer", |_, [h, x, w, _]| (h.matmul(w) * 0.2 + x).tanh()),
        ("weights that are transposed", |_, [h, x, w, _]| (h.matmul_with(w, false, true) * 0.2 + x).tanh()),
        ("weights that are read as they lie", |_, [h, x, w, _]| {
            let narrow = (h.narrow(1, 0, 3).matmul(w.narrow(0, 0, 3)) + x).sin();
            narrow * 0.5 + h * 0.3
        }),
        ("normal rows", |_, [h, x, w, _]| {
            let y = h.matmul(w) * 0.2 + x;
            let y = y - y.mean(&[1]).keep_axes(y, &[1]);
            y / (y.square().mean(&[1]).keep_axes(y, &[1]) + 0.1).sqrt()
        }),
        ("a softmax and the place of the greatest", |_, [h, x, w, _]| {
            let y = h.matmul(w) * 0.2 + x;
            let top = y.argmax(1).cast(DType::F32).expand(-1) * 0.01;
            (y - y.reduce(Reduction::LogSumExp, &[1]).keep_axes(y, &[1])).exp() + top
        }),
        ("a mask of rows", |_, [h, x, w, _]| {
            let counts = x.narrow(1, 0, 1).reshape([ROWS.into()]).less(x.constant(0.1));
            counts.expand(-1).select((h.matmul(w) * 0.2 + x).tanh(), h)
        }),
        ("noise and zeros around", |g, [h, x, w, t]| {
            let key = [g.scalar(DType::I64, 3.0), g.scalar(DType::I64, 5.0), t];
            let noise = g.apply(Op::Random { stream: 1, shape: vec![ROWS.into(), UNITS.into()] }, &key);
            let y = (h.matmul(w) * 0.2 + x * noise).tanh();
            y * y.narrow(1, 1, UNITS - 5).pad(&[(0, 0), (2, 3)], 0.5)
        }),
    ];
    for (name, write) in cases {
        assert!(is_divided(name, write), "{name}");
    }
}

#[test]
fn bodies_that_mix_rows_are_not() {
    let cases: [(&str, Write); 5] = [
        ("a mean over the batch", |_, [h, x, w, _]| {
            let y = h.matmul(w) * 0.2 + x;
            (y - y.mean(&[0]).keep_axes(y, &[0])).tanh()
        }),
        ("rows the other way round", |_, [h, x, ..]| (h.reverse(&[0]) * 0.4 + x).sin()),
        ("a row for all", |_, [h, x, ..]| (h.narrow(0, 0, 1).reshape([UNITS.into()]) * 0.4 + x).sin()),
        ("products of rows", |_, [h, x, ..]| (h.matmul_with(h, false, true).matmul(x) * 1e-3).sin()),
        ("rows and columns changed", |_, [h, x, ..]| {
            let turned = h.transpose(&[1, 0]).reshape([ROWS.into(), UNITS.into()]);
            (turned * 0.3 + x).sin()
        }),
    ];
    for (name, write) in cases {
        assert!(!is_divided(name, write), "{name}");
    }
}

/// A scan over so many steps, and the gradients of its first state and its weights.
fn long(length: usize, in_segments: bool) -> Graph {
    let b = Builder::new();
    let h = b.input("h", DType::F32, [ROWS.into(), UNITS.into()]);
    let w = b.input("w", DType::F32, [UNITS.into(), UNITS.into()]);
    let t = b.input("t", DType::I32, Shape::new());
    b.output("h", (h.matmul(w) * 0.3 + t.cast(DType::F32) * 0.01).sin());
    let body = b.finish().unwrap();
    let scan = Scan { body, carries: 1, slices: 0, length: length.into(), reverse: false };
    let g = Builder::new();
    let h = g.input("h", DType::F32, [ROWS.into(), UNITS.into()]);
    let w = g.input("w", DType::F32, [UNITS.into(), UNITS.into()]);
    let y =
        if in_segments { g.scan_in_segments(&scan, &[h, w])[0] } else { g.scan(scan, &[h, w]).project(0) };
    g.output("y", y);
    for (i, grad) in gradient(&g, y.square().sum_all(), &[h, w]).into_iter().enumerate() {
        g.output(&format!("gradient {i}"), grad.unwrap() * 0.1);
    }
    g.finish().unwrap()
}

/// Of four times as many steps, the gradient keeps four times as much; in segments, twice as much.
#[test]
fn memory_of_segments_grows_as_the_root_of_time() {
    let arena = |length: usize, in_segments: bool| {
        let graph = long(length, in_segments);
        Plan::compile(&graph, &Bindings::new(), &Store::new()).unwrap().arena_bytes() as f64
    };
    let whole: Vec<f64> = [100, 400, 1600].map(|length| arena(length, false)).into();
    let cut: Vec<f64> = [100, 400, 1600].map(|length| arena(length, true)).into();
    for pair in whole.windows(2) {
        assert!(pair[1] > 3.5 * pair[0], "{whole:?}");
    }
    for pair in cut.windows(2) {
        assert!(pair[1] < 2.2 * pair[0], "{cut:?}");
    }
    assert!(cut[2] < whole[2] / 10.0, "{cut:?} of {whole:?}");
}

#[test]
fn segments_agree_with_the_reference() {
    let inputs =
        [("h".to_string(), walk(&[ROWS, UNITS], 0.7)), ("w".to_string(), walk(&[UNITS, UNITS], 0.3))];
    agree(&Case::new("segments", long(11, true), Bindings::new(), inputs.into(), [].into()));
}

/// Attention of each head by blocks of queries, with noise, and its gradients: a map within a map.
fn attention(heads: usize, blocks: usize) -> Graph {
    let (queries, keys, n) = (16, 96, 3);
    let g = Builder::new();
    let q = g.input("q", DType::F32, [heads.into(), blocks.into(), queries.into(), n.into()]);
    let k = g.input("k", DType::F32, [heads.into(), keys.into(), n.into()]);
    let y = g.map(heads.into(), |head| {
        let (q, k, index) = (head.slice(q), head.slice(k), head.index());
        head.builder().map(blocks.into(), |block| {
            let b = block.builder();
            let draw = block.whole(index) * b.scalar(DType::I32, 100.0) + block.index();
            let key = [b.scalar(DType::I64, 3.0), b.scalar(DType::I64, 5.0), draw];
            let noise = b.apply(Op::Random { stream: 1, shape: vec![queries.into(), keys.into()] }, &key);
            let scores = block.slice(q).matmul_with(block.whole(k), false, true) * noise;
            let weights = (scores - scores.reduce(Reduction::LogSumExp, &[1]).keep_axes(scores, &[1])).exp();
            vec![weights.matmul(block.whole(k))]
        })
    })[0];
    g.output("y", y);
    for (i, grad) in gradient(&g, y.sin().sum_all(), &[q, k]).into_iter().enumerate() {
        g.output(&format!("gradient {i}"), grad.unwrap() * 0.1);
    }
    g.finish().unwrap()
}

/// Steps that hand nothing on are taken by threads apart, if there are enough for each; and else one after the other. Sums of the gradient over blocks are handed
/// on, those over heads are not.
#[test]
fn steps_that_hand_nothing_on_are_done_apart() {
    for (heads, blocks) in [(8, 3), (3, 8), (1, 2), (0, 3)] {
        let graph = attention(heads, blocks);
        let inputs = [
            ("q".to_string(), walk(&[heads, blocks, 16, 3], 0.7)),
            ("k".to_string(), walk(&[heads, 96, 3], 0.3)),
        ];
        let name = format!("{heads} heads, {blocks} blocks");
        agree(&Case::new(&name, graph.clone(), Bindings::new(), inputs.into(), [].into()));
        let plan = Plan::compile(&graph, &Bindings::new(), &Store::new()).unwrap();
        let scans: Vec<String> = plan.listing().map(|k| k.what).filter(|k| k.starts_with("scan")).collect();
        assert_eq!(scans.len(), 2, "{plan}");
        assert!(scans.iter().all(|k| k.lines().next().unwrap().contains("apart")), "{scans:?}");
    }
}

/// Of scores as many as queries times keys, the gradient keeps none: twice the queries, twice the memory.
#[test]
fn what_is_large_is_made_anew() {
    let memory: Vec<usize> = [4, 8, 16]
        .map(|blocks| {
            let plan = Plan::compile(&attention(4, blocks), &Bindings::new(), &Store::new()).unwrap();
            let scores = 4 * blocks * 16 * 96 * 4;
            assert!(plan.memory(1) < scores, "{} of {scores}: {plan}", plan.memory(1));
            plan.memory(1)
        })
        .into();
    assert!(memory.windows(2).all(|pair| pair[1] < 2 * pair[0]), "{memory:?}");
}
