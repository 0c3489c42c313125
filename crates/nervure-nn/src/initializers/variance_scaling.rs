use serde::{Deserialize, Serialize};

use crate::initializers::{Fans, Initializer, RandomNormal, RandomUniform, Stream, TruncatedNormal};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Of variance scale / n, with n the number of inputs or outputs of a unit, or the mean of both; at least 1.
    ///
    /// [`Fans`] tells what the inputs and outputs of a unit are.
    pub value VarianceScaling {
        /// Variance times n.
        scale: f64 = 1.0,
        /// What n is.
        mode: Mode = Mode::FanIn,
        /// How values are distributed.
        distribution: Distribution = Distribution::TruncatedNormal,
    }
}
kind!(VarianceScaling | "variance_scaling");

/// What the variance is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Inputs of a unit.
    FanIn,
    /// Outputs of a unit.
    FanOut,
    /// The mean of inputs and outputs.
    FanAvg,
}

/// How values are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normal, drawn again until within two standard deviations; wider before that, so that the variance comes out right.
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}

/// Standard deviation of a standard normal variable, given that it is within ±2.
const TRUNCATED: f64 = 0.879_625_661_034_239_8;

impl Initializer for VarianceScaling {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let [inputs, outputs] = [fans.inputs, fans.outputs].map(|n| n as f64);
        let n = match self.mode {
            Mode::FanIn => inputs,
            Mode::FanOut => outputs,
            Mode::FanAvg => (inputs + outputs) / 2.0,
        };
        let variance = self.scale / n.max(1.0);
        match self.distribution {
            Distribution::TruncatedNormal => {
                TruncatedNormal.stddev(variance.sqrt() / TRUNCATED).values(shape, fans, random)
            }
            Distribution::UntruncatedNormal => RandomNormal.stddev(variance.sqrt()).values(shape, fans, random),
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt();
                RandomUniform.minval(-limit).maxval(limit).values(shape, fans, random)
            }
        }
    }
}

impl Samples<dyn Initializer> for VarianceScaling {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![
            Sample::new(VarianceScaling, []),
            Sample::new(VarianceScaling.scale(3.0).mode(Mode::FanOut).distribution(Distribution::Uniform), []),
            Sample::new(VarianceScaling.mode(Mode::FanAvg).distribution(Distribution::UntruncatedNormal), []),
        ]
    }
}
