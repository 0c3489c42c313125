//! Training: epochs of batches, validation, callbacks, checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nervure_exec::{Buffer, Plan, Runner, Store, View};
use nervure_graph::Bindings;
use serde::{Deserialize, Serialize};

use crate::callbacks::{Batch, Callback, Context};
use crate::data::Dataset;
use crate::feed::Feed;
use crate::initializers::Stream;
use crate::logs::{History, Logs, Number};
use crate::losses::Loss;
use crate::lower::STEP;
use crate::metrics::Metric;
use crate::optimizers::Optimizer;
use crate::step::{How, Reported, StepGraph, Training, evaluation_graph, prepare, training_graph};
use crate::word::{Object, setters};
use crate::{Error, Model, Result};

/// What writes a checkpoint.
type Save = Box<dyn FnMut(&Checkpoint<'_>) -> Result<()>>;

/// How [`Model::fit`] trains. The defaults are Keras's: one epoch, batches of 32 rows, shuffled, no validation.
pub struct Fit {
    training: Training,
    epochs: usize,
    batch_size: usize,
    shuffle: bool,
    validation_split: f64,
    validation_data: Option<Dataset>,
    class_weight: Vec<(i64, f32)>,
    callbacks: Vec<Box<dyn Callback>>,
    interrupt: Option<Arc<AtomicBool>>,
    checkpoint: Option<Save>,
    resume: Option<Progress>,
}

impl Fit {
    /// This loss for every output, this optimizer.
    pub fn new(loss: impl Into<Object<dyn Loss>>, optimizer: impl Into<Object<dyn Optimizer>>) -> Fit {
        Fit::from_training(Training::new(loss, optimizer))
    }

    /// Losses, optimizer and metrics as they are there.
    pub fn from_training(training: Training) -> Fit {
        Fit {
            training,
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            validation_split: 0.0,
            validation_data: None,
            class_weight: Vec::new(),
            callbacks: Vec::new(),
            interrupt: None,
            checkpoint: None,
            resume: None,
        }
    }

    setters! {
        /// How often every row is seen; default 1.
        epochs: usize,
        /// Rows of a step; default 32.
        batch_size: usize,
        /// Whether rows go in another random order each epoch; default true.
        shuffle: bool,
        /// Share of the rows, taken from the end before shuffling, that validate instead of train; default 0.
        validation_split: f64,
        /// Rows that validate; goes before `validation_split`.
        validation_data: some Dataset,
        /// A flag that stops training after the step at hand, with a checkpoint.
        interrupt: some Arc<AtomicBool>,
        /// Goes on where a checkpoint was taken; the model's state has to be the checkpoint's, data and settings those of its run.
        resume: some Progress,
    }

    /// Metrics of every output. Sample weights do not count in them.
    pub fn metrics<M: Into<Object<dyn Metric>>>(mut self, metrics: impl IntoIterator<Item = M>) -> Fit {
        self.training = self.training.metrics(metrics);
        self
    }

    /// Weighs rows by their class: class number → weight, 1 for others.
    pub fn class_weight(mut self, classes: impl Into<Vec<(i64, f32)>>) -> Fit {
        self.class_weight = classes.into();
        self
    }

    /// Adds a callback.
    pub fn callback(mut self, callback: impl Callback + 'static) -> Fit {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Called after each epoch, and when interrupted, with all that is needed to go on.
    pub fn checkpoint(mut self, save: impl FnMut(&Checkpoint<'_>) -> Result<()> + 'static) -> Fit {
        self.checkpoint = Some(Box::new(save));
        self
    }
}

/// Where a run is: what has to be kept, beside the model's state, to go on with the same bits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch that goes on, from 0.
    pub epoch: usize,
    /// Batches of it that are done.
    pub batch: usize,
    /// What was reported so far.
    pub history: History,
    step: i64,
    rows: u64,
    sums: Vec<Vec<Vec<Number>>>,
    callbacks: Vec<serde_json::Value>,
    #[serde(skip)]
    tensors: Vec<Vec<(String, Buffer)>>,
}

impl Progress {
    /// Arrays that callbacks keep (the best weights so far), by name.
    pub fn tensors(&self) -> impl Iterator<Item = (String, &Buffer)> {
        let groups = self.tensors.iter().enumerate();
        groups.flat_map(|(i, group)| group.iter().map(move |(name, b)| (format!("{i}/{name}"), b)))
    }

    /// Takes back arrays that [`Progress::tensors`] gave.
    pub fn with_tensors(mut self, tensors: impl IntoIterator<Item = (String, Buffer)>) -> Progress {
        self.tensors = vec![Vec::new(); self.callbacks.len()];
        for (name, buffer) in tensors {
            if let Some((i, name)) = name.split_once('/')
                && let Some(t) = i.parse().ok().and_then(|i: usize| self.tensors.get_mut(i))
            {
                t.push((name.into(), buffer));
            }
        }
        self
    }
}

/// All that is needed to go on with a run.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    /// Where the run is.
    pub progress: Progress,
    /// The model: its state has the weights, the optimizer's slots, seed and step.
    pub model: &'a Model,
}

impl Model {
    /// Trains.
    ///
    /// A second call with an equal optimizer goes on with its state; another optimizer starts afresh.
    ///
    /// # Errors
    /// A loss, metric or data that do not fit the network; [`Error::NoGradient`]; a callback's error.
    pub fn fit(&mut self, data: &Dataset, fit: Fit) -> Result<History> {
        let Fit {
            training,
            epochs,
            batch_size,
            shuffle,
            validation_split,
            validation_data,
            class_weight,
            ..
        } = fit;
        if batch_size == 0 {
            return Err(Error::Data("batch_size: expected at least 1, received 0".into()));
        }
        let (mut train, validation) = match validation_data {
            Some(v) => (data.clone(), Some(v)),
            None if validation_split > 0.0 => {
                let (head, tail) = data.split_tail(validation_split)?;
                (head, Some(tail))
            }
            None => (data.clone(), None),
        };
        if !class_weight.is_empty() {
            train = train.class_weight(&class_weight)?;
        }
        let weighted = train.weights.is_some();
        let mut trainer = Trainer::build(self, training, weighted)?;
        let feed = trainer.feed(&train)?;
        let validation = validation.map(|v| Ok::<_, Error>((trainer.validation_feed(&v)?, v))).transpose()?;
        let rows = feed.rows();
        if rows == 0 {
            return Err(Error::Data("there is no row to train on".into()));
        }
        let batches = rows.div_ceil(batch_size);
        let mut callbacks = fit.callbacks;
        let mut save = fit.checkpoint;
        let mut run = Run { epochs, batches, stop: false };
        let mut progress = match fit.resume {
            Some(p) => {
                restore(&p, &mut callbacks)?;
                p
            }
            None => {
                each(&mut callbacks, trainer.model, &mut run, |c, cx| c.on_train_begin(cx))?;
                Progress { step: trainer.model.step(), ..Progress::default() }
            }
        };
        let mut sums = trainer.train.sums();
        sums.load(&progress);
        let mut buffers = feed.buffers(batch_size.min(rows));
        let mut last = feed.buffers(rows - (batches - 1) * batch_size);
        while progress.epoch < epochs && !run.stop {
            let epoch = progress.epoch;
            if progress.batch == 0 {
                progress.step = trainer.model.step();
                sums.reset();
                each(&mut callbacks, trainer.model, &mut run, |c, cx| c.on_epoch_begin(epoch, cx))?;
            }
            let order = if shuffle {
                Stream::new(trainer.model.seed, &format!("shuffle/{}", progress.step)).permutation(rows)
            } else {
                (0..rows as u32).collect()
            };
            for (batch, rows) in order.chunks(batch_size).enumerate().skip(progress.batch) {
                let buffers = if batch + 1 == batches { &mut last } else { &mut buffers };
                feed.fill(rows, buffers);
                let loss = trainer.step(feed.bindings(rows.len()), buffers, &mut sums)?;
                progress.batch = batch + 1;
                let done = Batch { epoch, batch, rows: rows.len(), loss };
                each(&mut callbacks, trainer.model, &mut run, |c, cx| c.on_batch_end(&done, cx))?;
                if fit.interrupt.as_ref().is_some_and(|i| i.load(Ordering::Relaxed)) {
                    sums.store(&mut progress);
                    checkpoint(&mut save, &mut progress, &callbacks, trainer.model)?;
                    progress.history.set_interrupted(true);
                    return Ok(progress.history);
                }
                if run.stop {
                    break;
                }
            }
            let mut logs = sums.logs(&trainer.train.graph.reported, "");
            if let Some((feed, _)) = &validation {
                let mut sums = trainer.evaluate.sums();
                trainer.run_evaluation(feed, batch_size, &mut sums)?;
                for (name, value) in sums.logs(&trainer.evaluate.graph.reported, "val_").iter() {
                    logs.push(name, value);
                }
            }
            each(&mut callbacks, trainer.model, &mut run, |c, cx| c.on_epoch_end(epoch, &logs, cx))?;
            progress.history.push(logs);
            progress.epoch += 1;
            progress.batch = 0;
            progress.sums.clear();
            // The end of the run is no place to go on from: what callbacks do there is done once.
            if progress.epoch < epochs && !run.stop {
                checkpoint(&mut save, &mut progress, &callbacks, trainer.model)?;
            }
        }
        each(&mut callbacks, trainer.model, &mut run, |c, cx| c.on_train_end(cx))?;
        Ok(progress.history)
    }

    /// Loss and metrics on labelled rows.
    ///
    /// # Errors
    /// A loss, metric or data that do not fit the network.
    pub fn evaluate(&mut self, data: &Dataset, training: &Training, batch_size: usize) -> Result<Logs> {
        let mut evaluator = Compiled::new(evaluation_graph(&self.network, training, data.weights.is_some())?);
        let feed = Feed::new(data, &self.input_slots(), &evaluator.graph.targets, data.weights.is_some())?;
        let mut sums = evaluator.sums();
        evaluator.over(self, &feed, batch_size, &mut sums)?;
        Ok(sums.logs(&evaluator.graph.reported, ""))
    }

    /// A trainer for steps of one's own: compiled once, fed batch by batch.
    ///
    /// # Errors
    /// A loss or metric that does not fit the network; [`Error::NoGradient`].
    pub fn trainer(&mut self, training: Training) -> Result<Trainer<'_>> {
        Trainer::build(self, training, true)
    }

    /// Steps of training that were made so far.
    pub fn step(&self) -> i64 {
        self.store.get(STEP).and_then(|b| b.as_i64()).map_or(0, |s| s[0])
    }
}

