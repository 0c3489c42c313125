//! The entrance of a network: what the host makes of its inputs before the graph.

use std::collections::BTreeSet;
use std::sync::Arc;

use nervure_exec::Buffer;
use nervure_graph::{Builder, Graph, Tensor, Type};

use crate::host::failure;
use crate::layers::Layer;
use crate::network::{InputSpec, Network, Source};
use crate::values::{Elements, HostType, Values};
use crate::word::Object;
use crate::{Error, Result};

/// The inputs of a network, and those of its graph.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    /// Names and types.
    pub inputs: Vec<(String, HostType)>,
    pub gates: Vec<Gate>,
}

/// An input of the graph: one of the network's, or what layers on the host have made of one.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub name: String,
    pub ty: Type,
    /// The network's input that it comes from.
    pub input: usize,
    /// What in the network has this value.
    pub source: Source,
    /// The layers on the host, in their order, under their names.
    layers: Vec<(String, Object<dyn Layer>)>,
}

/// A value that the host has.
struct Hosted {
    name: String,
    ty: HostType,
    input: usize,
    layers: Vec<(String, Object<dyn Layer>)>,
}

impl Entrance {
    /// Which values of the network the host makes, and which of them the graph takes.
    ///
    /// # Errors
    /// A layer on the host that is applied to what the graph computes, one of the graph applied to texts, types that do not fit.
    pub fn of(network: &Network) -> Result<Entrance> {
        let input = |(at, (i, ty)): (usize, (&InputSpec, HostType))| Hosted {
            name: i.name.clone(),
            ty,
            input: at,
            layers: Vec::new(),
        };
        let inputs: Vec<Hosted> =
            network.inputs().iter().zip(network.input_types()).enumerate().map(input).collect();
        let mut calls: Vec<Option<Hosted>> = Vec::new();
        let (mut of_graph, mut of_host) = (BTreeSet::new(), BTreeSet::new());
        for call in network.calls() {
            let spec = &network.layers()[call.layer];
            let fail = |expected: &str, received: String| {
                let reason = format!("expected {expected}, received {received}");
                Err(spec.failed(failure(spec.name.clone(), &*spec.layer, reason)))
            };
            let Some(host) = spec.layer.host() else {
                for source in &call.inputs {
                    let held = hosted(&inputs, &calls, *source);
                    if let Some(text) = held.filter(|h| h.ty.elements == Elements::Text) {
                        return fail("numbers", format!("`{}`, {}", text.name, text.ty));
                    }
                    of_graph.insert(*source);
                }
                calls.push(None);
                continue;
            };
            let [source] = call.inputs[..] else { return fail("1 inputs", call.inputs.len().to_string()) };
            let Some(held) = hosted(&inputs, &calls, source) else {
                return fail(
                    "an input of the model, on the host",
                    "what a layer in the graph computes".into(),
                );
            };
            if let Some((before, layer)) = held.layers.last()
                && layer.host().is_some_and(|h| h.goes_on())
            {
                let received = format!("`{before}`, whose output_mode is another");
                return fail("output_mode `int` of the layer on the host before it", received);
            }
            of_host.insert(source);
            let free: String = format!("{}_length", spec.name)
                .chars()
                .map(|c| if c.is_alphanumeric() { c } else { '_' })
                .collect();
            let ty = host
                .encoded(&held.ty, &format!("n_{free}"))
                .map_err(|reason| spec.failed(failure(spec.name.clone(), &*spec.layer, reason)))?;
            let layers = held.layers.iter().cloned().chain([(spec.name.clone(), spec.layer.clone())]);
            let made = Hosted {
                name: format!("{}/{}", held.name, spec.name),
                ty,
                input: held.input,
                layers: layers.collect(),
            };
            calls.push(Some(made));
        }
        for (name, source) in network.outputs() {
            if let Some(text) = hosted(&inputs, &calls, *source).filter(|h| h.ty.elements == Elements::Text) {
                let received = format!("`{}`, {}", text.name, text.ty);
                return Err(Error::Network(format!(
                    "output `{name}`: expected numbers, received {received}"
                )));
            }
            of_graph.insert(*source);
        }
        // An input that only the host takes is none of the graph's.
        let of_inputs = (0..inputs.len()).map(Source::Input);
        let of_inputs = of_inputs.filter(|s| of_graph.contains(s) || !of_host.contains(s));
        let of_calls = (0..calls.len()).map(|c| Source::Call(c, 0)).filter(|s| of_graph.contains(s));
        let mut taken: BTreeSet<String> = network.inputs().iter().map(|i| i.name.clone()).collect();
        let mut gates = Vec::new();
        for source in of_inputs.chain(of_calls) {
            let Some(held) = hosted(&inputs, &calls, source) else { continue };
            // A text that no layer takes is none of the graph's either.
            let Elements::Numbers(dtype) = held.ty.elements else { continue };
            let mut name = held.name.clone();
            while !held.layers.is_empty() && !taken.insert(name.clone()) {
                name.push('_');
            }
            let (ty, layers) = (Type::new(dtype, held.ty.shape.clone()), held.layers.clone());
            gates.push(Gate { name, ty, input: held.input, source, layers });
        }
        let inputs = inputs.into_iter().map(|held| (held.name, held.ty)).collect();
        Ok(Entrance { inputs, gates })
    }

    /// That of the graph alone, which takes what the host has made.
    pub fn of_graph(graph: &Graph) -> Entrance {
        let types = graph.inputs().iter().map(|&id| (graph.name(id).to_string(), graph.node(id).ty.clone()));
        let gate = |(at, (name, ty)): (usize, (String, Type))| Gate {
            name,
            ty,
            input: at,
            source: Source::Input(at),
            layers: Vec::new(),
        };
        let gates: Vec<Gate> = types.enumerate().map(gate).collect();
        let inputs = gates.iter().map(|gate| (gate.name.clone(), gate.ty.clone().into())).collect();
        Entrance { inputs, gates }
    }

    /// The graph's inputs.
    pub fn declare<'g>(&self, builder: &'g Builder) -> Vec<Tensor<'g>> {
        self.gates.iter().map(|g| builder.input(&g.name, g.ty.dtype, g.ty.shape.clone())).collect()
    }
}

impl Gate {
    /// Whether it is an input of the network as it is.
    pub fn is_plain(&self) -> bool {
        self.layers.is_empty()
    }

    /// What the layers on the host make of these values.
    ///
    /// # Errors
    /// Those of a layer, under its path.
    pub fn encode(&self, mut values: Values) -> Result<Arc<Buffer>> {
        for (name, layer) in &self.layers {
            if let Some(host) = layer.host() {
                values = host.encode(&values).map_err(|reason| failure(name.clone(), &**layer, reason))?;
            }
        }
        Ok(Arc::clone(values.numbers(&format!("input `{}`", self.name))?))
    }
}

/// A value, if the host has it.
fn hosted<'a>(inputs: &'a [Hosted], calls: &'a [Option<Hosted>], source: Source) -> Option<&'a Hosted> {
    match source {
        Source::Input(i) => inputs.get(i),
        Source::Call(c, 0) => calls.get(c)?.as_ref(),
        Source::Call(..) => None,
    }
}
