//! Networks written as expressions: inputs, layers applied to values, and chains of layers.

use std::collections::BTreeMap;
use std::ops;
use std::panic::Location;
use std::sync::Arc;

use nervure_graph::{DType, Dim};

use crate::layers::{self, Layer};
use crate::network::{Call, InputSpec, LayerSpec, Network, Source, Written};
use crate::regularizers::Regularizer;
use crate::values::Elements;
use crate::word::Object;
use crate::{Error, Model, Result, Seed};

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
    activity_regularizer: Option<Object<dyn Regularizer>>,
    written: &'static Location<'static>,
}

impl Instance {
    #[track_caller]
    pub(crate) fn from_object(layer: Object<dyn Layer>) -> Instance {
        let written = Location::caller();
        let data = InstanceData { layer, name: None, trainable: true, activity_regularizer: None, written };
        Instance(Arc::new(data))
    }

    /// Under a name of its own.
    pub fn named(self, name: &str) -> Instance {
        Instance(Arc::new(InstanceData { name: Some(name.into()), ..(*self.0).clone() }))
    }

    /// With weights that training leaves alone.
    pub fn frozen(self) -> Instance {
        Instance(Arc::new(InstanceData { trainable: false, ..(*self.0).clone() }))
    }

    /// With a penalty on its results, divided by the number of rows: what Keras's `activity_regularizer` is, of any layer.
    pub fn activity_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Instance {
        let activity_regularizer = Some(regularizer.into());
        Instance(Arc::new(InstanceData { activity_regularizer, ..(*self.0).clone() }))
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
    /// What cannot be: the error of the network that has it.
    Refused(String),
}

impl Expr {
    /// Output `index` of the same layer.
    pub fn output(&self, index: usize) -> Expr {
        Expr { node: Arc::clone(&self.node), output: index }
    }

    /// An input, of which every batch has so many rows: what recurrent layers need that are `stateful`. The other inputs of the model then have as many, and
    /// it takes multiples of them.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use nervure_nn::prelude::*;
    /// let x = input("x", [10, 3]).batch_size(8);
    /// let y = LSTM::new(4).stateful(true).on(&x);
    /// let mut model = Model::new(&x, &Dense::new(1).on(&y)).build(Seed(1))?;
    /// let steps = Array3::<f32>::ones((8, 10, 3));
    /// // The second ten steps of the same sequences go on from the first.
    /// assert_ne!(model.predict_stateful(&steps)?, model.predict_stateful(&steps)?);
    /// model.reset_states();
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ///
    /// A layer's output has the rows of its inputs: a model made from such a call on it is refused.
    pub fn batch_size(self, rows: usize) -> Expr {
        let node = match &*self.node {
            ExprNode::Input(spec) => ExprNode::Input(InputSpec { batch_size: Some(rows), ..spec.clone() }),
            ExprNode::Call(layer, _) => {
                let kind = layer.0.layer.kind();
                ExprNode::Refused(format!(
                    "batch_size is for what `input` gives, received an output of {kind}"
                ))
            }
            ExprNode::Refused(reason) => ExprNode::Refused(reason.clone()),
        };
        Expr { node: Arc::new(node), output: self.output }
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
    any_input(name, Elements::Numbers(dtype), shape)
}

/// An input of texts, which layers on the host take: see [`HostLayer`](crate::HostLayer).
///
/// ```
/// use nervure_nn::prelude::*;
/// let texts = ["what a fine day", "fine", "it rains"];
/// let words = TextVectorization::new().output_sequence_length(4).adapt(texts)?;
/// let tokens = words.vocabulary_size();
/// let model = Sequential::from_input(text_input("text", [1]))
///     .add(words)
///     .add(Embedding::new(tokens, 8).mask_zero(true))
///     .add(GlobalAveragePooling1D::new())
///     .add(Dense::new(1).activation(Sigmoid))
///     .build(Seed(1))?;
/// assert_eq!(model.predict(texts)?.shape(), [3, 1]);
/// # Ok::<(), nervure_nn::Error>(())
/// ```
pub fn text_input<D: Into<Dim>>(name: &str, shape: impl IntoIterator<Item = D>) -> Expr {
    any_input(name, Elements::Text, shape)
}

fn any_input<D: Into<Dim>>(name: &str, elements: Elements, shape: impl IntoIterator<Item = D>) -> Expr {
    let shape = shape.into_iter().map(Into::into).collect();
    let spec = InputSpec { name: name.into(), elements, shape, batch_size: None };
    Expr { node: Arc::new(ExprNode::Input(spec)), output: 0 }
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

impl Network {
    /// The network from `inputs` to `outputs`, and all that lies between. An output is named as the layer that it comes from.
    ///
    /// # Errors
    /// An input that the outputs need and that is not listed, names that are not unique, more than 64 networks within one another.
    pub fn new<'a>(inputs: impl Into<Inputs<'a>>, outputs: impl Into<Inputs<'a>>) -> Result<Network> {
        let mut walk = Walk::default();
        for e in inputs.into().0 {
            let spec = match &*e.node {
                ExprNode::Input(spec) => spec,
                ExprNode::Call(..) => {
                    return Err(Error::Network(
                        "an input of a model has to come from `input`, received a layer's output".into(),
                    ));
                }
                ExprNode::Refused(reason) => return Err(Error::Network(reason.clone())),
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
                ExprNode::Refused(reason) => return Err(Error::Network(reason.clone())),
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
            activity_regularizer: data.activity_regularizer.clone(),
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
