use nervure_graph::{
    Binary, Builder, DType, Dim, Literal, Op, Padding, PoolKind, Reduction, Scan, Shape, Tensor, Unary,
    Values, Window,
};

/// Input of a type such as `f32[batch, 2]`.
fn input<'g>(g: &'g Builder, ty: &str) -> Tensor<'g> {
    let (dtype, shape) = ty.trim_end_matches(']').split_once('[').expect("a type");
    let axes = shape.split(", ").filter(|d| !d.is_empty());
    let shape: Shape = axes.map(|d| d.parse().expect("a dimension")).collect();
    g.input("x", DType::from_name(dtype).expect("an element type"), shape)
}

/// What applying `op` to inputs of these types fails with, in the scope of a layer.
fn check(op: Op, types: &[&str], expected: &str) {
    let g = Builder::new();
    let inputs: Vec<Tensor> = types.iter().map(|ty| input(&g, ty)).collect();
    let _layer = g.scope("layer", "Layer");
    g.apply(op, &inputs);
    let error = g.check().expect_err(expected).to_string();
    assert_eq!(error, format!("layer: {expected}"));
}

fn window(size: &[usize]) -> Window {
    Window::new(size)
}

fn dims(sizes: &[usize]) -> Shape {
    sizes.iter().map(|&n| n.into()).collect()
}

#[test]
fn errors_name_path_expected_and_received() {
    let literal =
        |dtype, shape: &[usize], values| Op::Constant(Literal { dtype, shape: shape.into(), values });
    check(
        literal(DType::F32, &[2], Values::Float([1.0].into())),
        &[],
        "Constant: expected [2] elements, received 1",
    );
    check(
        literal(DType::I32, &[1], Values::Float([1.0].into())),
        &[],
        "Constant: expected values of i32, received another family",
    );
    check(
        literal(DType::U8, &[2], Values::Whole([255, 256].into())),
        &[],
        "Constant: expected values of u8, received 256",
    );
    check(Op::Size(3.into()), &["f32[]"], "Size: expected no operands, received f32[]");
    let ty = nervure_graph::Type::new(DType::U8, dims(&[2]));
    check(Op::Iota { ty: ty.clone(), axis: 1 }, &[], "Iota: expected an axis below 1, received 1");
    check(Op::Iota { ty, axis: 0 }, &[], "Iota: expected a type of number, received u8");
    check(
        Op::Random { stream: 0, shape: dims(&[2]) },
        &["i64[]", "i32[]"],
        "Random: expected scalars (seed: i64, step: i64) or (seed: i64, step: i64, time: i32), received i64[], i32[]",
    );
    check(Op::Unary(Unary::Tanh), &["i32[2]"], "Tanh: expected f32, received i32[2]");
    check(Op::Unary(Unary::Abs), &["u8[2]"], "Abs: expected a number, received u8[2]");
    check(Op::Unary(Unary::Not), &["f32[2]"], "Not: expected bool, received f32[2]");
    check(
        Op::Binary(Binary::Add),
        &["f32[batch, 2]", "f32[batch, 3]"],
        "Add: expected two operands of equal type and shape, received f32[batch, 2], f32[batch, 3]",
    );
    check(Op::Binary(Binary::Add), &["f32[2]"], "Add: expected 2 operands, received f32[2]");
    check(Op::Binary(Binary::Div), &["i32[2]", "i32[2]"], "Div: expected f32, received i32[2]");
    check(Op::Binary(Binary::Lt), &["bool[]", "bool[]"], "Lt: expected numbers, received bool[]");
    check(Op::Binary(Binary::And), &["u8[]", "u8[]"], "And: expected bool, received u8[]");
    check(
        Op::Select,
        &["f32[2]", "f32[2]", "f32[2]"],
        "Select: expected (bool, a, b) of equal shape, a and b of equal type, received f32[2], f32[2], f32[2]",
    );
    check(
        Op::MatMul { transpose_a: false, transpose_b: true },
        &["f32[batch, 8]", "f32[8, 4]"],
        "MatMul: expected […, m, k] and […, k, n], the second transposed, received f32[batch, 8], f32[8, 4]",
    );
    check(
        Op::MatMul { transpose_a: false, transpose_b: false },
        &["f32[2]", "f32[2]"],
        "MatMul: expected two operands of equal rank, at least 2, received f32[2], f32[2]",
    );
}

