//! Lowering: what a layer sees while it writes itself into a graph.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

use nervure_graph::{Builder, DType, MapStep, NodeId, Op, Shape, Tensor, Type};

use crate::activations::{Activation, Link};
use crate::constraints::Constraint;
use crate::initializers::{Fans, Initializer, Stream};
use crate::layers::Layer;
use crate::regularizers::Regularizer;
use crate::word::Object;
use crate::{Error, Result};

/// Names of the state that training keeps beside the network's own.
pub(crate) const TRAINING: &str = "training/";
pub(crate) const SEED: &str = "training/seed";
pub(crate) const STEP: &str = "training/step";

/// Elements that all weights together may have: 4 GiB of `f32`. Shapes come from files too.
const WEIGHTS: usize = 1 << 30;
/// Uses of layers: networks that use one another twice double with each level.
const CALLS: usize = 1 << 14;

/// A weight, or a state such as a moving mean, that a layer asks for.
#[derive(Debug, Clone)]
pub struct Weight<'a> {
    name: &'a str,
    shape: Vec<usize>,
    fans: Option<Fans>,
    initializer: Object<dyn Initializer>,
    regularizer: Option<Object<dyn Regularizer>>,
    constraint: Option<Object<dyn Constraint>>,
    trainable: bool,
}

impl<'a> Weight<'a> {
    /// A trainable weight `name` (within its layer).
    pub fn new(
        name: &'a str,
        shape: impl Into<Vec<usize>>,
        initializer: impl Into<Object<dyn Initializer>>,
    ) -> Self {
        Weight {
            name,
            shape: shape.into(),
            fans: None,
            initializer: initializer.into(),
            regularizer: None,
            constraint: None,
            trainable: true,
        }
    }

    /// Has inputs and outputs other than its shape says.
    pub fn fans(mut self, fans: Fans) -> Self {
        self.fans = Some(fans);
        self
    }

    /// Adds a penalty to the loss.
    pub fn regularizer(mut self, regularizer: &Option<Object<dyn Regularizer>>) -> Self {
        self.regularizer = regularizer.clone();
        self
    }

    /// Holds it to something after every step of the optimizer.
    pub fn constraint(mut self, constraint: &Option<Object<dyn Constraint>>) -> Self {
        self.constraint = constraint.clone();
        self
    }

    /// Not for the optimizer: what the layer itself updates, or what never changes.
    pub fn state(mut self) -> Self {
        self.trainable = false;
        self
    }
}

/// A weight of a network, as its layers declared it.
#[derive(Debug, Clone)]
pub struct ParameterSpec {
    /// Path of its layer and its name: `block/dense/kernel`.
    pub path: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its inputs and outputs.
    pub fans: Fans,
    /// What it starts from.
    pub initializer: Object<dyn Initializer>,
    /// What it is held to after every step of the optimizer.
    pub constraint: Option<Object<dyn Constraint>>,
    /// Whether the optimizer changes it.
    pub trainable: bool,
    /// Whether it belongs to a frozen layer.
    pub frozen: bool,
}

impl ParameterSpec {
    /// What it starts from in a model of this seed.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        self.initializer.values(&self.shape, self.fans, &mut Stream::new(seed, &self.path))
    }
}

/// What a layer sees while it is lowered: the graph, whether this is training, its weights, randomness and masks.
#[derive(Debug)]
pub struct Lower<'g> {
    builder: &'g Builder,
    training: bool,
    path: Vec<String>,
    frozen: bool,
    parameters: Vec<ParameterSpec>,
    updates: BTreeMap<String, (Tensor<'g>, Tensor<'g>)>,
    penalties: Vec<Tensor<'g>>,
    streams: u32,
    links: BTreeMap<NodeId, (Link, Tensor<'g>)>,
    masks: BTreeMap<NodeId, Tensor<'g>>,
    /// What layers have made on the host.
    encoded: BTreeSet<NodeId>,
    calls: Vec<LayerCall>,
    /// Elements of all parameters.
    elements: usize,
}

/// A layer as it was lowered: what a summary shows.
#[derive(Debug, Clone)]
pub(crate) struct LayerCall {
    /// Names of the layer and of those around it.
    pub path: Vec<String>,
    pub kind: &'static str,
    pub outputs: Vec<Type>,
}

/// Random numbers of one place of the network.
#[derive(Debug, Clone, Copy)]
pub struct Noise<'g> {
    stream: u32,
    seed: Tensor<'g>,
    step: Tensor<'g>,
    time: Option<Tensor<'g>>,
}

