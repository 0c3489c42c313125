//! Initializers: what weights start from.

use crate::word::{Word, family};

mod fans;
mod stream;
mod taper;

pub use fans::Fans;
pub use stft::{Scaling, Side};
pub use stream::Stream;
pub use taper::Taper;
pub use variance_scaling::{Distribution, Mode};

family! {
    Initializer "initializer" {
        constant: Constant;
        glorot_normal: GlorotNormal;
        glorot_uniform: GlorotUniform;
        he_normal: HeNormal;
        he_uniform: HeUniform;
        identity: Identity;
        lecun_normal: LecunNormal;
        lecun_uniform: LecunUniform;
        ones: Ones;
        orthogonal: Orthogonal;
        random_normal: RandomNormal;
        random_uniform: RandomUniform;
        stft: STFT;
        truncated_normal: TruncatedNormal;
        variance_scaling: VarianceScaling;
        zeros: Zeros;
    }
}

/// What a weight starts from.
pub trait Initializer: Word {
    /// The values of a weight of this shape, row-major, drawn from `random`; `fans` are its inputs and outputs.
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32>;

    /// Whether it can fill a weight of this shape.
    ///
    /// # Errors
    /// What it takes instead.
    fn accepts(&self, _shape: &[usize]) -> Result<(), &'static str> {
        Ok(())
    }
}

/// One value for each element of the shape.
fn draw(shape: &[usize], mut value: impl FnMut() -> f64) -> Vec<f32> {
    (0..shape.iter().product::<usize>()).map(|_| value() as f32).collect()
}
