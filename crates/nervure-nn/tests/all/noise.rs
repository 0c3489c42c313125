//! Layers that are random while they train: what they draw, and that they are the identity else.

use nervure_graph::random::Draw;
use nervure_graph::{Array, DType, Type};
use nervure_nn::Layer;
use nervure_nn::layers::{
    AlphaDropout, CutMix, FillMode, FlipMode, GaussianDropout, GaussianNoise, Interpolation, MixUp,
    RandomBrightness, RandomContrast, RandomCrop, RandomErasing, RandomFlip, RandomRotation,
    RandomTranslation, RandomZoom, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D,
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
    let ([x], [y]) = run_on(layer, training, rows, [shape]);
    (x, y)
}

fn trial<const N: usize>(layer: impl Into<Object<dyn Layer>>, shapes: [&[usize]; N]) -> Trial {
    let ty = |shape: &[usize]| {
        let sizes = shape.iter().map(|&n| n.into());
        Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>())
    };
    Trial { name: "noise".into(), layer: layer.into(), inputs: shapes.map(ty).into() }
}

/// What a layer says of rows of these shapes.
fn refusal<const N: usize>(layer: impl Into<Object<dyn Layer>>, shapes: [&[usize]; N]) -> String {
    trial(layer, shapes).graph(true).unwrap_err().to_string()
}

