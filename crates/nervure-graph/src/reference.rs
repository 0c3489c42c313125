//! What a graph means: a plain interpreter, slow and obvious, against which everything else is tested.

mod array;
mod elementwise;
mod movement;
mod reduction;
mod window;

use std::collections::BTreeMap;

use crate::random::Draw;
use crate::{Bindings, Error, Graph, NodeId, Op, Scan, Type};

pub use array::{Array, Data, Float, Number};

/// Elements that one evaluation may hold at a time: 2 GiB of `f64`.
const LIMIT: usize = 1 << 28;

/// Values of a graph's nodes.
#[derive(Debug, Clone)]
pub struct Evaluation<T> {
    /// The symbols, those bound by the inputs' shapes included.
    pub bindings: Bindings,
    values: Vec<Array<T>>,
    outputs: Vec<(String, NodeId)>,
    updates: Vec<(String, NodeId)>,
}

impl<T: Float> Evaluation<T> {
    /// The value of a node.
    ///
    /// # Panics
    /// If the node is of another graph and beyond this one.
    pub fn value(&self, id: NodeId) -> &Array<T> {
        &self.values[id.index()]
    }

    /// The output of that name.
    pub fn output(&self, name: &str) -> Option<&Array<T>> {
        self.outputs().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, &Array<T>)> {
        self.outputs.iter().map(|(name, id)| (name.as_str(), self.value(*id)))
    }

    /// The parameters that the graph updates: name and next value.
    pub fn updates(&self) -> impl Iterator<Item = (&str, &Array<T>)> {
        self.updates.iter().map(|(name, id)| (name.as_str(), self.value(*id)))
    }
}

/// Computes every node of a graph, floats in `T`.
///
/// A symbol that is a whole axis of an input or a parameter is bound by the size given there; `bindings` has the others.
///
/// ```
/// use std::collections::BTreeMap;
/// use nervure_graph::{Array, Bindings, Builder, DType, Dim, evaluate};
///
/// let g = Builder::new();
/// let x = g.input("x", DType::F32, [Dim::symbol("batch"), 2.into()]);
/// g.output("sum", x.sum(&[1]));
/// let graph = g.finish().unwrap();
/// let x = Array::<f64>::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
/// let run = evaluate(&graph, &Bindings::new(), &BTreeMap::from([("x".into(), x)]), &BTreeMap::new()).unwrap();
/// assert_eq!(run.output("sum").unwrap().to_f64(), [3.0, 7.0]);
/// ```
///
/// # Errors
/// An input or parameter that is missing or does not fit its type, a symbol that stays unbound, an index out of range, more than 2²⁸ elements.
pub fn evaluate<T: Float>(
    graph: &Graph,
    bindings: &Bindings,
    inputs: &BTreeMap<String, Array<T>>,
    parameters: &BTreeMap<String, Array<T>>,
) -> Result<Evaluation<T>, Error> {
    let mut bindings = bindings.clone();
    let mut given: BTreeMap<NodeId, &Array<T>> = BTreeMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let Some((what, name)) = role(&node.op) else { continue };
        let (ty, array) = (&node.ty, if what == "input" { inputs.get(name) } else { parameters.get(name) });
        let Some(array) = array else {
            return Err(Error::Evaluation(format!("{what} `{name}`: expected {ty}, received nothing")));
        };
        ty.bind(array.shape(), &mut bindings);
        given.insert(id, array);
    }
    for (id, array) in &given {
        fits(graph, *id, array, &bindings)?;
    }
    let mut run = Run { bindings: &bindings, left: LIMIT };
    let values = run.graph(graph, |id| given.get(&id).copied().cloned())?;
    let name = |id: NodeId| role(&graph.node(id).op).map_or_else(String::new, |(_, name)| name.into());
    let updates = graph.updates().iter().map(|u| (name(u.parameter), u.value)).collect();
    Ok(Evaluation { bindings, values, outputs: graph.outputs().to_vec(), updates })
}

/// The value of a primitive of arrays under no bindings, if it has one.
pub(crate) fn apply<T: Float>(op: &Op, x: &[&Array<T>], shape: &[usize]) -> Option<Array<T>> {
    let run = Run { bindings: &Bindings::new(), left: LIMIT };
    run.value(op, x, shape).ok()?.ok()
}

fn fits<T: Float>(graph: &Graph, id: NodeId, array: &Array<T>, bindings: &Bindings) -> Result<(), Error> {
    let node = graph.node(id);
    if array.dtype() == node.ty.dtype && node.ty.resolve(bindings)? == array.shape() {
        return Ok(());
    }
    let (what, name) = role(&node.op).unwrap_or(("node", ""));
    Err(Error::Evaluation(format!("{what} `{name}`: expected {}, received {}", node.ty, array.ty())))
}

