//! Speeds of matrix products.

use nervure_exec::{Store, Threads, View};
use nervure_graph::{Builder, DType};

use super::{numbers, runner, time};

/// Products of dense layers, of their gradients, and of attention.
pub fn products(one: &Threads, two: &Threads, peak: f64) {
    let plain = |m, k, n| Product { batch: None, m, k, n, transposed: [false, false] };
    let kernel_gradient = |m, k, n| Product { transposed: [true, false], ..plain(m, k, n) };
    let input_gradient = |m, k, n| Product { transposed: [false, true], ..plain(m, k, n) };
    let by_head = |m, k, n, transposed| Product { batch: Some((32, 4)), m, k, n, transposed };
    for product in [
        plain(512, 512, 512),
        plain(1024, 1024, 1024),
        plain(128, 784, 512),
        plain(32, 512, 512),
        plain(1, 512, 512),
        plain(128, 128, 10),
        plain(2048, 64, 64),
        plain(4096, 32, 512),
        plain(128, 9216, 128),
        plain(2048, 128, 128),
        kernel_gradient(512, 512, 512),
        kernel_gradient(128, 2048, 128),
        kernel_gradient(128, 2048, 256),
        kernel_gradient(256, 2048, 128),
        kernel_gradient(128, 4096, 512),
        kernel_gradient(32, 4096, 512),
        kernel_gradient(9216, 128, 128),
        input_gradient(512, 512, 512),
        input_gradient(2048, 128, 256),
        input_gradient(2048, 256, 128),
        by_head(64, 32, 64, [false, true]),
        by_head(64, 64, 32, [false, false]),
        by_head(64, 64, 32, [true, false]),
    ] {
        product.run(one, two, peak);
    }
}

/// A product of matrices, or of those of the heads of attention: `[batch, rows, heads, columns]`.
struct Product {
    batch: Option<(usize, usize)>,
    m: usize,
    k: usize,
    n: usize,
    transposed: [bool; 2],
}

impl Product {
    fn run(&self, one: &Threads, two: &Threads, peak: f64) {
        let &Product { batch, m, k, n, transposed } = self;
        let g = Builder::new();
        let input = |name: &str, rows: usize, columns: usize, is_transposed: bool| {
            let (rows, columns) = if is_transposed { (columns, rows) } else { (rows, columns) };
            match batch {
                None => g.input(name, DType::F32, [rows.into(), columns.into()]),
                // What a softmax makes lies head by head, what is projected row by row.
                Some((batch, heads)) if rows == columns => {
                    g.input(name, DType::F32, [batch.into(), heads.into(), rows.into(), columns.into()])
                }
                Some((batch, heads)) => {
                    let shape = [batch.into(), rows.into(), heads.into(), columns.into()];
                    g.input(name, DType::F32, shape).transpose(&[0, 2, 1, 3])
                }
            }
        };
        let (a, b) = (input("a", m, k, transposed[0]), input("b", k, n, transposed[1]));
        g.output("c", a.matmul_with(b, transposed[0], transposed[1]));
        let graph = g.finish().expect("well formed");
        let count = batch.map_or(1, |(batch, heads)| batch * heads);
        let (a, b) = (numbers(count * m * k), numbers(count * k * n));
        let mut r = runner(&graph, &Store::new());
        let mut speed = |threads: &Threads| {
            let t =
                time(|| r.infer(threads, &Store::new(), &[View::F32(&a), View::F32(&b)]).expect("it runs"));
            2e-9 * (count * m * k * n) as f64 / t
        };
        let (s1, s2) = (speed(one), speed(two));
        println!(
            "{count} products {m} × {k} × {n} {transposed:?}: {s1:.1} GFLOP/s ({:.0} %), two threads {s2:.1} ({:.0} %)",
            100.0 * s1 / peak,
            50.0 * s2 / peak
        );
    }
}
