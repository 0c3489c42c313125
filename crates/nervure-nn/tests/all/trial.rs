//! A layer with operands to try it on, and everything that a run of it needs.

use std::collections::BTreeMap;

use nervure_graph::testing::Case;
use nervure_graph::{Array, Bindings, Builder, DType, Graph, Type};
use nervure_nn::initializers::Stream;
use nervure_nn::network::BATCH;
use nervure_nn::word::{Family, Object};
use nervure_nn::{Buffer, Dataset, Expr, Layer, Lower, Model, Network, Result, Seed, input_of};

/// The name that every tried layer has in its network.
pub const NAME: &str = "tried";
/// Whole numbers that are drawn are below this: samples of layers that index have as many places.
const INDICES: f64 = 4.0;

/// A layer, with the types of its inputs.
pub struct Trial {
    pub name: String,
    pub layer: Object<dyn Layer>,
    pub inputs: Vec<Type>,
}

/// Every layer of this crate with each of its samples, but for those that begin on the host: see [`crate::host`].
pub fn trials() -> Vec<Trial> {
    samples().into_iter().filter(|t| t.layer.host().is_none()).collect()
}

/// Every layer of this crate with each of its samples.
pub fn samples() -> Vec<Trial> {
    let entries = <dyn Layer as Family>::registry().builtin();
    let samples =
        entries.iter().flat_map(|e| (e.samples)().into_iter().enumerate().map(move |s| (e.kind, s)));
    let trials: Vec<Trial> = samples
        .map(|(kind, (i, s))| Trial { name: format!("{kind} {i}"), layer: s.word, inputs: s.inputs })
        .collect();
    for e in entries {
        assert!(trials.iter().any(|t| t.layer.kind() == e.kind), "{} has no sample", e.kind);
    }
    trials
}

impl Trial {
    pub fn network(&self) -> Result<Network> {
        let inputs: Vec<Expr> = self
            .inputs
            .iter()
            .enumerate()
            .map(|(i, ty)| input_of(&format!("x{i}"), ty.dtype, ty.shape[1..].to_vec()))
            .collect();
        let y = self.layer.clone().instance().named(NAME).on(&inputs[..]);
        Network::new(&inputs[..], &y)
    }

    /// A model whose weights are away from where they start, so that none is without influence.
    pub fn model(&self) -> Result<Model> {
        let mut model = self.network()?.build(Seed(1))?;
        let weights: Vec<(String, Buffer)> =
            model.weights().map(|(path, value)| (path.to_string(), value.clone())).collect();
        for (path, mut value) in weights {
            let mut random = Stream::new(2, &path);
            for w in value.as_f32_mut().unwrap() {
                *w += (0.6 * random.uniform() - 0.3) as f32;
            }
            model.set_weight(&path, value)?;
        }
        Ok(model)
    }

    /// The graph of the layer alone, in training or not.
    pub fn graph(&self, training: bool) -> Result<Graph> {
        let builder = Builder::new();
        let inputs: Vec<_> = (self.inputs.iter().enumerate())
            .map(|(i, ty)| builder.input(&format!("x{i}"), ty.dtype, ty.shape.clone()))
            .collect();
        let mut cx = Lower::new(&builder, training);
        for (i, y) in cx.layer(NAME, &*self.layer, true, &inputs)?.into_iter().enumerate() {
            builder.output(&format!("y{i}"), y);
        }
        for (path, value) in cx.updates() {
            builder.update(builder.parameter(path, value.dtype(), value.shape()), value);
        }
        drop(cx);
        Ok(builder.finish()?)
    }

    /// Random operands of so many rows, in the order of the inputs.
    pub fn operands(&self, rows: usize) -> Vec<Array<f64>> {
        let bindings = Bindings::from([(BATCH.into(), rows)]);
        let draw = |(i, ty): (usize, &Type)| {
            let shape = ty.resolve(&bindings).unwrap();
            let mut random = Stream::new(3, &format!("{}/{i}", self.name));
            let mut number = || match ty.dtype {
                // Single precision, so that plan and reference see the same numbers.
                DType::F32 => f64::from((6.0 * random.uniform() - 3.0) as f32),
                DType::I32 | DType::I64 | DType::U8 => (INDICES * random.uniform()).floor(),
                DType::Bool => (2.0 * random.uniform()).floor(),
            };
            let values: Vec<f64> = (0..shape.iter().product()).map(|_| number()).collect();
            Array::of(ty.dtype, &shape, &values)
        };
        self.inputs.iter().enumerate().map(draw).collect()
    }

    /// The graph with operands and weights, for the reference.
    pub fn case(&self, training: bool, rows: usize) -> Result<Case> {
        let model = self.model()?;
        let inputs = self.operands(rows).into_iter().enumerate().map(|(i, x)| (format!("x{i}"), x)).collect();
        let parameters: BTreeMap<String, Array<f64>> =
            model.state().iter().map(|(name, value)| (name.to_string(), array(value))).collect();
        let graph = self.graph(training)?;
        let known: Vec<String> = graph.parameters().map(|(name, _)| name.to_string()).collect();
        let parameters = parameters.into_iter().filter(|(name, _)| known.contains(name)).collect();
        let bindings = Bindings::from([(BATCH.into(), rows)]);
        Ok(Case::new(&format!("{} {:?}", self.name, self.layer), graph, bindings, inputs, parameters))
    }
}

/// The same numbers for the reference.
pub fn array(value: &Buffer) -> Array<f64> {
    let numbers: Vec<f64> = match value.dtype() {
        DType::F32 => value.as_f32().unwrap().iter().map(|&v| v.into()).collect(),
        DType::I32 => value.as_i32().unwrap().iter().map(|&v| v.into()).collect(),
        DType::I64 => value.as_i64().unwrap().iter().map(|&v| v as f64).collect(),
        DType::U8 => value.as_u8().unwrap().iter().map(|&v| v.into()).collect(),
        DType::Bool => value.as_bool().unwrap().iter().map(|&v| f64::from(u8::from(v))).collect(),
    };
    Array::of(value.dtype(), value.shape(), &numbers)
}

/// The same numbers for a plan.
pub fn buffer(value: &Array<f64>) -> Buffer {
    let (shape, v) = (value.shape(), value.to_f64());
    let made = match value.dtype() {
        DType::F32 => Buffer::from_f32(shape, &v.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        DType::I32 => Buffer::from_i32(shape, &v.iter().map(|&x| x as i32).collect::<Vec<_>>()),
        DType::I64 => Buffer::from_i64(shape, &v.iter().map(|&x| x as i64).collect::<Vec<_>>()),
        DType::U8 => Buffer::from_u8(shape, &v.iter().map(|&x| x as u8).collect::<Vec<_>>()),
        DType::Bool => Buffer::from_bool(shape, &v.iter().map(|&x| x != 0.0).collect::<Vec<_>>()),
    };
    made.unwrap()
}

/// Rows for a model with these inputs.
pub fn dataset(operands: &[Array<f64>]) -> Dataset {
    operands
        .iter()
        .enumerate()
        .fold(Dataset::default(), |data, (i, x)| data.input(&format!("x{i}"), buffer(x)))
}