#[test]
fn errors_of_windows() {
    let conv = |window, groups| Op::Conv { window, groups };
    check(
        conv(window(&[3]), 1),
        &["f32[batch, 8, 2]", "f32[3, 3, 4]"],
        "Conv: expected 3 channels (kernel f32[3, 3, 4], 1 groups), received f32[batch, 8, 2]",
    );
    check(
        conv(window(&[3]), 1),
        &["f32[batch, 2, 2]", "f32[3, 2, 4]"],
        "Conv: expected at least 3 elements on spatial axis 0 (window [3]), received 2",
    );
    check(
        conv(window(&[3]), 3),
        &["f32[batch, 8, 6]", "f32[3, 2, 4]"],
        "Conv: expected output channels that 3 groups divide, received f32[3, 2, 4]",
    );
    check(
        conv(window(&[3]), 1),
        &["f32[batch, 8, c]", "f32[3, c, 4]"],
        "Conv: expected a fixed number of channels, received c",
    );
    check(
        conv(window(&[2, 2]), 1),
        &["f32[batch, 8, 2]", "f32[2, 2, 2, 4]"],
        "Conv: expected [n, 2 spatial axes, c], received f32[batch, 8, 2]",
    );
    check(
        Op::ConvInputGrad { window: window(&[3]), groups: 1, spatial: dims(&[9]) },
        &["f32[batch, 6, 4]", "f32[3, 2, 4]"],
        "ConvInputGrad: expected f32[batch, 7, 4], received f32[batch, 6, 4]",
    );
    check(
        Op::ConvKernelGrad { window: window(&[3]), groups: 1 },
        &["f32[batch, 8, 2]", "f32[batch, 5, 4]"],
        "ConvKernelGrad: expected f32[batch, 6, 4], received f32[batch, 5, 4]",
    );
    let zero = Window { strides: vec![0], padding: Padding::Same, ..window(&[2]) };
    check(
        Op::Pool { kind: PoolKind::Max, window: zero },
        &["f32[batch, 8, 2]"],
        "PoolMax: expected a window over 1 to 3 axes, all above 0 and below 2^31, received Window { size: [2], strides: [0], \
         dilation: [1], padding: Same }",
    );
    check(
        Op::PoolGrad { kind: PoolKind::Max, window: window(&[2]), spatial: dims(&[4]) },
        &["f32[batch, 3, 2]", "f32[batch, 5, 2]"],
        "PoolMaxGrad: expected f32[batch, 4, 2], received f32[batch, 5, 2]",
    );
    check(
        Op::PoolPick { window: window(&[2]) },
        &["f32[batch, 3, 2]", "f32[batch, 4, 2]"],
        "PoolPick: expected two operands of equal type, received f32[batch, 3, 2], f32[batch, 4, 2]",
    );
}

