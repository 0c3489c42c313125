//! Times of plans on this machine, printed: `cargo bench -p nervure-exec`, of some alone with `-- mlp`, `-- products`, `-- convolutions`
//! or `-- recurrence`. Nothing is asserted,
//! for machines differ and are shared.

#[path = "plans/products.rs"]
mod products;

use std::sync::Arc;
use std::time::Instant;

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View, peak_flops};
use nervure_graph::{Bindings, Builder, DType, Graph, Op, Padding, PoolKind, Scan, Tensor, Window, gradient};

use products::products;

fn main() {
    let (one, two) = (Threads::new(1), Threads::new(2));
    let peak = peak_flops(&one) / 1e9;
    println!("peak of one thread: {peak:.1} GFLOP/s");
    let only = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    if only.as_deref().is_some_and(|o| o == "convolutions") {
        convolutions(&one, &two, peak);
        poolings(&one, &two);
        return;
    }
    if only.as_deref().is_some_and(|o| o == "maps") {
        UNARY.iter().for_each(|&(name, f)| map(&one, name, f));
        return;
    }
    if only.as_deref().is_some_and(|o| o == "normalization") {
        normalizations(&one, &two);
        return;
    }
    if only.as_deref().is_some_and(|o| o == "recurrence") {
        recurrence(&one, &two, peak);
        return;
    }
    if only.as_deref().is_some_and(|o| o == "products") {
        return products(&one, &two, peak);
    }
    for mlp in &MLPS {
        mlp.run(&one, &two, peak);
    }
    if only.is_some_and(|o| o == "mlp") {
        return;
    }
    products(&one, &two, peak);
    for (name, f) in UNARY {
        map(&one, name, f);
    }
    reductions(&one);
    recurrence(&one, &two, peak);
    convolutions(&one, &two, peak);
    poolings(&one, &two);
    normalizations(&one, &two);
    compilation();
}

/// The time of a call, in seconds: the least of many rounds, each long enough for the clock and short enough to fall between the turns of
/// other programs.
fn time(mut f: impl FnMut()) -> f64 {
    f();
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| f());
        if start.elapsed().as_micros() >= 300 {
            break;
        }
        calls *= 2;
    }
    let begin = Instant::now();
    (0..400)
        .take_while(|&round| round < 3 || begin.elapsed().as_millis() < 400)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| f());
            start.elapsed().as_secs_f64() / f64::from(calls)
        })
        .fold(f64::INFINITY, f64::min)
}

fn numbers(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i * 7919 % 1000) as f32 / 1000.0 - 0.5).collect()
}

fn runner(graph: &Graph, store: &Store) -> Runner {
    Runner::new(Arc::new(
        Plan::compile(graph, &Bindings::new(), store).expect("the benchmark's graphs compile"),
    ))
}

/// Adam's update of `w` by its gradient, and of its two moments.
fn adam<'g>(g: &'g Builder, w: Tensor<'g>, name: &str, grad: Tensor<'g>, rate: Tensor<'g>) {
    let shape = w.shape();
    let m = g.parameter(&format!("{name}/m"), DType::F32, shape.clone());
    let v = g.parameter(&format!("{name}/v"), DType::F32, shape);
    let m1 = m + (grad - m) * 0.1;
    let v1 = v + (grad.square() - v) * 0.001;
    g.update(m, m1);
    g.update(v, v1);
    g.update(w, w - m1 * rate / (v1.sqrt() + 1e-7));
}

/// A dense network with rectified hidden layers: one output is a logit, several are those of classes.
struct Mlp {
    name: &'static str,
    sizes: &'static [usize],
    batch: usize,
}

const MLPS: [Mlp; 3] = [
    Mlp { name: "seed_mlp", sizes: &[8, 10, 8, 1], batch: 32 },
    Mlp { name: "tabular", sizes: &[100, 256, 128, 1], batch: 256 },
    Mlp { name: "mnist_mlp", sizes: &[784, 512, 512, 10], batch: 128 },
];

