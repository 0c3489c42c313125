//! Networks as plain data: layers, how they are applied to one another, inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::ops;
use std::panic::Location;
use std::sync::Arc;

use nervure_graph::{Builder, DType, Dim, Graph, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::layers::{self, Layer};
use crate::lower::{Lower, Lowered};
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

/// A layer within a network: with a name, frozen or not. Applied several times it shares its weights.
///
/// ```
/// use nervure_nn::prelude::*;
/// let (a, b) = (input("a", [4]), input("b", [4]));
/// let tower = Dense::new(3).named("tower");
/// let model = Model::new([&a, &b], [&tower.on(&a), &tower.on(&b)]).build(Seed(1))?;
/// assert_eq!(model.parameter_count(), 4 * 3 + 3);
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Instance(Arc<InstanceData>);

#[derive(Debug, Clone)]
struct InstanceData {
    layer: Object<dyn Layer>,
    name: Option<String>,
    trainable: bool,
    written: &'static Location<'static>,
}

impl Instance {
    #[track_caller]
    pub(crate) fn from_object(layer: Object<dyn Layer>) -> Instance {
        Instance(Arc::new(InstanceData { layer, name: None, trainable: true, written: Location::caller() }))
    }

    /// Under a name of its own.
    pub fn named(self, name: &str) -> Instance {
        Instance(Arc::new(InstanceData { name: Some(name.into()), ..(*self.0).clone() }))
    }

    /// With weights that training leaves alone.
    pub fn frozen(self) -> Instance {
        Instance(Arc::new(InstanceData { trainable: false, ..(*self.0).clone() }))
    }

    /// Applied to expressions. Of a layer with several outputs this is the first: see [`Expr::output`].
    pub fn on<'a>(&self, inputs: impl Into<Inputs<'a>>) -> Expr {
        let inputs = inputs.into().0.into_iter().cloned().collect();
        Expr { node: Arc::new(ExprNode::Call(self.clone(), inputs)), output: 0 }
    }
}

impl<T: Layer> From<T> for Instance {
    #[track_caller]
    fn from(layer: T) -> Instance {
        Instance::from_object(layer.into())
    }
}

/// Expressions that a layer is applied to: `&a` or `[&a, &b]`.
#[derive(Debug)]
pub struct Inputs<'a>(Vec<&'a Expr>);

impl<'a> From<&'a Expr> for Inputs<'a> {
    fn from(e: &'a Expr) -> Self {
        Inputs(vec![e])
    }
}

impl<'a, const N: usize> From<[&'a Expr; N]> for Inputs<'a> {
    fn from(e: [&'a Expr; N]) -> Self {
        Inputs(e.into())
    }
}

impl<'a> From<&'a [Expr]> for Inputs<'a> {
    fn from(e: &'a [Expr]) -> Self {
        Inputs(e.iter().collect())
    }
}

impl<'a> From<Vec<&'a Expr>> for Inputs<'a> {
    fn from(e: Vec<&'a Expr>) -> Self {
        Inputs(e)
    }
}

/// A value in a functional model: an input, or a layer applied to values.
#[derive(Debug, Clone)]
pub struct Expr {
    node: Arc<ExprNode>,
    output: usize,
}

#[derive(Debug)]
enum ExprNode {
    Input(InputSpec),
    Call(Instance, Vec<Expr>),
}

impl Expr {
    /// Output `index` of the same layer.
    pub fn output(&self, index: usize) -> Expr {
        Expr { node: Arc::clone(&self.node), output: index }
    }
}

macro_rules! operators {
    ($($(#[$doc:meta])* $trait:ident $method:ident $layer:ident),*) => {$(
        $(#[$doc])*
        impl ops::$trait<&Expr> for &Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: &Expr) -> Expr {
                layers::$layer.on([self, other])
            }
        }

        $(#[$doc])*
        impl ops::$trait<Expr> for Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: Expr) -> Expr {
                layers::$layer.on([&self, &other])
            }
        }

        $(#[$doc])*
        impl ops::$trait<&Expr> for Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: &Expr) -> Expr {
                layers::$layer.on([&self, other])
            }
        }

        $(#[$doc])*
        impl ops::$trait<Expr> for &Expr {
            type Output = Expr;
            #[track_caller]
            fn $method(self, other: Expr) -> Expr {
                layers::$layer.on([self, &other])
            }
        }
    )*};
}
operators! {
    /// The layer [`Add`](layers::Add).
    Add add Add,
    /// The layer [`Subtract`](layers::Subtract).
    Sub sub Subtract,
    /// The layer [`Multiply`](layers::Multiply).
    Mul mul Multiply
}

