//! The whole of a training step, or of an evaluation, as one graph.

use std::collections::BTreeSet;

use nervure_exec::Store;
use nervure_graph::{Builder, DType, Graph, NodeId, Tensor, gradient};

use crate::feed::Slot;
use crate::layers::Layer;
use crate::losses::{Loss, Prediction};
use crate::lower::{Lower, Lowered, STEP, reason};
use crate::metrics::{Direction, Metric, spread};
use crate::optimizers::{OPTIMIZER, Optimizer, Start};
use crate::update::update;
use crate::word::Object;
use crate::{Error, Model, Result};

/// What training makes small, by what means, and what it reports.
///
/// ```
/// use nervure_nn::prelude::*;
/// let training = Training::new(BinaryCrossentropy::new(), Adam::new()).metrics([Accuracy]);
/// ```
#[derive(Debug, Clone)]
pub struct Training {
    pub(crate) losses: Vec<(Option<String>, Object<dyn Loss>)>,
    pub(crate) loss_weights: Vec<(String, f64)>,
    pub(crate) optimizer: Object<dyn Optimizer>,
    pub(crate) metrics: Vec<(Option<String>, Object<dyn Metric>)>,
    pub(crate) weighted_metrics: Vec<(Option<String>, Object<dyn Metric>)>,
    augmentations: Vec<Object<dyn Layer>>,
}

impl Training {
    /// This loss for every output, this optimizer.
    pub fn new(loss: impl Into<Object<dyn Loss>>, optimizer: impl Into<Object<dyn Optimizer>>) -> Training {
        Training { losses: vec![(None, loss.into())], ..Training::with_optimizer(optimizer) }
    }

    /// An optimizer, with losses yet to come: [`Training::loss`].
    pub fn with_optimizer(optimizer: impl Into<Object<dyn Optimizer>>) -> Training {
        Training {
            losses: Vec::new(),
            loss_weights: Vec::new(),
            optimizer: optimizer.into(),
            metrics: Vec::new(),
            weighted_metrics: Vec::new(),
            augmentations: Vec::new(),
        }
    }

    /// The loss of an output by name; an output without one is not trained.
    pub fn loss(mut self, output: &str, loss: impl Into<Object<dyn Loss>>) -> Training {
        self.losses.push((Some(output.into()), loss.into()));
        self
    }

    /// What an output's loss is multiplied by in the sum; default 1.
    pub fn loss_weight(mut self, output: &str, weight: f64) -> Training {
        self.loss_weights.push((output.into(), weight));
        self
    }

    /// Adds metrics of every output that has a loss: `.metrics([Accuracy]).metrics([Auc::new()])`. Sample weights do not count in them.
    pub fn metrics<M: Into<Object<dyn Metric>>>(mut self, metrics: impl IntoIterator<Item = M>) -> Training {
        self.metrics.extend(metrics.into_iter().map(|m| (None, m.into())));
        self
    }

    /// Adds metrics in which sample weights count.
    pub fn weighted_metrics<M: Into<Object<dyn Metric>>>(
        mut self,
        metrics: impl IntoIterator<Item = M>,
    ) -> Training {
        self.weighted_metrics.extend(metrics.into_iter().map(|m| (None, m.into())));
        self
    }

    /// A metric of one output.
    pub fn metric(mut self, output: &str, metric: impl Into<Object<dyn Metric>>) -> Training {
        self.metrics.push((Some(output.into()), metric.into()));
        self
    }

    /// Puts a layer of two inputs and two outputs before the network while it trains: rows and their targets, as they are given, become those that it gives.
    /// [`MixUp`](crate::layers::MixUp) and [`CutMix`](crate::layers::CutMix) are such layers; so is a network of them and of others, without weights.
    ///
    /// The network predicts, is evaluated and saved without it. It has to have one input and one output with a loss. Several layers come one after the other; bytes stay
    /// bytes, rounded.
    pub fn augment(mut self, layer: impl Into<Object<dyn Layer>>) -> Training {
        self.augmentations.push(layer.into());
        self
    }