impl Mlp {
    /// A prediction, or a training step with cross-entropy and Adam.
    fn graph(&self, training: bool, batch: usize) -> Graph {
        let g = Builder::new();
        let (first, last) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let x = g.input("x", DType::F32, [batch.into(), first.into()]);
        let (mut h, mut weights) = (x, Vec::new());
        for (i, pair) in self.sizes.windows(2).enumerate() {
            let w = g.parameter(&format!("w{i}"), DType::F32, [pair[0].into(), pair[1].into()]);
            let b = g.parameter(&format!("b{i}"), DType::F32, [pair[1].into()]);
            weights.extend([(format!("w{i}"), w), (format!("b{i}"), b)]);
            h = h.matmul(w) + b;
            if i + 2 < self.sizes.len() {
                h = h.max(h.constant(0.0));
            }
        }
        if training {
            let y = g.input("y", DType::F32, [batch.into(), last.into()]);
            let losses = if last == 1 {
                h.softplus() - h * y
            } else {
                h.reduce(nervure_graph::Reduction::LogSumExp, &[1]) - (h * y).sum(&[1])
            };
            let loss = losses.mean_all();
            g.output("loss", loss);
            let step = g.parameter("step", DType::F32, nervure_graph::Shape::new());
            let next = step + 1.0;
            g.update(step, next);
            let one = step.constant(1.0);
            let power = |beta: f64| one - step.constant(beta).pow(next);
            let rate = power(0.999).sqrt() / power(0.9) * 0.001;
            let wrt: Vec<_> = weights.iter().map(|w| w.1).collect();
            for ((name, w), grad) in weights.iter().zip(gradient(&g, loss, &wrt)) {
                adam(&g, *w, name, grad.expect("every weight has a gradient"), rate);
            }
        } else {
            g.output("y", if last == 1 { h.sigmoid() } else { h });
        }
        g.finish().expect("the benchmark's graphs are well formed")
    }

    fn run(&self, one: &Threads, two: &Threads, peak: f64) {
        let graph = self.graph(true, self.batch);
        let mut store = Store::new();
        for (name, id) in graph.parameters() {
            let shape = graph.node(id).ty.resolve(&Bindings::new()).expect("fixed sizes");
            let len = shape.iter().product();
            let values = if name.contains('/') { vec![0.0; len] } else { numbers(len) };
            let values: Vec<f32> =
                values.iter().map(|v| v / (shape.first().copied().unwrap_or(1) as f32).sqrt()).collect();
            store.insert(name, Buffer::from_f32(&shape, &values).expect("as many elements"));
        }
        let (first, last) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let x = numbers(self.batch.max(256) * first);
        let y: Vec<f32> = (0..self.batch * last).map(|i| f32::from(i % (last + 1) == 0)).collect();
        let mut r = runner(&graph, &store);
        if std::env::var_os("PLAN").is_some() {
            println!("{}", r.plan());
        }
        let flops = r.plan().flops() as f64 * 1e-9;
        let mut step = |threads: &Threads| {
            time(|| {
                r.run(threads, &mut store, &[View::F32(&x[..self.batch * first]), View::F32(&y)])
                    .expect("the step runs")
            })
        };
        let (t1, t2) = (step(one), step(two));
        println!(
            "{} step: {:.2} µs ({:.0} %), two threads {:.2} ({:.0} %)",
            self.name,
            t1 * 1e6,
            100.0 * flops / t1 / peak,
            t2 * 1e6,
            50.0 * flops / t2 / peak
        );
        for batch in [1, 32, 256] {
            let mut r = runner(&self.graph(false, batch), &store);
            let mut predict = |threads: &Threads| {
                time(|| r.infer(threads, &store, &[View::F32(&x[..batch * first])]).expect("it runs"))
            };
            let (t1, t2) = (predict(one), predict(two));
            println!("{} prediction of {batch}: {:.2} µs, two threads {:.2}", self.name, t1 * 1e6, t2 * 1e6);
        }
    }
}

