//! Activations at their edges: kinks, NaN, numbers far out, and what Keras's numbers do not show.

use std::collections::BTreeMap;

use nervure_graph::{Array, Bindings, Builder, DType, Float, evaluate, gradient};
use nervure_nn::activations::*;
use nervure_nn::word::{Family, Object};

type Activations = Object<dyn Activation>;

/// y and dy/dx of each element of a row, by the reference.
fn values<T: Float>(activation: &Activations, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let builder = Builder::new();
    let shape = [1, x.len()];
    let input = builder.input("x", DType::F32, shape.map(Into::into));
    let y = activation.lower(input);
    builder.output("y", y);
    let dx = gradient(&builder, y.sum_all(), &[input])[0].unwrap_or_else(|| input.zeros_like());
    builder.output("dx", dx);
    let x = Array::<T>::floats(&shape, x.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>());
    let inputs = BTreeMap::from([("x".into(), x)]);
    let graph = builder.finish().unwrap();
    let run = evaluate(&graph, &Bindings::new(), &inputs, &BTreeMap::new()).unwrap();
    (run.output("y").unwrap().to_f64(), run.output("dx").unwrap().to_f64())
}

fn all() -> impl Iterator<Item = Activations> {
    let entries = <dyn Activation as Family>::registry().builtin();
    entries.iter().flat_map(|e| (e.samples)()).map(|s| s.word)
}

/// The softmaxes, which sum over their row, and those that a sample has along another axis.
fn is_elementwise(activation: &Activations) -> bool {
    !["softmax", "log_softmax", "sparsemax", "glu"].contains(&activation.kind())
}

#[test]
fn derivatives_at_kinks() {
    let check = |activation: Activations, x: f64, expected: f64| {
        let dx = values::<f64>(&activation, &[x]).1[0];
        assert!((dx - expected).abs() < 1e-12, "{activation:?} at {x}: expected {expected}, received {dx}");
    };
    check(Relu.into(), 0.0, 0.0);
    check(Relu.negative_slope(0.1).threshold(0.5).max_value(2.0).into(), 0.5, 0.1);
    check(Relu.negative_slope(0.1).threshold(0.5).max_value(2.0).into(), 2.0, 0.0);
    check(LeakyRelu.into(), 0.0, 0.2);
    check(Relu6.into(), 0.0, 0.0);
    check(Relu6.into(), 6.0, 0.0);
    check(Elu.alpha(0.5).into(), 0.0, 0.5);
    check(Celu.alpha(0.5).into(), 0.0, 1.0);
    check(Selu.into(), 0.0, 1.050_700_987_355_480_5 * 1.673_263_242_354_377_2);
    check(HardSigmoid.into(), -3.0, 0.0);
    check(HardSigmoid.into(), 3.0, 0.0);
    check(HardTanh.into(), -1.0, 1.0);
    check(HardTanh.into(), 1.0, 1.0);
    check(SparseSigmoid.into(), 1.0, 0.0);
    check(SparsePlus.into(), 1.0, 1.0);
    check(SparsePlus.into(), -1.0, 0.0);
    check(SoftShrink.into(), 0.5, 0.0);
    check(HardShrink.into(), -0.5, 0.0);
    check(Softsign.into(), 0.0, 1.0);
}

#[test]
fn nan_stays_nan() {
    for activation in all() {
        if is_elementwise(&activation) {
            let y = values::<f64>(&activation, &[f64::NAN, 0.5]).0;
            assert!(y[0].is_nan() && !y[1].is_nan(), "{activation:?}: {y:?}");
        }
    }
    for activation in [Object::from(Softmax), LogSoftmax.into(), Sparsemax.into()] {
        let y = values::<f64>(&activation, &[f64::NAN, 0.5]).0;
        assert!(y.iter().all(|y| y.is_nan()), "{activation:?}: {y:?}");
    }
}

/// e¹⁰⁰ is infinite in single precision: neither value nor derivative may become NaN by it.
#[test]
fn numbers_far_out_give_numbers() {
    for activation in all().filter(is_elementwise) {
        let (y, dx) = values::<f32>(&activation, &[-100.0, 100.0]);
        assert!(y.iter().chain(&dx).all(|v| !v.is_nan()), "{activation:?}: {y:?}, {dx:?}");
    }
    for activation in [Object::from(Softmax), LogSoftmax.into(), Sparsemax.into(), Glu.into()] {
        let (y, dx) = values::<f32>(&activation, &[-1000.0, 1000.0]);
        assert!(y.iter().chain(&dx).all(|v| v.is_finite()), "{activation:?}: {y:?}, {dx:?}");
    }
}

/// The nearest point of the simplex: by hand, and by what makes a projection.
#[test]
fn sparsemax_is_the_nearest_point_of_the_simplex() {
    let of = |x: &[f64]| values::<f64>(&Sparsemax.into(), x).0;
    // k = 2: τ = (1.2 + 0.8 − 1) / 2 = 0.5.
    let y = of(&[0.8, 0.1, 1.2, -3.0]);
    for (y, expected) in y.iter().zip([0.3, 0.0, 0.7, 0.0]) {
        assert!((y - expected).abs() < 1e-12, "{y}");
    }
    for (i, x) in [[0.3, -0.2, 0.1], [5.0, 0.0, 4.5], [1.0, 1.0, 1.0], [-9.0, -9.5, 3.0]].iter().enumerate() {
        let y = of(x);
        assert!((y.iter().sum::<f64>() - 1.0).abs() < 1e-12 && y.iter().all(|y| *y >= 0.0), "{i}: {y:?}");
        // A projection on a convex set: (x − y)·(z − y) ≤ 0 for each corner z.
        for corner in 0..3 {
            let z = |j| f64::from(u8::from(j == corner));
            let product: f64 = (0..3).map(|j| (x[j] - y[j]) * (z(j) - y[j])).sum();
            assert!(product <= 1e-12, "{i}: corner {corner}: {product}");
        }
    }
}

#[test]
fn an_odd_axis_has_no_halves() {
    let builder = Builder::new();
    let x = builder.input("x", DType::F32, [2.into(), 3.into()]);
    Glu.lower(x);
    let error = builder.check().unwrap_err().to_string();
    assert_eq!(error, "graph: glu: expected an even size of axis -1, received f32[2, 3]");
}
