//! Layers that are random while they train: what they draw, and that they are the identity else.

use nervure_graph::random::Draw;
use nervure_graph::{DType, Type};
use nervure_nn::Layer;
use nervure_nn::layers::{
    AlphaDropout, FlipMode, GaussianDropout, GaussianNoise, RandomBrightness, RandomContrast, RandomFlip,
    SpatialDropout1D, SpatialDropout2D, SpatialDropout3D,
};
use nervure_nn::network::batch;
use nervure_nn::word::Object;

use crate::trial::Trial;

/// x and y of a layer on rows of this shape.
fn run(
    layer: impl Into<Object<dyn Layer>>,
    training: bool,
    rows: usize,
    shape: &[usize],
) -> (Vec<f64>, Vec<f64>) {
    let sizes = shape.iter().map(|&n| n.into());
    let ty = Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>());
    let case =
        Trial { name: "noise".into(), layer: layer.into(), inputs: vec![ty] }.case(training, rows).unwrap();
    let run = case.evaluate::<f64>().unwrap();
    (case.inputs["x0"].to_f64(), run.output("y0").unwrap().to_f64())
}

/// Uniform numbers of a stream, with the seed and the step of models that are new.
fn uniform(stream: u32, element: usize) -> f64 {
    f64::from(Draw { seed: 1, step: 0, time: 0, stream }.uniform(element as u64))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[test]
fn noise_is_none_in_prediction() {
    let layers: [Object<dyn Layer>; 4] = [
        GaussianNoise::new(0.5).into(),
        GaussianDropout::new(0.5).into(),
        AlphaDropout::new(0.5).into(),
        SpatialDropout1D::new(0.5).into(),
    ];
    for layer in layers {
        let (x, y) = run(layer, false, 3, &[2, 4]);
        assert_eq!(x, y);
    }
    // Nor where nothing is dropped.
    let (x, y) = run(AlphaDropout::new(0.0), true, 3, &[4]);
    assert_eq!(x, y);
}

/// Numbers by the formula of Box and Muller, from the draws that the streams are documented to have; normal by their moments.
#[test]
fn gaussian_noise_is_normal() {
    let (x, y) = run(GaussianNoise::new(0.5), true, 100, &[100]);
    let z: Vec<f64> = x.iter().zip(&y).map(|(x, y)| (y - x) / 0.5).collect();
    for (i, z) in z.iter().enumerate().take(1000) {
        let angle = std::f64::consts::TAU * uniform(1, i);
        let expected = (-2.0 * (1.0 - uniform(0, i)).ln()).sqrt() * angle.cos();
        assert!((z - expected).abs() < 1e-12, "element {i}: expected {expected}, received {z}");
    }
    // Deviations of 5 standard errors over 10⁴ numbers: 1, √2, √15 and √96 over 100 for the first four moments.
    let moment = |k: i32| mean(z.iter().map(|z| z.powi(k)));
    for (k, expected, error) in [(1, 0.0, 0.05), (2, 1.0, 0.071), (3, 0.0, 0.194), (4, 3.0, 0.49)] {
        let received = moment(k);
        assert!((received - expected).abs() < error, "moment {k}: expected {expected}, received {received}");
    }
}

#[test]
fn gaussian_dropout_multiplies_by_numbers_around_1() {
    let (x, y) = run(GaussianDropout::new(0.2), true, 100, &[100]);
    let factors: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y / x).collect();
    let middle = mean(factors.iter().copied());
    let variance = mean(factors.iter().map(|f| (f - middle).powi(2)));
    // Variance 0.2 / 0.8, to 5 standard errors over 10⁴ numbers.
    assert!((middle - 1.0).abs() < 0.025, "{middle}");
    assert!((variance - 0.25).abs() < 0.018, "{variance}");
}

