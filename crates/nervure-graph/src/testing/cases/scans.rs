use crate::{Builder, DType, Dim, Graph, Op, Scan, Tensor};

use super::super::Case;
use super::{batched, case, fixed};

/// A body; `write` has the last say on outputs.
fn body(write: impl FnOnce(&Builder)) -> Graph {
    let g = Builder::new();
    write(&g);
    g.finish().unwrap_or_else(|e| panic!("body of a scan: {e}"))
}

fn time() -> Dim {
    Dim::symbol("time")
}

fn timed(sizes: &[usize]) -> Vec<Dim> {
    [&[time()], &fixed(sizes)[..]].concat()
}

pub(super) fn add(cases: &mut Vec<Case>) {
    for reverse in [false, true] {
        // h ← tanh(x·w + h·u + t/10), with h and its square stacked.
        case(cases, format!("recurrent layer, reverse: {reverse}"), |w| {
            let step = body(|g| {
                let h = g.input("h", DType::F32, batched(&[2]));
                let x = g.input("x", DType::F32, batched(&[3]));
                let k = g.input("k", DType::F32, fixed(&[3, 2]));
                let u = g.input("u", DType::F32, fixed(&[2, 2]));
                let t = g.input("t", DType::I32, []);
                let h = (x.matmul(k) + h.matmul(u) + t.cast(DType::F32) * 0.1).tanh();
                g.output("h", h);
                g.output("y", h * h);
                g.output("h at each step", h);
            });
            let scan = Scan { body: step, carries: 1, slices: 1, length: time(), reverse };
            let x = w.floats("x", [&[time()], &batched(&[3])[..]].concat());
            let operands =
                [w.floats("h", batched(&[2])), x, w.parameter("k", &[3, 2]), w.parameter("u", &[2, 2])];
            let scan = w.g.scan(scan, &operands);
            w.out(scan);
            w.out(scan.project(0));
            w.out(scan.project(1));
        });
    }
    case(cases, "scan that multiplies by one matrix in many ways", |w| {
        let step = body(|g| {
            let h = g.input("h", DType::F32, batched(&[2]));
            let x = g.input("x", DType::F32, batched(&[2]));
            let m = g.input("m", DType::F32, fixed(&[2, 2]));
            g.input("t", DType::I32, []);
            let new = (h.matmul(m) - x.matmul_with(m, false, true) * m.narrow(0, 1, 1)).tanh();
            let left = m.narrow(0, 0, 1).matmul_with(new, false, true);
            let single = h.expand(0).matmul_with(m.transpose(&[1, 0]).expand(0), false, false);
            g.output("h", new);
            g.output("left", m.matmul_with(left.transpose(&[1, 0]) * x, true, true));
            g.output("single", single);
        });
        let scan = Scan { body: step, carries: 1, slices: 1, length: time(), reverse: false };
        let x = w.floats("x", [&[time()], &batched(&[2])[..]].concat());
        let scan = w.g.scan(scan, &[w.floats("h", batched(&[2])), x, w.parameter("m", &[2, 2])]);
        (0..3).for_each(|i| w.out(scan.project(i)));
    });
    case(cases, "scan whose carries hand a value on", |w| {
        // What comes in reaches the result after three steps: a ← b, b ← c, c ← sin(c + x).
        let step = body(|g| {
            let carries = ["a", "b", "c"].map(|name| g.input(name, DType::F32, []));
            let x = g.input("x", DType::F32, []);
            g.input("t", DType::I32, []);
            g.output("a", carries[1] * 2.0);
            g.output("b", carries[2].exp());
            g.output("c", (carries[2] + x).sin());
        });
        let scan = Scan { body: step, carries: 3, slices: 1, length: time(), reverse: false };
        let zero = w.g.scalar(DType::F32, 0.5);
        w.out(w.g.scan(scan, &[zero, zero, zero, w.floats("x", timed(&[]))]).project(0));
    });
    case(cases, "scan of which only the stack is used", |w| {
        let step = body(|g| {
            let (a, b) = (g.input("a", DType::F32, []), g.input("b", DType::F32, []));
            g.input("t", DType::I32, []);
            g.output("a", a * b);
            g.output("b", b.sin());
            g.output("sum", a + b);
            g.output("never read", a);
        });
        let scan = Scan { body: step, carries: 2, slices: 0, length: 3.into(), reverse: false };
        w.out(w.g.scan(scan, &[w.floats("a", fixed(&[])), w.floats("b", fixed(&[]))]).project(2));
    });
    case(cases, "scan with carries that do not matter", |w| {
        // A count of whole numbers, one of floats without a gradient, and one that depends on the slices alone.
        let step = body(|g| {
            let count = g.input("count", DType::I32, []);
            let held = g.input("held", DType::F32, fixed(&[2]));
            let sum = g.input("sum", DType::F32, fixed(&[2]));
            let x = g.input("x", DType::F32, fixed(&[2]));
            let truth = g.input("truth", DType::Bool, fixed(&[2]));
            g.input("t", DType::I32, []);
            g.output("count", count + count.constant(1.0));
            g.output("held", held.floor());
            g.output("sum", truth.select(sum + x * held, sum));
            g.output("all", truth);
        });
        let scan = Scan { body: step, carries: 3, slices: 2, length: time(), reverse: true };
        let count = w.values("count", DType::I32, fixed(&[]), &[5.0]);
        let zeros = w.g.full(DType::F32, fixed(&[2]), 0.0);
        let truth = w.below("truth", DType::Bool, timed(&[2]), 2);
        let scan = w
            .g
            .scan(scan, &[count, w.distinct("held", fixed(&[2])), zeros, w.floats("x", timed(&[2])), truth]);
        (0..4).for_each(|i| w.out(scan.project(i)));
    });
    case(cases, "scan without carries", |w| {
        let step = body(|g| {
            let x = g.input("x", DType::F32, fixed(&[2]));
            let scale = g.input("scale", DType::F32, fixed(&[2]));
            g.input("t", DType::I32, []);
            g.output("y", (x * scale).exp());
        });
        let scan = Scan { body: step, carries: 0, slices: 1, length: time(), reverse: false };
        w.out(w.g.scan(scan, &[w.floats("x", timed(&[2])), w.floats("scale", fixed(&[2]))]).project(0));
    });
    case(cases, "scan of no step", |w| {
        let step = body(|g| {
            let (a, x) = (g.input("a", DType::F32, []), g.input("x", DType::F32, []));
            g.input("t", DType::I32, []);
            g.output("a", a * x);
            g.output("y", a + x);
        });
        let scan = Scan { body: step, carries: 1, slices: 1, length: 0.into(), reverse: false };
        let scan = w.g.scan(scan, &[w.floats("a", fixed(&[])), w.floats("x", fixed(&[0]))]);
        w.out(scan.project(0));
        w.out(scan.project(1));
    });
    case(cases, "scan with random numbers", |w| {
        let step = body(|g| {
            let x = g.input("x", DType::F32, fixed(&[3]));
            let key = [
                g.input("seed", DType::I64, []),
                g.input("step", DType::I64, []),
                g.input("t", DType::I32, []),
            ];
            let noise = g.apply(Op::Random { stream: 1, shape: fixed(&[3]) }, &key);
            let kept = noise.less(noise.constant(0.5)).select(x.sin(), x.zeros_like());
            g.output("x", kept + x * 0.5);
            g.output("noise", noise);
        });
        let scan = Scan { body: step, carries: 1, slices: 0, length: time(), reverse: false };
        let seed = w.values("seed", DType::I64, fixed(&[]), &[11.0]);
        let at = w.values("step", DType::I64, fixed(&[]), &[2.0]);
        let scan = w.g.scan(scan, &[w.floats("x", fixed(&[3])), seed, at]);
        w.out(scan.project(0));
        w.out(scan.project(1));
    });
    case(cases, "scan within a scan", |w| {
        let inner = body(|g| {
            let (a, x) = (g.input("a", DType::F32, []), g.input("x", DType::F32, []));
            let w = g.input("w", DType::F32, []);
            g.input("t", DType::I32, []);
            g.output("a", (a * w + x).tanh());
            g.output("y", a * x);
        });
        let outer = body(|g| {
            let a = g.input("a", DType::F32, []);
            let x = g.input("x", DType::F32, fixed(&[2]));
            let w = g.input("w", DType::F32, []);
            g.input("t", DType::I32, []);
            let inner = Scan { body: inner, carries: 1, slices: 1, length: 2.into(), reverse: true };
            let inner = g.scan(inner, &[a, x, w]);
            g.output("a", inner.project(0));
            g.output("y", inner.project(1).sin());
        });
        let scan = Scan { body: outer, carries: 1, slices: 1, length: 3.into(), reverse: false };
        let operands: [Tensor; 3] =
            [w.floats("a", fixed(&[])), w.floats("x", fixed(&[3, 2])), w.floats("w", fixed(&[]))];
        let scan = w.g.scan(scan, &operands);
        w.out(scan.project(0));
        w.out(scan.project(1));
    });
}