/// What is given from outside, and its name.
fn role(op: &Op) -> Option<(&'static str, &str)> {
    if let Op::Input { name, .. } = op {
        Some(("input", name))
    } else if let Op::Parameter { name, .. } = op {
        Some(("parameter", name))
    } else {
        None
    }
}

struct Run<'a> {
    bindings: &'a Bindings,
    /// Elements that may still be held.
    left: usize,
}

impl Run<'_> {
    /// Values of all nodes, those of inputs and parameters given.
    fn graph<T: Float>(
        &mut self,
        graph: &Graph,
        given: impl Fn(NodeId) -> Option<Array<T>>,
    ) -> Result<Vec<Array<T>>, Error> {
        let mut values: Vec<Array<T>> = Vec::with_capacity(graph.nodes().len());
        let mut results: BTreeMap<NodeId, Vec<Array<T>>> = BTreeMap::new();
        for id in graph.ids() {
            let node = graph.node(id);
            let shape = self.reserve(&node.ty)?;
            let x: Vec<&Array<T>> = node.inputs.iter().map(|i| &values[i.index()]).collect();
            let value = match &node.op {
                Op::Input { .. } | Op::Parameter { .. } => {
                    given(id).ok_or_else(|| format!("{id} has no value"))
                }
                Op::Scan(scan) => {
                    let out = self.scan(graph, id, scan, &x)?;
                    results.insert(id, out);
                    Array::new([], Data::I32(vec![scan.length.resolve(self.bindings)? as i32]))
                        .map_err(|e| e.to_string())
                }
                Op::Project { index } => results
                    .get(&node.inputs[0])
                    .and_then(|r| r.get(*index))
                    .cloned()
                    .ok_or_else(|| format!("there is no result {index}")),
                op => self.value(op, &x, &shape)?,
            };
            let value = value.map_err(|reason| Error::Invalid {
                node: id.index(),
                op: node.op.name(),
                path: graph.path(node.scope),
                reason,
            })?;
            debug_assert_eq!(
                (value.dtype(), value.shape()),
                (node.ty.dtype, &shape[..]),
                "{id} {:?}",
                node.op
            );
            values.push(value);
        }
        Ok(values)
    }

    /// The value of a primitive of arrays. The inner error is of the operands' values, the outer one of dimensions.
    fn value<T: Float>(
        &self,
        op: &Op,
        x: &[&Array<T>],
        shape: &[usize],
    ) -> Result<Result<Array<T>, String>, Error> {
        let resolve = |dims: &[crate::Dim]| -> Result<Vec<usize>, Error> {
            dims.iter().map(|d| d.resolve(self.bindings)).collect()
        };
        let data = match op {
            // Handled by the caller, which knows what they are given.
            Op::Input { .. } | Op::Parameter { .. } | Op::Scan(_) | Op::Project { .. } => {
                return Ok(Err("is no function of arrays".into()));
            }
            Op::Constant(literal) => return Array::from_literal(literal).map(Ok),
            Op::Iota { ty, axis } => movement::iota(ty.dtype, shape, *axis),
            Op::Size(dim) => Data::I64(vec![dim.resolve(self.bindings)? as i64]),
            Op::Random { stream, .. } => random(x, *stream, shape),
            Op::Unary(u) => elementwise::unary(*u, x[0].data()),
            Op::Binary(b) => elementwise::binary(*b, x[0].data(), x[1].data()),
            Op::Select => elementwise::select(x[0].data(), x[1].data(), x[2].data()),
            Op::Cast(to) => x[0].data().clone().cast(*to),
            Op::StopGradient | Op::Reshape { .. } => x[0].data().clone(),
            Op::MatMul { transpose_a, transpose_b } => {
                reduction::matmul(x[0], x[1], *transpose_a, *transpose_b, shape)
            }
            Op::Conv { window, groups } => window::conv(x[0], x[1], window, *groups, shape),
            Op::ConvInputGrad { window, groups, .. } => {
                window::conv_input_grad(x[0], x[1], window, *groups, shape)
            }
            Op::ConvKernelGrad { window, groups } => {
                window::conv_kernel_grad(x[0], x[1], window, *groups, shape)
            }
            Op::Reduce { kind, axes } => reduction::reduce(*kind, axes, x[0], shape),
            Op::ArgMax { axis } => match reduction::argmax(x[0], *axis, shape) {
                Some(data) => data,
                None => return Ok(Err("the axis is empty".into())),
            },
            Op::Pool { kind, window } => window::pool(*kind, x[0], window, shape),
            Op::PoolGrad { kind, window, .. } => {
                window::pool_grad(*kind, x[0], x.get(1).copied(), window, shape)
            }
            Op::PoolPick { window } => window::pool_pick(x[0], x[1], window, shape),
            Op::Transpose { permutation } => movement::transpose(x[0], permutation, shape),
            Op::Broadcast { .. } => movement::broadcast(x[0], shape),
            Op::Slice { starts, steps, .. } => match movement::slice(x[0], &resolve(starts)?, steps, shape) {
                Ok(data) => data,
                Err(reason) => return Ok(Err(reason)),
            },
            Op::Pad { low, high, interior, value } => {
                // No more than a check: the size of the result has the rest of it.
                resolve(high)?;
                movement::pad(x[0], &resolve(low)?, interior, *value, shape)
            }
            Op::Concat { axis } => movement::concat(x, *axis, shape),
            Op::Reverse { axes } => movement::reverse(x[0], axes, shape),
            Op::Gather { batch } => match movement::gather(x[0], x[1], *batch, shape) {
                Ok(data) => data,
                Err(reason) => return Ok(Err(reason)),
            },
            Op::ScatterAdd { batch, .. } => match movement::scatter_add(x[0], x[1], *batch, shape) {
                Ok(data) => data,
                Err(reason) => return Ok(Err(reason)),
            },
            Op::ArgSort { descending } => reduction::argsort(x[0], *descending),
        };
        Array::new(shape, data).map(Ok)
    }

    /// Final carries and stacks of a scan.
    fn scan<T: Float>(
        &mut self,
        graph: &Graph,
        id: NodeId,
        scan: &Scan,
        x: &[&Array<T>],
    ) -> Result<Vec<Array<T>>, Error> {
        let body = &scan.body;
        let length = scan.length.resolve(self.bindings)?;
        let (carries, sliced) = (scan.carries, scan.carries + scan.slices);
        let mut carried: Vec<Array<T>> = x[..carries].iter().copied().cloned().collect();
        let mut stacks = Vec::new();
        for index in carries..body.outputs().len() {
            let ty = graph.scan_result(id, index).expect("a result for each output of the body");
            stacks.push(Array::zeros(ty.dtype, &self.reserve(&ty)?));
        }
        for step in 0..length {
            let time = if scan.reverse { length - 1 - step } else { step };
            let mut inputs: BTreeMap<NodeId, Array<T>> = BTreeMap::new();
            for (i, input) in body.inputs().iter().enumerate() {
                let value = if i < carries {
                    carried[i].clone()
                } else if i < sliced {
                    movement::row(x[i], time)
                } else if i < x.len() {
                    x[i].clone()
                } else {
                    Array::new([], Data::I32(vec![time as i32]))?
                };
                inputs.insert(*input, value);
            }
            let left = self.left;
            let values = self.graph(body, |id| inputs.get(&id).cloned())?;
            self.left = left;
            let out = |i: usize| values[body.outputs()[i].1.index()].clone();
            carried = (0..carries).map(out).collect();
            for (j, stack) in stacks.iter_mut().enumerate() {
                movement::set_row(stack, time, &out(carries + j));
            }
        }
        carried.extend(stacks);
        Ok(carried)
    }

    /// The shape in numbers, with its elements taken off what may be held.
    fn reserve(&mut self, ty: &Type) -> Result<Vec<usize>, Error> {
        let shape = ty.resolve(self.bindings)?;
        let n = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        match n.and_then(|n| self.left.checked_sub(n)) {
            Some(left) => self.left = left,
            None => {
                return Err(Error::Evaluation(format!(
                    "{ty} is {shape:?}: the reference holds at most {LIMIT} elements"
                )));
            }
        }
        Ok(shape)
    }
}

fn random<T: Float>(key: &[&Array<T>], stream: u32, shape: &[usize]) -> Data<T> {
    let scalar = |i: usize| match key.get(i).map(|k| k.data()) {
        Some(Data::I64(v)) => v[0],
        Some(Data::I32(v)) => i64::from(v[0]),
        Some(Data::F32(_) | Data::U8(_) | Data::Bool(_)) | None => 0,
    };
    let draw = Draw { seed: scalar(0), step: scalar(1), time: scalar(2) as i32, stream };
    let n = shape.iter().product::<usize>() as u64;
    Data::F32((0..n).map(|e| T::from_f64(f64::from(draw.uniform(e)))).collect())
}