/// The same of a layer with as many inputs as outputs.
fn run_on<const N: usize>(
    layer: impl Into<Object<dyn Layer>>,
    training: bool,
    rows: usize,
    shapes: [&[usize]; N],
) -> ([Vec<f64>; N], [Vec<f64>; N]) {
    let case = trial(layer, shapes).case(training, rows).unwrap();
    let run = case.evaluate::<f64>().unwrap();
    let x = std::array::from_fn(|i| case.inputs[&format!("x{i}")].to_f64());
    (x, std::array::from_fn(|i| run.output(&format!("y{i}")).unwrap().to_f64()))
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

/// The pixel of an image of 4 × 5 at a place that may lie beyond it, by steps over its edges.
fn pixel(image: &[f64], mode: FillMode, [mut row, mut column]: [i64; 2]) -> f64 {
    for (place, n) in [(&mut row, 4), (&mut column, 5)] {
        while !(0..n).contains(place) {
            *place = match mode {
                FillMode::Reflect if *place < 0 => -1 - *place,
                FillMode::Reflect => 2 * n - 1 - *place,
                FillMode::Wrap if *place < 0 => *place + n,
                FillMode::Wrap => *place - n,
                FillMode::Nearest => (*place).clamp(0, n - 1),
                FillMode::Constant => return 0.25,
            };
        }
    }
    image[(row * 5 + column) as usize]
}

fn between(least: f64, greatest: f64, stream: u32, image: usize) -> f64 {
    least + (greatest - least) * uniform(stream, image)
}

#[test]
fn images_are_moved_as_a_search_pixel_by_pixel_says() {
    type From = dyn Fn(usize, f64, f64) -> (f64, f64);
    let check = |layer: Object<dyn Layer>, mode: FillMode, smooth: bool, from: &From| {
        let (x, y) = run(layer.clone(), true, 16, &[4, 5, 1]);
        let mut moved = 0;
        for (i, y) in y.iter().enumerate() {
            let (image, row, column) = (i / 20, i / 5 % 4, i % 5);
            let at = |row, column| pixel(&x[20 * image..20 * image + 20], mode, [row, column]);
            let (r, c) = from(image, row as f64, column as f64);
            let expected = if smooth {
                let (r0, c0) = (r.floor(), c.floor());
                let (dr, dc) = (r - r0, c - c0);
                let [r0, c0] = [r0, c0].map(|v| v as i64);
                (1.0 - dr) * ((1.0 - dc) * at(r0, c0) + dc * at(r0, c0 + 1))
                    + dr * ((1.0 - dc) * at(r0 + 1, c0) + dc * at(r0 + 1, c0 + 1))
            } else {
                at(r.round() as i64, c.round() as i64)
            };
            assert!((y - expected).abs() < 1e-9, "{layer:?} element {i}: expected {expected}, received {y}");
            moved += usize::from((y - x[i]).abs() > 1e-3);
        }
        assert!(moved > 100, "{layer:?}: {moved} pixels are others");
        let (x, y) = run(layer, false, 2, &[4, 5, 1]);
        assert_eq!(x, y);
    };
    for mode in [FillMode::Reflect, FillMode::Wrap, FillMode::Constant, FillMode::Nearest] {
        // Turned around the middle, (1.5, 2).
        let turned = RandomRotation::new([0.05, 0.4]).fill_mode(mode).fill_value(0.25);
        check(turned.into(), mode, true, &|image, row, column| {
            let angle = between(0.05, 0.4, 0, image) * std::f64::consts::TAU;
            let (dr, dc) = (row - 1.5, column - 2.0);
            (1.5 + angle.sin() * dc + angle.cos() * dr, 2.0 + angle.cos() * dc - angle.sin() * dr)
        });
        let moved = RandomTranslation::new(1.0, [0.1, 0.9]).fill_mode(mode).fill_value(0.25);
        check(moved.clone().into(), mode, true, &|image, row, column| {
            (row - 4.0 * between(-1.0, 1.0, 0, image), column - 5.0 * between(0.1, 0.9, 1, image))
        });
        check(moved.interpolation(Interpolation::Nearest).into(), mode, false, &|image, row, column| {
            (row - 4.0 * between(-1.0, 1.0, 0, image), column - 5.0 * between(0.1, 0.9, 1, image))
        });
        let wide = RandomZoom::new(0.9).fill_mode(mode).fill_value(0.25);
        check(wide.into(), mode, true, &|image, row, column| {
            let zoom = 1.0 + between(-0.9, 0.9, 0, image);
            (1.5 + zoom * (row - 1.5), 2.0 + zoom * (column - 2.0))
        });
        let zoomed = RandomZoom::new([-0.9, -0.4]).width_factor([0.1, 1.0]).fill_mode(mode).fill_value(0.25);
        check(zoomed.into(), mode, true, &|image, row, column| {
            let rows = 1.0 + between(-0.9, -0.4, 0, image);
            let columns = 1.0 + between(0.1, 1.0, 1, image);
            (1.5 + rows * (row - 1.5), 2.0 + columns * (column - 2.0))
        });
    }
}

#[test]
fn windows_of_images_lie_anywhere() {
    let (x, y) = run(RandomCrop::new(2, 3), true, 512, &[4, 5, 2]);
    let mut met = [[0; 3]; 3];
    for (image, window) in y.chunks(12).enumerate() {
        let [top, left] = [0, 1].map(|stream| (3.0 * uniform(stream, image)) as usize);
        for (i, y) in window.iter().enumerate() {
            let (row, column, channel) = (top + i / 6, left + i / 2 % 3, i % 2);
            assert_eq!(*y, x[40 * image + 10 * row + 2 * column + channel], "image {image}, element {i}");
        }
        met[top][left] += 1;
    }
    // 512 draws of chance 1/9: between 24 and 94 but for one case in a million.
    assert!(met.as_flattened().iter().all(|n| (24..=94).contains(n)), "{met:?}");

    // One place where there is no room, as when predicting.
    let whole = |training| run(RandomCrop::new(4, 5), training, 3, &[4, 5, 1]);
    let (x, y) = whole(true);
    assert_eq!(x, y);
    assert_eq!(whole(false).1, y);
    let small = |training| run(RandomCrop::new(4, 7), training, 3, &[4, 5, 1]).1;
    assert_eq!(small(true), small(false));
}

/// Of each row the one that is mixed into it, and λ by the formula as it was published, from the draws that the streams are documented to have.
pub fn mixing(rows: usize, a: f64, first: u32) -> Vec<(usize, f64)> {
    let last = first + if first == 0 { 2 } else { 4 };
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&i, &j| uniform(last, i).total_cmp(&uniform(last, j)));
    let lambda = |row: usize| {
        let w = ((1.0 - uniform(first, row)).powf(-1.0 / a) - 1.0).sqrt();
        let t = w * (std::f64::consts::TAU * uniform(first + 1, row)).cos();
        0.5 * (1.0 + t / (1.0 + t * t).sqrt())
    };
    order.into_iter().enumerate().map(|(row, other)| (other, lambda(row))).collect()
}