    /// What it is set to, as data.
    pub(crate) fn describe(&self) -> serde_json::Value {
        serde_json::json!({
            "losses": self.losses,
            "loss_weights": self.loss_weights,
            "optimizer": self.optimizer,
            "metrics": self.metrics,
            "weighted_metrics": self.weighted_metrics,
            "augmentations": self.augmentations,
        })
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &Object<dyn Optimizer> {
        &self.optimizer
    }
}

/// A metric in the graph of a step: its key, and where its sums are among the outputs.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub key: String,
    pub how: How,
    pub direction: Option<Direction>,
    pub outputs: std::ops::Range<usize>,
}

/// How a reported number comes from its sums.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// The mean of a batch's value, weighted by rows.
    BatchMean,
    Metric(Object<dyn Metric>),
}

/// The graph of a step with what goes in and comes out.
#[derive(Debug)]
pub(crate) struct StepGraph {
    pub graph: Graph,
    pub targets: Vec<Slot>,
    /// The first is the loss.
    pub reported: Vec<Reported>,
    /// States that the optimizer adds, with what they start from.
    pub slots: Vec<(String, Start)>,
}

/// Forward, loss, penalties, gradients, clipping, the optimizer's update, new states, sums of metrics.
pub(crate) fn training_graph(model: &Model, training: &Training, weighted: bool) -> Result<StepGraph> {
    check(training)?;
    let builder = Builder::new();
    let mut cx = Lower::new(&builder, true);
    let mut forward = Forward::lower(model, training, weighted, &mut cx)?;
    let lowered = cx.finish();
    let loss = forward.loss(&lowered, &builder);
    builder.check()?;

    let trainable: Vec<_> = lowered.parameters.iter().filter(|p| p.trainable).collect();
    let weights: Vec<Tensor<'_>> = trainable
        .iter()
        .map(|p| {
            builder.parameter(&p.path, DType::F32, p.shape.iter().map(|&n| n.into()).collect::<Vec<_>>())
        })
        .collect();
    // Gradients are divided by the scale again where they change weights.
    let scaled = training.optimizer.options().loss_scale_factor.map_or(loss, |scale| loss * scale);
    let gradients = gradient(&builder, scaled, &weights);
    builder.check()?;
    let reached = reaches(&builder, &weights, &forward.scored);
    let mut steps = Vec::new();
    for (((p, w), g), reached) in trainable.iter().zip(&weights).zip(gradients).zip(reached) {
        match g {
            Some(g) => steps.push((*p, *w, g)),
            None if reached => return Err(Error::NoGradient(p.path.clone())),
            None => {}
        }
    }
    let slots = update(&builder, &*training.optimizer, steps)?;
    lowered.update(&builder);
    let counter = builder.parameter(STEP, DType::I64, []);
    builder.update(counter, counter + 1.0);
    forward.report(loss, &builder, slots)
}

/// Forward, loss, penalties, sums of metrics.
pub(crate) fn evaluation_graph(model: &Model, training: &Training, weighted: bool) -> Result<StepGraph> {
    let builder = Builder::new();
    let mut cx = Lower::new(&builder, false);
    let mut forward = Forward::lower(model, training, weighted, &mut cx)?;
    let lowered = cx.finish();
    let loss = forward.loss(&lowered, &builder);
    lowered.update(&builder);
    forward.report(loss, &builder, Vec::new())
}

