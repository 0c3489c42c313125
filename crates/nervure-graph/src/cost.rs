use std::iter::Sum;
use std::ops::Add;

use crate::{Bindings, Error, Graph, NodeId, Op, Type};

/// What a node, or a graph, takes to compute once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Operations on elements: a product of matrices m·k by k·n counts 2·m·n·k, a convolution two for each product that it sums, anything
    /// elementwise one for each element of its result, a reduction one for each that it reads, a sort n·⌈log₂ n⌉. Moving elements
    /// counts none.
    pub flops: u64,
    /// Those of `flops` that are of matrix products and convolutions.
    pub products: u64,
    /// Bytes that are read and written: those of the operands and of the result, each once.
    pub bytes: u64,
}

impl Add for Work {
    type Output = Work;
    fn add(self, other: Work) -> Work {
        Work {
            flops: self.flops.saturating_add(other.flops),
            products: self.products.saturating_add(other.products),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Work>>(iter: I) -> Work {
        iter.fold(Work::default(), Add::add)
    }
}

/// What a graph takes to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The sum over all nodes.
    pub total: Work,
    /// That of each node.
    pub nodes: Vec<Work>,
}

/// The work of every node under `bindings`; that of a scan is its body's, once for each step.
///
/// ```
/// use nervure_graph::{Bindings, Builder, DType, Dim, cost};
/// let g = Builder::new();
/// let x = g.input("x", DType::F32, [Dim::symbol("batch"), 8.into()]);
/// g.output("y", x.matmul(g.parameter("w", DType::F32, [8.into(), 4.into()])));
/// let work = cost(&g.finish().unwrap(), &Bindings::from([("batch".into(), 32)])).unwrap().total;
/// assert_eq!(work.flops, 2 * 32 * 4 * 8);
/// assert_eq!(work.bytes, 4 * (32 * 8 + 8 * 4 + 32 * 4));
/// ```
///
/// # Errors
/// A symbol without a value, or a size that is negative or overflows.
pub fn cost(graph: &Graph, bindings: &Bindings) -> Result<Cost, Error> {
    let nodes: Vec<Work> = graph.ids().map(|id| work(graph, id, bindings)).collect::<Result<_, _>>()?;
    Ok(Cost { total: nodes.iter().copied().sum(), nodes })
}

fn work(graph: &Graph, id: NodeId, bindings: &Bindings) -> Result<Work, Error> {
    let node = graph.node(id);
    let shapes: Vec<Vec<usize>> =
        node.inputs.iter().map(|i| graph.node(*i).ty.resolve(bindings)).collect::<Result<_, _>>()?;
    let result = node.ty.resolve(bindings)?;
    let n = count(&result);
    let read = |i: usize| shapes.get(i).map_or(0, |s| count(s));
    let times = |factors: &[u64]| factors.iter().fold(1u64, |n, &f| n.saturating_mul(f));
    let flops = match &node.op {
        // They are there, or are only another name for what is there.
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Size(_)
        | Op::StopGradient
        | Op::Reshape { .. }
        | Op::Project { .. } => return Ok(Work::default()),
        Op::Scan(scan) => {
            let body = cost(&scan.body, bindings)?.total;
            let steps = scan.length.resolve(bindings)? as u64;
            let [flops, products, bytes] =
                [body.flops, body.products, body.bytes].map(|work| times(&[steps, work]));
            return Ok(Work { flops, products, bytes });
        }
        Op::Iota { .. }
        | Op::Transpose { .. }
        | Op::Broadcast { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat { .. }
        | Op::Reverse { .. }
        | Op::Gather { .. } => 0,
        Op::Random { .. } | Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) => n,
        Op::MatMul { transpose_a, .. } => {
            let a = &shapes[0];
            let k = a[if *transpose_a { a.len() - 2 } else { a.len() - 1 }] as u64;
            times(&[2, n, k])
        }
        // Products for each element of the convolution's result: those of the kernel for one of its output channels.
        Op::Conv { .. } => times(&[2, n, per_channel(&shapes[1])]),
        Op::ConvInputGrad { .. } => times(&[2, read(0), per_channel(&shapes[1])]),
        Op::ConvKernelGrad { .. } => times(&[2, read(1), per_channel(&result)]),
        Op::Reduce { .. } | Op::ArgMax { .. } => read(0),
        Op::Pool { window, .. } | Op::PoolPick { window } => times(&[n, count(&window.size)]),
        Op::PoolGrad { window, .. } => times(&[read(0), count(&window.size)]),
        Op::ScatterAdd { .. } => read(1),
        Op::ArgSort { .. } => {
            let row = result.last().copied().unwrap_or(1).max(1);
            times(&[n, u64::from(row.next_power_of_two().trailing_zeros())])
        }
    };
    let size = |ty: &Type, shape: &[usize]| times(&[count(shape), ty.dtype.size() as u64]);
    let operands = node.inputs.iter().zip(&shapes).map(|(i, shape)| size(&graph.node(*i).ty, shape));
    let bytes = operands.fold(size(&node.ty, &result), u64::saturating_add);
    let is_product = matches!(
        node.op,
        Op::MatMul { .. } | Op::Conv { .. } | Op::ConvInputGrad { .. } | Op::ConvKernelGrad { .. }
    );
    Ok(Work { flops, products: if is_product { flops } else { 0 }, bytes })
}

fn per_channel(kernel: &[usize]) -> u64 {
    kernel.split_last().map_or(0, |(_, rest)| count(rest))
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().fold(1u64, |n, &d| n.saturating_mul(d as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, DType, Reduction, Window};

    fn check(flops: u64, bytes: u64, write: impl for<'g> FnOnce(&'g Builder) -> crate::Tensor<'g>) {
        let g = Builder::new();
        let last = write(&g).id();
        let graph = g.finish().unwrap();
        let cost = cost(&graph, &Bindings::from([("n".into(), 3)])).unwrap();
        let node = cost.nodes[last.index()];
        assert_eq!((node.flops, node.bytes), (flops, bytes));
    }

    #[test]
    fn each_family_is_counted() {
        fn x<'g>(g: &'g Builder, sizes: &[usize]) -> crate::Tensor<'g> {
            g.input("x", DType::F32, sizes.iter().map(|&n| n.into()).collect::<Vec<_>>())
        }
        check(0, 0, |g| x(g, &[2, 3]).reshape([6.into()]));
        check(0, 4 * 12, |g| x(g, &[2, 3]).transpose(&[1, 0]));
        check(6, 4 * 12, |g| x(g, &[2, 3]).tanh());
        check(6, 4 * 8, |g| x(g, &[2, 3]).reduce(Reduction::Max, &[1]));
        check(2 * 2 * 5 * 3, 4 * (6 + 15 + 10), |g| x(g, &[3, 2]).matmul_with(x(g, &[3, 5]), true, false));
        // 4 places of 1 example, 2 output channels; each sums 3 taps of 1 channel of its group.
        let conv = |g: &Builder| (x(g, &[1, 6, 2]).id(), x(g, &[3, 1, 2]).id());
        check(2 * 8 * 3, 4 * (12 + 6 + 8), |g| {
            let (x, k) = conv(g);
            g.tensor(x).conv(g.tensor(k), Window::new([3]), 2)
        });
        check(5 * 3, 5 * (4 + 4), |g| x(g, &[5]).argsort(false));
        let n = || crate::Dim::symbol("n");
        check(3 * 7, 3 * 7 * 8, |g| {
            let body = Builder::new();
            let a = body.input("a", DType::F32, [7.into()]);
            body.input("t", DType::I32, []);
            body.output("a", a.exp());
            let body = body.finish().unwrap();
            let scan = crate::Scan { body, carries: 1, slices: 0, length: n(), reverse: false };
            g.scan(scan, &[x(g, &[7])])
        });
    }

    #[test]
    fn products_are_counted_apart() {
        let g = Builder::new();
        let x = g.input("x", DType::F32, [3.into(), 2.into()]);
        g.output("y", x.matmul_with(x, false, true).exp());
        let total = cost(&g.finish().unwrap(), &Bindings::new()).unwrap().total;
        assert_eq!((total.products, total.flops), (2 * 3 * 3 * 2, 2 * 3 * 3 * 2 + 3 * 3));
    }
}