#[test]
fn rows_are_mixed_with_others_by_beta() {
    for alpha in [0.2, 1.0, 3.0] {
        let ([x, labels], [y, of]) = run_on(MixUp::new().alpha(alpha), true, 64, [&[2, 3], &[4]]);
        let all = mixing(64, alpha, 0);
        for (from, to, width) in [(x, y, 6), (labels, of, 4)] {
            for (i, y) in to.iter().enumerate() {
                let (other, lambda) = all[i / width];
                let expected = lambda * from[i] + (1.0 - lambda) * from[other * width + i % width];
                assert!((y - expected).abs() < 1e-9, "element {i}: expected {expected}, received {y}");
            }
        }
        let mut others: Vec<usize> = all.iter().map(|o| o.0).collect();
        others.sort_unstable();
        assert!(others.into_iter().eq(0..64), "each row is mixed into one");
        let (given, same) = run_on(MixUp::new().alpha(alpha), false, 3, [&[2, 3], &[4]]);
        assert_eq!(given, same);
    }
    let refused = refusal(MixUp::new().alpha(0.0), [&[4], &[4]]);
    assert!(refused.contains("expected an alpha above 0, received 0"), "{refused}");
    let refused = refusal(MixUp::new(), [&[4], &[]]);
    assert!(refused.contains("expected labels [batch, …, n], one-hot, received f32[batch]"), "{refused}");
}

/// λ against the distribution functions of Beta(a, a) that are known in closed form (Kolmogorov and Smirnov), and against its moments where a is small or large. In
/// single precision, in which training draws.
#[test]
fn shares_of_rows_are_of_the_beta_distribution() {
    const ROWS: usize = 8000;
    // With labels of 0 and 1 in turn, a row that is mixed with one of another label tells its λ.
    let shares = |alpha: f64| -> Vec<f64> {
        let mut case = trial(MixUp::new().alpha(alpha), [&[1], &[1]]).case(true, ROWS).unwrap();
        let labels: Vec<f64> = (0..ROWS).map(|i| (i % 2) as f64).collect();
        case.inputs.insert("x1".into(), Array::of(DType::F32, &[ROWS, 1], &labels));
        let run = case.evaluate::<f32>().unwrap();
        let mixed = run.output("y1").unwrap().to_f64();
        let others = mixing(ROWS, alpha, 0).into_iter().map(|(other, _)| labels[other]);
        let both = mixed.iter().zip(&labels).zip(others).filter(|((_, own), other)| *own != other);
        both.map(|((y, _), other)| (y - other).abs()).collect()
    };
    let half_turns = 2.0 / std::f64::consts::PI;
    let distributions: [(f64, &dyn Fn(f64) -> f64); 3] =
        [(0.5, &|x| half_turns * x.sqrt().asin()), (1.0, &|x| x), (2.0, &|x| x * x * (3.0 - 2.0 * x))];
    for (alpha, distribution) in distributions {
        let mut all = shares(alpha);
        all.sort_by(f64::total_cmp);
        // √(ln(2 / 10⁻⁶) / 2n) of some 4000 is passed in one case of a million.
        for (i, x) in all.iter().enumerate() {
            let below = i as f64 / all.len() as f64;
            assert!((distribution(*x) - below).abs() < 0.045, "{alpha}: {x} at {below}");
        }
    }
    for alpha in [1e-4, 0.02, 0.2, 50.0, 1e4] {
        let all = shares(alpha);
        assert!(all.iter().all(|x| (0.0..=1.0).contains(x)), "{alpha}");
        // Beta's central moments, to 5 standard errors.
        let (second, fourth) =
            (0.25 / (2.0 * alpha + 1.0), 0.1875 / ((2.0 * alpha + 1.0) * (2.0 * alpha + 3.0)));
        let n = all.len() as f64;
        let (mean, square) = (mean(all.iter().copied()), mean(all.iter().map(|x| (x - 0.5).powi(2))));
        assert!((mean - 0.5).abs() < 5.0 * (second / n).sqrt(), "{alpha}: mean {mean}");
        let error = 5.0 * ((fourth - second * second) / n).sqrt();
        assert!((square - second).abs() < error, "{alpha}: variance {square}, expected {second}");
    }
}

