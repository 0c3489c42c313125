//! Scans whose gradient keeps less: cut into segments that are computed again when the gradient comes to them.

use std::sync::Arc;

use crate::inline::{copy_into, unused_name};
use crate::{Builder, DType, Dim, Error, Graph, NodeId, Op, Scan, Tensor, infer};

impl Builder {
    /// The results of a scan of T steps, the same bits as those of [`Builder::scan`], whose gradient keeps memory for some 2·√T steps instead of T and
    /// computes the steps a second time for that: a scan over segments of ⌈√T⌉ steps, each a scan of its own, of which only the carries that a
    /// segment began with are kept (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Its gradient differs by rounding, for sums over
    /// time are taken segment by segment.
    ///
    /// A length that depends on a symbol cannot be cut: such a scan is left as it is.
    ///
    /// ```
    /// use nervure_graph::{Builder, DType, Scan};
    ///
    /// let step = Builder::new();
    /// let (h, x) = (step.input("h", DType::F32, [2.into()]), step.input("x", DType::F32, [2.into()]));
    /// step.input("time", DType::I32, []);
    /// step.output("h", (h + x).tanh());
    /// let scan = Scan { body: step.finish()?, carries: 1, slices: 1, length: 100.into(), reverse: false };
    ///
    /// let g = Builder::new();
    /// let (h, x) = (g.input("h", DType::F32, [2.into()]), g.input("x", DType::F32, [100.into(), 2.into()]));
    /// g.output("h", g.scan_in_segments(&scan, &[h, x])[0]);
    /// # g.finish()?;
    /// # Ok::<(), nervure_graph::Error>(())
    /// ```
    pub fn scan_in_segments<'g>(&'g self, scan: &Scan, inputs: &[Tensor<'g>]) -> Vec<Tensor<'g>> {
        let whole = || {
            let whole = self.scan(scan.clone(), inputs);
            (0..scan.body.outputs().len()).map(|i| whole.project(i)).collect()
        };
        // What does not fit is an error that the scan itself reports.
        let fits = || {
            let ids: Vec<NodeId> = inputs.iter().map(|x| x.id()).collect();
            self.read(|graph| infer(graph, &Op::Scan(Arc::new(scan.clone())), &ids)).is_ok()
        };
        let Some(length) = scan.length.as_const().filter(|&length| length >= SHORT && fits()) else {
            return whole();
        };
        let each = (1..length).find(|n| n * n >= length).unwrap_or(1);
        let cut = Cut { scan, each, segments: length / each };
        let written = cut.body_from().and_then(|body| Ok((cut.segment(&body)?, body)));
        match written {
            Ok((segment, body)) => cut.write(self, inputs, segment, body),
            Err(e) => {
                self.record(e);
                whole()
            }
        }
    }
}

/// Steps below which nothing is gained.
const SHORT: usize = 4;

/// A scan, and how it is cut: segments of so many steps, and a rest of fewer at the end of the time axis.
struct Cut<'s> {
    scan: &'s Scan,
    each: usize,
    segments: usize,
}

