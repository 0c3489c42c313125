use nervure_graph::{DType, Type};

use crate::layers::Layer;
use crate::layers::heads::{Sizes, heads};
use crate::network::batch;
use crate::regularizers::L2;
use crate::word::{Sample, Samples, kind};

heads! {
    /// Attention in several heads, groups of which have keys and values in common (Ainslie et al. 2023, "GQA: training generalized multi-query transformer models
    /// from multi-head checkpoints").
    ///
    /// ```text
    /// yᵢ = dropout(softmax(qᵢ · kⱼᵀ / √head_dim)) · vⱼ,   j = ⌊i / (num_query_heads / num_key_value_heads)⌋
    /// ```
    ///
    /// with queries q, keys k and values v, linear in their inputs, and a result that is linear in the y of all heads: a
    /// [`MultiHeadAttention`](super::MultiHeadAttention) where there are as many heads of both, multi-query attention where there is one of keys and values. Inputs:
    /// the query `[batch, t, d]`; the value `[batch, s, e]` (default the query); the key `[batch, s, f]` (default the value). Output: `[batch, t, d]`.
    ///
    /// Weights: `query/kernel [d, num_query_heads, head_dim]`, `key/kernel [f, num_key_value_heads, head_dim]`, `value/kernel [e, num_key_value_heads, head_dim]`,
    /// `attention_output/kernel [num_query_heads, head_dim, d]`, with `use_gate` `gate/kernel [d, num_query_heads, head_dim]`, and a `bias` beside each. Masks and
    /// long sequences are treated as there.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let x = input("x", [16, 32]);
    /// let y = GroupQueryAttention::new(8, 4, 2).use_causal_mask(true).on(&x);
    /// let model = Model::new(&x, &y).build(Seed(1))?;
    /// let (queries, keys) = (32 * 4 * 8 + 4 * 8, 32 * 2 * 8 + 2 * 8);
    /// assert_eq!(model.parameter_count(), queries + 2 * keys + (4 * 8 * 32 + 32));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct GroupQueryAttention {
        /// Numbers of a query, of a key and of a value, in each head.
        head_dim: usize,
        /// Heads of queries: a multiple of those of keys and values.
        num_query_heads: usize,
        /// Heads of keys and values.
        num_key_value_heads: usize,
    }
}
kind!(GroupQueryAttention | "GroupedQueryAttention");

impl GroupQueryAttention {
    fn sizes(&self) -> Sizes {
        Sizes {
            queries: self.num_query_heads,
            keys: self.num_key_value_heads,
            key_dim: self.head_dim,
            value_dim: self.head_dim,
            output: None,
        }
    }
}

impl Samples<dyn Layer> for GroupQueryAttention {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |time: usize, n: usize| Type::new(DType::F32, [batch(), time.into(), n.into()]);
        vec![
            Sample::new(GroupQueryAttention::new(2, 4, 2).use_causal_mask(true), [ty(3, 2)]),
            Sample::new(GroupQueryAttention::new(1, 2, 2).sliding_window(2).use_gate(true), [ty(4, 2), ty(3, 3)]),
            Sample::new(
                GroupQueryAttention::new(2, 3, 1).use_bias(false).dropout(0.3).kernel_regularizer(L2::new(0.1)),
                [ty(2, 3), ty(3, 2), ty(3, 1)],
            ),
        ]
    }
}