/// A network's outputs with their losses and metrics.
struct Forward<'g> {
    targets: Vec<Slot>,
    /// Predictions that have a loss.
    scored: Vec<Tensor<'g>>,
    losses: Vec<(String, Tensor<'g>, f64)>,
    metrics: Vec<(String, Object<dyn Metric>, Vec<Tensor<'g>>)>,
}

impl<'g> Forward<'g> {
    fn lower(model: &Model, training: &Training, weighted: bool, cx: &mut Lower<'g>) -> Result<Forward<'g>> {
        let (network, graph) = (model.network(), model.graph());
        let mut rows = model.entrance.declare(cx.builder());
        let names: Vec<&str> = network.outputs().iter().map(|(n, _)| n.as_str()).collect();
        known_outputs(training, &names)?;
        let mut this =
            Forward { targets: Vec::new(), scored: Vec::new(), losses: Vec::new(), metrics: Vec::new() };
        let scored: Vec<_> = (names.iter().enumerate())
            .filter_map(|(i, n)| Some((*n, i, choose(&training.losses, n)?)))
            .collect();
        let mut targets = Vec::new();
        // The network's inputs may have any names.
        let mut taken: BTreeSet<String> = model.entrance.gates.iter().map(|gate| gate.name.clone()).collect();
        let mut free = |mut name: String| {
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        };
        // Inputs stand in the order in which data are fed: the targets, then the weight.
        for (name, i, loss) in &scored {
            let ty = loss.target(&graph.node(graph.outputs()[*i].1).ty).map_err(|reason| Error::Compile {
                what: format!("loss `{}` of output `{name}`", loss.kind()),
                reason,
            })?;
            targets.push(cx.builder().input(&free(format!("target/{name}")), ty.dtype, ty.shape.clone()));
            this.targets.push(Slot { what: format!("target of output `{name}`"), name: (*name).into(), ty });
        }
        let weight =
            weighted.then(|| cx.builder().input(&free("sample_weight".into()), DType::F32, [network.rows()]));
        if cx.training() {
            augment(training, cx, &mut rows, &mut targets)?;
        }
        let outputs = network.lower_behind(cx, &model.entrance, &rows)?;
        let several = names.len() > 1;
        for ((name, i, loss), t) in scored.iter().zip(targets) {
            let y = outputs[*i];
            let prediction = Prediction { value: y, link: cx.link(y) };
            let values = {
                let _scope = cx.builder().scope(&format!("{name}_loss"), loss.kind());
                let values = loss.lower(t, prediction);
                let mask = cx.mask(y).filter(|m| values.shape().starts_with(&m.shape()));
                let mask = match (mask.map(|m| spread(m, values)), loss.mask(t)) {
                    (Some(a), Some(b)) => Some(a & b),
                    (a, b) => a.or(b),
                };
                this.losses.push((
                    format!("{name}_loss"),
                    reduced(values, weight, mask),
                    loss_weight(training, name),
                ));
                values
            };
            compiled(cx.builder(), || format!("loss `{}` of output `{name}`", loss.kind()))?;
            this.scored.push(y);
            let all = training
                .metrics
                .iter()
                .map(|m| (m, false))
                .chain(training.weighted_metrics.iter().map(|m| (m, true)));
            for ((_, metric), by_weight) in all.filter(|((o, _), _)| o.as_deref().is_none_or(|o| o == *name))
            {
                let key = if several { format!("{name}_{}", metric.name()) } else { metric.name() };
                let key = this.free_key(key);
                let weight = masked(weight.filter(|_| by_weight), cx.mask(y), values);
                let _scope = cx.builder().scope(&key, metric.kind());
                let sums = metric.lower(t, prediction, weight);
                let what = || format!("metric `{}` of output `{name}`", metric.kind());
                compiled(cx.builder(), what)?;
                if let Some(sum) = sums.iter().find(|s| s.dtype() != DType::F32) {
                    let reason = format!("expected sums of f32, received {}", sum.ty());
                    return Err(Error::Compile { what: what(), reason });
                }
                this.metrics.push((key, metric.clone(), sums));
            }
        }
        if this.losses.is_empty() {
            return Err(Error::Compile {
                what: "training".into(),
                reason: "expected a loss for at least one output, received none".into(),
            });
        }
        Ok(this)
    }

    /// `auc`, then `auc_1`, …
    fn free_key(&self, key: String) -> String {
        let taken = |k: &str| k == "loss" || self.metrics.iter().any(|m| m.0 == k);
        let numbered = (1..).map(|n| format!("{key}_{n}"));
        std::iter::once(key.clone()).chain(numbered).find(|k| !taken(k)).unwrap_or(key)
    }

    /// Σ outputs' losses · their weights + penalties.
    fn loss(&self, lowered: &Lowered<'g>, builder: &'g Builder) -> Tensor<'g> {
        let _scope = builder.scope("loss", "loss");
        let terms = self.losses.iter().map(|(_, l, factor)| if *factor == 1.0 { *l } else { *l * *factor });
        terms
            .chain(lowered.penalties.iter().copied())
            .reduce(|a, b| a + b)
            .unwrap_or_else(|| builder.scalar(DType::F32, 0.0))
    }

    fn report(
        &mut self,
        loss: Tensor<'g>,
        builder: &Builder,
        slots: Vec<(String, Start)>,
    ) -> Result<StepGraph> {
        builder.check()?;
        let mut outputs: Vec<(String, NodeId)> = Vec::new();
        let mut reported = Vec::new();
        let mut report = |key: &str, how: How, sums: &[Tensor<'g>]| {
            let start = outputs.len();
            outputs.extend(sums.iter().enumerate().map(|(i, t)| (format!("{key}/{i}"), t.id())));
            let direction = match &how {
                How::BatchMean => Some(Direction::Down),
                How::Metric(m) => m.direction(),
            };
            reported.push(Reported { key: key.into(), how, direction, outputs: start..outputs.len() });
        };
        report("loss", How::BatchMean, &[loss]);
        if self.losses.len() > 1 {
            for (key, l, _) in &self.losses {
                report(key, How::BatchMean, &[*l]);
            }
        }
        for (key, metric, sums) in &self.metrics {
            report(key, How::Metric(metric.clone()), sums);
        }
        for (name, id) in outputs {
            builder.output(&name, builder.tensor(id));
        }
        Ok(StepGraph {
            graph: builder.read(Clone::clone),
            targets: std::mem::take(&mut self.targets),
            reported,
            slots,
        })
    }
}

/// Rows and targets as the layers before the network give them.
fn augment<'g>(
    training: &Training,
    cx: &mut Lower<'g>,
    rows: &mut [Tensor<'g>],
    targets: &mut [Tensor<'g>],
) -> Result<()> {
    for layer in &training.augmentations {
        let refused = |expected: String, received: String| Error::Compile {
            what: format!("augmentation `{}`", layer.kind()),
            reason: format!("expected {expected}, received {received}"),
        };
        let ([x], [t]) = (&mut *rows, &mut *targets) else {
            let expected = "a network of one input and one output with a loss".into();
            return Err(refused(expected, format!("{} and {}", rows.len(), targets.len())));
        };
        let mut given = cx.layer(layer.kind(), &**layer, true, &[*x, *t])?;
        if let Some(first) = given.first_mut()
            && x.dtype() == DType::U8
            && first.dtype() == DType::F32
        {
            *first = first.round().cast(DType::U8);
        }
        let types =
            |of: &[Tensor<'_>]| of.iter().map(|t| t.ty().to_string()).collect::<Vec<_>>().join(" and ");
        if types(&given) != types(&[*x, *t]) {
            return Err(refused(format!("outputs {}", types(&[*x, *t])), types(&given)));
        }
        if let Some(weight) = cx.parameters().first() {
            return Err(refused("a layer without weights".into(), format!("one with `{}`", weight.path)));
        }
        (*x, *t) = (given[0], given[1]);
    }
    Ok(())
}

/// The loss of an output: its own, else the one for all.
fn choose<'a>(
    losses: &'a [(Option<String>, Object<dyn Loss>)],
    output: &str,
) -> Option<&'a Object<dyn Loss>> {
    let own = losses.iter().find(|(o, _)| o.as_deref() == Some(output));
    own.or_else(|| losses.iter().find(|(o, _)| o.is_none())).map(|(_, l)| l)
}

fn known_outputs(training: &Training, names: &[&str]) -> Result<()> {
    let losses = training.losses.iter().filter_map(|(o, _)| o.as_deref());
    let weights = training.loss_weights.iter().map(|(o, _)| o.as_str());
    let metrics = training.metrics.iter().chain(&training.weighted_metrics).filter_map(|(o, _)| o.as_deref());
    match losses.chain(weights).chain(metrics).find(|o| !names.contains(o)) {
        Some(o) => Err(Error::Compile {
            what: format!("loss or metric of output `{o}`"),
            reason: format!("expected one of {}, received `{o}`", names.join(", ")),
        }),
        None => Ok(()),
    }
}

/// The first failure of the builder as one of this loss or metric.
fn compiled(builder: &Builder, what: impl FnOnce() -> String) -> Result<()> {
    builder.check().map_err(|e| Error::Compile { what: what(), reason: reason(e) })
}

/// The weight of each value: that of its row, 0 where it is masked; none where all count the same.
fn masked<'g>(
    weight: Option<Tensor<'g>>,
    mask: Option<Tensor<'g>>,
    values: Tensor<'g>,
) -> Option<Tensor<'g>> {
    let mask = mask.filter(|m| values.shape().starts_with(&m.shape())).map(|m| m.cast(DType::F32));
    match (weight, mask) {
        (Some(w), Some(m)) => Some(m * spread(w, m)),
        (w, m) => w.or(m),
    }
}