#[test]
fn errors_of_layouts() {
    check(
        Op::Reduce { kind: Reduction::Sum, axes: vec![1, 0] },
        &["f32[2, 3]"],
        "ReduceSum: expected axes [1, 0] within the rank, received f32[2, 3]",
    );
    check(
        Op::Reduce { kind: Reduction::Sum, axes: vec![] },
        &["f32[2]"],
        "ReduceSum: expected at least one axis, received none",
    );
    check(
        Op::Reduce { kind: Reduction::LogSumExp, axes: vec![0] },
        &["i32[2]"],
        "ReduceLogSumExp: expected numbers (Product, LogSumExp: f32), received i32[2]",
    );
    check(
        Op::ArgMax { axis: 0 },
        &["f32[0]"],
        "ArgMax: expected numbers along an axis that is not empty, received f32[0]",
    );
    check(
        Op::Reshape { shape: vec![Dim::symbol("batch"), 5.into()] },
        &["f32[batch, 2, 3]"],
        "Reshape: expected 5*batch elements, received f32[batch, 2, 3]",
    );
    check(
        Op::Transpose { permutation: vec![0, 0] },
        &["f32[2, 3]"],
        "Transpose: expected a permutation of 2 axes, received [0, 0]",
    );
    check(
        Op::Broadcast { shape: dims(&[2, 4]) },
        &["f32[2, 3]"],
        "Broadcast: expected f32[2, 4] or 1s in its place, received f32[2, 3]",
    );
    check(
        Op::Slice { starts: dims(&[1]), sizes: dims(&[2]), steps: vec![2] },
        &["f32[3]"],
        "Slice: expected 2 elements from 1 by 2 on axis 0, received f32[3]",
    );
    check(
        Op::Slice { starts: dims(&[1]), sizes: dims(&[2]), steps: vec![0] },
        &["f32[3]"],
        "Slice: expected a start, a size and a step above 0 for each of 1 axes, received f32[3]",
    );
    let below = Dim::from(0) - Dim::from(1);
    check(
        Op::Slice { starts: vec![below.clone()], sizes: dims(&[2]), steps: vec![1] },
        &["f32[3]"],
        "Slice: expected a start, a size and a step above 0 for each of 1 axes, received f32[3]",
    );
    check(
        Op::Pad { low: vec![below], high: dims(&[1]), interior: vec![0], value: 0.0 },
        &["f32[3]"],
        "Pad: expected low, high and interior of 0 or more for each of 1 axes, received f32[3]",
    );
    check(
        Op::Pad { low: dims(&[0]), high: dims(&[0]), interior: vec![1], value: 0.0 },
        &["f32[0]"],
        "Pad: expected operands that give sizes of 0 or more, received f32[-1]",
    );
    check(
        Op::Pad { low: dims(&[1]), high: dims(&[1]), interior: vec![0], value: 0.5 },
        &["i32[3]"],
        "Pad: expected a value of i32, received 0.5",
    );
    check(
        Op::Concat { axis: 1 },
        &["f32[batch, 2]", "f32[time, 2]"],
        "Concat: expected types equal but for axis 1, received f32[batch, 2], f32[time, 2]",
    );
    check(Op::Concat { axis: 0 }, &[], "Concat: expected at least one operand, received none");
    check(
        Op::Reverse { axes: vec![2] },
        &["f32[2, 3]"],
        "Reverse: expected axes [2] within the rank, received f32[2, 3]",
    );
    check(
        Op::Gather { batch: 1 },
        &["f32[batch, 3]", "i32[2, 3]"],
        "Gather: expected x[b…, n, …] and whole indices[b…, …] with 1 axes b, received f32[batch, 3], i32[2, 3]",
    );
    check(
        Op::ScatterAdd { batch: 0, size: 4.into() },
        &["f32[2]", "f32[2]"],
        "ScatterAdd: expected whole indices[b…, i…] with 0 axes b and updates[b…, i…, …], received f32[2], f32[2]",
    );
    check(
        Op::ArgSort { descending: false },
        &["bool[2]"],
        "ArgSort: expected numbers with at least one axis, received bool[2]",
    );
    check(
        Op::Project { index: 0 },
        &["f32[2]"],
        "Project: expected a Scan with more than 0 results, received Input",
    );
}

#[test]
fn errors_of_scans() {
    let scan = |write: &dyn Fn(&Builder), carries, slices| {
        let body = Builder::new();
        write(&body);
        let body = body.finish().unwrap();
        Op::Scan(Scan { body, carries, slices, length: 4.into(), reverse: false }.into())
    };
    let step = |g: &Builder| {
        let h = g.input("h", DType::F32, [2.into()]);
        let x = g.input("x", DType::F32, [2.into()]);
        g.input("t", DType::I32, []);
        g.output("h", h + x);
    };
    check(scan(&step, 1, 1), &["f32[2]"], "Scan: expected 2 operands, received 1");
    check(
        scan(&step, 1, 1),
        &["f32[2]", "f32[5, 2]"],
        "Scan: expected operand 1 for the body's f32[2] (4 steps), received f32[5, 2]",
    );
    check(
        scan(
            &|g| {
                let h = g.input("h", DType::F32, [2.into()]);
                g.input("t", DType::I32, []);
                g.output("h", h.sum(&[0]));
            },
            1,
            0,
        ),
        &["f32[2]"],
        "Scan: expected carry 0 to stay f32[2], received f32[]",
    );
    check(
        scan(
            &|g| {
                let h = g.input("h", DType::F32, [2.into()]);
                g.output("h", h);
            },
            0,
            0,
        ),
        &[],
        "Scan: expected time: i32[], received f32[2]",
    );
    check(
        scan(
            &|g| {
                g.parameter("w", DType::F32, []);
                g.input("t", DType::I32, []);
            },
            0,
            0,
        ),
        &[],
        "Scan: expected a body without parameters, received one with",
    );
}
