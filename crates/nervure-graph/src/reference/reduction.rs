//! Values of reductions, products and sorts.

use std::cmp::Ordering;

use crate::Reduction;

use super::array::{Array, Data, Float, Number};
use super::elementwise::{greater, lesser};
use super::movement::{each_index, place};

pub(super) fn matmul<T: Float>(
    a: &Array<T>,
    b: &Array<T>,
    transpose_a: bool,
    transpose_b: bool,
    shape: &[usize],
) -> Data<T> {
    let (Some(x), Some(y)) = (a.as_floats(), b.as_floats()) else { return Data::F32(Vec::new()) };
    let batch = shape.len() - 2;
    let k = a.shape()[if transpose_a { batch } else { batch + 1 }];
    let mut out = Vec::with_capacity(shape.iter().product());
    each_index(shape, |index| {
        let (outer, m, n) = (&index[..batch], index[batch], index[batch + 1]);
        let at = |of: &[usize], row: usize, column: usize, transposed: bool| {
            let last = if transposed { [column, row] } else { [row, column] };
            place(of, outer.iter().copied().chain(last))
        };
        let term = |k| x[at(a.shape(), m, k, transpose_a)] * y[at(b.shape(), k, n, transpose_b)];
        out.push((0..k).fold(T::ZERO, |sum, k| sum + term(k)));
    });
    Data::F32(out)
}

pub(super) fn reduce<T: Float>(kind: Reduction, axes: &[usize], x: &Array<T>, shape: &[usize]) -> Data<T> {
    let groups = groups(x.shape(), axes, shape);
    match (kind, x.data()) {
        (Reduction::Sum | Reduction::Max | Reduction::Min, Data::I32(v)) => {
            Data::I32(groups.iter().map(|g| fold(kind, g, v)).collect())
        }
        (Reduction::Sum | Reduction::Max | Reduction::Min, Data::I64(v)) => {
            Data::I64(groups.iter().map(|g| fold(kind, g, v)).collect())
        }
        (Reduction::LogSumExp, Data::F32(v)) => {
            Data::F32(groups.iter().map(|g| log_sum_exp(g.iter().map(|&i| v[i]))).collect())
        }
        (kind, Data::F32(v)) => Data::F32(groups.iter().map(|g| fold(kind, g, v)).collect()),
        (_, Data::I32(_) | Data::I64(_) | Data::U8(_) | Data::Bool(_)) => Data::F32(Vec::new()),
    }
}

fn fold<N: Number>(kind: Reduction, places: &[usize], v: &[N]) -> N {
    let values = places.iter().map(|&i| v[i]);
    match kind {
        Reduction::Sum => values.fold(N::ZERO, N::plus),
        Reduction::Product | Reduction::LogSumExp => values.fold(N::ONE, N::times),
        Reduction::Max => values.fold(N::LOWEST, greater),
        Reduction::Min => values.fold(N::HIGHEST, lesser),
    }
}

fn log_sum_exp<T: Float>(values: impl Iterator<Item = T> + Clone) -> T {
    let greatest = values.clone().fold(T::LOWEST, greater);
    // All −∞, or an ∞ or NaN: the differences would be NaN.
    if !greatest.to_f64().is_finite() {
        return greatest;
    }
    greatest + values.fold(T::ZERO, |sum, v| sum + (v - greatest).exp()).log()
}

/// For each element of the result the places in `x` that are reduced to it, in row-major order.
fn groups(x: &[usize], axes: &[usize], shape: &[usize]) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); shape.iter().product()];
    each_index(x, |index| {
        let kept = index.iter().enumerate().filter(|(a, _)| !axes.contains(a)).map(|(_, &i)| i);
        groups[place(shape, kept)].push(place(x, index.iter().copied()));
    });
    groups
}

/// Nothing if the axis is empty but the result is not.
pub(super) fn argmax<T: Float>(x: &Array<T>, axis: usize, shape: &[usize]) -> Option<Data<T>> {
    let groups = groups(x.shape(), &[axis], shape);
    let greatest = |g: &Vec<usize>| match x.data() {
        Data::F32(v) => first_greatest(g, v),
        Data::I32(v) => first_greatest(g, v),
        Data::I64(v) => first_greatest(g, v),
        Data::U8(_) | Data::Bool(_) => None,
    };
    groups.iter().map(|g| greatest(g).map(|i| i as i32)).collect::<Option<Vec<i32>>>().map(Data::I32)
}

/// Number of the first greatest of the elements at `places`, or of the first NaN.
pub(super) fn first_greatest<N: Number>(places: &[usize], v: &[N]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (i, &p) in places.iter().enumerate() {
        let better = best.is_none_or(|b| {
            let (candidate, best) = (v[p], v[places[b]]);
            !best.is_nan() && (candidate.is_nan() || candidate > best)
        });
        if better {
            best = Some(i);
        }
    }
    best
}

pub(super) fn argsort<T: Float>(x: &Array<T>, descending: bool) -> Data<T> {
    let n = x.shape().last().copied().unwrap_or(0);
    match x.data() {
        Data::F32(v) => Data::I32(sorted(v, n, descending)),
        Data::I32(v) => Data::I32(sorted(v, n, descending)),
        Data::I64(v) => Data::I32(sorted(v, n, descending)),
        Data::U8(_) | Data::Bool(_) => Data::I32(Vec::new()),
    }
}

fn sorted<N: Number>(v: &[N], n: usize, descending: bool) -> Vec<i32> {
    let mut out = Vec::with_capacity(v.len());
    for row in v.chunks(n.max(1)) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|&i, &j| {
            let ascending = ascending(row[i], row[j]);
            if descending { ascending.reverse() } else { ascending }
        });
        out.extend(order.into_iter().map(|i| i as i32));
    }
    out
}

/// NaN is greater than all else.
fn ascending<N: Number>(a: N, b: N) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