/// Σ weight · value / number of values, as Keras reduces; with a mask of the values' shape, over those that it leaves.
fn reduced<'g>(values: Tensor<'g>, weight: Option<Tensor<'g>>, mask: Option<Tensor<'g>>) -> Tensor<'g> {
    let weighted = weight.map_or(values, |w| values * spread(w, values));
    let Some(mask) = mask else { return weighted.mean_all() };
    let left = mask.cast(DType::F32).sum_all();
    // What is masked may be no number.
    mask.select(weighted, weighted.constant(0.0)).sum_all() / left.max(left.constant(1.0))
}

fn loss_weight(training: &Training, output: &str) -> f64 {
    training.loss_weights.iter().find(|(o, _)| o == output).map_or(1.0, |w| w.1)
}

/// For each weight, whether a prediction that has a loss depends on it.
fn reaches(builder: &Builder, weights: &[Tensor<'_>], scored: &[Tensor<'_>]) -> Vec<bool> {
    builder.read(|g| {
        let mut needed: BTreeSet<NodeId> = scored.iter().map(|t| t.id()).collect();
        for id in g.ids().rev() {
            if needed.contains(&id) {
                needed.extend(&g.node(id).inputs);
            }
        }
        weights.iter().map(|w| needed.contains(&w.id())).collect()
    })
}

