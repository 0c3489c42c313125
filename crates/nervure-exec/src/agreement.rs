//! Plans against the reference, at every level that the machine has and with numbers of threads that divide the work and such that do not.

mod formulas;
mod scans;

use std::sync::Arc;

use nervure_graph::testing::{Case, cases, random_graph};
use nervure_graph::{
    Array, Bindings, Builder, DType, Data, Dim, Evaluation, Graph, Op, Padding, Reduction, Scan, Tensor,
    Window, gradient,
};

use crate::simd::Level;
use crate::{Buffer, Error, Plan, Runner, Store, Threads, View};

/// Error of an `f32` plan against an `f64` reference, next to 1 + |value|: the cases sum at most some hundred terms of size about 1, each of which
/// is off by some 2⁻²⁴, and chain some ten such sums.
const TOLERANCE: f64 = 1e-4;

fn buffer(a: &Array<f64>) -> Buffer {
    match a.data() {
        Data::F32(v) => Buffer::from_f32(a.shape(), &v.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        Data::I32(v) => Buffer::from_i32(a.shape(), v),
        Data::I64(v) => Buffer::from_i64(a.shape(), v),
        Data::U8(v) => Buffer::from_u8(a.shape(), v),
        Data::Bool(v) => Buffer::from_bool(a.shape(), v),
    }
    .unwrap()
}

fn wide(v: View) -> Vec<f64> {
    match v {
        View::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::I64(v) => v.iter().map(|&x| x as f64).collect(),
        View::U8(v) => v.iter().map(|&x| f64::from(x)).collect(),
        View::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
    }
}

/// Values with their bits: what two runs must have in common.
fn bits(v: View) -> Vec<u64> {
    match v {
        View::F32(v) => {
            v.iter().map(|&x| u64::from(if x.is_nan() { f32::NAN } else { x }.to_bits())).collect()
        }
        other => wide(other).into_iter().map(f64::to_bits).collect(),
    }
}

/// Runs a case; its outputs and updated parameters.
fn run(
    case: &Case,
    bindings: &Bindings,
    level: Level,
    threads: &Threads,
    shared: bool,
) -> Result<Vec<Buffer>, Error> {
    let mut store = Store::new();
    for (name, a) in &case.parameters {
        store.insert(name, buffer(a));
    }
    let inputs: Vec<Buffer> = case
        .graph
        .inputs()
        .iter()
        .map(|&id| match &case.graph.node(id).op {
            Op::Input { name, .. } => buffer(&case.inputs[name]),
            _ => unreachable!(),
        })
        .collect();
    let mut plan = Plan::compile_for(&case.graph, bindings, &store, level)?;
    plan.is_shared = shared;
    let mut runner = Runner::new(Arc::new(plan));
    let views: Vec<View> = inputs.iter().map(Buffer::view).collect();
    runner.run(threads, &mut store, &views)?;
    let plan = Arc::clone(runner.plan());
    let mut out: Vec<Buffer> = plan
        .outputs()
        .iter()
        .enumerate()
        .map(|(i, (_, _, shape))| Buffer::from_view(shape, runner.output(i)).unwrap())
        .collect();
    for update in case.graph.updates() {
        if let Op::Parameter { name, .. } = &case.graph.node(update.parameter).op {
            out.push(store.get(name).unwrap().clone());
        }
    }
    Ok(out)
}

fn expected(run: &Evaluation<f64>) -> Vec<(String, Vec<f64>)> {
    let named = |(name, a): (&str, &Array<f64>)| (name.to_string(), a.to_f64());
    run.outputs().chain(run.updates()).map(named).collect()
}

fn agree(case: &Case) {
    let reference = case.evaluate::<f64>().unwrap();
    let (one, several) = (Threads::new(1), [2, 3, 5].map(Threads::new));
    for &level in Level::available() {
        let got = run(case, &reference.bindings, level, &one, false)
            .unwrap_or_else(|e| panic!("{}: {e}\n{:?}", case.name, case.graph));
        for (got, (name, expected)) in got.iter().zip(expected(&reference)) {
            let got = wide(got.view());
            assert_eq!(got.len(), expected.len(), "{}: {name}", case.name);
            for (i, (&g, &e)) in got.iter().zip(&expected).enumerate() {
                let ok = g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= TOLERANCE * (1.0 + e.abs());
                assert!(
                    ok,
                    "{}, {level:?}: {name}[{i}] is {g}, expected {e}\n{}",
                    case.name,
                    text(&case.graph)
                );
            }
        }
        for threads in &several {
            let again = run(case, &reference.bindings, level, threads, true).unwrap();
            for (a, b) in got.iter().zip(&again) {
                assert_eq!(bits(a.view()), bits(b.view()), "{}: {} threads", case.name, threads.count());
            }
        }
    }
}

/// Sums of several blocks, tiles with edges, windows within and across the borders: larger than the cases of single primitives.
#[test]
fn plans_of_large_arrays_agree_with_the_reference() {
    type Write = fn(&Builder, Tensor<'_>);
    let write: [(&str, &[usize], Write); 8] = [
        ("products", &[37, 600], |g, x| {
            for (m, n) in [(70, 1), (33, 33), (5, 130)] {
                let w = x.sin().narrow(0, 0, 1).broadcast_to([Dim::from(n), 600.into()]);
                let w = w * (g.iota(DType::F32, [Dim::from(n), 600.into()], 0) * 0.37).cos();
                let left = x.narrow(0, 0, m.min(37));
                g.output(&format!("{n}"), left.matmul_with(w, false, true));
                g.output(
                    &format!("{n}t"),
                    left.transpose(&[1, 0]).matmul_with(w.transpose(&[1, 0]), true, false),
                );
            }
        }),
        ("heads of attention", &[2, 19, 3, 40], |g, x| {
            let by_head: fn(Tensor<'_>) -> Tensor<'_> = |x| x.transpose(&[0, 2, 1, 3]);
            let (q, k) = (by_head(x), by_head(x.sin()));
            let y = by_head(q.matmul_with(k, false, true).matmul(k));
            g.output("rows", y.reshape([2, 19, 120].map(Dim::from)));
            g.output("turned", q.matmul_with(k, true, false).transpose(&[0, 1, 3, 2]).tanh());
            g.output("gradient", gradient(g, y.square().sum_all(), &[x])[0].unwrap() * 1e-6);
        }),
        ("batches of products", &[6, 20, 300], |g, x| {
            g.output("square", x.matmul_with(x, false, true));
            g.output("gram", x.matmul_with(x, true, false));
        }),
        ("convolution", &[2, 9, 8, 36], |g, x| {
            let k = x.reshape([72usize, 72].map(Dim::from)).narrow(0, 0, 70).narrow(1, 0, 54);
            let k = k.reshape([3usize, 3, 12, 35].map(Dim::from)).narrow(3, 0, 33);
            let same = Window { padding: Padding::Same, ..Window::new([3, 3]) };
            let wide = Window { strides: vec![2, 1], dilation: vec![1, 2], ..same.clone() };
            for (i, window) in [same, wide].into_iter().enumerate() {
                let y = x.conv(k, window, 3);
                g.output(&format!("{i}"), y);
                for (j, grad) in gradient(g, (y * 0.1).square().sum_all(), &[x, k]).into_iter().enumerate() {
                    g.output(&format!("{i}-{j}"), grad.unwrap() * 0.1);
                }
            }
        }),
        ("recurrent layer", &[3, 9, 280], |g, x| {
            // Sums of two blocks of columns forwards and of two blocks of terms backwards, gates put side by side.
            let u = g.iota(DType::F32, [70.into(), 280.into()], 1) * 0.37;
            let u = (u + g.iota(DType::F32, [70.into(), 280.into()], 0) * 1.7).sin() * 0.1;
            let b = Builder::new();
            let [h, c] = ["h", "c"].map(|name| b.input(name, DType::F32, [9.into(), 70.into()]));
            let seen = b.input("seen", DType::F32, [9.into(), 280.into()]);
            let sums = h.matmul(b.input("u", DType::F32, [70.into(), 280.into()]));
            b.input("t", DType::I32, nervure_graph::Shape::new());
            let part = |i: usize| seen.narrow(1, 70 * i, 70) + sums.narrow(1, 70 * i, 70);
            let new = part(0).sigmoid() * c + part(1).sigmoid() * part(2).tanh();
            b.output("h", part(3).sigmoid() * new.tanh());
            b.output("c", new);
            let body = b.finish().unwrap();
            let scan = Scan { body, carries: 2, slices: 1, length: 3.into(), reverse: false };
            let zeros = g.full(DType::F32, [9.into(), 70.into()], 0.0);
            let h = g.scan(scan, &[zeros, zeros, x, u]).project(0);
            g.output("h", h);
            for (i, grad) in gradient(g, h.square().sum_all(), &[x, u]).into_iter().enumerate() {
                g.output(&format!("gradient {i}"), grad.unwrap());
            }
        }),
        ("long reductions", &[3, 9001], |g, x| {
            for kind in [Reduction::Sum, Reduction::Max, Reduction::Min, Reduction::LogSumExp] {
                g.output(&format!("{kind:?} of rows"), x.reduce(kind, &[1]));
                g.output(&format!("{kind:?} of columns"), x.transpose(&[1, 0]).reduce(kind, &[0]));
                g.output(&format!("{kind:?} of all"), (x * 0.5 + 0.1).reduce(kind, &[0, 1]));
            }
            g.output("greatest", x.argmax(1));
            g.output("order", x.argsort(true));
        }),
        ("columns", &[9001, 3], |g, x| {
            for kind in [Reduction::Sum, Reduction::Max, Reduction::LogSumExp] {
                g.output(&format!("{kind:?}"), x.reduce(kind, &[0]));
            }
            g.output("greatest", x.argmax(0));
        }),
        ("movement", &[40, 30, 20], |g, x| {
            let turned = x.transpose(&[2, 0, 1]);
            g.output("turned", turned);
            g.output("reversed", x.reverse(&[0, 2]).tanh());
            g.output("joined", g.concat(&[x, x.reverse(&[1])], 2).sum(&[2]));
            g.output("chain", (turned.reshape([Dim::from(800), 30.into()]) * 2.0).transpose(&[1, 0]).exp());
            let e = (x - x.reduce(Reduction::Max, &[2]).keep_axes(x, &[2])).exp();
            g.output("softmax", e / e.sum(&[2]).keep_axes(e, &[2]));
        }),
    ];
    for (name, shape, write) in write {
        let g = Builder::new();
        let dims: Vec<Dim> = shape.iter().map(|&n| n.into()).collect();
        write(&g, g.input("x", DType::F32, dims));
        let inputs = [("x".to_string(), walk(shape, 0.0))].into();
        agree(&Case::new(name, g.finish().unwrap(), Bindings::new(), inputs, [].into()));
    }
}

/// Values in [−1, 1) that repeat nowhere near.
fn walk(shape: &[usize], from: f32) -> Array<f64> {
    let n = shape.iter().product::<usize>();
    let values: Vec<f64> =
        (0..n).map(|i| f64::from((i as f32 * 0.754_877_7 + from).fract() * 2.0 - 1.0)).collect();
    Array::of(DType::F32, shape, &values)
}

/// Every way in which a convolution, or a gradient of one, reads its operands: in place and from copies of blocks, tiles with edges, sums of
/// several blocks, phases of strides, one row of all images, one window of an image, vectors of channels, Winograd's tiles.
#[test]
fn convolutions_of_all_layouts_agree_with_the_reference() {
    /// Batch, spatial sizes, channels of the input and of the output, groups, window.
    type Layout = (usize, &'static [usize], usize, usize, usize, Window);
    let same = |size: &[usize]| Window { padding: Padding::Same, ..Window::new(size.to_vec()) };
    let strided =
        |stride: usize, window: Window| Window { strides: vec![stride; window.size.len()], ..window };
    let dilated = |by: usize, window: Window| Window { dilation: vec![by; window.size.len()], ..window };
    let shifted = Window { padding: Padding::Explicit(vec![(2, 0), (0, 3)]), ..Window::new([3, 2]) };
    let padded = |pads: [(usize, usize); 2]| Window {
        padding: Padding::Explicit(pads.to_vec()),
        ..Window::new([3, 3])
    };
    let layouts: [Layout; 40] = [
        (2, &[6, 31], 1, 33, 1, same(&[3, 3])),
        (2, &[5, 29], 2, 5, 1, Window::new([3, 3])),
        (3, &[7, 7], 3, 16, 1, strided(2, same(&[3, 3]))),
        (1, &[9, 10], 4, 20, 1, shifted),
        (1, &[4, 5], 67, 35, 1, same(&[3, 3])),
        (2, &[8, 8], 17, 48, 1, strided(2, same(&[3, 3]))),
        (2, &[7, 9], 8, 8, 1, strided(3, same(&[2, 2]))),
        (2, &[7, 9], 8, 8, 1, strided(2, Window::new([1, 1]))),
        (2, &[9, 9], 5, 7, 1, dilated(2, same(&[3, 3]))),
        (2, &[11, 9], 5, 7, 1, strided(2, dilated(3, same(&[3, 2])))),
        (5, &[7, 11], 23, 17, 1, Window::new([1, 1])),
        (4, &[3, 3], 12, 19, 1, Window::new([3, 3])),
        (3, &[1, 1], 4, 6, 1, same(&[3, 3])),
        (1, &[3, 5], 512, 3, 1, Window::new([1, 1])),
        (1, &[2, 17], 512, 2, 1, same(&[1, 3])),
        (1, &[40, 20], 64, 2, 1, same(&[3, 3])),
        (1, &[700], 3, 5, 1, same(&[5])),
        (2, &[3, 4, 5], 3, 4, 1, same(&[2, 3, 3])),
        (2, &[7, 9], 12, 18, 3, strided(2, same(&[3, 3]))),
        (2, &[13, 14], 37, 37, 37, same(&[3, 3])),
        (2, &[13, 14], 21, 21, 21, strided(2, same(&[3, 3]))),
        (1, &[9, 20], 6, 6, 6, dilated(2, Window::new([3, 4]))),
        (2, &[5, 6], 3, 6, 3, same(&[3, 3])),
        (0, &[5, 6], 3, 6, 1, same(&[3, 3])),
        (2, &[9, 4], 2, 3, 1, strided(7, same(&[3, 2]))),
        (2, &[26, 27], 32, 2, 1, Window::new([3, 3])),
        // Tiles whole and cut at the edges, less than a tile, panels whole and cut, several blocks of tiles and of terms.
        (2, &[6, 8], 16, 16, 1, same(&[3, 3])),
        (3, &[7, 9], 16, 48, 1, same(&[3, 3])),
        (2, &[9, 6], 19, 33, 1, Window::new([3, 3])),
        (3, &[8, 8], 64, 32, 1, same(&[3, 3])),
        (1, &[2, 5], 32, 17, 1, same(&[3, 3])),
        (1, &[1, 2], 16, 16, 1, same(&[3, 3])),
        (2, &[1, 4], 16, 24, 1, same(&[3, 3])),
        (2, &[4, 4], 16, 16, 1, Window::new([3, 3])),
        (2, &[5, 5], 16, 16, 1, padded([(3, 0), (0, 4)])),
        (2, &[4, 3], 20, 16, 1, padded([(0, 1), (2, 0)])),
        (0, &[8, 8], 16, 16, 1, same(&[3, 3])),
        (1, &[4, 6], 300, 33, 1, same(&[3, 3])),
        (1, &[3, 4], 20, 130, 1, same(&[3, 3])),
        (1, &[41, 40], 16, 16, 1, same(&[3, 3])),
    ];
    for (batch, spatial, c, o, groups, window) in layouts {
        let image = |sizes: &[usize], channels: usize| [&[batch], sizes, &[channels]].concat();
        let outputs: Vec<usize> =
            (0..spatial.len()).map(|i| window.output(i, &spatial[i].into()).as_const().unwrap()).collect();
        let arrays = [
            ("x", walk(&image(spatial, c), 0.0)),
            ("k", walk(&[&window.size[..], &[c / groups, o]].concat(), 0.3)),
            ("dy", walk(&image(&outputs, o), 0.6)),
            ("b", walk(&[o], 0.9)),
        ];
        let g = Builder::new();
        let [x, k, dy, b] = [0, 1, 2, 3].map(|i| {
            let dims: Vec<Dim> = arrays[i].1.shape().iter().map(|&n| n.into()).collect();
            g.input(arrays[i].0, DType::F32, dims)
        });
        let sizes: Vec<Dim> = spatial.iter().map(|&n| n.into()).collect();
        let y = x.conv(k, window.clone(), groups);
        g.output("y", y);
        g.output("activation", (y + b).tanh());
        let dx = dy.conv_input_grad(k, window.clone(), groups, sizes);
        g.output("dx", dx * 0.5 + x.sin());
        g.output("dk", x.conv_kernel_grad(dy, window.clone(), groups));
        let name = format!("convolution of {batch} × {spatial:?} × {c} → {o}, {groups} groups, {window:?}");
        let inputs = arrays.map(|(name, a)| (name.to_string(), a)).into();
        agree(&Case::new(&name, g.finish().unwrap(), Bindings::new(), inputs, [].into()));
    }
}

/// A convolution and its gradients by Winograd's tiles have errors near those of sums over taps, which a fourth column of zeros in the kernel
/// brings about: measured are factors of 1.0 to 1.9, for each product is of sums of four elements of the image, and an output takes nine.
#[test]
fn tiles_are_nearly_as_exact_as_sums_over_taps() {
    let arrays = [
        ("x", walk(&[2, 12, 12, 48], 0.0)),
        ("k", walk(&[3, 3, 48, 32], 0.3)),
        ("dy", walk(&[2, 10, 10, 32], 0.6)),
    ];
    let g = Builder::new();
    let [x, k, dy] = [0, 1, 2].map(|i| {
        let dims: Vec<Dim> = arrays[i].1.shape().iter().map(|&n| n.into()).collect();
        g.input(arrays[i].0, DType::F32, dims)
    });
    let zeros = g.full(DType::F32, [3usize, 1, 48, 32].map(Dim::from), 0.0);
    let longer = Window { padding: Padding::Explicit(vec![(0, 0), (0, 1)]), ..Window::new([3, 4]) };
    for (by, k, window) in [("tiles", k, Window::new([3, 3])), ("taps", g.concat(&[k, zeros], 1), longer)] {
        g.output(&format!("y by {by}"), x.conv(k, window.clone(), 1));
        g.output(&format!("dx by {by}"), dy.conv_input_grad(k, window.clone(), 1, [12.into(), 12.into()]));
        g.output(&format!("dk by {by}"), x.conv_kernel_grad(dy, window, 1).narrow(1, 0, 3));
    }
    let inputs = arrays.map(|(name, a)| (name.to_string(), a)).into();
    let case = Case::new("both", g.finish().unwrap(), Bindings::new(), inputs, [].into());
    let reference = case.evaluate::<f64>().unwrap();
    for &level in Level::available() {
        let got = run(&case, &reference.bindings, level, &Threads::new(1), false).unwrap();
        let errors: Vec<f64> = got
            .iter()
            .zip(expected(&reference))
            .map(|(got, (_, expected))| {
                let square = |x: f64| x * x;
                let error: f64 = wide(got.view()).iter().zip(&expected).map(|(g, e)| square(g - e)).sum();
                (error / expected.iter().map(|&e| square(e)).sum::<f64>()).sqrt()
            })
            .collect();
        for (i, name) in ["y", "dx", "dk"].into_iter().enumerate() {
            let (tiles, taps) = (errors[i], errors[i + 3]);
            println!("{level:?}, {name}: {tiles:.2e} by tiles, {taps:.2e} by taps");
            assert!(
                tiles <= 3.0 * taps && tiles <= 1e-6,
                "{level:?}, {name}: {tiles} by tiles, {taps} by taps"
            );
        }
    }
}

/// Several reductions of one row, each of what the last gave, for rows of every kind: none, one element, less and more than a vector, a tile, a block.
#[test]
fn plans_of_rows_agree_with_the_reference() {
    for (rows, row) in [
        (0, 5),
        (3, 0),
        (9, 1),
        (1, 10),
        (50, 2),
        (33, 3),
        (67, 10),
        (40, 16),
        (29, 17),
        (20, 64),
        (9, 129),
        (5, 512),
        (4, 513),
        (3, 700),
        (2, 4096),
        (2, 4097),
        (2, 9001),
    ] {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [Dim::from(rows), row.into()]);
        fn keep<'g>(reduced: Tensor<'g>, x: Tensor<'g>) -> Tensor<'g> {
            reduced.keep_axes(x, &[1])
        }
        fn normal<'g>(x: Tensor<'g>) -> Tensor<'g> {
            let deviation = x - keep(x.mean(&[1]), x);
            deviation * (keep(deviation.square().mean(&[1]), x) + 0.1).rsqrt()
        }
        let softmax = (x - keep(x.reduce(Reduction::LogSumExp, &[1]), x)).exp();
        let top = keep(x.reduce(Reduction::Max, &[1]), x);
        let e = ((x * 2.0 - top) * 0.5).exp();
        let chain = e / keep(e.sum(&[1]), x) - keep((e * e).reduce(Reduction::Min, &[1]), x);
        g.output("sum", x - keep(x.sum(&[1]), x) * 0.1);
        g.output("top", top * 3.0 + 1.0);
        if row > 0 {
            g.output("softmax", softmax);
            g.output("normal", normal(x));
            g.output("chain", chain);
            // Of all rows, and along columns: not what a row has at hand.
            let mean = x.mean(&[1]);
            g.output(
                "across",
                (normal(x).matmul_with(x, false, true)) * 0.01 + mean.reshape([Dim::from(1), rows.into()]),
            );
            let loss = (normal(normal(x)) * x.sin()).sum_all() * 0.01 + (softmax * x).sum_all();
            g.output("gradient", gradient(&g, loss + (chain * x).sum_all(), &[x])[0].unwrap());
        }
        let inputs = [("x".to_string(), walk(&[rows, row], 0.0))].into();
        agree(&Case::new(
            &format!("rows {rows} × {row}"),
            g.finish().unwrap(),
            Bindings::new(),
            inputs,
            [].into(),
        ));
    }
}

/// Batch normalization and its gradient: sums of columns of what a tape makes, of few rows and of several blocks.
#[test]
fn plans_of_columns_agree_with_the_reference() {
    for (rows, columns) in
        [(0, 5), (9, 1), (50, 2), (600, 10), (2048, 3), (9000, 17), (300, 512), (3000, 64), (2049, 513)]
    {
        let g = Builder::new();
        let dims = [Dim::from(rows), columns.into()];
        let x = g.input("x", DType::F32, dims.clone());
        let gamma = g.input("gamma", DType::F32, [Dim::from(columns)]);
        if rows > 0 {
            let deviation = x - x.mean(&[0]);
            let variance = deviation.square().mean(&[0]);
            let y = deviation * ((variance + 0.1).rsqrt() * gamma) + 0.2;
            // Smooth: of a million elements some lie where rounding decides on which side of a kink.
            let y = y.tanh();
            g.output("variance", variance);
            g.output("y", y);
            g.output("greatest", (x * gamma).reduce(Reduction::Max, &[0]));
            let loss = (y * x.sin()).sum(&[0]) * gamma;
            // Both ways at once.
            g.output("rows", (y - y.sum(&[1]).keep_axes(y, &[1]) * 0.1).square().sum(&[0]) * 0.01);
            for (i, grad) in gradient(&g, loss.sum_all(), &[x, gamma]).into_iter().enumerate() {
                g.output(&format!("gradient {i}"), grad.unwrap());
            }
        }
        g.output("sum", (x * 0.5 + 0.1).sum(&[0]));
        let inputs = [("x", walk(&[rows, columns], 0.0)), ("gamma", walk(&[columns], 0.4))];
        let inputs = inputs.map(|(name, a)| (name.to_string(), a)).into();
        let name = format!("columns {rows} × {columns}");
        agree(&Case::new(&name, g.finish().unwrap(), Bindings::new(), inputs, [].into()));
    }
}

fn text(graph: &Graph) -> String {
    graph.ids().map(|id| format!("{id} = {:?}\n", graph.node(id))).collect()
}

/// The compiler does not count on what `simplify` resolves before it.
#[test]
fn a_transposed_scalar_compiles_as_it_is() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, nervure_graph::Shape::new());
    g.output("y", x.sin().transpose(&[]).cos());
    let graph = g.finish().unwrap();
    let results = crate::compile::Results::Arena;
    crate::compile::compile(&graph, &Bindings::new(), &Store::new(), Level::best(), results).unwrap();
}

