//! True and false, positive and negative: what precision, recall and F1 count.

use nervure_graph::{DType, Tensor};

use crate::metrics::{one_hot, spread};

/// What counts as positive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rule {
    /// What a prediction has to exceed.
    pub threshold: Option<f64>,
    /// Only the greatest so many of a row.
    pub top_k: Option<usize>,
    /// Only this class is counted.
    pub class_id: Option<usize>,
}

/// Truth and answer, `[places, n]` of 0 and 1, with the weight of each.
pub(super) struct Decided<'g> {
    pub truth: Tensor<'g>,
    pub said: Tensor<'g>,
    weight: Tensor<'g>,
}

impl<'g> Decided<'g> {
    /// Answers by a rule. The threshold is 0.5 unless set, and none where only the first k count.
    pub fn by(rule: Rule, target: Tensor<'g>, p: Tensor<'g>, weight: Option<Tensor<'g>>) -> Decided<'g> {
        let n = p.dim(-1);
        let threshold = rule.threshold.unwrap_or(if rule.top_k.is_some() { f64::NEG_INFINITY } else { 0.5 });
        let above = p.greater(p.constant(threshold));
        let said = rule.top_k.map_or(above, |k| {
            // The place of each place in the order of the outputs is its rank.
            let rank = p.argsort(true).argsort(false);
            rank.less(rank.constant(k as f64)) & above
        });
        let mut decided = Decided::of(target, p, said.cast(DType::F32), weight);
        if let Some(class) = rule.class_id {
            if n.as_const().is_some_and(|n| class >= n) {
                p.builder().fail("class_id", format!("a class below {n}"), class);
                return decided;
            }
            let only = |t: Tensor<'g>| t.narrow(-1, class, 1);
            decided = Decided {
                truth: only(decided.truth),
                said: only(decided.said),
                weight: only(decided.weight),
            };
        }
        decided
    }

    /// Answers as given, of the prediction's shape.
    pub fn of(
        target: Tensor<'g>,
        p: Tensor<'g>,
        said: Tensor<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Decided<'g> {
        let weight = weight.map_or_else(|| p.ones_like(), |w| spread(w, p));
        let truth = one_hot(target, p);
        let flat = |t: Tensor<'g>| {
            let shape = t.shape();
            let (last, lead) = shape.split_last().map_or((1.into(), &[][..]), |(l, r)| (l.clone(), r));
            let places = lead.iter().fold(nervure_graph::Dim::from(1), |n, d| n * d);
            t.reshape([places, last])
        };
        // Keras counts a target as it is: what is not 0 is true.
        let truth = truth.not_equal(truth.constant(0.0)).cast(DType::F32);
        Decided { truth: flat(truth), said: flat(said), weight: flat(weight) }
    }

    /// Σ weight of true positives, false positives, false negatives, for each of the n.
    pub fn counts(&self) -> [Tensor<'g>; 3] {
        let sum = |t: Tensor<'g>| (t * self.weight).sum(&[0]);
        let both = self.truth * self.said;
        [sum(both), sum(self.said - both), sum(self.truth - both)]
    }
}
