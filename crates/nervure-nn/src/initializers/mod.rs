//! Initializers: what weights start from.

use crate::word::{Word, family};

mod stream;

pub use stream::Stream;

family! {
    Initializer "initializer" {
        glorot_uniform: GlorotUniform;
        zeros: Zeros;
    }
}

/// What a weight starts from.
pub trait Initializer: Word {
    /// The values of a weight of this shape, row-major, drawn from `random`.
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32>;
}

/// Inputs and outputs of one unit, as Keras counts them: for `[size…, in, out]` the size's product times `in` and `out`.
pub(crate) fn fans(shape: &[usize]) -> (f64, f64) {
    match *shape {
        [] => (1.0, 1.0),
        [n] => (n as f64, n as f64),
        [ref size @ .., i, o] => {
            let field: usize = size.iter().product();
            ((field * i) as f64, (field * o) as f64)
        }
    }
}
