use nervure_graph::Tensor;

use crate::activations::{Activation, cut};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = max(x, 0); in general y = min(x, max_value) above the threshold and negative_slope · (x − threshold) up to it.
    ///
    /// With a negative threshold and a `max_value`, y is at least 0 above the threshold, as in Keras. The derivative at the threshold is
    /// `negative_slope`, at `max_value` 0.
    pub value Relu {
        /// Slope up to the threshold.
        negative_slope: f64 = 0.0,
        /// Greatest value.
        max_value: some f64,
        /// Where the function begins to follow x.
        threshold: f64 = 0.0,
    }
}
kind!(Relu = "relu");

impl Activation for Relu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let zero = x.constant(0.0);
        let below = match self.negative_slope {
            0.0 => zero,
            slope => (x - self.threshold) * slope,
        };
        let above = match self.max_value {
            Some(max) if self.threshold < 0.0 => cut(x, 0.0, max),
            Some(max) => x.greater_equal(x.constant(max)).select(x.constant(max), x),
            None => x,
        };
        // Not `max`: the derivative at 0 is 0, as in Keras, and NaN stays NaN.
        x.less_equal(x.constant(self.threshold)).select(below, above)
    }
}

impl Samples<dyn Activation> for Relu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![
            Sample::new(Relu, []),
            Sample::new(Relu.negative_slope(0.1).max_value(1.0).threshold(0.3), []),
            Sample::new(Relu.negative_slope(0.1).threshold(-0.4), []),
            Sample::new(Relu.max_value(1.5).threshold(-0.4), []),
        ]
    }
}