/// One after the other along `axis`: the layer [`Concatenate`](layers::Concatenate).
///
/// ```
/// use nervure_nn::prelude::*;
/// let (a, b) = (input("tabular", [8]), input("text", [32]));
/// let h = Dense::new(16).activation(Relu).on(&a);
/// let z = concat([&(&h + &Dense::new(16).on(&h)), &b], -1);
/// let model = Model::new([&a, &b], &Dense::new(1).activation(Sigmoid).named("risk").on(&z)).build(Seed(42))?;
/// assert_eq!(model.parameter_count(), (8 * 16 + 16) + (16 * 16 + 16) + (48 + 1));
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[track_caller]
pub fn concat<'a>(parts: impl Into<Inputs<'a>>, axis: isize) -> Expr {
    layers::Concatenate::new().axis(axis).on(parts)
}

/// An input of floats, of this shape without the batch.
pub fn input<D: Into<Dim>>(name: &str, shape: impl IntoIterator<Item = D>) -> Expr {
    input_of(name, DType::F32, shape)
}

/// An input of another element type: class numbers, tokens.
pub fn input_of<D: Into<Dim>>(name: &str, dtype: DType, shape: impl IntoIterator<Item = D>) -> Expr {
    let spec = InputSpec { name: name.into(), dtype, shape: shape.into_iter().map(Into::into).collect() };
    Expr { node: Arc::new(ExprNode::Input(spec)), output: 0 }
}

/// An input of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub dtype: DType,
    /// Its shape without the batch.
    pub shape: Vec<Dim>,
}

impl InputSpec {
    /// Its type, with the batch.
    pub fn ty(&self) -> Type {
        self.of_rows(batch())
    }

    fn of_rows(&self, rows: Dim) -> Type {
        Type::new(self.dtype, [&[rows], &self.shape[..]].concat())
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
    #[serde(skip)]
    written: Written,
}

fn yes() -> bool {
    true
}

/// Where the program made a layer: for messages, no part of what the layer is.
#[derive(Debug, Clone, Copy, Default)]
struct Written(Option<&'static Location<'static>>);

impl PartialEq for Written {
    fn eq(&self, _: &Written) -> bool {
        true
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    inputs: Vec<InputSpec>,
    layers: Vec<LayerSpec>,
    calls: Vec<Call>,
    outputs: Vec<(String, Source)>,
}
kind!(Network = "Functional");

impl Network {
    /// The network from `inputs` to `outputs`, and all that lies between. An output is named as the layer that it comes from.
    ///
    /// # Errors
    /// An input that the outputs need and that is not listed, names that are not unique, more than 64 networks within one another.
    pub fn new<'a>(inputs: impl Into<Inputs<'a>>, outputs: impl Into<Inputs<'a>>) -> Result<Network> {
        let mut walk = Walk::default();
        for e in inputs.into().0 {
            let ExprNode::Input(spec) = &*e.node else {
                return Err(Error::Network(
                    "an input of a model has to come from `input`, received a layer's output".into(),
                ));
            };
            walk.sources.insert(Arc::as_ptr(&e.node) as usize, Source::Input(walk.network.inputs.len()));
            walk.network.inputs.push(spec.clone());
        }
        let mut names = BTreeMap::new();
        for e in outputs.into().0 {
            let source = walk.visit(e)?;
            let base = match source {
                Source::Input(i) => walk.network.inputs[i].name.clone(),
                Source::Call(c, _) => walk.network.layers[walk.network.calls[c].layer].name.clone(),
            };
            let name = unique(&mut names, &base);
            walk.network.outputs.push((name, source));
        }
        walk.network.check()?;
        Ok(walk.network)
    }

    /// The inputs.
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
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

