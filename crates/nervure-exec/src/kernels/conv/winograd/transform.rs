//! The transforms along one axis, vector by vector, and along both.

use std::array::from_fn;

use super::{ELEMENTS, OUTPUTS};
use crate::simd::Simd;

/// `f` along the columns, then along the rows.
#[inline(always)]
pub(super) fn both<S: Simd, const I: usize, const O: usize>(
    s: S,
    f: impl Fn(S, [S::F; I]) -> [S::F; O],
    x: [[S::F; I]; I],
) -> [[S::F; O]; O] {
    let columns: [[S::F; O]; I] = from_fn(|j| f(s, from_fn(|i| x[i][j])));
    from_fn(|i| f(s, from_fn(|j| columns[j][i])))
}

/// `Bᵀ d`.
#[inline(always)]
pub(super) fn data<S: Simd>(s: S, d: [S::F; ELEMENTS]) -> [S::F; ELEMENTS] {
    [s.sub(d[0], d[2]), s.add(d[1], d[2]), s.sub(d[2], d[1]), s.sub(d[1], d[3])]
}

/// `G g`.
#[inline(always)]
pub(super) fn filter<S: Simd>(s: S, g: [S::F; 3]) -> [S::F; ELEMENTS] {
    let half = s.splat(0.5);
    let (outer, inner) = (s.mul(half, s.add(g[0], g[2])), s.mul(half, g[1]));
    [g[0], s.add(outer, inner), s.sub(outer, inner), g[2]]
}

/// `Gᵀ m`.
#[inline(always)]
pub(super) fn filter_grad<S: Simd>(s: S, m: [S::F; ELEMENTS]) -> [S::F; 3] {
    let half = s.splat(0.5);
    let (sum, difference) = (s.mul(half, s.add(m[1], m[2])), s.mul(half, s.sub(m[1], m[2])));
    [s.add(m[0], sum), difference, s.add(sum, m[3])]
}

/// `Aᵀ m`.
#[inline(always)]
pub(super) fn output<S: Simd>(s: S, m: [S::F; ELEMENTS]) -> [S::F; OUTPUTS] {
    [s.add(m[0], s.add(m[1], m[2])), s.sub(s.sub(m[1], m[2]), m[3])]
}

/// `A y`.
#[inline(always)]
pub(super) fn output_grad<S: Simd>(s: S, y: [S::F; OUTPUTS]) -> [S::F; ELEMENTS] {
    [y[0], s.add(y[0], y[1]), s.sub(y[0], y[1]), s.neg(y[1])]
}
