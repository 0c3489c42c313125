//! Values of primitives that move elements without changing them, and of the sums over places that undo such moves.

use crate::DType;

use super::array::{Array, Data, Float, Number, map_data};

/// Calls `f` with each index of an array, in row-major order.
pub(super) fn each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    let n: usize = shape.iter().product();
    let mut index = vec![0; shape.len()];
    for _ in 0..n {
        f(&index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// The place of an index in row-major order.
pub(super) fn place(shape: &[usize], index: impl IntoIterator<Item = usize>) -> usize {
    shape.iter().zip(index).fold(0, |at, (n, i)| at * n + i)
}

/// The array whose element at each index of `shape` is that of `x` at the place given by `source`.
fn moved<T: Float>(x: &Array<T>, shape: &[usize], source: impl Fn(&[usize]) -> usize) -> Data<T> {
    let mut places = Vec::with_capacity(shape.iter().product());
    each_index(shape, |index| places.push(source(index)));
    map_data!(x.data(), v => places.iter().map(|&p| v[p]).collect())
}

pub(super) fn iota<T: Float>(dtype: DType, shape: &[usize], axis: usize) -> Data<T> {
    let mut counts = Vec::new();
    each_index(shape, |index| counts.push(index[axis] as i64));
    Data::I64(counts).cast(dtype)
}

pub(super) fn transpose<T: Float>(x: &Array<T>, permutation: &[usize], shape: &[usize]) -> Data<T> {
    moved(x, shape, |index| {
        let mut at = vec![0; index.len()];
        for (i, &p) in permutation.iter().enumerate() {
            at[p] = index[i];
        }
        place(x.shape(), at)
    })
}

pub(super) fn broadcast<T: Float>(x: &Array<T>, shape: &[usize]) -> Data<T> {
    moved(x, shape, |index| {
        place(x.shape(), index.iter().zip(x.shape()).map(|(&i, &n)| if n == 1 { 0 } else { i }))
    })
}

pub(super) fn slice<T: Float>(
    x: &Array<T>,
    starts: &[usize],
    steps: &[usize],
    shape: &[usize],
) -> Result<Data<T>, String> {
    for (axis, &n) in x.shape().iter().enumerate() {
        let (start, size) = (starts[axis], shape[axis]);
        let last = size.checked_sub(1).and_then(|s| s.checked_mul(steps[axis])?.checked_add(start));
        if start > n || (size > 0 && last.is_none_or(|l| l >= n)) {
            return Err(format!("{size} elements from {start} by {} on axis {axis} of {n}", steps[axis]));
        }
    }
    Ok(moved(x, shape, |index| {
        place(x.shape(), index.iter().enumerate().map(|(a, &i)| starts[a] + i * steps[a]))
    }))
}

pub(super) fn pad<T: Float>(
    x: &Array<T>,
    low: &[usize],
    interior: &[usize],
    value: f64,
    shape: &[usize],
) -> Data<T> {
    let mut targets = Vec::with_capacity(x.len());
    each_index(x.shape(), |index| {
        targets.push(place(
            shape,
            index.iter().enumerate().map(|(a, &i)| low[a] + i * interior[a].saturating_add(1)),
        ));
    });
    let n = shape.iter().product();
    let mut out = Data::F32(vec![T::from_f64(value); n]).cast(x.dtype());
    macro_rules! put {
        ($($kind:ident),*) => {
            match (&mut out, x.data()) {
                $((Data::$kind(out), Data::$kind(v)) => {
                    for (&to, &v) in targets.iter().zip(v) {
                        out[to] = v;
                    }
                })*
                _different => {}
            }
        };
    }
    put!(F32, I32, I64, U8, Bool);
    out
}

pub(super) fn concat<T: Float>(parts: &[&Array<T>], axis: usize, shape: &[usize]) -> Data<T> {
    // Of each element of the result: the part and the place there.
    let mut sources = Vec::with_capacity(shape.iter().product());
    each_index(shape, |index| {
        let (mut at, mut part) = (index.to_vec(), 0);
        while at[axis] >= parts[part].shape()[axis] {
            at[axis] -= parts[part].shape()[axis];
            part += 1;
        }
        sources.push((part, place(parts[part].shape(), at)));
    });
    macro_rules! collect {
        ($($kind:ident: $t:ty),*) => {
            match parts[0].data() {
                $(Data::$kind(_) => {
                    let of: Vec<&[$t]> = parts
                        .iter()
                        .map(|p| if let Data::$kind(v) = p.data() { v.as_slice() } else { &[] })
                        .collect();
                    Data::$kind(sources.iter().map(|&(part, at)| of[part][at]).collect())
                })*
            }
        };
    }
    collect!(F32: T, I32: i32, I64: i64, U8: u8, Bool: bool)
}

pub(super) fn reverse<T: Float>(x: &Array<T>, axes: &[usize], shape: &[usize]) -> Data<T> {
    moved(x, shape, |index| {
        let at = |(a, &i): (usize, &usize)| if axes.contains(&a) { shape[a] - 1 - i } else { i };
        place(shape, index.iter().enumerate().map(at))
    })
}

/// Element `index` along the first axis.
pub(super) fn row<T: Float>(x: &Array<T>, index: usize) -> Array<T> {
    let shape = &x.shape()[1..];
    let n: usize = shape.iter().product();
    let data = map_data!(x.data(), v => v[index * n..(index + 1) * n].to_vec());
    Array::new(shape, data).expect("a row has the elements of its shape")
}

/// Puts `row` as element `index` along the first axis.
pub(super) fn set_row<T: Float>(x: &mut Array<T>, index: usize, row: &Array<T>) {
    let n = row.len();
    macro_rules! put {
        ($($kind:ident),*) => {
            match (x.data_mut(), row.data()) {
                $((Data::$kind(x), Data::$kind(row)) => x[index * n..(index + 1) * n].copy_from_slice(row),)*
                _different => {}
            }
        };
    }
    put!(F32, I32, I64, U8, Bool);
}

/// The indices, each checked to be below `n`.
fn checked<T: Float>(indices: &Array<T>, n: usize) -> Result<Vec<usize>, String> {
    let whole = match indices.data().clone().cast(DType::I64) {
        Data::I64(v) => v,
        Data::F32(_) | Data::I32(_) | Data::U8(_) | Data::Bool(_) => Vec::new(),
    };
    whole
        .into_iter()
        .map(|i| {
            usize::try_from(i)
                .ok()
                .filter(|&i| i < n)
                .ok_or_else(|| format!("index {i} is not within the axis of {n} elements"))
        })
        .collect()
}

pub(super) fn gather<T: Float>(
    x: &Array<T>,
    indices: &Array<T>,
    batch: usize,
    shape: &[usize],
) -> Result<Data<T>, String> {
    let at = checked(indices, x.shape()[batch])?;
    let rank = indices.shape().len();
    Ok(moved(x, shape, |index| {
        let chosen = at[place(indices.shape(), index[..rank].iter().copied())];
        let source = index[..batch].iter().copied().chain([chosen]).chain(index[rank..].iter().copied());
        place(x.shape(), source)
    }))
}

pub(super) fn scatter_add<T: Float>(
    indices: &Array<T>,
    updates: &Array<T>,
    batch: usize,
    shape: &[usize],
) -> Result<Data<T>, String> {
    let at = checked(indices, shape[batch])?;
    let rank = indices.shape().len();
    let mut targets = Vec::with_capacity(updates.len());
    each_index(updates.shape(), |index| {
        let chosen = at[place(indices.shape(), index[..rank].iter().copied())];
        let target = index[..batch].iter().copied().chain([chosen]).chain(index[rank..].iter().copied());
        targets.push(place(shape, target));
    });
    let n = shape.iter().product();
    Ok(match updates.data() {
        Data::F32(v) => Data::F32(sums(n, &targets, v)),
        Data::I32(v) => Data::I32(sums(n, &targets, v)),
        Data::I64(v) => Data::I64(sums(n, &targets, v)),
        Data::U8(_) | Data::Bool(_) => return Err("only numbers are added".into()),
    })
}

fn sums<N: Number>(n: usize, targets: &[usize], values: &[N]) -> Vec<N> {
    let mut out = vec![N::ZERO; n];
    for (&to, &v) in targets.iter().zip(values) {
        out[to] = out[to].plus(v);
    }
    out
}
