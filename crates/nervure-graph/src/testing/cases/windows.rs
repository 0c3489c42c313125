use crate::{Op, Padding, PoolKind, Window};

use super::super::Case;
use super::{batched, case};

/// A convolution or pooling: name, spatial sizes, window, groups.
fn windows() -> Vec<(&'static str, Vec<usize>, Window, usize)> {
    let explicit = |p: &[(usize, usize)]| Padding::Explicit(p.into());
    let window = |size: &[usize], strides: &[usize], dilation: &[usize], padding| Window {
        size: size.into(),
        strides: strides.into(),
        dilation: dilation.into(),
        padding,
    };
    vec![
        ("1-D", vec![6], Window::new([3]), 1),
        ("1-D, stride 2, padded", vec![6], window(&[3], &[2], &[1], explicit(&[(2, 1)])), 1),
        ("1-D, dilation 2, groups", vec![7], window(&[2], &[1], &[2], explicit(&[(0, 1)])), 2),
        ("1-D, stride 3 that leaves a rest", vec![7], window(&[2], &[3], &[1], explicit(&[(0, 0)])), 1),
        ("1-D, same, stride 2", vec![5], window(&[4], &[2], &[1], Padding::Same), 1),
        ("2-D", vec![3, 4], Window::new([2, 3]), 1),
        ("2-D, same, groups", vec![3, 4], window(&[2, 3], &[1, 2], &[1, 1], Padding::Same), 2),
        ("2-D, all at once", vec![5, 6], window(&[2, 2], &[2, 1], &[2, 3], explicit(&[(1, 0), (0, 2)])), 2),
        (
            "3-D",
            vec![2, 3, 2],
            window(&[2, 2, 1], &[1, 2, 1], &[1, 1, 1], explicit(&[(0, 1), (1, 0), (0, 0)])),
            1,
        ),
        ("3-D, same", vec![2, 2, 3], window(&[1, 2, 2], &[1, 1, 2], &[1, 1, 1], Padding::Same), 1),
    ]
}

pub(super) fn add(cases: &mut Vec<Case>) {
    for (name, spatial, window, groups) in windows() {
        let (channels, kernel) = (2 * groups, [&window.size[..], &[2, 2 * groups]].concat());
        let sized = |channels: usize| batched(&[&spatial[..], &[channels]].concat());
        let outputs: Vec<usize> =
            (0..spatial.len()).filter_map(|i| window.output(i, &spatial[i].into()).as_const()).collect();
        let result = |channels: usize| batched(&[&outputs[..], &[channels]].concat());
        let sizes: Vec<crate::Dim> = spatial.iter().map(|&n| n.into()).collect();
        case(cases, format!("conv, {name}"), |w| {
            w.out(w.floats("x", sized(channels)).conv(w.parameter("k", &kernel), window.clone(), groups));
        });
        case(cases, format!("gradient of conv to its input, {name}"), |w| {
            let (dy, k) = (w.floats("dy", result(channels)), w.parameter("k", &kernel));
            w.out(dy.conv_input_grad(k, window.clone(), groups, sizes.clone()));
        });
        case(cases, format!("gradient of conv to its kernel, {name}"), |w| {
            let (x, dy) = (w.floats("x", sized(channels)), w.floats("dy", result(channels)));
            w.out(x.conv_kernel_grad(dy, window.clone(), groups));
        });
        for kind in PoolKind::ALL {
            let grad = Op::PoolGrad { kind, window: window.clone(), spatial: sizes.clone() };
            case(cases, format!("pool {kind:?}, {name}"), |w| {
                w.out(w.distinct("x", sized(2)).pool(kind, window.clone()));
            });
            case(cases, format!("gradient of pool {kind:?}, {name}"), |w| {
                let dy = w.floats("dy", result(2));
                w.out(match kind {
                    PoolKind::Sum => w.g.apply(grad, &[dy]),
                    PoolKind::Max => w.g.apply(grad, &[dy, w.distinct("x", sized(2))]),
                });
            });
        }
        case(cases, format!("pick from windows, {name}"), |w| {
            let (t, x) = (w.floats("t", sized(2)), w.distinct("x", sized(2)));
            w.out(w.g.apply(Op::PoolPick { window: window.clone() }, &[t, x]));
        });
    }
    // The greatest is −∞, its place nowhere.
    let outside = || Window { padding: Padding::Explicit(vec![(2, 0)]), ..Window::new([2]) };
    case(cases, "windows that lie in the padding", |w| {
        let (x, t) = (w.distinct("x", batched(&[3, 1])), w.floats("t", batched(&[3, 1])));
        w.out(x.pool(PoolKind::Max, outside()).exp());
        w.out(x.pool(PoolKind::Sum, outside()));
        w.out(w.g.apply(Op::PoolPick { window: outside() }, &[t, x]));
    });
    case(cases, "the first of equals and of NaN in a window", |w| {
        let nan = f64::NAN;
        let x = w.g.floats(&[1, 6, 1], &[2.0, 2.0, 1.0, nan, 3.0, nan]);
        let t = w.floats("t", super::fixed(&[1, 6, 1]));
        let window = Window { strides: vec![2], ..Window::new([2]) };
        w.out(x.pool(PoolKind::Max, window.clone()).is_finite());
        w.out(w.g.apply(Op::PoolPick { window }, &[t, x]));
    });
}