/// A model with a compiled step: what `fit` and [`Trainer::train_on_batch`] run.
#[derive(Debug)]
pub struct Trainer<'m> {
    model: &'m mut Model,
    train: Compiled,
    evaluate: Compiled,
    weighted: bool,
}

impl<'m> Trainer<'m> {
    fn build(model: &'m mut Model, training: Training, weighted: bool) -> Result<Trainer<'m>> {
        let train = Compiled::new(training_graph(&model.network, &training, weighted)?);
        let evaluate = Compiled::new(evaluation_graph(&model.network, &training, weighted)?);
        let keep = model.optimizer.as_ref() == Some(&training.optimizer);
        prepare(&mut model.store, &train.graph.slots, keep);
        model.optimizer = Some(training.optimizer);
        Ok(Trainer { model, train, evaluate, weighted })
    }

    /// One step on all rows of `batch`; its loss (before the update) and metrics.
    ///
    /// # Errors
    /// Data that do not fit the network.
    pub fn train_on_batch(&mut self, batch: &Dataset) -> Result<Logs> {
        let feed = self.feed(batch)?;
        let rows: Vec<u32> = (0..feed.rows() as u32).collect();
        let mut buffers = feed.buffers(rows.len());
        feed.fill(&rows, &mut buffers);
        let mut sums = self.train.sums();
        self.step(feed.bindings(rows.len()), &buffers, &mut sums)?;
        Ok(sums.logs(&self.train.graph.reported, ""))
    }

    /// Loss and metrics of all rows of `batch`, without a step.
    ///
    /// # Errors
    /// Data that do not fit the network.
    pub fn test_on_batch(&mut self, batch: &Dataset) -> Result<Logs> {
        let feed = self.validation_feed(batch)?;
        let mut sums = self.evaluate.sums();
        self.run_evaluation(&feed, feed.rows().max(1), &mut sums)?;
        Ok(sums.logs(&self.evaluate.graph.reported, ""))
    }

    /// The model.
    pub fn model(&mut self) -> &mut Model {
        self.model
    }

    fn feed(&self, data: &Dataset) -> Result<Feed> {
        Feed::new(data, &self.model.input_slots(), &self.train.graph.targets, self.weighted)
    }

    fn validation_feed(&self, data: &Dataset) -> Result<Feed> {
        Feed::new(data, &self.model.input_slots(), &self.evaluate.graph.targets, self.weighted)
    }

    fn step(&mut self, bindings: Bindings, batch: &[Buffer], sums: &mut Sums) -> Result<f64> {
        let rows = bindings.get(crate::network::BATCH).copied().unwrap_or(0);
        let runner = self.train.runner(bindings, &self.model.store)?;
        with_views(batch, |views| runner.run(&self.model.threads, &mut self.model.store, views))?;
        sums.add(runner, rows);
        Ok(number(runner.output(0)))
    }

    fn run_evaluation(&mut self, feed: &Feed, batch_size: usize, sums: &mut Sums) -> Result<()> {
        self.evaluate.over(self.model, feed, batch_size, sums)
    }
}

/// A graph with its plans by size of batch.
#[derive(Debug)]
struct Compiled {
    graph: StepGraph,
    plans: Vec<(Bindings, Runner)>,
}

/// Plans that are kept.
const PLANS: usize = 8;

impl Compiled {
    fn new(graph: StepGraph) -> Compiled {
        Compiled { graph, plans: Vec::new() }
    }

