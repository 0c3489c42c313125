use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::initializers::{GlorotUniform, Zeros};
use crate::layers::attend::Attend;
use crate::layers::{Dropout, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Attention in several heads (Vaswani et al. 2017, "Attention is all you need"). In each head, with queries q, keys k and values v, linear in their inputs,
    ///
    /// ```text
    /// y = dropout(softmax(q · kᵀ / √key_dim)) · v
    /// ```
    ///
    /// and the result is linear in the y of all heads. Inputs: the query `[batch, t, d]`; the value `[batch, s, e]` (default the query); the key
    /// `[batch, s, f]` (default the value). Output: `[batch, t, d]`.
    ///
    /// Weights: `query/kernel [d, heads, key_dim]`, `key/kernel [f, heads, key_dim]`, `value/kernel [e, heads, value_dim]`,
    /// `attention_output/kernel [heads, value_dim, d]`, and a `bias` beside each. Places that the mask of value or key leaves out are not looked at; a query
    /// that may look at none has y = 0. The query's mask goes on.
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
        /// Share of the weights of attention that is dropped while training.
        dropout: f64 = 0.0,
        /// Whether biases are added.
        use_bias: bool = true,
        /// Whether a query looks only at places up to its own. Keras takes it with each call.
        use_causal_mask: bool = false,
        /// each kernel
        kernel: weight GlorotUniform,
        /// each bias
        bias: weight Zeros,
    }
}
kind!(MultiHeadAttention);

impl MultiHeadAttention {
    /// `[batch, t, n]` → `[batch, t, to…]`, or from `[batch, t, heads, n]`.
    fn project<'g>(&self, cx: &mut Lower<'g>, name: &str, x: Tensor<'g>, from: &[usize], to: &[usize]) -> Tensor<'g> {
        let (kernel, bias) = (format!("{name}/kernel"), format!("{name}/bias"));
        let kernel = cx.weight(self.kernel.weight(&kernel, [from, to].concat()));
        let size = |sizes: &[usize]| sizes.iter().fold(Dim::from(1), |n, &d| n * d);
        let rows = x.reshape([x.dim(0), x.dim(1), size(from)]);
        let mut y = rows.matmul(kernel.reshape([size(from), size(to)]));
        if self.use_bias {
            y = y + cx.weight(self.bias.weight(&bias, to)).reshape([size(to)]);
        }
        let split: Vec<Dim> = to.iter().map(|&n| n.into()).collect();
        y.reshape([&[x.dim(0), x.dim(1)][..], &split].concat())
    }
}

impl Layer for MultiHeadAttention {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (query, value, key) = match *inputs {
            [query] => (query, query, query),
            [query, value] => (query, value, value),
            [query, value, key] => (query, value, key),
            _ => return Err(cx.error(self, "query, value and key, or the first of them", inputs.len())),
        };
        for x in [query, value, key] {
            if x.rank() != 3 || x.dtype() != DType::F32 {
                return Err(cx.error(self, "inputs f32[batch, time, n]", x.ty()));
            }
        }
        if key.dim(1) != value.dim(1) {
            return Err(cx.error(self, "as many keys as values", format!("{} and {}", key.ty(), value.ty())));
        }
        let (heads, key_dim) = (self.num_heads, self.key_dim);
        let value_dim = self.value_dim.unwrap_or(key_dim);
        if heads == 0 || key_dim == 0 || value_dim == 0 {
            let received = format!("{heads} heads, {key_dim} and {value_dim}");
            return Err(cx.error(self, "at least one head, and numbers in its keys and values", received));
        }
        let (d, f, e) = (cx.fixed(self, query, -1)?, cx.fixed(self, key, -1)?, cx.fixed(self, value, -1)?);
        // [batch, heads, t or s, …].
        let by_head = |x: Tensor<'g>| x.transpose(&[0, 2, 1, 3]);
        let q = self.project(cx, "query", query, &[d], &[heads, key_dim]);
        let k = by_head(self.project(cx, "key", key, &[f], &[heads, key_dim]));
        let v = by_head(self.project(cx, "value", value, &[e], &[heads, value_dim]));
        let masks = [value, key].map(|x| cx.mask(x));
        let attend = Attend {
            query: by_head(q * (key_dim as f64).sqrt().recip()),
            key: k,
            value: v,
            rows: cx.mask(query),
            columns: match masks {
                [Some(a), Some(b)] if a.id() != b.id() => Some(a & b),
                [a, b] => a.or(b),
            },
            first: self.use_causal_mask.then(|| cx.builder().scalar(DType::I32, 0.0)),
        };
        let y = by_head(attend.lower(cx, &Dropout::new(self.dropout))?);
        let y = self.project(cx, "attention_output", y, &[heads, value_dim], &[d]);
        if let Some(mask) = cx.mask(query) {
            cx.set_mask(y, mask);
        }
        Ok(vec![y])
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for MultiHeadAttention {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |time: usize, n: usize| Type::new(DType::F32, [batch(), time.into(), n.into()]);
        let causal = MultiHeadAttention::new(2, 3).use_causal_mask(true);
        vec![
            Sample::new(causal.clone().value_dim(2), [ty(3, 4)]),
            Sample::new(causal, [ty(2, 4), ty(3, 2)]),
            Sample::new(
                MultiHeadAttention::new(1, 2).use_bias(false).dropout(0.3).kernel_regularizer(L2::new(0.1)),
                [ty(2, 4), ty(3, 2), ty(3, 1)],
            ),
        ]
    }
}
