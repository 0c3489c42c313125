//! Formulas of several operations against their single steps: the same bits.

use super::*;

/// GELU's gradient makes anew what the forward direction computed and does not keep: with the bits of single operations, which are what is done where
/// a half is an array of its own.
#[test]
fn what_a_formula_makes_anew_is_not_kept() {
    let n = 1031;
    let graph = |half_is_array: bool| {
        let g = Builder::new();
        let [x, dy] = ["x", "dy"].map(|name| g.input(name, DType::F32, [n.into()]));
        let half = if half_is_array { g.input("half", DType::F32, [n.into()]) } else { x.constant(0.5) };
        let y = x * ((x * std::f64::consts::FRAC_1_SQRT_2).erf() * half + half);
        g.output("y", y);
        g.output("dx", nervure_graph::pullback(&g, &[(y, dy)], &[x])[0].unwrap());
        g.finish().unwrap()
    };
    let values = |k: usize| -> Vec<f32> { (0..n).map(|i| (i * k % 1009) as f32 / 100.0 - 5.0).collect() };
    let (x, dy, half) = (values(7919), values(104_729), vec![0.5; n]);
    for &level in Level::available() {
        let run = |half_is_array: bool| {
            let graph = graph(half_is_array);
            let plan = Plan::compile_for(&graph, &Bindings::new(), &Store::new(), level).unwrap();
            let steps = plan.listing().map(|k| k.what).collect::<Vec<_>>();
            let mut runner = Runner::new(Arc::new(plan));
            let inputs = [View::F32(&x), View::F32(&dy), View::F32(&half)];
            runner.infer(&Threads::new(1), &Store::new(), &inputs[..graph.inputs().len()]).unwrap();
            (steps, bits(runner.output(0)), bits(runner.output(1)))
        };
        let (formulas, single) = (run(false), run(true));
        assert_eq!(formulas.1, single.1, "{level:?}");
        assert_eq!(formulas.2, single.2, "{level:?}");
        assert_eq!(formulas.0, ["map 1 × 1031, 1 steps"; 2]);
        assert_ne!(single.0, formulas.0);
    }
}

/// A formula in one loop has the bits of its operations one by one, which are outputs there.
#[test]
fn formulas_have_the_bits_of_their_steps() {
    type Write = for<'g> fn([Tensor<'g>; 4], &mut Vec<Tensor<'g>>) -> Tensor<'g>;
    let write: [(&str, Write); 10] = [
        ("affine", |[x, a, b, rate], inner| {
            inner.extend([x - a, (x - a) * b, (x - a) * b + x]);
            ((x - a) * b + x) * rate
        }),
        ("products", |[a, b, c, rate], inner| {
            let scaled = (c - a) * b;
            inner.extend([a * b, b * c, a * b + b * c, c - a, scaled, rate * a, scaled * scaled]);
            (a * b + b * c) + ((a * c) + scaled) * rate
        }),
        ("descent", |[w, m, v, rate], inner| {
            let (root, scaled) = (v.abs().sqrt(), rate * m);
            let below = root + 1e-7;
            inner.extend([root, scaled, below, scaled / below]);
            w - scaled / below
        }),
        ("mean", |[m, g, ..], inner| {
            inner.extend([g - m, (g - m) * 0.1]);
            m + (g - m) * 0.1
        }),
        ("mean of squares", |[v, g, ..], inner| {
            inner.extend([g * g, g * g - v, (g * g - v) * 0.001]);
            0.001 * (g * g - v) + v
        }),
        ("sums", |[a, b, c, rate], inner| {
            inner.extend([a * 0.9, rate * b]);
            inner.push(a * 0.9 + rate * b);
            inner.push(c * 0.3);
            (a * 0.9 + rate * b) - c * 0.3
        }),
        ("differences", |[a, b, _, rate], inner| {
            inner.extend([a * 0.9, b * rate]);
            a * 0.9 - b * rate
        }),
        ("share", |[x, sum, ..], inner| {
            inner.push(x - sum);
            (x - sum).exp()
        }),
        ("gelu", |[x, ..], inner| {
            let scaled = x * std::f64::consts::FRAC_1_SQRT_2;
            let half = scaled.erf() * 0.5;
            inner.extend([scaled, scaled.erf(), half, half + 0.5]);
            x * (half + 0.5)
        }),
        ("operands in the wrong places", |[a, b, c, rate], inner| {
            inner.extend([b * c, rate + 1.0]);
            a + b * c + (rate - a) * b
        }),
    ];
    let n = 1031;
    for (name, write) in write {
        let graph = |all: bool| {
            let g = Builder::new();
            let [a, b, c] = ["a", "b", "c"].map(|name| g.input(name, DType::F32, [n.into()]));
            let rate = g.input("rate", DType::F32, nervure_graph::Shape::new());
            let mut inner = Vec::new();
            let y = write([a, b, c, rate], &mut inner);
            g.output("y", y);
            for (i, x) in inner.iter().enumerate().filter(|_| all) {
                g.output(&format!("inner {i}"), *x);
            }
            g.finish().unwrap()
        };
        let values = |seed: usize| -> Vec<f32> {
            (0..n).map(|i| ((i * 7919 + seed * 104_729) % 10_007) as f32 / 5003.0 - 1.0).collect()
        };
        let (a, b, c) = (values(1), values(2), values(3));
        for &level in Level::available() {
            let run = |graph: &Graph| {
                let plan = Plan::compile_for(graph, &Bindings::new(), &Store::new(), level).unwrap();
                let mut runner = Runner::new(Arc::new(plan));
                let inputs = [View::F32(&a), View::F32(&b), View::F32(&c), View::F32(&[0.01])];
                runner.infer(&Threads::new(1), &Store::new(), &inputs).unwrap();
                bits(runner.output(0))
            };
            assert_eq!(run(&graph(false)), run(&graph(true)), "{name}, {level:?}");
        }
    }
}