/// Whether the optimizer's settings make sense.
fn check(training: &Training) -> Result<()> {
    let optimizer = &training.optimizer;
    let rate = optimizer.learning_rate();
    let rate = if rate.is_finite() && rate >= 0.0 {
        Ok(())
    } else {
        Err(format!("expected a learning_rate of at least 0, received {rate}"))
    };
    let schedule = || {
        optimizer
            .schedule()
            .map_or(Ok(()), |s| s.check().map_err(|reason| format!("schedule `{}`: {reason}", s.kind())))
    };
    let checked =
        schedule().and(rate).and_then(|()| optimizer.check()).and_then(|()| optimizer.options().check());
    checked.map_err(|reason| Error::Compile { what: format!("optimizer `{}`", optimizer.kind()), reason })
}

/// Gives a store what a step needs beside the weights: of what an optimizer left there what is of use still, if it is to go on, and else nothing.
pub(crate) fn prepare(store: &mut Store, slots: &[(String, Start)], keep: bool) {
    let mut fresh = Store::new();
    for (name, value) in store.iter().filter(|(n, _)| !n.starts_with(OPTIMIZER)) {
        fresh.insert(name, value.clone());
    }
    for (name, start) in slots {
        let initial = match start {
            Start::Value(value) => Some(value),
            Start::Weight(path) => store.get(path),
        };
        let Some(initial) = initial else { continue };
        let left = store.get(name).filter(|b| keep && b.shape() == initial.shape());
        fresh.insert(name, left.unwrap_or(initial).clone());
    }
    *store = fresh;
}
