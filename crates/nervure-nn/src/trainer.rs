//! A model with its compiled step, fed batch by batch.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::Bindings;

use crate::data::Dataset;
use crate::feed::Feed;
use crate::fit::Progress;
use crate::logs::{Logs, Number};
use crate::optimizers::Optimizer;
use crate::step::{How, Reported, StepGraph, Training, evaluation_graph, prepare, training_graph};
use crate::update::average_of;
use crate::word::Object;
use crate::{Error, Model, Result};

/// A model with a compiled step, for loops of one's own: what [`Model::fit`] runs.
///
/// ```
/// use ndarray::array;
/// use nervure_nn::prelude::*;
/// let mut model = Sequential::new([2]).add(Dense::new(1).activation(Sigmoid)).build(Seed(1))?;
/// let mut trainer = model.trainer(Training::new(BinaryCrossentropy::new(), Adam::new()))?;
/// let batch = Dataset::new(&array![[0.0, 1.0], [1.0, 0.0]], &array![0.0, 1.0]);
/// let before = trainer.train_on_batch(&batch)?.get("loss");
/// assert!(trainer.test_on_batch(&batch)?.get("loss") < before);
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer<'m> {
    pub(crate) model: &'m mut Model,
    pub(crate) train: Compiled,
    pub(crate) evaluate: Compiled,
    optimizer: Object<dyn Optimizer>,
}

impl<'m> Trainer<'m> {
    /// `weighted` and `validation_weighted` say whether the rows to train and to evaluate on have weights.
    pub(crate) fn build(
        model: &'m mut Model,
        training: Training,
        weighted: bool,
        validation_weighted: bool,
    ) -> Result<Trainer<'m>> {
        let train = Compiled::new(training_graph(model, &training, weighted)?, weighted);
        let evaluate = evaluation_graph(model, &training, validation_weighted)?;
        let evaluate = Compiled::new(evaluate, validation_weighted);
        let keep = model.optimizer.as_ref() == Some(&training.optimizer);
        prepare(&mut model.store, &train.graph.slots, keep);
        model.forget_plans();
        model.optimizer = Some(training.optimizer.clone());
        Ok(Trainer { model, train, evaluate, optimizer: training.optimizer })
    }

    /// One step on all rows of `batch`; its loss (before the update) and metrics.
    ///
    /// # Errors
    /// Data that do not fit the network, or no row.
    pub fn train_on_batch(&mut self, batch: &Dataset) -> Result<Logs> {
        let feed = self.train.feed(self.model, batch)?;
        let mut sums = self.train.sums();
        let all: Vec<u32> = (0..feed.rows() as u32).collect();
        let sized = self.train.cached(self.model, &feed)?;
        sized.fill(&self.model.threads, &feed, &all);
        sized.train(self.model)?;
        sums.add(&sized.runner, sized.rows);
        Ok(sums.logs(&self.train.graph.reported, ""))
    }

    /// Loss and metrics of all rows of `batch`, without a step.
    ///
    /// # Errors
    /// Data that do not fit the network, or no row.
    pub fn test_on_batch(&mut self, batch: &Dataset) -> Result<Logs> {
        let feed = self.evaluate.feed(self.model, batch)?;
        let mut sums = self.evaluate.sums();
        let all: Vec<u32> = (0..feed.rows() as u32).collect();
        let sized = self.evaluate.cached(self.model, &feed)?;
        sized.fill(&self.model.threads, &feed, &all);
        sized.run(self.model)?;
        sums.add(&sized.runner, sized.rows);
        Ok(sums.logs(&self.evaluate.graph.reported, ""))
    }

    /// Lets the averages of weights that an optimizer with `use_ema` keeps take the place of the weights: what [`Model::fit`] does at its end.
    pub fn keep_averages(&mut self) {
        let Model { parameters, store, .. } = &mut *self.model;
        for p in parameters.iter().filter(|p| p.trainable) {
            if let Some(average) = store.get(&average_of(&p.path)).cloned() {
                store.insert(&p.path, average);
            }
        }
        self.model.forget_plans();
    }

    /// The model.
    pub fn model(&mut self) -> &mut Model {
        self.model
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &Object<dyn Optimizer> {
        &self.optimizer
    }
}

