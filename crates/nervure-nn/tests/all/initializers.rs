//! What initializers draw: mean, variance and bounds, within what the number of draws allows.

use nervure_nn::initializers::*;
use nervure_nn::word::{Family, Object};
use nervure_nn::{Error, Layer, Lower, Result, Tensor, Weight};

/// `[3, 3, in, out]`: 9 · 40 = 360 inputs and 9 · 50 = 450 outputs a unit; 18 000 numbers.
const SHAPE: [usize; 4] = [3, 3, 40, 50];
const INPUTS: f64 = 360.0;
const OUTPUTS: f64 = 450.0;
/// Standard errors that a mean may be off: one in a billion is farther by chance.
const ERRORS: f64 = 6.0;

fn draw(initializer: &Object<dyn Initializer>, shape: &[usize]) -> Vec<f64> {
    let values = initializer.values(shape, Fans::of(shape), &mut Stream::new(7, "kernel"));
    values.into_iter().map(f64::from).collect()
}

/// `bound` as a multiple of the standard deviation; `kurtosis` the fourth central moment over the variance's square.
fn check(
    initializer: impl Into<Object<dyn Initializer>>,
    mean: f64,
    variance: f64,
    bound: f64,
    kurtosis: f64,
) {
    let initializer = initializer.into();
    let x = draw(&initializer, &SHAPE);
    let n = x.len() as f64;
    let found = x.iter().sum::<f64>() / n;
    let error = ERRORS * (variance / n).sqrt();
    assert!((found - mean).abs() < error, "{initializer:?}: mean {found}, expected {mean} ± {error}");
    let found = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let error = ERRORS * variance * ((kurtosis - 1.0) / n).sqrt();
    assert!(
        (found - variance).abs() < error,
        "{initializer:?}: variance {found}, expected {variance} ± {error}"
    );
    let widest = x.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max) / variance.sqrt();
    // Single precision may round up to the bound; of 18 000 draws some come close to it.
    let close = if bound.is_finite() { 0.98 * bound } else { 3.0 };
    assert!((close..=bound * (1.0 + 1e-6)).contains(&widest), "{initializer:?}: {widest} deviations");
}

#[test]
fn mean_variance_and_bounds() {
    // Of the normal distribution cut at ±2: variance 1 − 2·2φ(2)/(2Φ(2) − 1), fourth moment 3 − (3·2 + 2³)·2φ(2)/(2Φ(2) − 1).
    let share = 2.0 * 0.053_990_966_513_188_06 / 0.954_499_736_103_641_6;
    let cut: f64 = 1.0 - 2.0 * share;
    let (cut_bound, cut_kurtosis) = (2.0 / cut.sqrt(), (3.0 - 14.0 * share) / (cut * cut));
    let truncated = |i: Object<dyn Initializer>, variance| check(i, 0.0, variance, cut_bound, cut_kurtosis);
    let uniform = |i: Object<dyn Initializer>, variance| check(i, 0.0, variance, 3.0_f64.sqrt(), 1.8);
    uniform(GlorotUniform.into(), 2.0 / (INPUTS + OUTPUTS));
    uniform(HeUniform.into(), 2.0 / INPUTS);
    uniform(LecunUniform.into(), 1.0 / INPUTS);
    truncated(GlorotNormal.into(), 2.0 / (INPUTS + OUTPUTS));
    truncated(HeNormal.into(), 2.0 / INPUTS);
    truncated(LecunNormal.into(), 1.0 / INPUTS);
    truncated(VarianceScaling.into(), 1.0 / INPUTS);
    uniform(
        VarianceScaling.scale(3.0).mode(Mode::FanOut).distribution(Distribution::Uniform).into(),
        3.0 / OUTPUTS,
    );
    let normal = VarianceScaling.mode(Mode::FanAvg).distribution(Distribution::UntruncatedNormal);
    check(normal, 0.0, 2.0 / (INPUTS + OUTPUTS), f64::INFINITY, 3.0);
    check(RandomNormal, 0.0, 0.05 * 0.05, f64::INFINITY, 3.0);
    check(RandomNormal.mean(1.0).stddev(2.0), 1.0, 4.0, f64::INFINITY, 3.0);
    check(TruncatedNormal, 0.0, 0.05 * 0.05 * cut, cut_bound, cut_kurtosis);
    check(RandomUniform, 0.0, 0.1 * 0.1 / 12.0, 3.0_f64.sqrt(), 1.8);
    check(RandomUniform.minval(1.0).maxval(3.0), 2.0, 4.0 / 12.0, 3.0_f64.sqrt(), 1.8);
}

#[test]
fn constants() {
    let check = |i: Object<dyn Initializer>, shape: &[usize], expected: &[f64]| {
        assert_eq!(draw(&i, shape), expected, "{i:?}");
    };
    check(Zeros.into(), &[2], &[0.0, 0.0]);
    check(Ones.into(), &[2], &[1.0, 1.0]);
    check(Constant::new(0.5).into(), &[2], &[0.5, 0.5]);
    check(Identity.gain(2.0).into(), &[2, 3], &[2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    check(Identity.into(), &[3, 2], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

/// Columns, or rows where there are fewer, are of length `gain` and orthogonal, to single precision.
#[test]
fn orthogonal_vectors_are_orthogonal() {
    for shape in [&[6, 4][..], &[4, 6], &[5, 5], &[2, 3, 4]] {
        let (rows, columns) = (shape[..shape.len() - 1].iter().product::<usize>(), shape[shape.len() - 1]);
        let x = draw(&Orthogonal.gain(1.5).into(), shape);
        let at = |i: usize, j: usize| x[i * columns + j];
        let (few, many) = (rows.min(columns), rows.max(columns));
        for a in 0..few {
            for b in 0..few {
                let term = |k| if rows < columns { at(a, k) * at(b, k) } else { at(k, a) * at(k, b) };
                let product: f64 = (0..many).map(term).sum();
                let expected = if a == b { 1.5 * 1.5 } else { 0.0 };
                assert!((product - expected).abs() < 1e-6, "{shape:?}: {a}, {b}: {product}");
            }
        }
    }
}

/// What is drawn depends on the seed and the path alone, and differs where these do.
#[test]
fn draws_depend_on_seed_and_path() {
    for entry in <dyn Initializer as Family>::registry().builtin() {
        for sample in (entry.samples)() {
            let of =
                |seed, path| sample.word.values(&[3, 3], Fans::of(&[3, 3]), &mut Stream::new(seed, path));
            assert_eq!(of(1, "a"), of(1, "a"));
            let fixed = ["Zeros", "Ones", "Constant", "Identity", "STFT"].contains(&entry.kind);
            assert_eq!(of(1, "a") == of(2, "a"), fixed, "{}", entry.kind);
            assert_eq!(of(1, "a") == of(1, "b"), fixed, "{}", entry.kind);
        }
    }
}

/// A weight of a rank that an initializer cannot fill is an error of the layer.
#[test]
fn an_initializer_refuses_shapes_in_words() {
    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
    struct Shift;
    impl nervure_nn::Kind for Shift {
        const KIND: &'static str = "Shift";
    }
    impl Layer for Shift {
        fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
            Ok(vec![x[0] + cx.weight(Weight::new("shift", [3], Identity))])
        }
    }
    let built = nervure_nn::Sequential::new([3]).add(Shift).build(nervure_nn::Seed(1));
    let Err(Error::Layer { path, reason, .. }) = built else { panic!("it was built") };
    assert_eq!(path, "shift");
    assert_eq!(reason, "initializer `Identity` of `shift`: expected a weight of two axes, received [3]");
}
