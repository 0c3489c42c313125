//! Values of convolution and pooling.

use crate::{PoolKind, Window};

use super::array::{Array, Data, Float};
use super::movement::{each_index, place};
use super::reduction::first_greatest;

pub(super) fn conv<T: Float>(
    x: &Array<T>,
    k: &Array<T>,
    window: &Window,
    groups: usize,
    y: &[usize],
) -> Data<T> {
    sum_of_products(x, k, y, |sum| {
        each_product(window, groups, [x.shape(), k.shape(), y], |[x, k, y]| sum(y, x, k));
    })
}

pub(super) fn conv_input_grad<T: Float>(
    dy: &Array<T>,
    k: &Array<T>,
    window: &Window,
    groups: usize,
    x: &[usize],
) -> Data<T> {
    sum_of_products(dy, k, x, |sum| {
        each_product(window, groups, [x, k.shape(), dy.shape()], |[x, k, y]| sum(x, y, k));
    })
}

pub(super) fn conv_kernel_grad<T: Float>(
    x: &Array<T>,
    dy: &Array<T>,
    window: &Window,
    groups: usize,
    k: &[usize],
) -> Data<T> {
    sum_of_products(x, dy, k, |sum| {
        each_product(window, groups, [x.shape(), k, dy.shape()], |[x, k, y]| sum(k, x, y));
    })
}

/// Sums at places of the result of products of elements of `a` and `b`, as `terms` says: (place of the result, of a, of b).
fn sum_of_products<T: Float>(
    a: &Array<T>,
    b: &Array<T>,
    shape: &[usize],
    terms: impl FnOnce(&mut dyn FnMut(usize, usize, usize)),
) -> Data<T> {
    let (Some(a), Some(b)) = (a.as_floats(), b.as_floats()) else { return Data::F32(Vec::new()) };
    let mut out = vec![T::ZERO; shape.iter().product()];
    terms(&mut |to, i, j| out[to] = out[to] + a[i] * b[j]);
    Data::F32(out)
}

/// Every product that a convolution sums: the places of the elements of `x`, `k` and `y` that it ties.
fn each_product(window: &Window, groups: usize, [x, k, y]: [&[usize]; 3], mut f: impl FnMut([usize; 3])) {
    let s = window.size.len();
    let (per_group_in, per_group_out) = (k[s], k[s + 1] / groups);
    each_index(y, |at| {
        let (n, o) = (at[0], at[s + 1]);
        each_index(&k[..=s], |tap| {
            let Some(spatial) = element(window, &at[1..=s], &tap[..s], &x[1..=s]) else { return };
            let c = o / per_group_out * per_group_in + tap[s];
            f([
                place(x, [n].into_iter().chain(spatial).chain([c])),
                place(k, tap.iter().copied().chain([o])),
                place(y, at.iter().copied()),
            ]);
        });
    });
}

/// The element of the input that a tap of a window meets; none in the padding.
fn element(window: &Window, at: &[usize], tap: &[usize], sizes: &[usize]) -> Option<Vec<usize>> {
    (0..at.len())
        .map(|i| {
            let (before, _) = window.pads(i, sizes[i]);
            let padded = at[i] * window.strides[i] + tap[i] * window.dilation[i];
            padded.checked_sub(before).filter(|&e| e < sizes[i])
        })
        .collect()
}

pub(super) fn pool<T: Float>(kind: PoolKind, x: &Array<T>, window: &Window, shape: &[usize]) -> Data<T> {
    let Some(v) = x.as_floats() else { return Data::F32(Vec::new()) };
    let windows = windows(window, x.shape(), shape);
    Data::F32(match kind {
        PoolKind::Sum => windows.iter().map(|w| w.iter().fold(T::ZERO, |sum, &i| sum + v[i])).collect(),
        PoolKind::Max => {
            windows.iter().map(|w| first_greatest(w, v).map_or(T::LOWEST, |i| v[w[i]])).collect()
        }
    })
}

/// With `shape` that of `x`.
pub(super) fn pool_grad<T: Float>(
    kind: PoolKind,
    dy: &Array<T>,
    x: Option<&Array<T>>,
    window: &Window,
    shape: &[usize],
) -> Data<T> {
    let Some(d) = dy.as_floats() else { return Data::F32(Vec::new()) };
    let mut out = vec![T::ZERO; shape.iter().product()];
    for (w, &d) in windows(window, shape, dy.shape()).iter().zip(d) {
        match kind {
            PoolKind::Sum => w.iter().for_each(|&i| out[i] = out[i] + d),
            PoolKind::Max => {
                if let Some(i) = x.and_then(Array::as_floats).and_then(|x| first_greatest(w, x)) {
                    out[w[i]] = out[w[i]] + d;
                }
            }
        }
    }
    Data::F32(out)
}

pub(super) fn pool_pick<T: Float>(t: &Array<T>, x: &Array<T>, window: &Window, shape: &[usize]) -> Data<T> {
    let (Some(t), Some(v)) = (t.as_floats(), x.as_floats()) else { return Data::F32(Vec::new()) };
    let pick = |w: &Vec<usize>| first_greatest(w, v).map_or(T::ZERO, |i| t[w[i]]);
    Data::F32(windows(window, x.shape(), shape).iter().map(pick).collect())
}

/// For each window and channel the places of its elements within `x`, in row-major order.
fn windows(window: &Window, x: &[usize], y: &[usize]) -> Vec<Vec<usize>> {
    let s = window.size.len();
    let mut windows = Vec::new();
    each_index(y, |at| {
        let mut elements = Vec::new();
        each_index(&window.size, |tap| {
            if let Some(spatial) = element(window, &at[1..=s], tap, &x[1..=s]) {
                elements.push(place(x, [at[0]].into_iter().chain(spatial).chain([at[s + 1]])));
            }
        });
        windows.push(elements);
    });
    windows
}