impl<'g> Noise<'g> {
    /// Uniform numbers in [0, 1), the same for the same seed, step and time.
    pub fn uniform(&self, shape: impl Into<Shape>) -> Tensor<'g> {
        let key: Vec<Tensor> = [self.seed, self.step].into_iter().chain(self.time).collect();
        self.seed.builder().apply(Op::Random { stream: self.stream, shape: shape.into() }, &key)
    }

    /// The same within a step of a map.
    pub(crate) fn within<'b>(&self, map: &MapStep<'b, 'g>) -> Noise<'b> {
        Noise {
            stream: self.stream,
            seed: map.whole(self.seed),
            step: map.whole(self.step),
            time: self.time.map(|time| map.whole(time)),
        }
    }

    /// The numbers so many times later: other ones for each `time`, an `i32` scalar.
    pub(crate) fn after(self, time: Tensor<'g>) -> Noise<'g> {
        Noise { time: Some(self.time.map_or(time, |before| before + time)), ..self }
    }
}

impl<'g> Lower<'g> {
    /// Lowers into `builder`; `training` switches dropout and the like on.
    pub fn new(builder: &'g Builder, training: bool) -> Lower<'g> {
        Lower {
            builder,
            training,
            path: Vec::new(),
            frozen: false,
            parameters: Vec::new(),
            updates: BTreeMap::new(),
            penalties: Vec::new(),
            streams: 0,
            links: BTreeMap::new(),
            masks: BTreeMap::new(),
            encoded: BTreeSet::new(),
            calls: Vec::new(),
            elements: 0,
        }
    }

    /// The graph that is being written.
    pub fn builder(&self) -> &'g Builder {
        self.builder
    }

    /// Whether this step trains the layer: false when predicting, and in a frozen layer.
    pub fn training(&self) -> bool {
        self.training && !self.frozen
    }

    /// Declares a weight and gives its value. The same weight of a layer that is used twice is one weight.
    pub fn weight(&mut self, weight: Weight<'_>) -> Tensor<'g> {
        let path = self.path_of(weight.name);
        let shape: Shape = weight.shape.iter().map(|&n| n.into()).collect();
        let value = self.builder.parameter(&path, DType::F32, shape);
        if let Err(expected) = weight.initializer.accepts(&weight.shape) {
            let what = format!("initializer `{}` of `{}`", weight.initializer.kind(), weight.name);
            self.builder.fail(&what, expected, format!("{:?}", weight.shape));
        }
        if let Some(constraint) = &weight.constraint
            && let Err(expected) = constraint.accepts(&weight.shape)
        {
            let what = format!("constraint `{}` of `{}`", constraint.kind(), weight.name);
            self.builder.fail(&what, expected, format!("{:?}", weight.shape));
        }
        if self.parameters.iter().all(|p| p.path != path) {
            let elements = weight.shape.iter().fold(1usize, |n, &d| n.saturating_mul(d));
            if elements > WEIGHTS - self.elements {
                let what = format!("weight `{}`", weight.name);
                let (expected, before) = (format!("at most {WEIGHTS} elements"), self.elements);
                let beside = if before > 0 { format!(" beside {before} elements") } else { String::new() };
                self.builder.fail(&what, expected, format!("{:?}{beside}", weight.shape));
            } else {
                self.elements += elements;
            }
            if let Some(r) = &weight.regularizer {
                if let Err(expected) = r.accepts(&weight.shape) {
                    let what = format!("regularizer `{}` of `{}`", r.kind(), weight.name);
                    self.builder.fail(&what, expected, format!("{:?}", weight.shape));
                }
                let _scope = self.builder.scope("regularizer", r.kind());
                let penalty = r.lower(value);
                self.penalties.push(penalty);
            }
            self.parameters.push(ParameterSpec {
                path: path.clone(),
                fans: weight.fans.unwrap_or_else(|| Fans::of(&weight.shape)),
                shape: weight.shape,
                initializer: weight.initializer,
                constraint: weight.constraint,
                trainable: weight.trainable && !self.frozen,
                frozen: self.frozen,
            });
        }
        // A state that an earlier use of the layer has updated is seen as updated.
        self.updates.get(&path).map_or(value, |(_, new)| *new)
    }

    /// Says what a state becomes at the end of the step, or of the prediction: see [`Model::predict_stateful`](crate::Model::predict_stateful).
    pub fn update(&mut self, name: &str, value: Tensor<'g>) {
        let path = self.path_of(name);
        let state = self.builder.parameter(&path, value.dtype(), value.shape());
        self.updates.insert(path, (state, value));
    }

    /// What states become at the end of the step: path and value.
    pub fn updates(&self) -> impl Iterator<Item = (&str, Tensor<'g>)> {
        self.updates.iter().map(|(path, (_, value))| (path.as_str(), *value))
    }

    /// The weights and states that were declared so far.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    /// What was added to the loss so far: penalties on weights, and by [`Lower::add_loss`].
    pub fn penalties(&self) -> &[Tensor<'g>] {
        &self.penalties
    }

    /// Adds to the loss: a penalty on activities, say. A float scalar.
    pub fn add_loss(&mut self, penalty: Tensor<'g>) {
        self.penalties.push(penalty);
    }

    /// Adds to the loss the penalty on a layer's result, divided by the number of rows.
    pub fn regularize(&mut self, regularizer: &dyn Regularizer, y: Tensor<'g>) {
        let _scope = self.builder.scope("activity_regularizer", regularizer.kind());
        let rows = self.builder.size(&y.dim(0));
        // A batch of no row has a penalty of 0.
        self.penalties.push(regularizer.lower(y) / rows.max(rows.constant(1.0)));
    }

    /// Uniform numbers in [0, 1), other ones at each call and each step, the same for the same seed.
    pub fn uniform(&mut self, shape: impl Into<Shape>) -> Tensor<'g> {
        self.noise().uniform(shape)
    }