    fn runner(&mut self, bindings: Bindings, store: &Store) -> Result<&mut Runner> {
        if let Some(at) = self.plans.iter().position(|(b, _)| *b == bindings) {
            return Ok(&mut self.plans[at].1);
        }
        let plan = Plan::compile(&self.graph.graph, &bindings, store)?;
        self.plans.truncate(PLANS - 1);
        self.plans.insert(0, (bindings, Runner::new(Arc::new(plan))));
        Ok(&mut self.plans[0].1)
    }

    fn over(&mut self, model: &Model, feed: &Feed, batch_size: usize, sums: &mut Sums) -> Result<()> {
        let all: Vec<u32> = (0..feed.rows() as u32).collect();
        for rows in all.chunks(batch_size.max(1)) {
            let mut buffers = feed.buffers(rows.len());
            feed.fill(rows, &mut buffers);
            let runner = self.runner(feed.bindings(rows.len()), &model.store)?;
            with_views(&buffers, |views| runner.infer(&model.threads, &model.store, views))?;
            sums.add(runner, rows.len());
        }
        Ok(())
    }

    fn sums(&self) -> Sums {
        Sums {
            rows: 0,
            values: Vec::new(),
            ranges: self
                .graph
                .reported
                .iter()
                .map(|r| (r.outputs.clone(), matches!(r.how, How::BatchMean)))
                .collect(),
        }
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
struct Sums {
    rows: u64,
    values: Vec<Vec<Vec<f64>>>,
    ranges: Vec<(std::ops::Range<usize>, bool)>,
}

impl Sums {
    fn reset(&mut self) {
        self.rows = 0;
        self.values.iter_mut().flatten().flatten().for_each(|v| *v = 0.0);
    }

    fn add(&mut self, runner: &Runner, rows: usize) {
        if self.values.is_empty() {
            let zeros =
                |r: &std::ops::Range<usize>| r.clone().map(|i| vec![0.0; runner.output(i).len()]).collect();
            self.values = self.ranges.iter().map(|(r, _)| zeros(r)).collect();
        }
        self.rows += rows as u64;
        for ((range, mean), sums) in self.ranges.iter().zip(&mut self.values) {
            let factor = if *mean { rows as f64 } else { 1.0 };
            for (i, sums) in range.clone().zip(sums) {
                if let View::F32(v) = runner.output(i) {
                    sums.iter_mut().zip(v).for_each(|(s, x)| *s += f64::from(*x) * factor);
                }
            }
        }
    }

    fn logs(&self, reported: &[Reported], prefix: &str) -> Logs {
        let mut logs = Logs::default();
        for (r, sums) in reported.iter().zip(&self.values) {
            let value = match &r.how {
                How::BatchMean => sums[0][0] / self.rows as f64,
                How::Metric(m) => m.result(sums),
            };
            logs.push(format!("{prefix}{}", r.key), value);
        }
        logs
    }

    fn store(&self, progress: &mut Progress) {
        progress.rows = self.rows;
        let numbers = |v: &Vec<f64>| v.iter().map(|&x| Number(x)).collect();
        progress.sums = self.values.iter().map(|s| s.iter().map(numbers).collect()).collect();
    }

    fn load(&mut self, progress: &Progress) {
        self.rows = progress.rows;
        let numbers = |v: &Vec<Number>| v.iter().map(|x| x.0).collect();
        self.values = progress.sums.iter().map(|s| s.iter().map(numbers).collect()).collect();
    }
}

/// What callbacks see of a run beside the model.
struct Run {
    epochs: usize,
    batches: usize,
    stop: bool,
}

fn each(
    callbacks: &mut [Box<dyn Callback>],
    model: &mut Model,
    run: &mut Run,
    mut call: impl FnMut(&mut dyn Callback, &mut Context<'_>) -> Result<()>,
) -> Result<()> {
    let mut cx = Context::new(model, run.epochs, run.batches);
    for c in callbacks.iter_mut() {
        call(&mut **c, &mut cx)?;
    }
    run.stop |= cx.stopped();
    Ok(())
}

fn checkpoint(
    save: &mut Option<Save>,
    progress: &mut Progress,
    callbacks: &[Box<dyn Callback>],
    model: &Model,
) -> Result<()> {
    let Some(save) = save else { return Ok(()) };
    progress.callbacks = callbacks.iter().map(|c| c.state()).collect();
    progress.tensors = callbacks.iter().map(|c| c.tensors()).collect();
    save(&Checkpoint { progress: progress.clone(), model })
}

fn restore(progress: &Progress, callbacks: &mut [Box<dyn Callback>]) -> Result<()> {
    if progress.callbacks.len() != callbacks.len() {
        let (expected, received) = (progress.callbacks.len(), callbacks.len());
        return Err(Error::Data(format!(
            "the checkpoint is of a run with {expected} callbacks, received {received}"
        )));
    }
    let tensors = progress.tensors.iter().chain(std::iter::repeat(const { &Vec::new() }));
    for ((c, state), tensors) in callbacks.iter_mut().zip(&progress.callbacks).zip(tensors) {
        c.restore(state, tensors)?;
    }
    Ok(())
}

fn number(view: View<'_>) -> f64 {
    view.as_f32().and_then(|v| v.first()).map_or(f64::NAN, |&x| f64::from(x))
}
