//! Times of kernels and of small graphs on this machine: `cargo bench -p nervure-exec`, of some alone with `-- products`, `-- convolutions/3×3` and
//! the like. Nothing is asserted, for machines differ and are shared. Whole networks are timed by `nervure bench`.

use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::{
    Bindings, Builder, DType, Graph, Op, Padding, PoolKind, Reduction, Scan, Tensor, Window, gradient,
};

criterion_group! {
    name = kernels;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = products, maps, reductions, normalizations, convolutions, poolings, recurrence, compilation
}
criterion_main!(kernels);

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect()
}

/// A store with small numbers for a graph's parameters.
fn store(graph: &Graph) -> Store {
    let mut store = Store::new();
    for (name, id) in graph.parameters() {
        let shape = graph.node(id).ty.resolve(&Bindings::new()).expect("fixed sizes");
        let scale = (shape.first().copied().unwrap_or(1) as f32).sqrt();
        let values: Vec<f32> = numbers(shape.iter().product()).iter().map(|v| v / scale).collect();
        store.insert(name, Buffer::from_f32(&shape, &values).expect("as many elements"));
    }
    store
}

/// Times a graph without updates on one thread and on two. What it does in a second is told in floating-point operations of products and
/// convolutions, or else in elements of its inputs.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, build: impl FnOnce(&Builder)) {
    let g = Builder::new();
    build(&g);
    let graph = g.finish().expect("the benchmark's graphs are well formed");
    let store = store(&graph);
    let plan = Plan::compile(&graph, &Bindings::new(), &store).expect("the benchmark's graphs compile");
    let inputs: Vec<Vec<f32>> =
        plan.inputs().iter().map(|(_, _, shape)| numbers(shape.iter().product())).collect();
    let views: Vec<View<'_>> = inputs.iter().map(|x| View::F32(x)).collect();
    let elements = inputs.iter().map(Vec::len).sum::<usize>() as u64;
    group.throughput(Throughput::Elements(if plan.flops() > 0 { plan.flops() } else { elements }));
    let mut runner = Runner::new(Arc::new(plan));
    for count in [1, 2] {
        let threads = Threads::new(count);
        group.bench_function(BenchmarkId::new(name, format!("{count} threads")), |b| {
            b.iter(|| runner.infer(&threads, &store, &views).expect("it runs"));
        });
    }
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("products");
    let [plain, kernel_gradient, input_gradient] = [[false, false], [true, false], [false, true]];
    for ([m, k, n], [ta, tb], heads) in [
        ([512, 512, 512], plain, None),
        ([1024, 1024, 1024], plain, None),
        ([128, 784, 512], plain, None),
        ([32, 512, 512], plain, None),
        ([1, 512, 512], plain, None),
        ([128, 128, 10], plain, None),
        ([2048, 64, 64], plain, None),
        ([4096, 32, 512], plain, None),
        ([128, 9216, 128], plain, None),
        ([2048, 128, 128], plain, None),
        ([512, 512, 512], kernel_gradient, None),
        ([128, 2048, 128], kernel_gradient, None),
        ([256, 2048, 128], kernel_gradient, None),
        ([128, 4096, 512], kernel_gradient, None),
        ([32, 4096, 512], kernel_gradient, None),
        ([9216, 128, 128], kernel_gradient, None),
        ([512, 512, 512], input_gradient, None),
        ([2048, 128, 256], input_gradient, None),
        ([64, 32, 64], [false, true], Some((32usize, 4usize))),
        ([64, 64, 32], [false, false], Some((32, 4))),
        ([64, 64, 32], [true, false], Some((32, 4))),
    ] {
        let transposed = |t: bool| if t { "ᵀ" } else { "" };
        let count = heads.map_or(1, |(batch, heads)| batch * heads);
        let name = format!("{count} × ({m} × {k}{} · {k} × {n}{})", transposed(ta), transposed(tb));
        bench(&mut group, &name, |g| {
            let input = |name: &str, rows: usize, columns: usize, is_transposed: bool| {
                let (rows, columns) = if is_transposed { (columns, rows) } else { (rows, columns) };
                match heads {
                    None => g.input(name, DType::F32, [rows.into(), columns.into()]),
                    // What a softmax makes lies head by head, what is projected row by row.
                    Some((batch, heads)) if rows == columns => {
                        g.input(name, DType::F32, [batch, heads, rows, columns].map(Into::into))
                    }
                    Some((batch, heads)) => {
                        let x = g.input(name, DType::F32, [batch, rows, heads, columns].map(Into::into));
                        x.transpose(&[0, 2, 1, 3])
                    }
                }
            };
            g.output("c", input("a", m, k, ta).matmul_with(input("b", k, n, tb), ta, tb));
        });
    }
}