    /// The inputs, in a graph of their own.
    pub(crate) fn declare_inputs<'g>(&self, builder: &'g Builder) -> Vec<Tensor<'g>> {
        self.inputs.iter().map(|i| builder.input(&i.name, i.dtype, i.ty().shape)).collect()
    }

    /// The graph that predicts: every input, every output under its name.
    ///
    /// # Errors
    /// [`Error::Layer`] for a layer that does not take what it is given.
    pub fn graph(&self) -> Result<Graph> {
        let builder = Builder::new();
        self.lower_inference(&builder)?;
        Ok(builder.finish()?)
    }

    pub(crate) fn lower_inference<'g>(&self, builder: &'g Builder) -> Result<Lowered<'g>> {
        let mut cx = Lower::new(builder, false);
        let outputs = self.lower(&mut cx, &self.declare_inputs(builder))?;
        for ((name, _), y) in self.outputs.iter().zip(outputs) {
            builder.output(name, y);
        }
        Ok(cx.finish())
    }
}

impl Layer for Network {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        if inputs.len() != self.inputs.len() {
            return Err(cx.error(self, format!("{} inputs", self.inputs.len()), inputs.len()));
        }
        // The first axis may have other symbols than that of a model's rows: rows for each step, say.
        let rows = inputs.first().and_then(|x| x.shape().first().cloned()).unwrap_or_else(batch);
        for (spec, x) in self.inputs.iter().zip(inputs) {
            let ty = spec.of_rows(rows.clone());
            if x.ty() != ty {
                return Err(cx.error(self, format!("input `{}`: {ty}", spec.name), x.ty()));
            }
        }
        let mut values: Vec<Vec<Tensor<'g>>> = Vec::with_capacity(self.calls.len());
        let find = |values: &[Vec<Tensor<'g>>], s: Source| match s {
            Source::Input(i) => Some(inputs[i]),
            Source::Call(c, o) => values[c].get(o).copied(),
        };
        for call in &self.calls {
            let spec = &self.layers[call.layer];
            let written = |e: Error| match e {
                Error::Layer { path, kind, written: None, reason } => {
                    Error::Layer { path, kind, written: spec.written.0.map(ToString::to_string), reason }
                }
                e => e,
            };
            let operands: Option<Vec<_>> = call.inputs.iter().map(|&s| find(&values, s)).collect();
            let operands = operands.ok_or_else(|| {
                Error::Network(format!("layer `{}` uses an output that is not there", spec.name))
            })?;
            values.push(cx.layer(&spec.name, &*spec.layer, spec.trainable, &operands).map_err(written)?);
        }
        let output = |(name, s): &(String, Source)| {
            find(&values, *s)
                .ok_or_else(|| Error::Network(format!("output `{name}` is of an output that is not there")))
        };
        self.outputs.iter().map(output).collect()
    }

    fn arity(&self) -> Option<usize> {
        Some(self.inputs.len())
    }
}

/// Numbers of what has been visited, by the address of its node.
struct Walk {
    network: Network,
    sources: BTreeMap<usize, Source>,
    layers: BTreeMap<usize, usize>,
    names: BTreeMap<String, usize>,
}

impl Default for Walk {
    fn default() -> Walk {
        let network =
            Network { inputs: Vec::new(), layers: Vec::new(), calls: Vec::new(), outputs: Vec::new() };
        Walk { network, sources: BTreeMap::new(), layers: BTreeMap::new(), names: BTreeMap::new() }
    }
}

impl Walk {
    /// Adds what an expression needs, without recursion: networks may be thousands of layers deep.
    fn visit(&mut self, root: &Expr) -> Result<Source> {
        let address = |e: &Expr| Arc::as_ptr(&e.node) as usize;
        let mut stack = vec![root.clone()];
        while let Some(e) = stack.last().cloned() {
            if self.sources.contains_key(&address(&e)) {
                stack.pop();
                continue;
            }
            let (instance, inputs) = match &*e.node {
                ExprNode::Input(spec) => {
                    return Err(Error::Network(format!(
                        "the outputs need input `{}`, which the model does not list",
                        spec.name
                    )));
                }
                ExprNode::Call(instance, inputs) => (instance, inputs),
            };
            let open: Vec<Expr> =
                inputs.iter().filter(|i| !self.sources.contains_key(&address(i))).cloned().collect();
            if open.is_empty() {
                let inputs = inputs.iter().map(|i| self.source(i)).collect::<Result<_>>()?;
                let layer = self.layer(instance);
                self.sources.insert(address(&e), Source::Call(self.network.calls.len(), 0));
                self.network.calls.push(Call { layer, inputs });
                stack.pop();
            } else {
                stack.extend(open.into_iter().rev());
            }
        }
        self.source(root)
    }

