use nervure_graph::NodeId;

use crate::kernels::tape::Pattern;

/// Where the elements of an array lie in another that is stored: what movement costs nothing for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    /// The stored array.
    pub base: NodeId,
    /// Place of the first element.
    pub offset: isize,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// Distance between neighbours along each axis.
    pub strides: Vec<isize>,
}

impl Access {
    /// The stored array itself.
    pub fn whole(base: NodeId, shape: &[usize]) -> Access {
        Access { base, offset: 0, shape: shape.into(), strides: row_major(shape) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn transpose(mut self, permutation: &[usize]) -> Access {
        self.shape = permutation.iter().map(|&i| self.shape[i]).collect();
        self.strides = permutation.iter().map(|&i| self.strides[i]).collect();
        self
    }

    pub fn broadcast(mut self, shape: &[usize]) -> Access {
        for (i, &n) in shape.iter().enumerate() {
            if self.shape[i] != n {
                self.strides[i] = 0;
                self.shape[i] = n;
            }
        }
        self
    }

    pub fn slice(mut self, starts: &[usize], sizes: &[usize], steps: &[usize]) -> Access {
        for i in 0..self.shape.len() {
            if sizes[i] > 0 {
                self.offset += starts[i] as isize * self.strides[i];
            }
            self.strides[i] *= steps[i] as isize;
        }
        self.shape = sizes.into();
        self
    }

    pub fn reverse(mut self, axes: &[usize]) -> Access {
        for &i in axes {
            self.offset += self.shape[i].saturating_sub(1) as isize * self.strides[i];
            self.strides[i] = -self.strides[i];
        }
        self
    }

    /// The same elements in another shape, if strides can say that.
    pub fn reshape(&self, shape: &[usize]) -> Option<Access> {
        let with = |strides| Access { base: self.base, offset: self.offset, shape: shape.into(), strides };
        if self.len() == 0 {
            return Some(with(row_major(shape)));
        }
        // Each maximal run of axes that walk memory evenly is split anew.
        let mut runs = self.merged().into_iter().rev();
        let mut strides = vec![0; shape.len()];
        let mut i = shape.len();
        while i > 0 {
            if shape[i - 1] == 1 {
                i -= 1;
                continue;
            }
            let (size, stride) = runs.next()?;
            let (mut left, mut step) = (size, stride);
            while left > 1 {
                if i == 0 || !left.is_multiple_of(shape[i - 1]) {
                    return None;
                }
                i -= 1;
                strides[i] = step;
                step *= shape[i] as isize;
                left /= shape[i];
            }
        }
        Some(with(strides))
    }

    /// Whether the elements lie one after the other.
    pub fn is_contiguous(&self) -> bool {
        self.len() == 0 || matches!(self.merged()[..], [] | [(_, 1)])
    }

    /// Whether it is one element, repeated.
    pub fn is_repeat(&self) -> bool {
        self.merged().iter().all(|a| a.1 == 0)
    }

    /// The elements in row-major order, in as few axes as can say that; at least one.
    pub fn pattern(&self) -> Pattern {
        let mut axes = self.merged();
        if axes.is_empty() {
            axes.push((1, 0));
        }
        Pattern { offset: self.offset, axes }
    }

    /// Sizes and strides, with axes merged where they walk evenly; none of size 1.
    fn merged(&self) -> Vec<(usize, isize)> {
        let mut out: Vec<(usize, isize)> = Vec::new();
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            if size == 1 {
                continue;
            }
            match out.last_mut() {
                Some(last) if last.1 == stride * size as isize => *last = (last.0 * size, stride),
                _ => out.push((size, stride)),
            }
        }
        out
    }
}

/// Distances between neighbours of an array whose elements lie one after the other.
pub(super) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i] as isize;
    }
    strides
}

/// Merges axes of several arrays that are walked together, where all walk evenly; none of size 1.
pub(super) fn merge<const N: usize>(
    axes: impl IntoIterator<Item = (usize, [isize; N])>,
) -> Vec<(usize, [isize; N])> {
    let mut out: Vec<(usize, [isize; N])> = Vec::new();
    for (size, strides) in axes {
        if size == 1 {
            continue;
        }
        match out.last_mut() {
            Some(last) if (0..N).all(|i| last.1[i] == strides[i] * size as isize) => {
                *last = (last.0 * size, strides);
            }
            _ => out.push((size, strides)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(a: &Access) -> Vec<isize> {
        let mut out = vec![a.offset];
        for (&n, &s) in a.shape.iter().zip(&a.strides) {
            out = out.iter().flat_map(|&p| (0..n as isize).map(move |i| p + i * s)).collect();
        }
        out
    }

    #[test]
    fn movement_is_arithmetic_on_strides() {
        let a = Access::whole(NodeId(0), &[2, 3]);
        assert!(a.is_contiguous());
        let t = a.clone().transpose(&[1, 0]);
        assert_eq!(places(&t), [0, 3, 1, 4, 2, 5]);
        assert!(!t.is_contiguous());
        assert_eq!(t.reshape(&[6]), None);
        assert_eq!(places(&t.reshape(&[3, 1, 2]).unwrap()), [0, 3, 1, 4, 2, 5]);
        assert_eq!(places(&a.clone().reverse(&[1])), [2, 1, 0, 5, 4, 3]);
        assert_eq!(places(&a.clone().slice(&[0, 1], &[2, 1], &[1, 2])), [1, 4]);
        let b = Access::whole(NodeId(0), &[1, 3]).broadcast(&[4, 3]);
        assert_eq!(b.pattern().axes, [(4, 0), (3, 1)]);
        assert_eq!(b.reshape(&[12]), None);
        assert_eq!(b.reshape(&[2, 2, 3]).unwrap().strides, [0, 0, 1]);
        assert!(Access::whole(NodeId(0), &[1]).broadcast(&[7]).is_repeat());
        assert_eq!(a.reshape(&[3, 2]).unwrap().strides, [2, 1]);
        assert_eq!(a.reshape(&[4, 2]), None);
    }
}