type Map = for<'g> fn(Tensor<'g>) -> Tensor<'g>;

fn maps(c: &mut Criterion) {
    let all: [(&str, Map); 9] = [
        ("ten short steps", |x| {
            let y = x.abs();
            let z = ((((y - x) * x - y) * x - y) * x - y) * x;
            y.less_equal(x).select(z, y)
        }),
        ("exp", |x| x.exp()),
        ("log", |x| x.abs().log()),
        ("tanh", |x| x.tanh()),
        ("sigmoid", |x| x.sigmoid()),
        ("softplus", |x| x.softplus()),
        ("erf", |x| x.erf()),
        ("sin", |x| x.sin()),
        ("x·2 + 1", |x| x * 2.0 + 1.0),
    ];
    let mut group = c.benchmark_group("maps");
    for (name, f) in all {
        bench(&mut group, name, |g| g.output("y", f(g.input("x", DType::F32, [(1usize << 16).into()]))));
    }
}

fn reductions(c: &mut Criterion) {
    let all: [(&str, Map); 4] = [
        ("row sums", |x| x.sum(&[1])),
        ("column sums", |x| x.sum(&[0])),
        ("log-sum-exp of rows", |x| x.reduce(Reduction::LogSumExp, &[1])),
        ("softmax of rows", |x| {
            let top = x.reduce(Reduction::Max, &[1]).keep_axes(x, &[1]);
            let e = (x - top).exp();
            e / e.sum(&[1]).keep_axes(x, &[1])
        }),
    ];
    let mut group = c.benchmark_group("reductions");
    for [rows, columns] in [[512usize, 512], [6400, 10], [73728, 64]] {
        for (name, f) in all {
            bench(&mut group, &format!("{name} {rows} × {columns}"), |g| {
                g.output("y", f(g.input("x", DType::F32, [rows.into(), columns.into()])));
            });
        }
    }
}

/// Batch normalization with a rectifier, of images as [`convolutions`] has them, and its gradients.
fn normalizations(c: &mut Criterion) {
    let mut group = c.benchmark_group("normalizations");
    for shape in [[64usize, 32, 32, 16], [64, 16, 16, 32], [64, 8, 8, 64], [1, 1, 4096, 128]] {
        bench(&mut group, &format!("{shape:?}"), |g| {
            let whole = shape.map(Into::into);
            let (x, dy) = (g.input("x", DType::F32, whole.clone()), g.input("dy", DType::F32, whole));
            let of_channels = |name: &str| g.parameter(name, DType::F32, [shape[3].into()]);
            let (gamma, beta) = (of_channels("gamma"), of_channels("beta"));
            let deviation = x - x.mean(&[0, 1, 2]).keep_axes(x, &[0, 1, 2]);
            let variance = deviation.square().mean(&[0, 1, 2]);
            let [factor, shift] =
                [(variance + 1e-3).rsqrt() * gamma, beta].map(|t| t.keep_axes(x, &[0, 1, 2]));
            let y = deviation * factor + shift;
            let y = y.less_equal(y.constant(0.0)).select(y.constant(0.0), y);
            g.output("y", y);
            for (i, d) in gradient(g, (y * dy).sum_all(), &[x, gamma, beta]).into_iter().enumerate() {
                g.output(&format!("d{i}"), d.expect("everything has a gradient"));
            }
        });
    }
}

