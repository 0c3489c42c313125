//! Activations: functions of a layer's sums, elementwise or along an axis.

use nervure_graph::Tensor;

use crate::word::{Word, family};

family! {
    Activation "activation" {
        celu: Celu;
        elu: Elu;
        exponential: Exponential;
        gelu: Gelu;
        glu: Glu;
        hard_shrink: HardShrink;
        hard_sigmoid: HardSigmoid;
        hard_silu: HardSilu;
        hard_tanh: HardTanh;
        leaky_relu: LeakyRelu;
        linear: Linear;
        log_sigmoid: LogSigmoid;
        log_softmax: LogSoftmax;
        mish: Mish;
        relu: Relu;
        relu6: Relu6;
        selu: Selu;
        sigmoid: Sigmoid;
        silu: Silu;
        soft_shrink: SoftShrink;
        softmax: Softmax;
        softplus: Softplus;
        softsign: Softsign;
        sparse_plus: SparsePlus;
        sparse_sigmoid: SparseSigmoid;
        sparsemax: Sparsemax;
        squareplus: Squareplus;
        tanh: Tanh;
        tanh_shrink: TanhShrink;
        threshold: Threshold;
    }
}

/// An activation: a function of a layer's sums.
pub trait Activation: Word {
    /// Writes it into the graph. The shape stays, but for `glu`. NaN stays NaN.
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g>;

    /// How its result relates to logits, so that cross-entropies can be computed from these: the more exact way.
    fn link(&self) -> Option<Link> {
        None
    }
}

/// How probabilities come from logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// p = 1 / (1 + e⁻ᶻ).
    Sigmoid,
    /// pᵢ = eᶻⁱ / Σ eᶻ over the last axis.
    Softmax,
}

/// x kept between `low` and `high`; where it is not strictly between, the derivative is 0. NaN stays NaN.
fn cut(x: Tensor<'_>, low: f64, high: f64) -> Tensor<'_> {
    let (low, high) = (x.constant(low), x.constant(high));
    x.less_equal(low).select(low, x.greater_equal(high).select(high, x))
}
