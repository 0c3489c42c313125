use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::initializers::Ones;
use crate::layers::Layer;
use crate::layers::attend::{Operands, Scores, Sight};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// For each query a mean of the values, weighted by how their keys agree with it (Luong et al. 2015, "Effective approaches to attention-based neural machine
    /// translation").
    ///
    /// ```text
    /// y = dropout(softmax(scores)) · v
    /// scores = scale · q · kᵀ                                     dot
    /// scores = concat_score_weight · Σ tanh(scale · (q + k))      concat, Σ over the n numbers of each pair of q and k
    /// ```
    ///
    /// Inputs: the query `[batch, t, n]`; the value `[batch, s, m]` (default the query); the key `[batch, s, n]` (default the value). Output: `[batch, t, m]`.
    /// Weights, one number each, from 1: `scale` with `use_scale`, else 1; `concat_score_weight` with `concat`. Places that the value's mask leaves out are not
    /// looked at; a query that may look at none, and one that its own mask leaves out, has y = 0. The query's mask goes on. Long sequences are treated as
    /// [`MultiHeadAttention`](super::MultiHeadAttention) does.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (query, value) = (input("query", [1, 2]), input("value", [3, 2]));
    /// let model = Model::new([&query, &value], &Attention::new().on([&query, &value])).build(Seed(1))?;
    /// let data = Dataset::default()
    ///     .input("query", ndarray::arr3(&[[[0.0_f32, 0.0]]]))
    ///     .input("value", ndarray::arr3(&[[[1.0_f32, 0.0], [2.0, 3.0], [3.0, 6.0]]]));
    /// // All agree as much: the plain mean.
    /// let y = model.predict_all(&data)?;
    /// assert!((y[0].as_f32().unwrap()[0] - 2.0).abs() < 1e-6 && (y[0].as_f32().unwrap()[1] - 3.0).abs() < 1e-6);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Attention {
        /// Whether a scale is learnt.
        use_scale: bool = false,
        /// How queries and keys are compared.
        score_mode: ScoreMode = ScoreMode::Dot,
        /// Share of the weights of attention that is dropped while training.
        dropout: f64 = 0.0,
        /// Whether a query looks only at places up to its own. Keras takes it with each call.
        use_causal_mask: bool = false,
    }
}
kind!(Attention);

/// How [`Attention`] compares a query with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// Their product.
    Dot,
    /// The sum of the hyperbolic tangents of their sum.
    Concat,
}

impl Layer for Attention {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let operands = Operands::of(cx, self, inputs)?;
        operands.of_one_width(cx, self)?;
        let one = |cx: &mut Lower<'g>, name| cx.weight(Weight::new(name, [], Ones));
        let scale = self.use_scale.then(|| one(cx, "scale"));
        let scaled = |x: Tensor<'g>| scale.map_or(x, |scale| x * scale);
        let query = scaled(operands.query);
        let (key, scores) = match self.score_mode {
            ScoreMode::Dot => (operands.key, Scores::Products),
            ScoreMode::Concat => (scaled(operands.key), Scores::Sums(Some(one(cx, "concat_score_weight")))),
        };
        let sight = Sight { causal: self.use_causal_mask, window: None };
        Ok(vec![operands.attend(cx, [query, key], scores, sight, self.dropout)?])
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Attention {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |time: usize, n: usize| Type::new(DType::F32, [batch(), time.into(), n.into()]);
        vec![
            Sample::new(Attention::new().use_causal_mask(true), [ty(3, 2)]),
            Sample::new(Attention::new().use_scale(true).dropout(0.3), [ty(2, 3), ty(4, 3)]),
            Sample::new(Attention::new().score_mode(ScoreMode::Concat), [ty(2, 3), ty(4, 3)]),
            Sample::new(
                Attention::new().use_scale(true).score_mode(ScoreMode::Concat).use_causal_mask(true),
                [ty(3, 3), ty(2, 1), ty(2, 3)],
            ),
        ]
    }
}