/// The layers of a network for 28 × 28 images, of a residual one for 32 × 32, and of one that convolves by channel: each alone, and each of
/// its gradients.
fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolutions");
    let valid = || Padding::Explicit(vec![(0, 0); 2]);
    for (batch, size, [channels, filters], kernel, stride, padding, groups) in [
        (128usize, 28usize, [1usize, 32usize], 3usize, 1usize, valid(), 1usize),
        (128, 26, [32, 64], 3, 1, valid(), 1),
        (64, 32, [3, 16], 3, 1, Padding::Same, 1),
        (64, 32, [16, 16], 3, 1, Padding::Same, 1),
        (64, 32, [16, 32], 3, 2, Padding::Same, 1),
        (64, 32, [16, 32], 1, 2, valid(), 1),
        (64, 16, [32, 32], 3, 1, Padding::Same, 1),
        (64, 16, [32, 64], 3, 2, Padding::Same, 1),
        (64, 16, [32, 64], 1, 2, valid(), 1),
        (64, 8, [64, 64], 3, 1, Padding::Same, 1),
        (4, 14, [256, 256], 3, 1, Padding::Same, 1),
        (16, 28, [128, 128], 1, 1, valid(), 1),
        (16, 28, [128, 128], 3, 1, Padding::Same, 128),
        (16, 28, [128, 128], 3, 2, Padding::Same, 128),
    ] {
        let window = Window { strides: vec![stride; 2], padding, ..Window::new([kernel; 2]) };
        let out = window.output(0, &size.into()).as_const().expect("fixed sizes");
        let x = [batch, size, size, channels];
        let w = [kernel, kernel, channels / groups, filters];
        let y = [batch, out, out, filters];
        let place = format!("{kernel}×{kernel} by {stride} of {batch}×{size}×{size}×{channels} → {filters}");
        for kind in ["forward", "input gradient", "kernel gradient"] {
            bench(&mut group, &format!("{place}, {groups} groups, {kind}"), |g| {
                let input = |name: &str, shape: [usize; 4]| g.input(name, DType::F32, shape.map(Into::into));
                let window = window.clone();
                g.output(
                    "y",
                    match kind {
                        "forward" => input("x", x).conv(input("w", w), window, groups),
                        "input gradient" => input("dy", y).conv_input_grad(
                            input("w", w),
                            window,
                            groups,
                            [size.into(), size.into()],
                        ),
                        _kernel_gradient => input("x", x).conv_kernel_grad(input("dy", y), window, groups),
                    },
                );
            });
        }
    }
}

/// Pooling of the first network of [`convolutions`], and its gradient.
fn poolings(c: &mut Criterion) {
    let mut group = c.benchmark_group("poolings");
    for (shape, size, padding) in [([128usize, 24, 24, 64], 2usize, 0usize), ([16, 28, 28, 128], 3, 1)] {
        let window = Window {
            strides: vec![2; 2],
            padding: Padding::Explicit(vec![(padding, padding); 2]),
            ..Window::new([size; 2])
        };
        for kind in PoolKind::ALL {
            let name = format!("{kind:?} {size}×{size} by 2 of {shape:?}");
            bench(&mut group, &name, |g| {
                let x = g.input("x", DType::F32, shape.map(Into::into));
                g.output("y", x.pool(kind, window.clone()));
            });
            bench(&mut group, &format!("{name}, gradient"), |g| {
                let x = g.input("x", DType::F32, shape.map(Into::into));
                let dy = g.input("dy", DType::F32, x.pool(kind, window.clone()).shape());
                let spatial = shape[1..3].iter().map(|&n| n.into()).collect();
                let op = Op::PoolGrad { kind, window: window.clone(), spatial };
                let operands = [dy, x];
                let used = match kind {
                    PoolKind::Max => &operands[..],
                    PoolKind::Sum => &operands[..1],
                };
                g.output("dx", g.apply(op, used));
            });
        }
    }
}