    /// Standard normal numbers, drawn as [`Lower::uniform`] does (Box and Muller 1958, "A note on the generation of random normal deviates").
    pub fn normal(&mut self, shape: impl Into<Shape>) -> Tensor<'g> {
        let shape = shape.into();
        let (radius, angle) = (self.uniform(shape.clone()), self.uniform(shape));
        ((1.0 - radius).log() * -2.0).sqrt() * (angle * TAU).cos()
    }

    /// What [`Lower::uniform`] would draw from, for draws within a scan.
    pub fn noise(&mut self) -> Noise<'g> {
        let [seed, step] = [SEED, STEP].map(|name| self.builder.parameter(name, DType::I64, []));
        let stream = self.streams;
        self.streams += 1;
        Noise { stream, seed, step, time: None }
    }

    /// How a layer of sums ends: activation(y + bias), where there is a bias.
    pub fn affine(
        &mut self,
        y: Tensor<'g>,
        bias: Option<Weight>,
        activation: &Object<dyn Activation>,
    ) -> Tensor<'g> {
        let y = bias.map_or(y, |bias| y + self.weight(bias));
        self.activate(activation, y)
    }

    /// Applies an activation in a scope of its own, and remembers what it was applied to if losses can use that.
    pub fn activate(&mut self, activation: &Object<dyn Activation>, x: Tensor<'g>) -> Tensor<'g> {
        let y = {
            let _scope = self.builder.scope_with(
                activation.kind(),
                activation.kind(),
                attributes(&activation.config()),
            );
            activation.lower(x)
        };
        if let Some(link) = activation.link() {
            self.links.insert(y.id(), (link, x));
        }
        y
    }

    /// What a sigmoid or softmax was applied to, if `y` is the result of one.
    pub fn link(&self, y: Tensor<'g>) -> Option<(Link, Tensor<'g>)> {
        self.links.get(&y.id()).copied()
    }

    /// The mask that goes with a value: `bool`, of its leading axes; true where the value counts.
    pub fn mask(&self, x: Tensor<'g>) -> Option<Tensor<'g>> {
        self.masks.get(&x.id()).copied()
    }

    /// Gives a value a mask.
    pub fn set_mask(&mut self, x: Tensor<'g>, mask: Tensor<'g>) {
        self.masks.insert(x.id(), mask);
    }

    /// Says that a value is what a layer has made on the host: what its [`Layer::lower`] takes.
    pub fn set_encoded(&mut self, x: Tensor<'g>) {
        self.encoded.insert(x.id());
    }

    /// Lowers a layer under a name within the present one; what a layer made of layers calls.
    ///
    /// # Errors
    /// [`Error::Layer`] with the path of the layer that failed.
    pub fn layer(
        &mut self,
        name: &str,
        layer: &dyn Layer,
        trainable: bool,
        inputs: &[Tensor<'g>],
    ) -> Result<Vec<Tensor<'g>>> {
        if self.calls.len() == CALLS {
            return Err(self.error(layer, format!("at most {CALLS} uses of layers"), "more"));
        }
        let _scope = self.builder.scope_with(name, layer.kind(), attributes(&layer.config()));
        self.path.push(name.into());
        let outer = self.frozen;
        self.frozen |= !trainable;
        let at = self.calls.len();
        self.calls.push(LayerCall { path: self.path.clone(), kind: layer.kind(), outputs: Vec::new() });
        let outputs = match layer.arity().filter(|&n| n != inputs.len()) {
            Some(n) => Err(self.error(layer, format!("{n} inputs"), inputs.len())),
            None => match inputs.iter().find(|x| layer.host().is_some() && !self.encoded.contains(&x.id())) {
                Some(x) => Err(self.error(layer, "an input of the model, on the host", x.ty())),
                None => layer.lower(self, inputs),
            },
        };
        let failed = self.builder.check();
        let path = self.path.join("/");
        self.frozen = outer;
        self.path.pop();
        let outputs = outputs?;
        failed.map_err(|e| failure(path, layer, e))?;
        self.calls[at].outputs = outputs.iter().map(|y| y.ty()).collect();
        if layer.passes_mask() {
            let mask = inputs.iter().find_map(|x| self.mask(*x));
            for y in &outputs {
                if let Some(m) = mask.filter(|m| y.shape().starts_with(&m.shape())) {
                    self.masks.entry(y.id()).or_insert(m);
                }
            }
        }
        Ok(outputs)
    }

    /// Lowers a part of a layer under a name within the present one, as which `layer` is told of: weights are named so that it asks for.
    ///
    /// # Errors
    /// Those of `lower`.
    pub fn part<T>(
        &mut self,
        name: &str,
        layer: &dyn Layer,
        lower: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let _scope = self.builder.scope_with(name, layer.kind(), attributes(&layer.config()));
        self.path.push(name.into());
        let done = lower(self);
        self.path.pop();
        done
    }

    /// The size of an axis, which has to be a number and not a symbol.
    ///
    /// # Errors
    /// An axis that is not there, or whose size is not known yet.
    pub fn fixed(&self, layer: &dyn Layer, x: Tensor<'g>, axis: isize) -> Result<usize> {
        let rank = x.rank() as isize;
        let at = if axis < 0 { axis + rank } else { axis };
        let size = usize::try_from(at).ok().and_then(|at| x.shape().get(at)?.as_const());
        size.ok_or_else(|| self.error(layer, format!("an input whose axis {axis} has a fixed size"), x.ty()))
    }

    /// An error of the layer that is being lowered.
    pub fn error(&self, layer: &dyn Layer, expected: impl ToString, received: impl ToString) -> Error {
        Error::Layer {
            path: self.path.join("/"),
            kind: layer.kind().into(),
            written: None,
            reason: format!("expected {}, received {}", expected.to_string(), received.to_string()),
        }
    }

    /// What the body of a scan, written in a builder of its own, was refused for: an error of the layer that is being lowered.
    pub fn failure(&self, layer: &dyn Layer, error: nervure_graph::Error) -> Error {
        failure(self.path.join("/"), layer, error)
    }

    /// What was lowered: the weights, the new states, the penalties.
    pub(crate) fn finish(self) -> Lowered<'g> {
        Lowered {
            parameters: self.parameters,
            updates: self.updates.into_values().collect(),
            penalties: self.penalties,
            calls: self.calls,
        }
    }

    fn path_of(&self, name: &str) -> String {
        self.path.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
    }
}

