//! Times of plans on this machine, printed: `cargo bench -p nervure-exec`. Nothing is asserted, for machines differ and are shared.

use std::sync::Arc;
use std::time::Instant;

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View, peak_flops};
use nervure_graph::{Bindings, Builder, DType, Graph, Tensor, Window, gradient};

fn main() {
    let (one, two) = (Threads::new(1), Threads::new(2));
    let peak = peak_flops(&one) / 1e9;
    println!("peak of one thread: {peak:.1} GFLOP/s");
    let only = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    for mlp in &MLPS {
        mlp.run(&one, &two, peak);
    }
    if only.is_some_and(|o| o == "mlp") {
        return;
    }
    for (m, k, n) in [
        (512, 512, 512),
        (1024, 1024, 1024),
        (128, 784, 512),
        (32, 512, 512),
        (1, 512, 512),
        (128, 128, 10),
        (2048, 64, 64),
    ] {
        matmul(&one, &two, m, k, n, [false, false], peak);
    }
    matmul(&one, &two, 512, 512, 512, [true, false], peak);
    matmul(&one, &two, 512, 512, 512, [false, true], peak);
    for (name, f) in UNARY {
        map(&one, name, f);
    }
    reductions(&one);
    convolutions(&one, &two, peak);
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
    (0..400)
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

fn matmul(one: &Threads, two: &Threads, m: usize, k: usize, n: usize, transposed: [bool; 2], peak: f64) {
    let g = Builder::new();
    let shape = |r: usize, c: usize, t: bool| if t { [c.into(), r.into()] } else { [r.into(), c.into()] };
    let a = g.input("a", DType::F32, shape(m, k, transposed[0]));
    let b = g.input("b", DType::F32, shape(k, n, transposed[1]));
    g.output("c", a.matmul_with(b, transposed[0], transposed[1]));
    let graph = g.finish().expect("well formed");
    let (a, b) = (numbers(m * k), numbers(k * n));
    let mut r = runner(&graph, &Store::new());
    let mut speed = |threads: &Threads| {
        let t = time(|| r.infer(threads, &Store::new(), &[View::F32(&a), View::F32(&b)]).expect("it runs"));
        2e-9 * (m * k * n) as f64 / t
    };
    let (s1, s2) = (speed(one), speed(two));
    println!(
        "matmul {m} × {k} × {n} {transposed:?}: {s1:.1} GFLOP/s ({:.0} %), two threads {s2:.1} ({:.0} %)",
        100.0 * s1 / peak,
        50.0 * s2 / peak
    );
}

type Map = for<'g> fn(Tensor<'g>) -> Tensor<'g>;
const UNARY: [(&str, Map); 8] = [
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

/// 3 × 3 on images of 28 × 28, and both gradients.
fn convolutions(one: &Threads, two: &Threads, peak: f64) {
    for (c, o) in [(1usize, 32usize), (32, 64)] {
        let (n, s) = (32usize, 28usize);
        let g = Builder::new();
        let x = g.input("x", DType::F32, [n.into(), s.into(), s.into(), c.into()]);
        let k = g.parameter("k", DType::F32, [3.into(), 3.into(), c.into(), o.into()]);
        let y = x.conv(k, Window::new([3, 3]), 1);
        let grads = gradient(&g, y.square().sum_all(), &[k, x]);
        let graph = |outputs: &[Tensor]| {
            let mut graph = g.read(Graph::clone);
            for (i, t) in outputs.iter().enumerate() {
                graph.push_output(format!("{i}"), t.id());
            }
            graph
        };
        let mut store = Store::new();
        store.insert("k", Buffer::from_f32(&[3, 3, c, o], &numbers(9 * c * o)).expect("as many elements"));
        let x = numbers(n * s * s * c);
        let grads: Vec<_> = grads.into_iter().flatten().collect();
        for (name, outputs) in [
            ("forward", &[y][..]),
            ("forward and kernel gradient", &grads[..1]),
            ("forward and both gradients", &grads[..]),
        ] {
            let mut r = runner(&graph(outputs), &store);
            let flops = r.plan().flops() as f64 * 1e-9;
            let mut speed = |threads: &Threads| {
                flops / time(|| r.infer(threads, &store, &[View::F32(&x)]).expect("it runs"))
            };
            let (s1, s2) = (speed(one), speed(two));
            println!(
                "convolution {c} → {o}, {name}: {s1:.1} GFLOP/s ({:.0} %), two threads {s2:.1} ({:.0} %)",
                100.0 * s1 / peak,
                50.0 * s2 / peak
            );
        }
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