/// A long short-term memory (Hochreiter and Schmidhuber 1997) over 64 steps: its states, and with the gradients of its weights.
fn recurrence(c: &mut Criterion) {
    const STEPS: usize = 64;
    let mut group = c.benchmark_group("recurrence");
    for (batch, inputs, units) in [(64usize, 32usize, 128usize), (64, 512, 512), (16, 32, 64), (512, 32, 128)]
    {
        let step = Builder::new();
        let state = |name: &str| step.input(name, DType::F32, [batch.into(), units.into()]);
        let (h, memory) = (state("h"), state("c"));
        let seen = step.input("seen", DType::F32, [batch.into(), (4 * units).into()]);
        let product = h.matmul(step.input("w", DType::F32, [units.into(), (4 * units).into()]));
        step.input("time", DType::I32, []);
        let sum = |k| seen.narrow(-1, k * units, units) + product.narrow(-1, k * units, units);
        let memory = sum(1).sigmoid() * memory + sum(0).sigmoid() * sum(2).tanh();
        step.output("h", sum(3).sigmoid() * memory.tanh());
        step.output("c", memory);
        let body = step.finish().expect("well formed");
        for training in [false, true] {
            let what = if training { "with gradients" } else { "states" };
            bench(&mut group, &format!("{batch} × {inputs} → {units}, {what}"), |g| {
                let x = g.input("x", DType::F32, [STEPS.into(), batch.into(), inputs.into()]);
                let weight =
                    |name: &str, n: usize| g.parameter(name, DType::F32, [n.into(), (4 * units).into()]);
                let (kernel, recurrent) = (weight("kernel", inputs), weight("recurrent", units));
                let bias = g.parameter("bias", DType::F32, [(4 * units).into()]);
                let zeros = g.full(DType::F32, [batch.into(), units.into()], 0.0);
                let body = body.clone();
                let scan = Scan { body, carries: 2, slices: 1, length: STEPS.into(), reverse: false };
                let states = g.scan(scan, &[zeros, zeros, x.matmul(kernel) + bias, recurrent]).project(0);
                g.output("states", states);
                if training {
                    let weights = [kernel, recurrent, bias];
                    for (i, d) in gradient(g, states.square().mean_all(), &weights).into_iter().enumerate() {
                        g.output(&format!("gradient {i}"), d.expect("every weight has a gradient"));
                    }
                }
            });
        }
    }
}

/// The gradients of a deep residual network with normalization, from graph to plan.
fn compilation(c: &mut Criterion) {
    let g = Builder::new();
    let (mut h, mut weights) = (g.input("x", DType::F32, [32.into(), 64.into()]), Vec::new());
    for i in 0..60 {
        let w = g.parameter(&format!("{i}/w"), DType::F32, [64.into(), 64.into()]);
        let b = g.parameter(&format!("{i}/b"), DType::F32, [64.into()]);
        weights.extend([w, b]);
        let mean = h.mean(&[1]).keep_axes(h, &[1]);
        let variance = (h - mean).square().mean(&[1]).keep_axes(h, &[1]);
        let normal = (h - mean) / (variance + 1e-3).sqrt();
        h = h + (normal.matmul(w) + b).tanh();
    }
    let loss = h.square().mean_all();
    g.output("loss", loss);
    for (w, d) in weights.iter().zip(gradient(&g, loss, &weights)) {
        g.update(*w, *w - d.expect("every weight has a gradient") * 0.001);
    }
    let graph = g.finish().expect("well formed");
    let store = store(&graph);
    c.bench_function(&format!("compilation of {} nodes", graph.nodes().len()), |b| {
        b.iter(|| Plan::compile(&graph, &Bindings::new(), &store).expect("it compiles"));
    });
}