impl Model {
    /// A trainer for steps of one's own: compiled once, fed batch by batch.
    ///
    /// # Errors
    /// A loss or metric that does not fit the network; [`Error::NoGradient`].
    pub fn trainer(&mut self, training: Training) -> Result<Trainer<'_>> {
        Trainer::build(self, training, true, true)
    }

    /// Loss and metrics on labelled rows. States that go on from batch to batch are then as they were before.
    ///
    /// # Errors
    /// A loss, metric or data that do not fit the network; no row; a `batch_size` of 0, or another one than the network's.
    pub fn evaluate(&self, data: &Dataset, training: &Training, batch_size: usize) -> Result<Logs> {
        let batch_size = self.network.rows_of_batch(Some(batch_size), batch_size)?;
        let weighted = data.weights.is_some();
        let compiled = Compiled::new(evaluation_graph(self, training, weighted)?, weighted);
        let mut evaluation = Evaluation::new(&compiled, self, data, batch_size)?;
        let mut store = Cow::Borrowed(&self.store);
        evaluation.run(&self.threads, |sized| sized.run_apart(&self.threads, &mut store))?;
        Ok(evaluation.sums.logs(&compiled.graph.reported, ""))
    }
}

/// A graph with plans for the sizes of batches that were seen.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub graph: StepGraph,
    weighted: bool,
    plans: Vec<Sized>,
}

/// Plans that are kept.
const PLANS: usize = 8;

impl Compiled {
    fn new(graph: StepGraph, weighted: bool) -> Compiled {
        Compiled { graph, weighted, plans: Vec::new() }
    }

    /// The rows of `data` as the graph wants them; at least one.
    pub fn feed(&self, model: &Model, data: &Dataset) -> Result<Feed> {
        let feed = Feed::new(data, &model.entrance, &self.graph.targets, self.weighted)?;
        if feed.rows() == 0 {
            return Err(Error::Data("expected at least one row, received none".into()));
        }
        Ok(feed)
    }

    /// A plan for batches of `rows` rows.
    pub fn sized(&self, model: &Model, feed: &Feed, rows: usize) -> Result<Sized> {
        let rows = model.network.rows_of_batch(Some(rows), rows)?;
        let bindings = feed.bindings(rows);
        let plan = Plan::compile(&self.graph.graph, &bindings, &model.store)?;
        let runner = Runner::new(Arc::new(plan));
        Ok(Sized { bindings, rows, inputs: feed.buffers(rows), picked: Vec::new(), runner })
    }

    /// A plan for all rows of `feed`, kept for the next of that size.
    fn cached(&mut self, model: &Model, feed: &Feed) -> Result<&mut Sized> {
        let bindings = feed.bindings(feed.rows());
        let at = match self.plans.iter().position(|p| p.bindings == bindings) {
            Some(at) => at,
            None => {
                self.plans.truncate(PLANS - 1);
                self.plans.insert(0, self.sized(model, feed, feed.rows())?);
                0
            }
        };
        Ok(&mut self.plans[at])
    }

    /// Sums of nothing yet.
    pub fn sums(&self) -> Sums {
        let of = |r: &Reported| (r.outputs.clone(), matches!(r.how, How::BatchMean));
        Sums { rows: 0, values: Vec::new(), ranges: self.graph.reported.iter().map(of).collect() }
    }
}

/// A plan for batches of one size, with its inputs: a run of it allocates nothing.
#[derive(Debug)]
pub(crate) struct Sized {
    pub bindings: Bindings,
    pub rows: usize,
    pub inputs: Vec<Buffer>,
    picked: Vec<u32>,
    pub runner: Runner,
}

impl Sized {
    /// Takes in as many rows as it is for.
    pub fn fill(&mut self, threads: &Threads, feed: &Feed, rows: &[u32]) {
        feed.fill(threads, rows, &mut self.inputs, &mut self.picked);
    }

    /// A step; gives the batch's loss.
    pub fn train(&mut self, model: &mut Model) -> Result<f64> {
        model.keep_schedule();
        self.run(model)?;
        let loss = self.runner.output(0).as_f32().and_then(|v| v.first());
        Ok(loss.map_or(f64::NAN, |&x| f64::from(x)))
    }

    /// A run that changes the model's state, if its graph changes any.
    pub fn run(&mut self, model: &mut Model) -> Result<()> {
        let runner = &mut self.runner;
        Ok(with_views(&self.inputs, |views| runner.run(&model.threads, &mut model.store, views))?)
    }

    /// A run that changes a copy of the state.
    pub fn run_apart(&mut self, threads: &Threads, store: &mut Cow<'_, Store>) -> Result<()> {
        let runner = &mut self.runner;
        Ok(with_views(&self.inputs, |views| runner.run_apart(threads, store, views))?)
    }
}

/// Full batches and the last one.
#[derive(Debug)]
pub(crate) struct Batches {
    full: Sized,
    last: Option<Sized>,
}

impl Batches {
    pub fn new(compiled: &Compiled, model: &Model, feed: &Feed, batch_size: usize) -> Result<Batches> {
        let full = feed.rows().min(batch_size);
        let last = feed.rows() % full;
        Ok(Batches {
            full: compiled.sized(model, feed, full)?,
            last: (last > 0).then(|| compiled.sized(model, feed, last)).transpose()?,
        })
    }

