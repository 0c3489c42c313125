//! What the tests of this crate, of the executor and of layers share: graphs for every primitive, random graphs, and the comparison of
//! gradients with finite differences.

mod cases;
mod check;
mod random_graph;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::random::Draw;
use crate::{
    Array, Bindings, Builder, DType, Error, Evaluation, Float, Graph, Op, Shape, Tensor, Type, evaluate,
};

pub use cases::cases;
pub use check::{check_gradients, gradients_of};
pub use random_graph::random_graph;

/// A graph with values for all it takes.
#[derive(Debug, Clone)]
pub struct Case {
    /// What is tested.
    pub name: String,
    /// The graph.
    pub graph: Graph,
    /// Values of its symbols.
    pub bindings: Bindings,
    /// Values of its inputs.
    pub inputs: BTreeMap<String, Array<f64>>,
    /// Values of its parameters.
    pub parameters: BTreeMap<String, Array<f64>>,
    /// The float inputs and parameters to which the outputs are differentiated: those at whose values they are smooth.
    pub wrt: Vec<String>,
}

impl Case {
    /// A case that is differentiated to every float input and parameter.
    pub fn new(
        name: &str,
        graph: Graph,
        bindings: Bindings,
        inputs: BTreeMap<String, Array<f64>>,
        parameters: BTreeMap<String, Array<f64>>,
    ) -> Case {
        let float = |(name, a): (&String, &Array<f64>)| (a.dtype() == DType::F32).then(|| name.clone());
        let wrt = inputs.iter().chain(&parameters).filter_map(float).collect();
        Case { name: name.into(), graph, bindings, inputs, parameters, wrt }
    }

    /// The reference's values, floats in `T`.
    ///
    /// # Errors
    /// Those of [`evaluate`].
    pub fn evaluate<T: Float>(&self) -> Result<Evaluation<T>, Error> {
        let convert = |arrays: &BTreeMap<String, Array<f64>>| -> BTreeMap<String, Array<T>> {
            arrays.iter().map(|(name, a)| (name.clone(), a.convert())).collect()
        };
        evaluate(&self.graph, &self.bindings, &convert(&self.inputs), &convert(&self.parameters))
    }
}

/// Names of the primitives, by the one list from which the exhaustive match is made as well.
macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        /// Name of every variant of [`Op`].
        pub const OPS: &[&str] = &[$(stringify!($kind)),*];

        /// Name of a primitive's variant.
        pub fn op_name(op: &Op) -> &'static str {
            match op { $(Op::$kind { .. } => stringify!($kind)),* }
        }
    };
}
kinds!(
    Input,
    Parameter,
    Constant,
    Iota,
    Size,
    Random,
    Unary,
    Binary,
    Select,
    Cast,
    StopGradient,
    MatMul,
    Conv,
    ConvInputGrad,
    ConvKernelGrad,
    Reduce,
    ArgMax,
    Pool,
    PoolGrad,
    PoolPick,
    Reshape,
    Transpose,
    Broadcast,
    Slice,
    Pad,
    Concat,
    Reverse,
    Gather,
    ScatterAdd,
    ArgSort,
    Scan,
    Project,
);

