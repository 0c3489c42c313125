//! Values of the reference against values computed by hand from the documentation of the primitives.

use std::collections::BTreeMap;

use nervure_graph::random::philox4x32;
use nervure_graph::{
    Array, Bindings, Builder, DType, Dim, Op, Padding, PoolKind, Reduction, Scan, Shape, Tensor, Unary,
    Window, evaluate,
};

/// The value that `write` gives, in a graph without inputs.
fn check(expected: &[f64], write: impl for<'g> FnOnce(&'g Builder) -> Tensor<'g>) {
    let g = Builder::new();
    g.output("y", write(&g));
    let graph = g.finish().unwrap();
    let none = BTreeMap::<String, Array<f64>>::new();
    let received = evaluate(&graph, &Bindings::new(), &none, &none).unwrap().output("y").unwrap().to_f64();
    let close = |(e, r): (&f64, &f64)| {
        e == r || (e.is_nan() && r.is_nan()) || (e - r).abs() <= 4.0 * f64::EPSILON * e.abs()
    };
    let same = expected.len() == received.len() && expected.iter().zip(&received).all(close);
    assert!(same, "expected {expected:?}, received {received:?}");
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[test]
fn functions() {
    let check = |u: Unary, x: &[f64], expected: &[f64]| check(expected, |g| g.floats(&[x.len()], x).unary(u));
    check(Unary::Neg, &[1.5, -2.0], &[-1.5, 2.0]);
    check(Unary::Abs, &[-1.5, 2.0, -INF], &[1.5, 2.0, INF]);
    check(Unary::Sign, &[-1.5, 0.0, 9.0, NAN], &[-1.0, 0.0, 1.0, NAN]);
    check(Unary::Exp, &[0.0, 1.0, -INF], &[1.0, std::f64::consts::E, 0.0]);
    check(Unary::Expm1, &[1e-20], &[1e-20]);
    check(Unary::Log, &[1.0, std::f64::consts::E, 0.0, -1.0], &[0.0, 1.0, -INF, NAN]);
    check(Unary::Log1p, &[1e-20, -1.0], &[1e-20, -INF]);
    check(Unary::Sqrt, &[9.0, -1.0], &[3.0, NAN]);
    check(Unary::Rsqrt, &[4.0, 0.0], &[0.5, INF]);
    check(Unary::Sin, &[std::f64::consts::FRAC_PI_6], &[0.5]);
    check(Unary::Cos, &[0.0], &[1.0]);
    check(Unary::Tanh, &[0.5 * 3f64.ln(), 400.0], &[0.5, 1.0]);
    check(Unary::Atan, &[1.0], &[std::f64::consts::FRAC_PI_4]);
    check(Unary::Sigmoid, &[0.0, 3f64.ln(), 800.0, -800.0], &[0.5, 0.75, 1.0, 0.0]);
    check(Unary::Softplus, &[0.0, 800.0, -800.0, -40.0], &[2f64.ln(), 800.0, 0.0, 4.248_354_255_291_589e-18]);
    // Abramowitz & Stegun, table 7.1.
    check(
        Unary::Erf,
        &[0.0, 0.5, -1.0, 2.0],
        &[0.0, 0.520_499_877_813_046_5, -0.842_700_792_949_714_9, 0.995_322_265_018_952_7],
    );
    check(Unary::Floor, &[-1.5, 1.5], &[-2.0, 1.0]);
    check(Unary::Ceil, &[-1.5, 1.5], &[-1.0, 2.0]);
    check(Unary::Round, &[0.5, 1.5, 2.5, -0.5, -2.6], &[0.0, 2.0, 2.0, 0.0, -3.0]);
    check(Unary::IsFinite, &[0.0, INF, -INF, NAN], &[1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn pairs_of_numbers() {
    fn pair<'g>(g: &'g Builder, a: &[f64], b: &[f64]) -> (Tensor<'g>, Tensor<'g>) {
        (g.floats(&[a.len()], a), g.floats(&[b.len()], b))
    }
    check(&[NAN, NAN, 2.0, 1.0], |g| {
        let (a, b) = pair(g, &[NAN, 1.0, 1.0, 1.0], &[1.0, NAN, 2.0, -2.0]);
        a.max(b)
    });
    check(&[NAN, NAN, 1.0, -2.0], |g| {
        let (a, b) = pair(g, &[NAN, 1.0, 1.0, 1.0], &[1.0, NAN, 2.0, -2.0]);
        a.min(b)
    });
    check(&[8.0, 1.0, -8.0, 0.25], |g| {
        let (a, b) = pair(g, &[2.0, 0.0, -2.0, 2.0], &[3.0, 0.0, 3.0, -2.0]);
        a.pow(b)
    });
    check(&[f64::from(i32::MIN), -2.0, 7.0], |g| {
        let a = g.whole(DType::I32, &[3], &[i64::from(i32::MAX), i64::from(i32::MAX), 3]);
        a + g.whole(DType::I32, &[3], &[1, i64::from(i32::MAX), 4])
    });
    check(&[0.0, 1.0, 1.0, 0.0, 0.0], |g| {
        let (a, b) = pair(g, &[1.0, 1.0, NAN, 2.0, 2.0], &[1.0, 2.0, NAN, 2.0, 2.0]);
        a.not_equal(b)
    });
    check(&[1.0, 4.0], |g| {
        let (a, b) = pair(g, &[1.0, NAN], &[NAN, 4.0]);
        g.whole(DType::Bool, &[2], &[1, 0]).select(a, b)
    });
}

#[test]
fn casts() {
    let check =
        |to: DType, x: &[f64], expected: &[f64]| check(expected, |g| g.floats(&[x.len()], x).cast(to));
    check(DType::I32, &[2.9, -2.9, 3e9, -3e9, NAN], &[2.0, -2.0, 2_147_483_647.0, -2_147_483_648.0, 0.0]);
    check(DType::U8, &[2.9, -2.9, 256.0, NAN], &[2.0, 0.0, 255.0, 0.0]);
    check(DType::Bool, &[0.0, -0.0, 0.5, NAN], &[0.0, 0.0, 1.0, 1.0]);
    self::check(&[0.0, 1.0, 255.0, 4.0], |g| g.whole(DType::I64, &[4], &[256, 257, -1, 4]).cast(DType::U8));
    self::check(&[1.0, -1.0], |g| g.whole(DType::I64, &[2], &[(1 << 32) + 1, -1]).cast(DType::I32));
    self::check(&[1.0, 0.0], |g| g.whole(DType::Bool, &[2], &[1, 0]).cast(DType::F32));
}

#[test]
fn products_of_matrices() {
    // [[1 2 3] [4 5 6]] · [[1 0] [2 1] [0 3]] = [[5 11] [14 23]]
    let (a, at) = ([1., 2., 3., 4., 5., 6.], [1., 4., 2., 5., 3., 6.]);
    let (b, bt) = ([1., 0., 2., 1., 0., 3.], [1., 2., 0., 0., 1., 3.]);
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        check(&[5., 11., 14., 23.], |g| {
            let a = if ta { g.floats(&[3, 2], &at) } else { g.floats(&[2, 3], &a) };
            let b = if tb { g.floats(&[2, 3], &bt) } else { g.floats(&[3, 2], &b) };
            a.matmul_with(b, ta, tb)
        });
    }
    check(&[6., 20.], |g| g.floats(&[2, 1, 1], &[2., 4.]).matmul(g.floats(&[2, 1, 1], &[3., 5.])));
}

#[test]
fn convolutions() {
    // Cross-correlation: the kernel is not turned round.
    check(&[1. + 20. + 300., 2. + 30. + 400.], |g| {
        g.floats(&[1, 4, 1], &[1., 2., 3., 4.]).conv(
            g.floats(&[3, 1, 1], &[1., 10., 100.]),
            Window::new([3]),
            1,
        )
    });
    // `same` with an even kernel and stride 2 of 5 elements: 3 windows cover 6, so that one element is put after.
    let same = || Window { strides: vec![2], padding: Padding::Same, ..Window::new([2]) };
    check(&[21., 43., 5.], |g| {
        g.floats(&[1, 5, 1], &[1., 2., 3., 4., 5.]).conv(g.floats(&[2, 1, 1], &[1., 10.]), same(), 1)
    });
    // Dilation 2, one element put before.
    let dilated =
        || Window { dilation: vec![2], padding: Padding::Explicit(vec![(1, 0)]), ..Window::new([2]) };
    check(&[20., 1. + 30., 2. + 40.], |g| {
        g.floats(&[1, 4, 1], &[1., 2., 3., 4.]).conv(g.floats(&[2, 1, 1], &[1., 10.]), dilated(), 1)
    });
    // Two groups: output channels 0, 1 see input channel 0, output channels 2, 3 see input channel 1.
    check(&[2., 4., 15., 20.], |g| {
        g.floats(&[1, 1, 2], &[2., 5.]).conv(g.floats(&[1, 1, 4], &[1., 2., 3., 4.]), Window::new([1]), 2)
    });
    // Two axes and two input channels.
    check(&[1. + 20. + 300. + 4000.], |g| {
        let x = g.floats(&[1, 2, 1, 2], &[1., 2., 3., 4.]);
        x.conv(g.floats(&[2, 1, 2, 1], &[1., 10., 100., 1000.]), Window::new([2, 1]), 1)
    });
    // To x: each dy spreads its kernel. To the kernel: each dy multiplies its window.
    check(&[1., 12., 20.], |g| {
        let (dy, k) = (g.floats(&[1, 2, 1], &[1., 2.]), g.floats(&[2, 1, 1], &[1., 10.]));
        dy.conv_input_grad(k, Window::new([2]), 1, [Dim::from(3)])
    });
    check(&[1. + 20., 2. + 30.], |g| {
        let (x, dy) = (g.floats(&[1, 3, 1], &[1., 2., 3.]), g.floats(&[1, 2, 1], &[1., 10.]));
        x.conv_kernel_grad(dy, Window::new([2]), 1)
    });
}

#[test]
fn pooling() {
    let outside =
        || Window { padding: Padding::Explicit(vec![(2, 0)]), strides: vec![2], ..Window::new([2]) };
    let x = [3., 3., NAN, 9.];
    check(&[-INF, 3., NAN], |g| g.floats(&[1, 4, 1], &x).pool(PoolKind::Max, outside()));
    check(&[0., 6., NAN], |g| g.floats(&[1, 4, 1], &x).pool(PoolKind::Sum, outside()));
    check(&[10., 0., 100., 0.], |g| {
        let op = Op::PoolGrad { kind: PoolKind::Max, window: outside(), spatial: vec![4.into()] };
        g.apply(op, &[g.floats(&[1, 3, 1], &[1., 10., 100.]), g.floats(&[1, 4, 1], &x)])
    });
    check(&[10., 10., 100., 100.], |g| {
        let op = Op::PoolGrad { kind: PoolKind::Sum, window: outside(), spatial: vec![4.into()] };
        g.apply(op, &[g.floats(&[1, 3, 1], &[1., 10., 100.])])
    });
    check(&[0., 5., 7.], |g| {
        let t = g.floats(&[1, 4, 1], &[5., 6., 7., 8.]);
        g.apply(Op::PoolPick { window: outside() }, &[t, g.floats(&[1, 4, 1], &x)])
    });
    // Channels do not mix.
    check(&[3., 4.], |g| g.floats(&[1, 2, 2], &[1., 4., 3., 2.]).pool(PoolKind::Max, Window::new([2])));
}

#[test]
fn reductions() {
    let x = [1., 2., 3., 4., 5., 6.];
    check(&[5., 7., 9.], |g| g.floats(&[2, 3], &x).sum(&[0]));
    check(&[6., 120.], |g| g.floats(&[2, 3], &x).reduce(Reduction::Product, &[1]));
    check(&[2., NAN], |g| g.floats(&[2, 2], &[1., 2., NAN, 2.]).reduce(Reduction::Max, &[1]));
    check(&[1., NAN], |g| g.floats(&[2, 2], &[1., 2., 2., NAN]).reduce(Reduction::Min, &[1]));
    let lse = |x: &[f64], expected: f64| {
        check(&[expected], |g| g.floats(&[x.len()], x).reduce(Reduction::LogSumExp, &[0]));
    };
    lse(&[0., 3f64.ln()], 4f64.ln());
    lse(&[1000., 1000.], 1000. + 2f64.ln());
    lse(&[-INF, -INF], -INF);
    lse(&[-INF, 2.], 2.);
    lse(&[INF, 2.], INF);
    lse(&[NAN, 2.], NAN);
    let empty = |kind: Reduction, expected: f64| {
        check(&[expected], |g| g.floats(&[1, 0], &[]).reduce(kind, &[1]));
    };
    empty(Reduction::Sum, 0.);
    empty(Reduction::Product, 1.);
    empty(Reduction::Max, -INF);
    empty(Reduction::Min, INF);
    empty(Reduction::LogSumExp, -INF);
    check(&[f64::from(i32::MIN)], |g| g.whole(DType::I32, &[0], &[]).reduce(Reduction::Max, &[0]));
    check(&[1., 0.], |g| g.floats(&[2, 3], &[1., 2., 2., NAN, 1., NAN]).argmax(1));
    check(&[3., 1., 2., 0., 4.], |g| g.floats(&[5], &[2., 0., -0., -INF, NAN]).argsort(false));
    check(&[4., 0., 1., 2., 3.], |g| g.floats(&[5], &[2., 0., -0., -INF, NAN]).argsort(true));
}

#[test]
fn layouts() {
    let x = [1., 2., 3., 4., 5., 6.];
    check(&[1., 4., 2., 5., 3., 6.], |g| g.floats(&[2, 3], &x).transpose(&[1, 0]));
    // [2, 3, 1] → axes (2, 0, 1): a rotation, which its own inverse is not.
    check(&[1., 3., 5., 2., 4., 6.], |g| g.floats(&[1, 3, 2], &x).transpose(&[2, 0, 1]));
    check(&[1., 1., 2., 2.], |g| g.floats(&[2, 1], &[1., 2.]).broadcast_to([Dim::from(2), 2.into()]));
    let dims = |sizes: &[usize]| -> Shape { sizes.iter().map(|&n| n.into()).collect() };
    check(&[2., 4.], |g| {
        let op = Op::Slice { starts: dims(&[1]), sizes: dims(&[2]), steps: vec![2] };
        g.apply(op, &[g.floats(&[6], &x)])
    });
    check(&[9., 1., 9., 9., 2., 9., 9.], |g| {
        let op = Op::Pad { low: dims(&[1]), high: dims(&[2]), interior: vec![2], value: 9. };
        g.apply(op, &[g.floats(&[2], &[1., 2.])])
    });
    check(&[9., 9., 9.], |g| {
        let op = Op::Pad { low: dims(&[2]), high: dims(&[3]), interior: vec![2], value: 9. };
        g.apply(op, &[g.floats(&[0], &[])])
    });
    check(&[1., 2., 7., 3., 4., 8.], |g| {
        g.concat(&[g.floats(&[2, 2], &x[..4]), g.floats(&[2, 1], &[7., 8.])], 1)
    });
    check(&[3., 2., 1., 6., 5., 4.], |g| g.floats(&[2, 3], &x).reverse(&[1]));
    check(&[0., 1., 2., 0., 1., 2.], |g| g.iota(DType::I64, [Dim::from(2), 3.into()], 1));
    check(&[5., 6., 1., 2., 5., 6.], |g| {
        g.floats(&[3, 2], &x).gather(g.whole(DType::I32, &[3], &[2, 0, 2]), 0)
    });
    check(&[3., 1., 4., 4.], |g| {
        g.floats(&[2, 3], &x).gather(g.whole(DType::I64, &[2, 2], &[2, 0, 0, 0]), 1)
    });
    check(&[0., 4., 0., 2.], |g| {
        g.whole(DType::I32, &[3], &[1, 3, 1]).scatter_add(g.floats(&[3], &[1., 2., 3.]), 0, 4)
    });
    check(&[0., 1., 2., 0.], |g| {
        g.whole(DType::I32, &[2], &[1, 0]).scatter_add(g.floats(&[2], &[1., 2.]), 1, 2)
    });
}

/// A sum over time, forwards and backwards, which stacks what it began each step with.
#[test]
fn scans() {
    for (reverse, stack) in [(false, [100., 101., 113.]), (true, [135., 123., 100.])] {
        let run = |index: usize| {
            move |g: &Builder| {
                let body = Builder::new();
                let (h, x) = (body.input("h", DType::F32, []), body.input("x", DType::F32, []));
                let (w, t) = (body.input("w", DType::F32, []), body.input("t", DType::I32, []));
                body.output("h", h + x + t.cast(DType::F32) * w);
                body.output("before", h);
                let body = body.finish().unwrap();
                let scan = Scan { body, carries: 1, slices: 1, length: 3.into(), reverse };
                let operands =
                    [g.scalar(DType::F32, 100.), g.floats(&[3], &[1., 2., 3.]), g.scalar(DType::F32, 10.)];
                g.scan(scan, &operands).project(index).id()
            }
        };
        check(&[136.], |g| g.tensor(run(0)(g)));
        check(&stack, |g| g.tensor(run(1)(g)));
    }
}

#[test]
fn random_numbers_are_words_of_philox() {
    let words: Vec<f64> = [0, 1]
        .into_iter()
        .flat_map(|block| philox4x32([block, 9, 4, 2], [0x89ab_cdef, 0x0123_4567]))
        .map(|w| f64::from(w >> 8) / 16_777_216.0)
        .collect();
    check(&words[..6], |g| {
        let key = [
            g.whole(DType::I64, &[], &[0x0123_4567_89ab_cdef]),
            g.whole(DType::I64, &[], &[(5 << 32) + 9]),
            g.whole(DType::I32, &[], &[4]),
        ];
        g.apply(Op::Random { stream: 2, shape: vec![2.into(), 3.into()] }, &key)
    });
}

#[test]
fn errors_name_what_is_wrong() {
    let check = |inputs: &[(&str, Array<f64>)], expected: &str| {
        let g = Builder::new();
        let layer = g.scope("embedding", "Embedding");
        let x = g.input("x", DType::I32, [Dim::symbol("batch")]);
        let table = g.parameter("table", DType::F32, [3.into(), 2.into()]);
        g.output("y", table.gather(x, 0));
        g.output("z", x.narrow(0, 1, 2));
        drop(layer);
        let values: BTreeMap<String, Array<f64>> =
            inputs.iter().map(|(name, a)| (name.to_string(), a.clone())).collect();
        let error = evaluate(&g.finish().unwrap(), &Bindings::new(), &values, &values).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let whole = |values: &[f64]| Array::of(DType::I32, &[values.len()], values);
    let table = ("table", Array::zeros(DType::F32, &[3, 2]));
    check(
        &[("x", whole(&[0.])), ("y", whole(&[]))],
        "parameter `table`: expected f32[3, 2], received nothing",
    );
    check(std::slice::from_ref(&table), "input `x`: expected i32[batch], received nothing");
    check(
        &[table.clone(), ("x", Array::zeros(DType::F32, &[2]))],
        "input `x`: expected i32[batch], received f32[2]",
    );
    check(
        &[("x", whole(&[0.])), ("table", Array::zeros(DType::F32, &[2, 3]))],
        "parameter `table`: expected f32[3, 2], received f32[2, 3]",
    );
    check(
        &[table.clone(), ("x", whole(&[0., 1., 3.]))],
        "node %2 (Gather) in `embedding`: index 3 is not within the axis of 3 elements",
    );
    check(
        &[table.clone(), ("x", whole(&[0., -1., 2.]))],
        "node %2 (Gather) in `embedding`: index -1 is not within the axis of 3 elements",
    );
    check(
        &[table, ("x", whole(&[0., 1.]))],
        "node %3 (Slice) in `embedding`: 2 elements from 1 by 1 on axis 0 of 2",
    );
}

#[test]
fn memory_is_bounded() {
    let g = Builder::new();
    g.output("y", g.full(DType::F32, [Dim::from(1 << 20), Dim::from(1 << 20)], 0.0));
    let none = BTreeMap::<String, Array<f64>>::new();
    let error = evaluate(&g.finish().unwrap(), &Bindings::new(), &none, &none).unwrap_err().to_string();
    assert!(error.contains("the reference holds at most 268435456 elements"), "{error}");
}