    /// The plan for so many rows: those of a full batch or of the last one.
    pub fn of(&mut self, rows: usize) -> &mut Sized {
        match &mut self.last {
            Some(last) if last.rows == rows => last,
            _ => &mut self.full,
        }
    }
}

/// Rows to evaluate on, again and again.
#[derive(Debug)]
pub(crate) struct Evaluation {
    feed: Feed,
    batches: Batches,
    order: Vec<u32>,
    pub sums: Sums,
}

impl Evaluation {
    pub fn new(compiled: &Compiled, model: &Model, data: &Dataset, batch_size: usize) -> Result<Evaluation> {
        let feed = compiled.feed(model, data)?;
        let batches = Batches::new(compiled, model, &feed, batch_size)?;
        let order = (0..feed.rows() as u32).collect();
        Ok(Evaluation { feed, batches, order, sums: compiled.sums() })
    }

    /// Gathers the sums of all rows anew, batch by batch.
    pub fn run(&mut self, threads: &Threads, mut batch: impl FnMut(&mut Sized) -> Result<()>) -> Result<()> {
        self.sums.reset();
        let size = self.batches.full.rows;
        for rows in self.order.chunks(size) {
            let sized = self.batches.of(rows.len());
            sized.fill(threads, &self.feed, rows);
            batch(sized)?;
            self.sums.add(&sized.runner, rows.len());
        }
        Ok(())
    }
}

/// Inputs that a plan takes at most without an allocation a step.
const INLINE: usize = 16;

fn with_views<R>(buffers: &[Buffer], run: impl FnOnce(&[View<'_>]) -> R) -> R {
    if buffers.len() > INLINE {
        return run(&buffers.iter().map(Buffer::view).collect::<Vec<_>>());
    }
    let mut views = [View::Bool(&[]); INLINE];
    views.iter_mut().zip(buffers).for_each(|(v, b)| *v = b.view());
    run(&views[..buffers.len()])
}

/// Sums over batches, in `f64`.
#[derive(Debug)]
pub(crate) struct Sums {
    rows: u64,
    values: Vec<Vec<Vec<f64>>>,
    /// Where each reported number has its sums among the outputs, and whether they are means of a batch.
    ranges: Vec<(Range<usize>, bool)>,
}

impl Sums {
    pub fn reset(&mut self) {
        self.rows = 0;
        self.values.iter_mut().flatten().flatten().for_each(|v| *v = 0.0);
    }

    pub fn add(&mut self, runner: &Runner, rows: usize) {
        if self.values.is_empty() {
            let zeros = |r: &Range<usize>| r.clone().map(|i| vec![0.0; runner.output(i).len()]).collect();
            self.values = self.ranges.iter().map(|(r, _)| zeros(r)).collect();
        }
        self.rows += rows as u64;
        for ((range, mean), sums) in self.ranges.iter().zip(&mut self.values) {
            let factor = if *mean { rows as f64 } else { 1.0 };
            for (i, sums) in range.clone().zip(sums) {
                if let Some(v) = runner.output(i).as_f32() {
                    sums.iter_mut().zip(v).for_each(|(s, x)| *s += f64::from(*x) * factor);
                }
            }
        }
    }

    /// The reported numbers, each under its key after `prefix`.
    pub fn logs(&self, reported: &[Reported], prefix: &str) -> Logs {
        let mut logs = Logs::default();
        for (r, sums) in reported.iter().zip(&self.values) {
            match &r.how {
                How::BatchMean => logs.push(format!("{prefix}{}", r.key), sums[0][0] / self.rows as f64),
                How::Metric(m) => match m.per_class(sums) {
                    Some(all) => {
                        for (class, value) in all.into_iter().enumerate() {
                            logs.push(format!("{prefix}{}_{class}", r.key), value);
                        }
                    }
                    None => logs.push(format!("{prefix}{}", r.key), m.result(sums)),
                },
            }
        }
        logs
    }

    pub fn store(&self, progress: &mut Progress) {
        progress.rows = self.rows;
        let numbers = |v: &Vec<f64>| v.iter().map(|&x| Number(x)).collect();
        progress.sums = self.values.iter().map(|s| s.iter().map(numbers).collect()).collect();
    }

    pub fn load(&mut self, progress: &Progress) {
        self.rows = progress.rows;
        let numbers = |v: &Vec<Number>| v.iter().map(|x| x.0).collect();
        self.values = progress.sums.iter().map(|s| s.iter().map(numbers).collect()).collect();
    }
}