/// Draws numbers, the same for the same seed.
#[derive(Debug)]
pub(crate) struct Rng {
    draw: Draw,
    next: Cell<u64>,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng { draw: Draw { seed: seed as i64, step: 0, time: 0, stream: u32::MAX }, next: Cell::new(0) }
    }

    /// Uniform in [low, high).
    pub(crate) fn within(&self, low: f64, high: f64) -> f64 {
        let element = self.next.replace(self.next.get() + 1);
        low + (high - low) * f64::from(self.draw.uniform(element))
    }

    /// A whole number below `n`.
    pub(crate) fn below(&self, n: usize) -> usize {
        (self.within(0.0, n as f64) as usize).min(n.saturating_sub(1))
    }

    /// One of `choices`.
    pub(crate) fn one_of<'a, C>(&self, choices: &'a [C]) -> &'a C {
        &choices[self.below(choices.len())]
    }

    /// The numbers below `n` in random order.
    pub(crate) fn shuffled(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// Writes the graph of a case together with the values of its inputs.
pub(crate) struct Writer {
    g: Builder,
    rng: Rng,
    bindings: Bindings,
    inputs: RefCell<BTreeMap<String, Array<f64>>>,
    parameters: RefCell<BTreeMap<String, Array<f64>>>,
    outputs: Cell<usize>,
}

impl Writer {
    pub(crate) fn new(seed: u64, bindings: Bindings) -> Writer {
        Writer {
            g: Builder::new(),
            rng: Rng::new(seed),
            bindings,
            inputs: RefCell::default(),
            parameters: RefCell::default(),
            outputs: Cell::new(0),
        }
    }

    /// Names an output.
    fn out(&self, t: Tensor<'_>) {
        self.g.output(&format!("y{}", self.outputs.replace(self.outputs.get() + 1)), t);
    }

    /// An input whose elements `value` gives.
    fn filled(
        &self,
        name: &str,
        dtype: DType,
        shape: impl Into<Shape>,
        value: impl FnMut(usize) -> f64,
    ) -> Tensor<'_> {
        let ty = Type::new(dtype, shape);
        let sizes = ty.resolve(&self.bindings).expect("the shapes of cases have sizes");
        let values: Vec<f64> = (0..sizes.iter().product()).map(value).collect();
        self.inputs.borrow_mut().insert(name.into(), Array::of(dtype, &sizes, &values));
        self.g.input(name, dtype, ty.shape)
    }

    /// A float input of numbers with 0.2 ≤ |x| < 1.7.
    fn floats(&self, name: &str, shape: impl Into<Shape>) -> Tensor<'_> {
        self.filled(name, DType::F32, shape, |_| self.signed())
    }

    fn signed(&self) -> f64 {
        let x = self.rng.within(-1.5, 1.5);
        x + 0.2f64.copysign(x)
    }

    /// A float input of numbers in [low, high).
    fn within(&self, name: &str, shape: impl Into<Shape>, low: f64, high: f64) -> Tensor<'_> {
        self.filled(name, DType::F32, shape, |_| self.rng.within(low, high))
    }

    /// A float input of numbers that differ by at least 0.1, in random order, none of them a multiple of ½.
    fn distinct(&self, name: &str, shape: impl Into<Shape>) -> Tensor<'_> {
        let shape = shape.into();
        let sizes = Type::new(DType::F32, shape.clone()).resolve(&self.bindings);
        let n = sizes.expect("the shapes of cases have sizes").iter().product();
        let order = self.rng.shuffled(n);
        self.filled(name, DType::F32, shape, |i| (order[i] as f64 - n as f64 / 2.0) * 0.1 + 0.03)
    }

    /// An input with these elements.
    fn values(&self, name: &str, dtype: DType, shape: impl Into<Shape>, values: &[f64]) -> Tensor<'_> {
        self.filled(name, dtype, shape, |i| values[i])
    }

    /// An input of whole numbers below `n`.
    fn below(&self, name: &str, dtype: DType, shape: impl Into<Shape>, n: usize) -> Tensor<'_> {
        self.filled(name, dtype, shape, |_| self.rng.below(n) as f64)
    }

    /// A float parameter of numbers with 0.2 ≤ |x| < 1.7.
    fn parameter(&self, name: &str, shape: &[usize]) -> Tensor<'_> {
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| self.signed()).collect();
        self.parameters.borrow_mut().insert(name.into(), Array::floats(shape, values));
        self.g.parameter(name, DType::F32, shape.iter().map(|&n| n.into()).collect::<Shape>())
    }

    pub(crate) fn finish(self, name: &str) -> Case {
        let graph = self.g.finish().unwrap_or_else(|e| panic!("case {name}: {e}"));
        Case::new(name, graph, self.bindings, self.inputs.into_inner(), self.parameters.into_inner())
    }
}
