
use crate::initializers::{Fans, Initializer, Stream};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// A random matrix with orthogonal columns of length `gain`, or rows where there are fewer of these; a weight `[…, n]` counts as a matrix of n
    /// columns (Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks").
    pub value Orthogonal {
        /// Length of the vectors.
        gain: f64 = 1.0,
    }
}
kind!(Orthogonal | "orthogonal" | "OrthogonalInitializer");

impl Initializer for Orthogonal {
    fn values(&self, shape: &[usize], _: Fans, random: &mut Stream) -> Vec<f32> {
        let columns = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().rev().skip(1).product::<usize>();
        let basis = orthonormal(rows.min(columns), rows.max(columns), random);
        let at = |i: usize, j: usize| if rows < columns { basis[i][j] } else { basis[j][i] };
        (0..rows * columns).map(|e| (self.gain * at(e / columns, e % columns)) as f32).collect()
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        if shape.len() >= 2 { Ok(()) } else { Err("a weight of at least two axes") }
    }
}

/// `count` orthonormal vectors of `length` ≥ `count` elements, every direction as likely: normal vectors made orthogonal one after the other, each
/// twice, since once leaves rounding errors (Giraud et al. 2005, "The loss of orthogonality in the Gram-Schmidt process").
fn orthonormal(count: usize, length: usize, random: &mut Stream) -> Vec<Vec<f64>> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut v: Vec<f64> = (0..length).map(|_| random.normal()).collect();
        for b in basis.iter().chain(&basis) {
            let share = dot(&v, b);
            v.iter_mut().zip(b).for_each(|(x, y)| *x -= share * y);
        }
        let norm = dot(&v, &v).sqrt();
        // So short only if it was drawn within what the others span: drawn again.
        if norm > 1e-6 {
            basis.push(v.into_iter().map(|x| x / norm).collect());
        }
    }
    basis
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl Samples<dyn Initializer> for Orthogonal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Orthogonal, []), Sample::new(Orthogonal.gain(0.5), [])]
    }
}
