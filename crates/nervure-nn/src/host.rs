//! Layers that begin on the host, before the plan: the graph knows no texts.

use std::sync::Arc;

use nervure_exec::{Buffer, Plan, Runner, Store, Threads};
use nervure_graph::{Bindings, Builder, Type};

use crate::expr::snake_case;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::values::{Elements, HostType, IntoValues, Texts, Values};
use crate::word::Object;
use crate::{Error, Result};

/// What a layer does on the host before the graph takes over: it makes numbers of texts, or looks up numbers. Such a layer stands at the entrance of a
/// network; its [`lower`](Layer::lower) takes the numbers that it has made.
///
/// ```
/// use nervure_nn::prelude::*;
/// let colours = StringLookup::new().adapt(["red", "blue", "red"])?;
/// assert_eq!(colours.call(["blue", "green"])?.as_i32(), Some(&[2, 0][..]));
/// # Ok::<(), nervure_nn::Error>(())
/// ```
pub trait HostLayer: Layer {
    /// The type of what it makes of values of type `input`. An axis whose size is that of the data has the symbol `free`.
    ///
    /// # Errors
    /// What was expected, and what was received.
    fn encoded(&self, input: &HostType, free: &str) -> Result<HostType, String>;

    /// What it makes of these values.
    ///
    /// # Errors
    /// What was expected, and what was received.
    fn encode(&self, values: &Values) -> Result<Values, String>;

    /// Whether the graph goes on with what it makes: whether [`lower`](Layer::lower) does anything.
    fn goes_on(&self) -> bool;

    /// The layer's result for these values, alone.
    ///
    /// # Errors
    /// Values that the layer does not take, settings that make no sense, a result of texts.
    fn call(&self, values: impl IntoValues) -> Result<Buffer>
    where
        Self: Sized,
    {
        match call(self, self, &values.into_values())? {
            Values::Numbers(numbers) => Ok(Arc::unwrap_or_clone(numbers)),
            Values::Texts(_) => Err(refuse(self, "a layer that gives numbers", "one that gives texts")),
        }
    }

    /// As [`call`](HostLayer::call), of a layer whose result are texts.
    ///
    /// # Errors
    /// As [`call`](HostLayer::call), but for a result of numbers.
    fn call_texts(&self, values: impl IntoValues) -> Result<Texts>
    where
        Self: Sized,
    {
        match call(self, self, &values.into_values())? {
            Values::Texts(texts) => Ok(Arc::unwrap_or_clone(texts)),
            Values::Numbers(_) => Err(refuse(self, "a layer that gives texts", "one that gives numbers")),
        }
    }
}

impl Object<dyn Layer> {
    /// What a layer that begins on the host gives for these values, alone: see [`HostLayer::call`].
    ///
    /// # Errors
    /// Another layer; else as [`HostLayer::call`].
    pub fn call(&self, values: impl IntoValues) -> Result<Values> {
        let host =
            self.host().ok_or_else(|| refuse(&**self, "a layer that begins on the host", "another"))?;
        call(&**self, host, &values.into_values())
    }
}

/// What `host`, which is `layer`, gives for these values: on the host, then in a graph of its own.
fn call(layer: &dyn Layer, host: &dyn HostLayer, values: &Values) -> Result<Values> {
    let name = snake_case(layer.kind());
    let failed = |reason| failure(name.clone(), layer, reason);
    host.encoded(&values.ty(), "length").map_err(failed)?;
    let numbers = match host.encode(values).map_err(failed)? {
        Values::Numbers(numbers) => numbers,
        texts @ Values::Texts(_) => return Ok(texts),
    };
    let builder = Builder::new();
    let shape: Vec<_> = numbers.shape().iter().map(|&n| n.into()).collect();
    let x = builder.input("x", numbers.dtype(), shape);
    let mut cx = Lower::new(&builder, false);
    cx.set_encoded(x);
    for y in cx.layer(&name, layer, true, &[x])? {
        builder.output("y", y);
    }
    drop(cx);
    let (graph, store) = (builder.finish()?, Store::new());
    let plan = Plan::compile(&graph, &Bindings::new(), &store)?;
    let mut runner = Runner::new(Arc::new(plan));
    runner.infer(&Threads::new(1), &store, &[numbers.view()])?;
    let (_, id) = &graph.outputs()[0];
    let shape = graph.node(*id).ty.resolve(&Bindings::new())?;
    Ok(Buffer::from_view(&shape, runner.output(0))?.into_values())
}

/// The types of elements that a layer takes, in a message.
pub(crate) fn takes(input: &HostType, expected: &str, fits: impl Fn(Elements) -> bool) -> Result<(), String> {
    if fits(input.elements) {
        return Ok(());
    }
    Err(format!("expected {expected}, received {input}"))
}

/// Whole numbers of any type, and floats that are cut to these.
pub(crate) fn whole(numbers: &Buffer) -> Vec<i64> {
    use nervure_exec::View;
    match numbers.view() {
        View::F32(v) => v.iter().map(|&x| x as i64).collect(),
        View::I32(v) => v.iter().map(|&x| x.into()).collect(),
        View::I64(v) => v.to_vec(),
        View::U8(v) => v.iter().map(|&x| x.into()).collect(),
        View::Bool(v) => v.iter().map(|&x| x.into()).collect(),
    }
}

/// Numbers of places in a vocabulary, or of bins.
pub(crate) fn numbers(shape: &[usize], places: &[i32]) -> Result<Values, String> {
    let made = Buffer::from_i32(shape, places).map_err(|e| e.to_string())?;
    Ok(made.into_values())
}

/// An `i32` for each element of `input`.
pub(crate) fn like(input: &HostType) -> HostType {
    Type::new(nervure_graph::DType::I32, input.shape.clone()).into()
}

/// What a layer on the host, under this path, was refused for.
pub(crate) fn failure(path: String, layer: &dyn Layer, reason: String) -> Error {
    Error::Layer { path, kind: layer.kind().into(), written: None, reason }
}

fn refuse(layer: &dyn Layer, expected: &str, received: &str) -> Error {
    failure(snake_case(layer.kind()), layer, format!("expected {expected}, received {received}"))
}
