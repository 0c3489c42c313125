use nervure_graph::{DType, Type};

use crate::layers::heads::{Sizes, heads};
use crate::layers::{self, Layer};
use crate::network::batch;
use crate::regularizers::L2;
use crate::word::{Sample, Samples, kind};

heads! {
    /// Attention in several heads (Vaswani et al. 2017, "Attention is all you need"). In each head, with queries q, keys k and values v, linear in their inputs,
    ///
    /// ```text
    /// y = dropout(softmax(q · kᵀ / √key_dim)) · v
    /// ```
    ///
    /// and the result is linear in the y of all heads. Inputs: the query `[batch, t, d]`; the value `[batch, s, e]` (default the query); the key
    /// `[batch, s, f]` (default the value). Output: `[batch, t, d]`, or `[batch, t, output_shape…]`.
    ///
    /// Weights: `query/kernel [d, heads, key_dim]`, `key/kernel [f, heads, key_dim]`, `value/kernel [e, heads, value_dim]`,
    /// `attention_output/kernel [heads, value_dim, d]`, with `use_gate` `gate/kernel [d, heads, value_dim]`, and a `bias` beside each. Places that the mask of value
    /// or key leaves out are not looked at; a query that may look at none has y = 0. The query's mask goes on.
    ///
    /// Of long sequences of known lengths, t · s > 512², scores are made for 128 queries at a time, and anew for the gradient: memory grows with t + s (Rabe and Staats 2021,
    /// "Self-attention does not need O(n²) memory").
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let x = input("x", [16, 32]);
    /// let y = MultiHeadAttention::new(4, 8).use_causal_mask(true).on(&x);
    /// let model = Model::new(&x, &y).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 4 * (32 * 4 * 8 + 32));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MultiHeadAttention {
        /// Number of heads.
        num_heads: usize,
        /// Numbers of a query, and of a key, in each head.
        key_dim: usize,
        /// Numbers of a value in each head; without it `key_dim`.
        value_dim: just usize,
        /// Sizes of what is given for each query; without it those of the query.
        output_shape: some layers::Sizes,
    }
}
kind!(MultiHeadAttention);

impl MultiHeadAttention {
    fn sizes(&self) -> Sizes {
        Sizes {
            queries: self.num_heads,
            keys: self.num_heads,
            key_dim: self.key_dim,
            value_dim: self.value_dim.unwrap_or(self.key_dim),
            // None is no size: it is refused as 0 is.
            output: self.output_shape.as_ref().map(|sizes| sizes.0.iter().map(|n| n.unwrap_or(0)).collect()),
        }
    }
}

impl Samples<dyn Layer> for MultiHeadAttention {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |time: usize, n: usize| Type::new(DType::F32, [batch(), time.into(), n.into()]);
        let causal = MultiHeadAttention::new(2, 3).use_causal_mask(true);
        vec![
            Sample::new(causal.clone().value_dim(2), [ty(3, 4)]),
            Sample::new(causal.sliding_window(1).output_shape([2, 1]), [ty(2, 4), ty(3, 2)]),
            Sample::new(
                MultiHeadAttention::new(1, 2).use_bias(false).dropout(0.3).kernel_regularizer(L2::new(0.1)),
                [ty(2, 4), ty(3, 2), ty(3, 1)],
            ),
            Sample::new(MultiHeadAttention::new(2, 2).use_gate(true).value_dim(3), [ty(2, 2), ty(2, 3)]),
        ]
    }
}