/// What lowering a network leaves beside the graph.
#[derive(Debug)]
pub(crate) struct Lowered<'g> {
    pub parameters: Vec<ParameterSpec>,
    pub updates: Vec<(Tensor<'g>, Tensor<'g>)>,
    pub penalties: Vec<Tensor<'g>>,
    pub calls: Vec<LayerCall>,
}

impl<'g> Lowered<'g> {
    /// Lets states become what the layers said, at the end of a run.
    pub fn update(&self, builder: &'g Builder) {
        for (state, value) in &self.updates {
            builder.update(*state, *value);
        }
    }
}

/// What the builder says, without the path: that of the word at fault is told with it.
pub(crate) fn reason(error: nervure_graph::Error) -> String {
    match error {
        nervure_graph::Error::Operands { op, expected, received, .. } => {
            format!("{op}: expected {expected}, received {received}")
        }
        other => other.to_string(),
    }
}

fn failure(path: String, layer: &dyn Layer, error: nervure_graph::Error) -> Error {
    Error::Layer { path, kind: layer.kind().into(), written: None, reason: reason(error) }
}

/// Bytes of a setting that a graph tells of.
const ATTRIBUTE: usize = 1 << 12;

fn attributes(config: &serde_json::Value) -> Vec<(String, String)> {
    let entries = config.as_object().into_iter().flatten();
    let told = entries.map(|(k, v)| (k.clone(), v.as_str().map_or_else(|| v.to_string(), String::from)));
    // A vocabulary stands with the layers, not in every graph.
    told.filter(|(_, value)| value.len() <= ATTRIBUTE).collect()
}