    fn source(&self, e: &Expr) -> Result<Source> {
        match self.sources[&(Arc::as_ptr(&e.node) as usize)] {
            Source::Call(c, _) => Ok(Source::Call(c, e.output)),
            input @ Source::Input(_) if e.output == 0 => Ok(input),
            Source::Input(i) => {
                let (name, received) = (&self.network.inputs[i].name, e.output);
                Err(Error::Network(format!("input `{name}` has no output {received}, it is one value")))
            }
        }
    }

    fn layer(&mut self, instance: &Instance) -> usize {
        let address = Arc::as_ptr(&instance.0) as usize;
        if let Some(&at) = self.layers.get(&address) {
            return at;
        }
        let data = &instance.0;
        let name = match &data.name {
            Some(name) => name.clone(),
            None => unique(&mut self.names, &snake_case(data.layer.kind())),
        };
        let at = self.network.layers.len();
        self.network.layers.push(LayerSpec {
            name,
            layer: data.layer.clone(),
            trainable: data.trainable,
            written: Written(Some(data.written)),
        });
        self.layers.insert(address, at);
        at
    }
}

/// `dense`, then `dense_1`, …
pub(crate) fn unique(taken: &mut BTreeMap<String, usize>, base: &str) -> String {
    let n = taken.entry(base.into()).or_insert(0);
    *n += 1;
    if *n == 1 { base.into() } else { format!("{base}_{}", *n - 1) }
}

/// Keras's name of a class: `Conv2D` → `conv2d`, `LayerNormalization` → `layer_normalization`, `PReLU` → `p_re_lu`, `LSTMCell` → `lstm_cell`.
pub(crate) fn snake_case(kind: &str) -> String {
    let mut out = String::new();
    let mut previous = None;
    let mut letters = kind.chars().peekable();
    while let Some(c) = letters.next() {
        // A word begins behind a small letter, and where a small letter follows.
        let begins =
            |before: char| before.is_lowercase() || letters.peek().is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && previous.is_some_and(begins) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        previous = Some(c);
    }
    out
}

/// A chain of layers from one input.
///
/// ```
/// use nervure_nn::prelude::*;
/// let model = Sequential::new([8])
///     .add(Dense::new(10).activation(Relu))
///     .add(Dense::new(1).activation(Sigmoid))
///     .build(Seed(42))?;
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sequential {
    input: Expr,
    last: Expr,
}

impl Sequential {
    /// A chain that begins with floats of this shape, without the batch.
    pub fn new<D: Into<Dim>>(shape: impl IntoIterator<Item = D>) -> Sequential {
        Sequential::from_input(input("input", shape))
    }

    /// A chain that begins with this input.
    pub fn from_input(input: Expr) -> Sequential {
        Sequential { last: input.clone(), input }
    }

    /// Applies a layer to what the chain gives so far.
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "Keras's name; a chain is no number")]
    pub fn add(self, layer: impl Into<Instance>) -> Sequential {
        let last = layer.into().on(&self.last);
        Sequential { last, ..self }
    }

    /// The chain as a network: a layer for another one.
    ///
    /// # Errors
    /// Two layers of one name.
    pub fn network(&self) -> Result<Network> {
        Network::new(&self.input, &self.last)
    }

    /// A model with fresh weights.
    ///
    /// # Errors
    /// [`Error::Layer`] for a layer that does not take what it is given, with its path and where it was written.
    pub fn build(self, seed: Seed) -> Result<Model> {
        self.network()?.build(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn classes_are_named_as_in_keras() {
        let names = [
            "Conv2D",
            "Conv1DTranspose",
            "ReLU",
            "PReLU",
            "LSTM",
            "LSTMCell",
            "RNN",
            "StackedRNNCells",
            "Dense",
        ];
        // By `keras.src.utils.naming.to_snake_case` of Keras 3.15.1.
        let expected = [
            "conv2d",
            "conv1d_transpose",
            "re_lu",
            "p_re_lu",
            "lstm",
            "lstm_cell",
            "rnn",
            "stacked_rnn_cells",
            "dense",
        ];
        assert_eq!(names.map(snake_case), expected);
    }
}