/// What is dropped becomes one number, what is kept an affine function of x; by both mean 0 and variance 1 stay.
#[test]
fn alpha_dropout_keeps_mean_and_variance() {
    let rate = 0.3;
    let (x, y) = run(AlphaDropout::new(rate), true, 100, &[100]);
    let least = -1.758_099_340_847_376_6;
    let a = 1.0 / ((1.0 - rate) * (1.0 + rate * least * least)).sqrt();
    let b = -a * least * rate;
    for (i, (x, y)) in x.iter().zip(&y).enumerate() {
        let expected = a * if uniform(0, i) < rate { least } else { *x } + b;
        assert!((y - expected).abs() < 1e-12, "element {i}: expected {expected}, received {y}");
    }
    // E y = a (rate · least + (1 − rate) · 0) + b and E y² for x of mean 0 and variance 1.
    assert!((a * rate * least + b).abs() < 1e-15);
    let square = rate * (a * least + b).powi(2) + (1.0 - rate) * (a * a + b * b);
    assert!((square - 1.0).abs() < 1e-12, "{square}");

    // Together along an axis of size 1.
    let (x, y) = run(AlphaDropout::new(0.5).noise_shape([None, Some(1), None]), true, 8, &[5, 4]);
    let kept = |row: usize, place: usize, c: usize| {
        let i = (row * 5 + place) * 4 + c;
        let half = 1.0 / (0.5 * (1.0 + 0.5 * least * least)).sqrt();
        (y[i] - half * (x[i] - 0.5 * least)).abs() < 1e-12
    };
    for (row, c) in (0..8).flat_map(|row| (0..4).map(move |c| (row, c))) {
        assert!((1..5).all(|place| kept(row, place, c) == kept(row, 0, c)), "row {row}, channel {c}");
    }
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let check = |layer: Object<dyn Layer>, shape: &[usize]| {
        let (x, y) = run(layer, true, 64, shape);
        let (channels, places) = (shape[shape.len() - 1], shape[..shape.len() - 1].iter().product::<usize>());
        let mut dropped = 0;
        for (row, c) in (0..64).flat_map(|row| (0..channels).map(move |c| (row, c))) {
            let at = |place: usize| (row * places + place) * channels + c;
            let factor = y[at(0)] / x[at(0)];
            assert!(factor == 0.0 || (factor - 1.0 / 0.75).abs() < 1e-12, "{factor}");
            assert!((0..places).all(|place| (y[at(place)] - factor * x[at(place)]).abs() < 1e-12));
            dropped += usize::from(factor == 0.0);
        }
        // 256 draws of chance ¼: between 30 and 98 but for one case in a million.
        assert!((30..=98).contains(&dropped), "{dropped} of 256");
    };
    check(SpatialDropout1D::new(0.25).into(), &[3, 4]);
    check(SpatialDropout2D::new(0.25).into(), &[3, 2, 4]);
    check(SpatialDropout3D::new(0.25).into(), &[2, 1, 2, 4]);
}

#[test]
fn images_are_flipped_or_not() {
    // Images of 2 × 3 pixels, whose places change into these.
    let modes = [
        (FlipMode::Horizontal, [2, 1, 0, 5, 4, 3]),
        (FlipMode::Vertical, [3, 4, 5, 0, 1, 2]),
        (FlipMode::HorizontalAndVertical, [5, 4, 3, 2, 1, 0]),
    ];
    for (mode, places) in modes {
        let (x, y) = run(RandomFlip::new(mode), true, 64, &[2, 3, 1]);
        for image in 0..64 {
            let flipped = uniform(0, image) <= 0.5;
            for (to, from) in places.iter().enumerate() {
                assert_eq!(
                    y[6 * image + to],
                    x[6 * image + if flipped { *from } else { to }],
                    "{mode:?} {image}"
                );
            }
        }
        let (x, y) = run(RandomFlip::new(mode), false, 3, &[2, 3, 1]);
        assert_eq!(x, y);
    }
}

#[test]
fn brightness_is_changed_by_image() {
    let check = |layer: RandomBrightness, least: f64, greatest: f64| {
        let (x, y) = run(layer.clone().value_range([-2.0, 2.0]), true, 32, &[2, 1, 2]);
        for (i, (x, y)) in x.iter().zip(&y).enumerate() {
            let delta = least + (greatest - least) * uniform(0, i / 4);
            let expected = (x + 4.0 * delta).clamp(-2.0, 2.0);
            assert!((y - expected).abs() < 1e-12, "element {i}: expected {expected}, received {y}");
        }
        let (x, y) = run(layer, false, 3, &[2, 1, 2]);
        assert_eq!(x, y);
    };
    check(RandomBrightness::new(0.3), -0.3, 0.3);
    check(RandomBrightness::new([0.2, -0.1]), -0.1, 0.2);
}

#[test]
fn contrast_is_changed_by_image() {
    let check = |layer: RandomContrast, least: f64, greatest: f64| {
        let (x, y) = run(layer.clone().value_range([-2.0, 2.0]), true, 32, &[2, 2, 1]);
        for (i, y) in y.iter().enumerate() {
            let image = i / 4;
            let middle = mean(x[4 * image..4 * image + 4].iter().copied());
            let factor = least + (greatest - least) * uniform(0, image);
            let expected = (middle + (x[i] - middle) * factor).clamp(-2.0, 2.0);
            assert!((y - expected).abs() < 1e-12, "element {i}: expected {expected}, received {y}");
        }
        let (x, y) = run(layer, false, 3, &[2, 2, 1]);
        assert_eq!(x, y);
    };
    check(RandomContrast::new(0.3), 1.0, 1.3);
    check(RandomContrast::new([0.5, 0.2]), 0.8, 1.5);
}
