//! Networks as plain data: layers, how they are applied to one another, inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use nervure_graph::{Builder, Dim, Graph, Tensor};
use serde::{Deserialize, Serialize};

use crate::entrance::Entrance;
pub use crate::expr::{Expr, Inputs, Instance, Sequential, concat, input, input_of, text_input};
use crate::layers::Layer;
use crate::lower::{Lower, Lowered};
use crate::regularizers::Regularizer;
use crate::values::{Elements, HostType};
use crate::word::{Object, kind};
use crate::{Error, Model, Result, Seed};

/// The symbol of the number of rows.
pub const BATCH: &str = "batch";

/// Networks within one another: few enough that no walk over them overflows the stack.
const DEPTH: usize = 64;

/// The number of rows, as a dimension.
pub fn batch() -> Dim {
    Dim::symbol(BATCH)
}

/// An input of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// What it is made of.
    #[serde(rename = "dtype")]
    pub elements: Elements,
    /// Its shape without the batch.
    pub shape: Vec<Dim>,
    /// Rows of every batch, where they are always as many: see [`Expr::batch_size`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
}

impl InputSpec {
    fn of_rows(&self, rows: Dim) -> HostType {
        HostType { elements: self.elements, shape: [&[rows], &self.shape[..]].concat() }
    }
}

/// A layer of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// Its name, unique in the network.
    pub name: String,
    /// The layer.
    pub layer: Object<dyn Layer>,
    /// Whether training changes its weights.
    #[serde(default = "yes")]
    pub trainable: bool,
    /// What its results are penalized by, each for itself, divided by the number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(skip)]
    pub(crate) written: Written,
}

impl LayerSpec {
    /// An error of the layer, with where the program made it.
    pub(crate) fn failed(&self, error: Error) -> Error {
        match error {
            Error::Layer { path, kind, written: None, reason } => {
                Error::Layer { path, kind, written: self.written.0.map(ToString::to_string), reason }
            }
            error => error,
        }
    }
}

fn yes() -> bool {
    true
}

/// Where the program made a layer: for messages, no part of what the layer is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written(pub Option<&'static Location<'static>>);

impl PartialEq for Written {
    fn eq(&self, _: &Written) -> bool {
        true
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An input of the network, by number.
    Input(usize),
    /// An output of a call: number of the call, number of the output.
    Call(usize, usize),
}

/// A layer applied to values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Number of the layer.
    pub layer: usize,
    /// What it is applied to; calls stand before those that use them.
    pub inputs: Vec<Source>,
}

/// A network as plain data. It is itself a layer, so that networks nest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub(crate) inputs: Vec<InputSpec>,
    pub(crate) layers: Vec<LayerSpec>,
    pub(crate) calls: Vec<Call>,
    pub(crate) outputs: Vec<(String, Source)>,
}
kind!(Network = "Functional");