#[test]
fn plans_of_every_primitive_agree_with_the_reference() {
    cases().iter().for_each(agree);
}

#[test]
fn plans_of_random_graphs_agree_with_the_reference() {
    for seed in 0..400 {
        agree(&random_graph(seed));
    }
}

/// What follows a product part by part: operands that repeat, another product, a mask; updates in place, also of what the product reads.
#[test]
fn tails_of_products_agree_with_the_reference() {
    type Write = fn(&Builder, Tensor<'_>, Tensor<'_>);
    let write: [(&str, usize, Write); 7] = [
        ("layer", 1, |g, x, w| {
            let bias = w.narrow(0, 0, 1).reshape([Dim::from(250)]);
            let h = x.matmul(w) + bias;
            let mask = h.less_equal(h.constant(0.0));
            g.output("mask", mask);
            g.output("h", mask.select(h.constant(0.0), h));
        }),
        ("descent", 1, |g, x, w| {
            let grad = x.matmul_with(x.matmul(w), true, false);
            g.update(w, w - grad * 0.001);
        }),
        ("an update of what the product reads", 1, |g, x, w| {
            let y = x.narrow(1, 0, 70).matmul(w);
            g.output("y", y.sum(&[1]));
            let square = w.narrow(1, 0, 70).matmul(w);
            g.update(w, w - square * 0.01);
        }),
        ("few rows of many columns", 1, |g, x, w| {
            let wide = g.concat(&[w; 8], 1);
            g.output("y", x.narrow(0, 0, 2).matmul(wide).abs());
        }),
        ("two products", 1, |g, x, w| {
            let (a, b) = (x.matmul(w), (x * 0.5).matmul(w.sin()));
            g.output("y", a * b + a);
        }),
        ("a product that the tail of another waits for", 0, |g, x, w| {
            let a = x.matmul(w);
            g.output("y", a * a.sum(&[1]).keep_axes(a, &[1]) + a.square().sum_all());
        }),
        ("a batch and a column", 2, |g, x, w| {
            let batch = x.reshape([2usize, 150, 70].map(Dim::from));
            let y = batch.matmul_with(batch, false, true).tanh();
            g.output("gram", y);
            let column = x.matmul(w.narrow(1, 0, 1));
            g.output("column", column.exp() + 1.0);
        }),
    ];
    for (name, tails, write) in write {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [300usize, 70].map(Dim::from));
        let w = g.parameter("w", DType::F32, [70usize, 250].map(Dim::from));
        write(&g, x, w);
        let values = |n: usize| -> Vec<f64> {
            (0..n).map(|i| f64::from((i as f32 * 0.754_877_7).fract() * 2.0 - 1.0)).collect()
        };
        let array = |shape: [usize; 2]| Array::of(DType::F32, &shape, &values(shape[0] * shape[1]));
        let inputs = [("x".to_string(), array([300, 70]))].into();
        let parameters = [("w".to_string(), array([70, 250]))].into();
        let case = Case::new(name, g.finish().unwrap(), Bindings::new(), inputs, parameters);
        agree(&case);
        let mut store = Store::new();
        store.insert("w", buffer(&case.parameters["w"]));
        for &level in Level::available() {
            let plan = Plan::compile_for(&case.graph, &Bindings::new(), &store, level).unwrap();
            assert_eq!(plan.to_string().matches("tail").count(), tails, "{name}: {plan}");
        }
    }
}
