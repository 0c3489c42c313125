//! True and false, positive and negative: what precision, recall and F1 count.

use nervure_graph::{DType, Dim, Tensor};

use crate::layers::Numbers;
use crate::metrics::{one_hot, spread};
use crate::word::Word;

/// Thresholds that a metric may have.
const THRESHOLDS: usize = 1000;

/// What counts as positive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rule<'a> {
    /// What a prediction has to exceed; several are counted side by side.
    pub thresholds: Option<&'a Numbers>,
    /// Only the greatest so many of a row.
    pub top_k: Option<usize>,
    /// Only this class is counted.
    pub class_id: Option<usize>,
}

/// Truth and answer, of 0 and 1, with the weight of each: `[places, columns]`, a column each class, or each threshold over all classes.
pub(super) struct Decided<'g> {
    truth: Tensor<'g>,
    said: Tensor<'g>,
    weight: Tensor<'g>,
}

/// Σ weight in each column.
pub(super) struct Counts<'g> {
    pub true_positives: Tensor<'g>,
    pub false_positives: Tensor<'g>,
    pub true_negatives: Tensor<'g>,
    pub false_negatives: Tensor<'g>,
}

impl<'g> Decided<'g> {
    /// Answers by a rule, a column each threshold. That is 0.5 unless set, and none where only the first k count.
    pub fn by(
        rule: Rule<'_>,
        metric: &dyn Word,
        target: Tensor<'g>,
        p: Tensor<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Decided<'g> {
        let none = [if rule.top_k.is_some() { f64::NEG_INFINITY } else { 0.5 }];
        let thresholds = rule.thresholds.map_or(&none[..], Numbers::as_slice);
        if !(1..=THRESHOLDS).contains(&thresholds.len())
            || rule.thresholds.is_some() && !thresholds.iter().all(|t| (0.0..=1.0).contains(t))
        {
            let expected = format!("1 to {THRESHOLDS} thresholds of 0 to 1");
            p.builder().fail(metric.kind(), expected, format!("{thresholds:?}"));
        }
        let first = rule.top_k.map(|k| {
            // The place of each place in the order of the outputs is its rank.
            let rank = p.argsort(true).argsort(false);
            rank.less(rank.constant(k as f64))
        });
        let truth = truth(target, p);
        let weight = weight.map_or_else(|| p.ones_like(), |w| spread(w, p));
        let counted = |t: Tensor<'g>| {
            let t = rule.class_id.map_or(t, |class| class_of(metric, t, class));
            let all = t.shape().iter().fold(Dim::from(1), |n, d| n * d);
            t.reshape([all, 1.into()])
        };
        let above = counted(p).greater(p.builder().floats(&[thresholds.len()], thresholds));
        let said = first.map_or(above, |first| above & counted(first).broadcast_to(above.shape()));
        Decided { truth: counted(truth), said: said.cast(DType::F32), weight: counted(weight) }
    }

    /// Answers as given, of the prediction's shape, a column each class.
    pub fn of(
        target: Tensor<'g>,
        p: Tensor<'g>,
        said: Tensor<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Decided<'g> {
        let weight = weight.map_or_else(|| p.ones_like(), |w| spread(w, p));
        let flat = |t: Tensor<'g>| {
            let shape = t.shape();
            let (last, lead) = shape.split_last().map_or((1.into(), &[][..]), |(l, r)| (l.clone(), r));
            let places = lead.iter().fold(Dim::from(1), |n, d| n * d);
            t.reshape([places, last])
        };
        Decided { truth: flat(truth(target, p)), said: flat(said), weight: flat(weight) }
    }

    /// The counts of each column.
    pub fn counts(&self) -> Counts<'g> {
        let sum = |t: Tensor<'g>| (t * self.weight).sum(&[0]);
        let both = self.truth * self.said;
        Counts {
            true_positives: sum(both),
            false_positives: sum(self.said - both),
            true_negatives: sum((1.0 - self.truth) * (1.0 - self.said)),
            false_negatives: sum(self.truth - both),
        }
    }
}

/// Whether each output is right: Keras counts what is not 0.
fn truth<'g>(target: Tensor<'g>, p: Tensor<'g>) -> Tensor<'g> {
    let truth = one_hot(target, p);
    truth.not_equal(truth.constant(0.0)).cast(DType::F32)
}

/// The outputs of one class, `[…, 1]`.
pub(super) fn class_of<'g>(metric: &dyn Word, t: Tensor<'g>, class: usize) -> Tensor<'g> {
    let n = t.dim(-1);
    if n.as_const().is_some_and(|n| class >= n) {
        t.builder().fail(metric.kind(), format!("a class below {n}"), class);
        return t.narrow(-1, 0, 1);
    }
    t.narrow(-1, class, 1)
}