type Map = for<'g> fn(Tensor<'g>) -> Tensor<'g>;
const UNARY: [(&str, Map); 9] = [
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

fn map(threads: &Threads, name: &str, f: Map) {
    const N: usize = 1 << 16;
    let g = Builder::new();
    g.output("y", f(g.input("x", DType::F32, [N.into()])));
    let mut r = runner(&g.finish().expect("well formed"), &Store::new());
    let x = numbers(N);
    let t = time(|| r.infer(threads, &Store::new(), &[View::F32(&x)]).expect("it runs"));
    println!("{name}: {:.2} elements a ns", N as f64 / t / 1e9);
}

fn reductions(threads: &Threads) {
    let write: [(&str, Map); 4] = [
        ("row sums", |x| x.sum(&[1])),
        ("column sums", |x| x.sum(&[0])),
        ("log-sum-exp of rows", |x| x.reduce(nervure_graph::Reduction::LogSumExp, &[1])),
        ("softmax of rows", |x| {
            let top = x.reduce(nervure_graph::Reduction::Max, &[1]).keep_axes(x, &[1]);
            let e = (x - top).exp();
            e / e.sum(&[1]).keep_axes(x, &[1])
        }),
    ];
    for (rows, columns) in [(512usize, 512usize), (6400, 10)] {
        for (name, f) in write {
            let g = Builder::new();
            g.output("y", f(g.input("x", DType::F32, [rows.into(), columns.into()])));
            let mut r = runner(&g.finish().expect("well formed"), &Store::new());
            let x = numbers(rows * columns);
            let t = time(|| r.infer(threads, &Store::new(), &[View::F32(&x)]).expect("it runs"));
            println!("{name} {rows} × {columns}: {:.2} elements a ns", (rows * columns) as f64 / t / 1e9);
        }
    }
}

/// A long short-term memory (Hochreiter & Schmidhuber 1997) over 64 steps of 32 numbers: its states, and with the gradients of its weights.
fn recurrence(one: &Threads, two: &Threads, peak: f64) {
    const STEPS: usize = 64;
    for (batch, inputs, units) in [(64usize, 32usize, 128usize), (64, 512, 512), (16, 32, 64), (512, 32, 128)]
    {
        let step = Builder::new();
        let state = |name: &str| step.input(name, DType::F32, [batch.into(), units.into()]);
        let (h, c) = (state("h"), state("c"));
        let seen = step.input("seen", DType::F32, [batch.into(), (4 * units).into()]);
        let w = step.input("w", DType::F32, [units.into(), (4 * units).into()]);
        step.input("time", DType::I32, []);
        let product = h.matmul(w);
        let sum = |k| seen.narrow(-1, k * units, units) + product.narrow(-1, k * units, units);
        let c = sum(1).sigmoid() * c + sum(0).sigmoid() * sum(2).tanh();
        step.output("h", sum(3).sigmoid() * c.tanh());
        step.output("c", c);
        let body = step.finish().expect("well formed");

        let graph = |training: bool| {
            let g = Builder::new();
            let x = g.input("x", DType::F32, [STEPS.into(), batch.into(), inputs.into()]);
            let weight = |name: &str, n: usize| g.parameter(name, DType::F32, [n.into(), (4 * units).into()]);
            let (kernel, recurrent) = (weight("kernel", inputs), weight("recurrent", units));
            let bias = g.parameter("bias", DType::F32, [(4 * units).into()]);
            let zeros = g.full(DType::F32, [batch.into(), units.into()], 0.0);
            let seen = x.matmul(kernel) + bias;
            let scan =
                Scan { body: body.clone(), carries: 2, slices: 1, length: STEPS.into(), reverse: false };
            let states = g.scan(scan, &[zeros, zeros, seen, recurrent]).project(0);
            g.output("states", states);
            if training {
                let weights = [kernel, recurrent, bias];
                for (i, d) in gradient(&g, states.square().mean_all(), &weights).into_iter().enumerate() {
                    g.output(&format!("gradient {i}"), d.expect("every weight has a gradient"));
                }
            }
            g.finish().expect("well formed")
        };
        let mut store = Store::new();
        for (name, shape) in [
            ("kernel", vec![inputs, 4 * units]),
            ("recurrent", vec![units, 4 * units]),
            ("bias", vec![4 * units]),
        ] {
            let values: Vec<f32> =
                numbers(shape.iter().product()).iter().map(|v| v / (units as f32).sqrt()).collect();
            store.insert(name, Buffer::from_f32(&shape, &values).expect("as many elements"));
        }
        let x = numbers(STEPS * batch * inputs);
        for training in [false, true] {
            let mut r = runner(&graph(training), &store);
            if std::env::var_os("PLAN").is_some() {
                println!("{}", r.plan());
            }
            let flops = r.plan().flops() as f64 * 1e-9;
            let mut run = |threads: &Threads| {
                if std::env::var_os("PROFILE").is_some() {
                    profile(&mut r, threads, &store, &x);
                }
                time(|| r.infer(threads, &store, &[View::F32(&x)]).expect("it runs"))
            };
            let (t1, t2) = (run(one), run(two));
            println!(
                "recurrence of {batch} × {inputs} → {units}, training: {training}: {:.0} µs ({:.0} %), two threads {:.0} ({:.0} %)",
                t1 * 1e6,
                100.0 * flops / t1 / peak,
                t2 * 1e6,
                50.0 * flops / t2 / peak
            );
        }
    }
}

/// Prints the least time of each kernel of a plan.
fn profile(r: &mut Runner, threads: &Threads, store: &Store, x: &[f32]) {
    r.time_kernels();
    let mut least = vec![std::time::Duration::MAX; r.plan().kernels()];
    for _ in 0..50 {
        r.infer(threads, store, &[View::F32(x)]).expect("it runs");
        for (least, &time) in least.iter_mut().zip(r.kernel_times()) {
            *least = time.min(*least);
        }
    }
    for (line, time) in r.plan().listing().zip(&least) {
        println!("  {:8.1} µs  {}", time.as_secs_f64() * 1e6, line.what.lines().next().unwrap_or(""));
    }
}

/// A convolution of square images.
struct Layer {
    batch: usize,
    size: usize,
    channels: [usize; 2],
    window: usize,
    stride: usize,
    padding: Padding,
    groups: usize,
}

impl Layer {
    fn window(&self) -> Window {
        let strides = vec![self.stride; 2];
        Window { strides, padding: self.padding.clone(), ..Window::new([self.window; 2]) }
    }
}

/// The layers of a network for 28 × 28 images, of a residual one for 32 × 32, and of one that convolves by channel: each alone, and each of
/// its gradients.
fn convolutions(one: &Threads, two: &Threads, peak: f64) {
    let valid = || Padding::Explicit(vec![(0, 0); 2]);
    let layer = |batch, size, channels, window, stride, padding, groups| Layer {
        batch,
        size,
        channels,
        window,
        stride,
        padding,
        groups,
    };
    for layer in [
        layer(128, 28, [1, 32], 3, 1, valid(), 1),
        layer(128, 26, [32, 64], 3, 1, valid(), 1),
        layer(64, 32, [3, 16], 3, 1, Padding::Same, 1),
        layer(64, 32, [16, 16], 3, 1, Padding::Same, 1),
        layer(64, 32, [16, 32], 3, 2, Padding::Same, 1),
        layer(64, 32, [16, 32], 1, 2, valid(), 1),
        layer(64, 16, [32, 32], 3, 1, Padding::Same, 1),
        layer(64, 16, [32, 64], 3, 2, Padding::Same, 1),
        layer(64, 16, [32, 64], 1, 2, valid(), 1),
        layer(64, 8, [64, 64], 3, 1, Padding::Same, 1),
        layer(4, 14, [256, 256], 3, 1, Padding::Same, 1),
        layer(16, 28, [128, 128], 1, 1, valid(), 1),
        layer(16, 28, [128, 128], 3, 1, Padding::Same, 128),
        layer(16, 28, [128, 128], 3, 2, Padding::Same, 128),
    ] {
        let Layer { batch, size, channels: [c, o], window, stride, groups, .. } = layer;
        let out = layer.window().output(0, &size.into()).as_const().expect("fixed sizes");
        let image = |size: usize, channels: usize| [batch, size, size, channels];
        let kernel = [window, window, c / groups, o];
        print!("convolution {window}×{window}/{stride} of {batch}×{size}×{size}×{c} → {o}, {groups} groups:");
        for kind in ["forward", "input", "kernel"] {
            let g = Builder::new();
            let input = |name: &str, shape: [usize; 4]| g.input(name, DType::F32, shape.map(Into::into));
            let (a, b) = match kind {
                "forward" => (image(size, c), kernel),
                "input" => (image(out, o), kernel),
                _kernel => (image(size, c), image(out, o)),
            };
            let (ta, tb) = (input("a", a), input("b", b));
            g.output(
                "y",
                match kind {
                    "forward" => ta.conv(tb, layer.window(), groups),
                    "input" => ta.conv_input_grad(tb, layer.window(), groups, [size.into(), size.into()]),
                    _kernel => ta.conv_kernel_grad(tb, layer.window(), groups),
                },
            );
            let mut r = runner(&g.finish().expect("well formed"), &Store::new());
            let (a, b) = (numbers(a.iter().product()), numbers(b.iter().product()));
            let flops = 2e-9 * (batch * out * out * o * window * window * c / groups) as f64;
            let mut speed = |threads: &Threads| {
                flops
                    / time(|| {
                        r.infer(threads, &Store::new(), &[View::F32(&a), View::F32(&b)]).expect("it runs")
                    })
            };
            let (s1, s2) = (speed(one), speed(two));
            print!(
                "  {kind} {s1:.0} ({:.0} %), 2: {s2:.0} ({:.0} %) {:.2} ms",
                100.0 * s1 / peak,
                50.0 * s2 / peak,
                1e3 * flops / s2
            );
        }
        println!();
    }
}

/// Pooling of the first network of [`convolutions`], and its gradient.
fn poolings(one: &Threads, two: &Threads) {
    for (shape, size, padding) in [([128usize, 24, 24, 64], 2usize, None), ([16, 28, 28, 128], 3, Some(1))] {
        let window = Window {
            strides: vec![2; 2],
            padding: Padding::Explicit(vec![(padding.unwrap_or(0), padding.unwrap_or(0)); 2]),
            ..Window::new([size; 2])
        };
        for kind in PoolKind::ALL {
            let g = Builder::new();
            let x = g.input("x", DType::F32, shape.map(Into::into));
            let y = x.pool(kind, window.clone());
            let out: Vec<usize> = y.shape().iter().map(|d| d.as_const().expect("fixed sizes")).collect();
            let values = numbers(shape.iter().product());
            g.output("y", y);
            let mut r = runner(&g.finish().expect("well formed"), &Store::new());
            let mut run = |threads: &Threads| {
                1e6 * time(|| r.infer(threads, &Store::new(), &[View::F32(&values)]).expect("it runs"))
            };
            let (t1, t2) = (run(one), run(two));
            let g = Builder::new();
            let x = g.input("x", DType::F32, shape.map(Into::into));
            let dy = g.input("dy", DType::F32, out.iter().map(|&n| n.into()).collect::<Vec<_>>());
            let spatial = shape[1..3].iter().map(|&n| n.into()).collect();
            let op = Op::PoolGrad { kind, window: window.clone(), spatial };
            let operands = [dy, x];
            let used = match kind {
                PoolKind::Max => &operands[..],
                PoolKind::Sum => &operands[..1],
            };
            g.output("dx", g.apply(op, used));
            let mut r = runner(&g.finish().expect("well formed"), &Store::new());
            let d = numbers(out.iter().product());
            let mut run = |threads: &Threads| {
                let views = [View::F32(&values), View::F32(&d)];
                1e6 * time(|| r.infer(threads, &Store::new(), &views).expect("it runs"))
            };
            let (g1, g2) = (run(one), run(two));
            println!(
                "pool {kind:?} {size}×{size}/2 of {shape:?}: {t1:.0} µs, 2: {t2:.0}; gradient {g1:.0}, 2: {g2:.0}"
            );
        }
    }
}

/// Batch normalization with a rectifier, of images as [`convolutions`] has them, and its gradients.
fn normalizations(one: &Threads, two: &Threads) {
    for shape in [[64usize, 32, 32, 16], [64, 16, 16, 32], [64, 8, 8, 64], [1, 1, 4096, 128]] {
        let g = Builder::new();
        let whole = shape.map(Into::into);
        let (x, dy) = (g.input("x", DType::F32, whole.clone()), g.input("dy", DType::F32, whole));
        let of_channels = |name: &str| g.parameter(name, DType::F32, [shape[3].into()]);
        let (gamma, beta) = (of_channels("gamma"), of_channels("beta"));
        let mean = x.mean(&[0, 1, 2]);
        let deviation = x - mean.keep_axes(x, &[0, 1, 2]);
        let variance = deviation.square().mean(&[0, 1, 2]);
        let [factor, beta] = [(variance + 1e-3).rsqrt() * gamma, beta].map(|t| t.keep_axes(x, &[0, 1, 2]));
        let y = deviation * factor + beta;
        let y = y.less_equal(y.constant(0.0)).select(y.constant(0.0), y);
        g.output("y", y);
        for (i, d) in gradient(&g, (y * dy).sum_all(), &[x, gamma, beta]).into_iter().enumerate() {
            g.output(&format!("d{i}"), d.expect("everything has a gradient"));
        }
        let mut store = Store::new();
        for name in ["gamma", "beta"] {
            store.insert(name, Buffer::from_f32(&shape[3..], &numbers(shape[3])).expect("as many elements"));
        }
        let len = shape.iter().product();
        let values = [numbers(len), numbers(len)];
        let mut r = runner(&g.finish().expect("well formed"), &store);
        if std::env::var_os("PLAN").is_some() {
            println!("{}", r.plan());
        }
        let mut run = |threads: &Threads| {
            1e6 * time(|| {
                r.infer(threads, &store, &values.each_ref().map(|v| View::F32(v))).expect("it runs")
            })
        };
        let (t1, t2) = (run(one), run(two));
        println!("normalization of {shape:?}: {t1:.0} µs, 2: {t2:.0}");
    }
}

/// A step of a deep residual network with normalization, from graph to plan.
fn compilation() {
    let g = Builder::new();
    let x = g.input("x", DType::F32, [32.into(), 64.into()]);
    let (mut h, mut weights) = (x, Vec::new());
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
    let rate = loss.constant(0.001);
    for (i, (w, grad)) in weights.iter().zip(gradient(&g, loss, &weights)).enumerate() {
        adam(&g, *w, &format!("{i}"), grad.expect("every weight has a gradient"), rate);
    }
    let graph = g.finish().expect("well formed");
    let mut store = Store::new();
    for (name, id) in graph.parameters() {
        let shape = graph.node(id).ty.resolve(&Bindings::new()).expect("fixed sizes");
        store.insert(name, Buffer::zeros(DType::F32, &shape));
    }
    let start = Instant::now();
    let plan = Plan::compile(&graph, &Bindings::new(), &store).expect("it compiles");
    println!(
        "{} nodes compiled to {} kernels in {:.0} ms",
        graph.nodes().len(),
        plan.kernels(),
        start.elapsed().as_secs_f64() * 1e3
    );
}