#[test]
fn rectangles_of_other_images_are_put_in() {
    let check = |layer: CutMix, (least, greatest): (f64, f64)| {
        let ([x, labels], [y, of]) = run_on(layer.clone(), true, 128, [&[6, 5, 2], &[3]]);
        let alpha = least + 1e-6 + (greatest - least) * uniform(0, 0);
        let all = mixing(128, alpha, 1);
        let (mut cut, mut wanted) = (0, 0.0);
        for (image, &(other, lambda)) in all.iter().enumerate() {
            let covers = |stream: u32, size: f64, place: usize| {
                let length = size * (1.0 - lambda).sqrt();
                let start = (size - length) * uniform(stream, image);
                (start..start + length).contains(&(place as f64))
            };
            let inside = |i: usize| covers(3, 6.0, i / 10) && covers(4, 5.0, i / 2 % 5);
            for i in 0..60 {
                let from = if inside(i) { other } else { image };
                assert_eq!(y[60 * image + i], x[60 * from + i], "image {image}, element {i}");
            }
            let pixels = (0..30).filter(|i| inside(2 * i)).count();
            let share = pixels as f64 / 30.0;
            for c in 0..3 {
                let expected = (1.0 - share) * labels[3 * image + c] + share * labels[3 * other + c];
                assert!((of[3 * image + c] - expected).abs() < 1e-12, "label {c} of image {image}");
            }
            (cut, wanted) = (cut + pixels, wanted + 30.0 * (1.0 - lambda));
        }
        // Of 3840 pixels. As in Keras, a pixel counts where its first edge lies within, so that the first of a side is all but never cut.
        assert!((cut as f64 - wanted).abs() < 0.1 * 3840.0, "{cut} pixels, expected {wanted}");
        assert!(cut > 1000, "{cut}");
        let (given, same) = run_on(layer, false, 3, [&[6, 5, 2], &[3]]);
        assert_eq!(given, same);
    };
    check(CutMix::new(), (0.0, 1.0));
    check(CutMix::new().factor([0.9, 0.4]), (0.4, 0.9));
    let refused = refusal(CutMix::new().factor(1.5), [&[4, 4, 1], &[3]]);
    assert!(refused.contains("a factor, or two, from 0 to 1"), "{refused}");
}

#[test]
fn factors_beyond_the_image_are_refused() {
    assert!(refuses(RandomZoom::new([-1.0, 0.5])));
    assert!(!refuses(RandomZoom::new(1.0)));
    assert!(refuses(RandomTranslation::new(0.5, 1.5)));
    assert!(!refuses(RandomTranslation::new([-1.0, 1.0], 0.0)));
    assert!(refuses(RandomRotation::new(0.1).interpolation(Interpolation::Bicubic)));
}

/// Whether a layer is refused on such images.
fn refuses(layer: impl Into<Object<dyn Layer>>) -> bool {
    trial(layer, [&[4, 5, 1]]).graph(true).is_err()
}

#[test]
fn rectangles_of_images_are_erased() {
    let check =
        |layer: RandomErasing, (least, greatest): (f64, f64), (low, high): (f64, f64), fill: [f64; 2]| {
            let (x, y) = run(layer.clone(), true, 64, &[6, 5, 2]);
            let mut erased = 0;
            for (i, y) in y.iter().enumerate() {
                let (image, row, column, channel) = (i / 60, i / 10 % 6, i / 2 % 5, i % 2);
                // A length and a start for the rows, the same for the columns, and the two draws that choose.
                let draw = |stream| uniform(stream, image);
                let covers = |stream: u32, size: f64, place: usize| {
                    let length = size * (low + (high - low) * draw(stream)).sqrt();
                    let start = (size - length) * draw(stream + 1);
                    (start..start + length).contains(&(place as f64))
                };
                let chosen = draw(5) < least + (greatest - least) * draw(4);
                let inside = chosen && covers(0, 6.0, row) && covers(2, 5.0, column);
                assert_eq!(*y, if inside { fill[channel] } else { x[i] }, "element {i}");
                erased += usize::from(inside);
            }
            assert!(erased > 100, "{erased} elements are erased");
            let (x, y) = run(layer, false, 2, &[6, 5, 2]);
            assert_eq!(x, y);
        };
    check(RandomErasing::new().fill_value(9.0), (0.0, 1.0), (0.02, 0.33), [9.0, 9.0]);
    let always = RandomErasing::new().factor([1.0, 1.0]).scale([0.6, 0.2]);
    check(always.clone().fill_value([7.0, 8.0]), (1.0, 1.0), (0.2, 0.6), [7.0, 8.0]);

    // Normal numbers, times the greatest value.
    let (x, y) = run(always.value_range([-3.0, 4.0]), true, 16, &[6, 5, 2]);
    let normal = |i| {
        let angle = std::f64::consts::TAU * uniform(7, i);
        (-2.0 * (1.0 - uniform(6, i)).ln()).sqrt() * angle.cos()
    };
    let mut filled = 0;
    for (i, (x, y)) in x.iter().zip(&y).enumerate().filter(|(_, (x, y))| x != y) {
        let expected = (4.0 * normal(i)).clamp(-3.0, 4.0);
        assert!((y - expected).abs() < 1e-12, "element {i}, from {x}: expected {expected}, received {y}");
        filled += 1;
    }
    assert!(filled > 96, "{filled} of 960 elements");
}