impl Network {
    /// The inputs.
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }

    /// The types of the inputs, in their order, with the batch.
    pub fn input_types(&self) -> impl ExactSizeIterator<Item = HostType> {
        self.inputs.iter().map(|input| input.of_rows(self.rows()))
    }

    /// Rows of every batch, where some input says that they are always as many.
    pub fn batch_size(&self) -> Option<usize> {
        self.inputs.iter().find_map(|input| input.batch_size)
    }

    /// Rows of a batch: those that every batch has, else those that are asked for.
    pub(crate) fn rows_of_batch(&self, asked: Option<usize>, otherwise: usize) -> Result<usize> {
        let refuse = |expected: String, received: usize| {
            Err(Error::Data(format!("batch_size: expected {expected}, received {received}")))
        };
        match (self.batch_size(), asked) {
            (Some(fixed), Some(asked)) if asked != fixed => {
                refuse(format!("{fixed}, that of the inputs"), asked)
            }
            (None, Some(0)) => refuse("at least 1".into(), 0),
            (fixed, asked) => Ok(fixed.or(asked).unwrap_or(otherwise)),
        }
    }

    /// The number of rows: a symbol, or the size that every batch has.
    pub(crate) fn rows(&self) -> Dim {
        self.batch_size().map_or_else(batch, Dim::from)
    }

    /// The layers.
    pub fn layers(&self) -> &[LayerSpec] {
        &self.layers
    }

    /// How the layers are applied.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The outputs: name and where it comes from.
    pub fn outputs(&self) -> &[(String, Source)] {
        &self.outputs
    }

    /// Freezes the layers of the network whose name `choose` accepts, or thaws the others.
    pub fn freeze(&mut self, choose: impl Fn(&str) -> bool) {
        for l in &mut self.layers {
            l.trainable = !choose(&l.name);
        }
    }

    /// A model with fresh weights.
    ///
    /// # Errors
    /// [`Error::Layer`] for a layer that does not take what it is given.
    pub fn build(self, seed: Seed) -> Result<Model> {
        Model::from_network(self, seed)
    }

    /// Whether names are unique and every number names something that stands before: what a network read from a file has to show.
    ///
    /// # Errors
    /// [`Error::Network`] with the first that does not.
    pub fn check(&self) -> Result<()> {
        let fail = |what: String| Err(Error::Network(what));
        if !self.nests_within(DEPTH) {
            return fail(format!("expected at most {DEPTH} networks within one another, received more"));
        }
        let mut names = BTreeSet::new();
        for name in self.layers.iter().map(|l| &l.name) {
            if name.is_empty() || name.contains('/') {
                return fail(format!("layer name `{name}`: expected a name without `/`"));
            }
            if !names.insert(name) {
                return fail(format!("two layers are named `{name}`: give one another name with `named`"));
            }
        }
        let mut names = BTreeSet::new();
        if let Some(i) = self.inputs.iter().find(|i| !names.insert(&i.name)) {
            return fail(format!("two inputs are named `{}`", i.name));
        }
        if let Some(rows) = self.batch_size() {
            if rows == 0 {
                return fail("a batch_size of an input: expected at least 1, received 0".into());
            }
            if let Some(other) = self.inputs.iter().find(|i| i.batch_size.is_some_and(|n| n != rows)) {
                let (name, received) = (&other.name, other.batch_size.unwrap_or_default());
                return fail(format!(
                    "batch_size of input `{name}`: expected {rows}, that of the inputs before it, received {received}"
                ));
            }
        }
        let mut names = BTreeSet::new();
        if let Some((name, _)) = self.outputs.iter().find(|(name, _)| !names.insert(name)) {
            return fail(format!("two outputs are named `{name}`: give a layer another name with `named`"));
        }
        let known = |s: Source, calls: usize| match s {
            Source::Input(i) => i < self.inputs.len(),
            Source::Call(c, _) => c < calls,
        };
        for (at, call) in self.calls.iter().enumerate() {
            if call.layer >= self.layers.len() || call.inputs.iter().any(|&s| !known(s, at)) {
                return fail(format!(
                    "call {at} of the network uses a layer or value that is not there before it"
                ));
            }
        }
        match self.outputs.iter().find(|(_, s)| !known(*s, self.calls.len())) {
            Some((name, _)) => {
                fail(format!("output `{name}` of the network comes from a value that is not there"))
            }
            None if self.outputs.is_empty() || self.inputs.is_empty() => {
                fail("a network needs an input and an output".into())
            }
            None => Ok(()),
        }
    }

    fn nests_within(&self, levels: usize) -> bool {
        let inner = |l: &LayerSpec| {
            l.layer.as_any().downcast_ref::<Network>().is_none_or(|n| n.nests_within(levels - 1))
        };
        levels > 0 && self.layers.iter().all(inner)
    }

    /// The graph that predicts: every input (of texts what layers on the host make of it), every output under its name.
    ///
    /// # Errors
    /// [`Error::Layer`] for a layer that does not take what it is given.
    pub fn graph(&self) -> Result<Graph> {
        let builder = Builder::new();
        self.lower_inference(&builder, &Entrance::of(self)?)?;
        Ok(builder.finish()?)
    }

    pub(crate) fn lower_inference<'g>(
        &self,
        builder: &'g Builder,
        entrance: &Entrance,
    ) -> Result<Lowered<'g>> {
        let mut cx = Lower::new(builder, false);
        let outputs = self.lower_behind(&mut cx, entrance, &entrance.declare(builder))?;
        for ((name, _), y) in self.outputs.iter().zip(outputs) {
            builder.output(name, y);
        }
        let lowered = cx.finish();
        lowered.update(builder);
        Ok(lowered)
    }

    /// Writes the network that begins behind its entrance, whose gates have these values.
    pub(crate) fn lower_behind<'g>(
        &self,
        cx: &mut Lower<'g>,
        entrance: &Entrance,
        gates: &[Tensor<'g>],
    ) -> Result<Vec<Tensor<'g>>> {
        let given = entrance.gates.iter().map(|gate| gate.source).zip(gates.iter().copied()).collect();
        self.lower_calls(cx, &given, true)
    }

    /// Writes the calls, with the values that are given; `entered` says whether the host has done what layers do there.
    fn lower_calls<'g>(
        &self,
        cx: &mut Lower<'g>,
        given: &BTreeMap<Source, Tensor<'g>>,
        entered: bool,
    ) -> Result<Vec<Tensor<'g>>> {
        let mut values: Vec<Vec<Tensor<'g>>> = Vec::with_capacity(self.calls.len());
        let find = |values: &[Vec<Tensor<'g>>], s: Source| match s {
            Source::Input(_) => given.get(&s).copied(),
            Source::Call(c, o) => values[c].get(o).copied(),
        };
        for (at, call) in self.calls.iter().enumerate() {
            let spec = &self.layers[call.layer];
            let operands: Option<Vec<_>> = match given.get(&Source::Call(at, 0)) {
                Some(x) => {
                    cx.set_encoded(*x);
                    Some(vec![*x])
                }
                // What only other layers on the host take.
                None if entered && spec.layer.host().is_some() => {
                    values.push(Vec::new());
                    continue;
                }
                None => call.inputs.iter().map(|&s| find(&values, s)).collect(),
            };
            let operands = operands.ok_or_else(|| {
                Error::Network(format!("layer `{}` uses an output that is not there", spec.name))
            })?;
            let outputs = cx.layer(&spec.name, &*spec.layer, spec.trainable, &operands);
            let outputs = outputs.map_err(|e| spec.failed(e))?;
            if let Some(regularizer) = &spec.activity_regularizer {
                let _scope = cx.builder().scope(&spec.name, spec.layer.kind());
                outputs.iter().for_each(|&y| cx.regularize(&**regularizer, y));
            }
            values.push(outputs);
        }
        let output = |(name, s): &(String, Source)| {
            find(&values, *s)
                .ok_or_else(|| Error::Network(format!("output `{name}` is of an output that is not there")))
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Layer for Network {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        // One that a file has within another comes here as it was written.
        self.check().map_err(|e| cx.error(self, "a network in order", e))?;
        if inputs.len() != self.inputs.len() {
            return Err(cx.error(self, format!("{} inputs", self.inputs.len()), inputs.len()));
        }
        // The first axis may have other symbols than that of a model's rows: rows for each step, say.
        let given = || inputs.first().and_then(|x| x.shape().first().cloned()).unwrap_or_else(batch);
        let rows = self.batch_size().map_or_else(given, Dim::from);
        for (spec, x) in self.inputs.iter().zip(inputs) {
            let ty = spec.of_rows(rows.clone());
            if HostType::from(x.ty()) != ty {
                return Err(cx.error(self, format!("input `{}`: {ty}", spec.name), x.ty()));
            }
        }
        let given = inputs.iter().enumerate().map(|(i, x)| (Source::Input(i), *x)).collect();
        self.lower_calls(cx, &given, false)
    }

    fn arity(&self) -> Option<usize> {
        Some(self.inputs.len())
    }
}
