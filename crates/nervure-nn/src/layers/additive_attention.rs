use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::GlorotUniform;
use crate::layers::Layer;
use crate::layers::attend::{Operands, Scores, Sight};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// For each query a mean of the values, weighted by how their keys add up with it (Bahdanau et al. 2015, "Neural machine translation by jointly learning to align
    /// and translate").
    ///
    /// ```text
    /// y = dropout(softmax(Σ scale · tanh(q + k))) · v      Σ over the n numbers of each pair of q and k
    /// ```
    ///
    /// Inputs: the query `[batch, t, n]`; the value `[batch, s, m]` (default the query); the key `[batch, s, n]` (default the value). Output: `[batch, t, m]`.
    /// Weight: `scale [n]`, from [`GlorotUniform`], with `use_scale`, else 1. Masks are treated as [`Attention`](super::Attention) does; where t · s · n > 512²
    /// scores are made for some queries at a time, and anew for the gradient.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (query, value) = (input("query", [4, 8]), input("value", [6, 8]));
    /// let model = Model::new([&query, &value], &AdditiveAttention::new().on([&query, &value])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 4, 8]");
    /// assert_eq!(model.parameter_count(), 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct AdditiveAttention {
        /// Whether a scale is learnt.
        use_scale: bool = true,
        /// Share of the weights of attention that is dropped while training.
        dropout: f64 = 0.0,
        /// Whether a query looks only at places up to its own. Keras takes it with each call.
        use_causal_mask: bool = false,
    }
}
kind!(AdditiveAttention);

impl Layer for AdditiveAttention {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let operands = Operands::of(cx, self, inputs)?;
        let n = operands.of_one_width(cx, self)?;
        let scale = self.use_scale.then(|| cx.weight(Weight::new("scale", [n], GlorotUniform)));
        let compared = [operands.query, operands.key];
        let sight = Sight { causal: self.use_causal_mask, window: None };
        Ok(vec![operands.attend(cx, compared, Scores::Sums(scale), sight, self.dropout)?])
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for AdditiveAttention {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |time: usize, n: usize| Type::new(DType::F32, [batch(), time.into(), n.into()]);
        vec![
            Sample::new(AdditiveAttention::new().use_causal_mask(true), [ty(3, 2)]),
            Sample::new(AdditiveAttention::new().use_scale(false), [ty(2, 3), ty(4, 3)]),
            Sample::new(AdditiveAttention::new().dropout(0.3), [ty(2, 3), ty(4, 1), ty(4, 3)]),
        ]
    }
}