impl Cut<'_> {
    /// The body with one more invariant, the last: the time index of the first step of its part.
    fn body_from(&self) -> Result<Graph, Error> {
        let (old, g) = (&self.scan.body, &Builder::new());
        let (&time, others) = old.inputs().split_last().expect("a body has a time index");
        let mut known = declare(g, old, others, &[]);
        let first = unused_name("first", |name| old.inputs().iter().any(|&id| old.name(id) == name));
        let first = g.input(&first, DType::I32, []);
        known.push((time, g.input(old.name(time), DType::I32, []) + first));
        let copies = copy_into(g, old, known);
        for (name, id) in old.outputs() {
            g.output(name, copies[id.index()].expect("what an output is was copied"));
        }
        g.take()
    }

    /// The body of the scan over segments.
    fn segment(&self, body: &Graph) -> Result<Graph, Error> {
        let (scan, old, g) = (self.scan, &self.scan.body, &Builder::new());
        let (&time, others) = old.inputs().split_last().expect("a body has a time index");
        let (carries, sliced) = (scan.carries, scan.carries + scan.slices);
        let declared = [
            declare(g, old, &others[..carries], &[]),
            declare(g, old, &others[carries..sliced], &[self.each.into()]),
            declare(g, old, &others[sliced..], &[]),
        ];
        let mut operands: Vec<Tensor> = declared.iter().flatten().map(|(_, t)| *t).collect();
        let segment = g.input(old.name(time), DType::I32, []);
        operands.push(segment * segment.constant(self.each as f64));
        let steps = Scan { body: body.clone(), length: self.each.into(), ..scan.clone() };
        let steps = g.scan(steps, &operands);
        old.outputs().iter().enumerate().for_each(|(i, (name, _))| g.output(name, steps.project(i)));
        g.take()
    }

    /// The scan over segments, and the one over the rest, in the order of their steps.
    fn write<'g>(
        &self,
        g: &'g Builder,
        inputs: &[Tensor<'g>],
        segment: Graph,
        body: Graph,
    ) -> Vec<Tensor<'g>> {
        let (scan, cut) = (self.scan, self.each * self.segments);
        let (carries, sliced) = (scan.carries, scan.carries + scan.slices);
        let results = scan.body.outputs().len();
        let length = scan.length.as_const().unwrap_or(cut);
        let segments = |states: &[Tensor<'g>]| -> Vec<Tensor<'g>> {
            let slices = inputs[carries..sliced].iter().map(|x| self.in_segments(x.narrow(0, 0, cut)));
            let operands: Vec<Tensor> =
                states.iter().copied().chain(slices).chain(inputs[sliced..].iter().copied()).collect();
            let scan = Scan { body: segment.clone(), length: self.segments.into(), ..scan.clone() };
            let done = g.scan(scan, &operands);
            let result = |i: usize| {
                let result = done.project(i);
                if i < carries { result } else { in_steps(result) }
            };
            (0..results).map(result).collect()
        };
        let rest = |states: &[Tensor<'g>]| -> Vec<Tensor<'g>> {
            let slices = inputs[carries..sliced].iter().map(|x| x.narrow(0, cut, length - cut));
            let first = g.scalar(DType::I32, cut as f64);
            let operands: Vec<Tensor> = states
                .iter()
                .copied()
                .chain(slices)
                .chain(inputs[sliced..].iter().copied())
                .chain([first])
                .collect();
            let scan = Scan { body: body.clone(), length: (length - cut).into(), ..scan.clone() };
            let done = g.scan(scan, &operands);
            (0..results).map(|i| done.project(i)).collect()
        };
        let states = &inputs[..carries];
        if cut == length {
            return segments(states);
        }
        let (early, late) = if scan.reverse {
            let late = rest(states);
            (segments(&late[..carries]), late)
        } else {
            let early = segments(states);
            let late = rest(&early[..carries]);
            (early, late)
        };
        let last = if scan.reverse { &early } else { &late };
        let result = |i: usize| if i < carries { last[i] } else { g.concat(&[early[i], late[i]], 0) };
        (0..results).map(result).collect()
    }

    /// `[segments · each, …]` → `[segments, each, …]`.
    fn in_segments<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let shape = [&[self.segments.into(), self.each.into()], &x.shape()[1..]].concat();
        x.reshape(shape)
    }
}

/// `[segments, each, …]` → `[segments · each, …]`.
fn in_steps(x: Tensor<'_>) -> Tensor<'_> {
    let shape = x.shape();
    x.reshape([&[&shape[0] * &shape[1]], &shape[2..]].concat())
}

/// Inputs of another graph declared anew, with axes before their own.
fn declare<'g>(g: &'g Builder, old: &Graph, inputs: &[NodeId], before: &[Dim]) -> Vec<(NodeId, Tensor<'g>)> {
    let declare = |&id: &NodeId| {
        let ty = &old.node(id).ty;
        (id, g.input(old.name(id), ty.dtype, [before, &ty.shape].concat()))
    };
    inputs.iter().map(declare).collect()
}
