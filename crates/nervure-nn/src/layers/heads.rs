//! What layers of attention in several heads share: their settings, and what each head sees of the inputs.

use nervure_graph::{Dim, Tensor};

use crate::Result;
use crate::initializers::Fans;
use crate::layers::attend::{Attend, Operands, Scores, Sight};
use crate::layers::{Dropout, Layer};
use crate::lower::Lower;
use crate::settings::WeightSettings;

/// Declares a layer of attention in heads: its own settings, followed by those that all have. It has to have a method `sizes`, which gives [`Sizes`].
macro_rules! heads {
    ($(#[doc = $doc:literal])* pub struct $layer:ident { $($fields:tt)* }) => {
        $crate::settings::settings! {
            $(#[doc = $doc])*
            pub struct $layer {
                $($fields)*
                /// Share of the weights of attention that is dropped while training.
                dropout: f64 = 0.0,
                /// Whether biases are added.
                use_bias: bool = true,
                /// Whether a query looks only at places up to its own. Keras takes it with each call.
                use_causal_mask: bool = false,
                /// A query looks only at places less than so far from its own, before and behind; without it at places however far.
                sliding_window: just usize,
                /// Whether y is multiplied by sigmoid(g), with g linear in the query's input (Qiu et al. 2025, "Gated attention for large language models").
                use_gate: bool = false,
                /// each kernel
                kernel: weight $crate::initializers::GlorotUniform,
                /// each bias
                bias: weight $crate::initializers::Zeros,
            }
        }

        impl $crate::layers::Layer for $layer {
            fn lower<'g>(
                &self,
                cx: &mut $crate::lower::Lower<'g>,
                inputs: &[nervure_graph::Tensor<'g>],
            ) -> $crate::Result<Vec<nervure_graph::Tensor<'g>>> {
                let heads = $crate::layers::heads::Heads {
                    layer: self,
                    sizes: self.sizes(),
                    dropout: self.dropout,
                    use_bias: self.use_bias,
                    use_causal_mask: self.use_causal_mask,
                    sliding_window: self.sliding_window,
                    use_gate: self.use_gate,
                    kernel: &self.kernel,
                    bias: &self.bias,
                };
                heads.lower(cx, inputs)
            }

            fn arity(&self) -> Option<usize> {
                None
            }

            fn passes_mask(&self) -> bool {
                false
            }
        }
    };
}
pub(super) use heads;

/// How many heads there are, and of what sizes.
pub(super) struct Sizes {
    /// Heads with queries of their own.
    pub queries: usize,
    /// Heads with keys and values of their own, each for as many neighbours among the queries'.
    pub keys: usize,
    /// Numbers of a query, and of a key.
    pub key_dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
    /// Sizes of what is given for each query; those of the query without them.
    pub output: Option<Vec<usize>>,
}

/// A layer of attention in heads, as [`heads!`] declares it.
pub(super) struct Heads<'a> {
    pub layer: &'a dyn Layer,
    pub sizes: Sizes,
    pub dropout: f64,
    pub use_bias: bool,
    pub use_causal_mask: bool,
    pub sliding_window: Option<usize>,
    pub use_gate: bool,
    pub kernel: &'a WeightSettings,
    pub bias: &'a WeightSettings,
}

impl Heads<'_> {
    /// Queries, values and keys of each head, attention in it, and what is linear in the results of all.
    ///
    /// # Errors
    /// Inputs that are no [`Operands`], sizes that make no sense, or a rate of dropout that is none.
    pub fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let Operands { query, value, key } = Operands::of(cx, self.layer, inputs)?;
        self.check(cx)?;
        let Sizes { queries, keys, key_dim, value_dim, .. } = self.sizes;
        let [d, e, f] = [query, value, key].map(|x| cx.fixed(self.layer, x, -1));
        let (d, e, f) = (d?, e?, f?);
        // [batch, heads, t or s, …].
        let by_head = |x: Tensor<'g>| x.transpose(&[0, 2, 1, 3]);
        let q = self.project(cx, "query", query, &[d], &[queries, key_dim]);
        let k = by_head(self.project(cx, "key", key, &[f], &[keys, key_dim]));
        let gate =
            self.use_gate.then(|| self.project(cx, "gate", query, &[d], &[queries, value_dim]).sigmoid());
        let v = by_head(self.project(cx, "value", value, &[e], &[keys, value_dim]));
        let masks = [value, key].map(|x| cx.mask(x));
        let attend = Attend {
            query: by_head(q * (key_dim as f64).sqrt().recip()),
            key: repeat(k, queries / keys),
            value: repeat(v, queries / keys),
            scores: Scores::Products,
            rows: cx.mask(query),
            columns: match masks {
                [Some(a), Some(b)] if a.id() != b.id() => Some(a & b),
                [a, b] => a.or(b),
            },
            sight: Sight { causal: self.use_causal_mask, window: self.sliding_window },
            first: None,
        };
        let y = by_head(attend.lower(cx, &Dropout::new(self.dropout))?);
        let y = gate.map_or(y, |gate| y * gate);
        let output = self.sizes.output.clone().unwrap_or_else(|| vec![d]);
        let y = self.project(cx, "attention_output", y, &[queries, value_dim], &output);
        if let Some(mask) = cx.mask(query) {
            cx.set_mask(y, mask);
        }
        Ok(vec![y])
    }

    fn check(&self, cx: &Lower<'_>) -> Result<()> {
        let Sizes { queries, keys, key_dim, value_dim, ref output } = self.sizes;
        if [queries, keys, key_dim, value_dim].contains(&0) {
            let of_keys =
                if keys == queries { String::new() } else { format!(", {keys} of keys and values") };
            let received = format!("{queries} heads{of_keys}, {key_dim} and {value_dim}");
            return Err(cx.error(
                self.layer,
                "at least one head, and numbers in its keys and values",
                received,
            ));
        }
        if !queries.is_multiple_of(keys) {
            let received = format!("{queries} and {keys}");
            return Err(cx.error(
                self.layer,
                "heads of queries that are a multiple of those of keys",
                received,
            ));
        }
        if self.sliding_window == Some(0) {
            return Err(cx.error(self.layer, "a sliding_window of at least 1", 0));
        }
        match output {
            Some(sizes) if sizes.is_empty() || sizes.contains(&0) => {
                Err(cx.error(self.layer, "an output_shape of sizes of at least 1", format!("{sizes:?}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// `[batch, t, from…]` → `[batch, t, to…]`, linear.
    fn project<'g>(
        &self,
        cx: &mut Lower<'g>,
        name: &str,
        x: Tensor<'g>,
        from: &[usize],
        to: &[usize],
    ) -> Tensor<'g> {
        let (kernel, bias) = (format!("{name}/kernel"), format!("{name}/bias"));
        let kernel =
            cx.weight(self.kernel.weight(&kernel, [from, to].concat()).fans(Fans::between(from, to)));
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

/// `[batch, heads, s, n]` → `[batch, heads · times, s, n]`: each head so many times, side by side.
fn repeat(x: Tensor<'_>, times: usize) -> Tensor<'_> {
    let [batch, heads, s, n] = [0, 1, 2, 3].map(|axis| x.dim(axis));
    let repeated =
        x.expand(2).broadcast_to([batch.clone(), heads.clone(), times.into(), s.clone(), n.clone()]);
    repeated.reshape([batch, heads * times, s, n])
}
