use nervure_graph::{DType, Dim, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::activations::Softmax;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::layers::{Dropout, Layer};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Object, Sample, Samples, kind, setters, word, yes};

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
/// ```
/// use nervure_nn::prelude::*;
/// let x = input("x", [16, 32]);
/// let y = MultiHeadAttention::new(4, 8).use_causal_mask(true).on(&x);
/// let model = Model::new(&x, &y).build(Seed(1))?;
/// assert_eq!(model.parameter_count(), 4 * (32 * 4 * 8 + 32));
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHeadAttention {
    num_heads: usize,
    key_dim: usize,
    #[serde(default)]
    value_dim: Option<usize>,
    #[serde(default)]
    dropout: f64,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default)]
    use_causal_mask: bool,
    #[serde(default = "word::<GlorotUniform, _>")]
    kernel_initializer: Object<dyn Initializer>,
    #[serde(default = "word::<Zeros, _>")]
    bias_initializer: Object<dyn Initializer>,
    #[serde(default)]
    kernel_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(default)]
    bias_regularizer: Option<Object<dyn Regularizer>>,
}
kind!(MultiHeadAttention);

/// Scores of places that are not looked at: e to this, less any score, is 0.
const UNSEEN: f64 = -1e9;

impl MultiHeadAttention {
    /// `num_heads` heads, whose queries, keys and values have `key_dim` numbers.
    pub fn new(num_heads: usize, key_dim: usize) -> MultiHeadAttention {
        MultiHeadAttention {
            num_heads,
            key_dim,
            value_dim: None,
            dropout: 0.0,
            use_bias: true,
            use_causal_mask: false,
            kernel_initializer: GlorotUniform.into(),
            bias_initializer: Zeros.into(),
            kernel_regularizer: None,
            bias_regularizer: None,
        }
    }

    setters! {
        /// Numbers of a value in each head; default `key_dim`.
        value_dim: just usize,
        /// Share of the weights of attention that is dropped while training; default 0.
        dropout: f64,
        /// Whether biases are added; default true.
        use_bias: bool,
        /// Whether a query looks only at places up to its own; default false. Keras takes it with each call.
        use_causal_mask: bool,
        /// Default Glorot uniform.
        kernel_initializer: into Object<dyn Initializer>,
        /// Default zeros.
        bias_initializer: into Object<dyn Initializer>,
        /// A penalty on each kernel; default none.
        kernel_regularizer: some Object<dyn Regularizer>,
        /// A penalty on each bias; default none.
        bias_regularizer: some Object<dyn Regularizer>,
    }

    /// `[batch, t, n]` → `[batch, t, to…]`, or from `[batch, t, heads, n]`.
    fn project<'g>(&self, cx: &mut Lower<'g>, name: &str, x: Tensor<'g>, from: &[usize], to: &[usize]) -> Tensor<'g> {
        let (kernel, bias) = (format!("{name}/kernel"), format!("{name}/bias"));
        let kernel = Weight::new(&kernel, [from, to].concat(), self.kernel_initializer.clone());
        let kernel = cx.weight(kernel.regularizer(&self.kernel_regularizer));
        let size = |sizes: &[usize]| sizes.iter().fold(Dim::from(1), |n, &d| n * d);
        let rows = x.reshape([x.dim(0), x.dim(1), size(from)]);
        let mut y = rows.matmul(kernel.reshape([size(from), size(to)]));
        if self.use_bias {
            let bias = Weight::new(&bias, to, self.bias_initializer.clone());
            y = y + cx.weight(bias.regularizer(&self.bias_regularizer)).reshape([size(to)]);
        }
        let split: Vec<Dim> = to.iter().map(|&n| n.into()).collect();
        y.reshape([&[x.dim(0), x.dim(1)][..], &split].concat())
    }

    /// Which places each query looks at: `[batch, 1, t, s]`, or what broadcasts to it.
    fn seen<'g>(&self, cx: &Lower<'g>, [query, key, value]: [Tensor<'g>; 3]) -> Option<Tensor<'g>> {
        let (t, s) = (query.dim(1), key.dim(1));
        let causal = self.use_causal_mask.then(|| {
            let place = |axis| cx.builder().iota(DType::I32, [1.into(), 1.into(), t.clone(), s.clone()], axis);
            place(2).greater_equal(place(3))
        });
        let rows = cx.mask(query).map(|m| m.expand(1).expand(-1));
        let columns = |x| cx.mask(x).map(|m| m.expand(1).expand(1));
        let masks = [causal, rows, columns(value), columns(key).filter(|_| key.id() != value.id())];
        masks.into_iter().flatten().reduce(|a, b| {
            let shape = [query.dim(0), 1.into(), t.clone(), s.clone()];
            a.broadcast_to(shape.clone()) & b.broadcast_to(shape)
        })
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
        let mut scores = by_head(q * (key_dim as f64).sqrt().recip()).matmul_with(k, false, true);
        let seen = self.seen(cx, [query, key, value]);
        if let Some(seen) = seen {
            scores = seen.select(scores, scores.constant(UNSEEN));
        }
        let mut shares = cx.activate(&Softmax.into(), scores);
        if let Some(seen) = seen {
            shares = seen.select(shares, shares.constant(0.0));
        }
        if self.dropout != 0.0 {
            shares = cx.layer("dropout", &Dropout::new(self.dropout), true, &[shares])?[0];
        }
        let y = by_head(shares.matmul(v));
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
