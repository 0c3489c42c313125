//! Scans whose steps hand nothing on, written as what one step computes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::inline::copy_into;
use crate::{Builder, DType, Dim, Error, Graph, NodeId, Scan, Tensor};

/// A step of [`Builder::map`] while it is written: how it comes at values around it.
#[derive(Debug)]
pub struct MapStep<'b, 'g> {
    inner: &'b Builder,
    index: Tensor<'b>,
    slices: Operands<'g>,
    whole: Operands<'g>,
}

/// Values around a step, and the inputs that stand for them within.
type Operands<'g> = RefCell<BTreeMap<NodeId, (Tensor<'g>, NodeId)>>;

impl<'b, 'g> MapStep<'b, 'g> {
    /// What a step computes in.
    pub fn builder(&self) -> &'b Builder {
        self.inner
    }

    /// The step's number: an `i32` scalar.
    pub fn index(&self) -> Tensor<'b> {
        self.index
    }

    /// The step's slice of a value `[length, …]`.
    pub fn slice(&self, x: Tensor<'g>) -> Tensor<'b> {
        self.operand(&self.slices, "slice", x, 1)
    }

    /// A value that all steps share.
    pub fn whole(&self, x: Tensor<'g>) -> Tensor<'b> {
        self.operand(&self.whole, "whole", x, 0)
    }

    fn operand(&self, operands: &Operands<'g>, kind: &str, x: Tensor<'g>, from: usize) -> Tensor<'b> {
        let mut operands = operands.borrow_mut();
        let declare = || {
            let shape = x.shape().get(from..).unwrap_or_default().to_vec();
            (x, self.inner.input(&format!("{kind} {}", x.id().index()), x.dtype(), shape).id())
        };
        self.inner.tensor(operands.entry(x.id()).or_insert_with(declare).1)
    }

    /// The body, whose inputs come in the order of a scan's; the number of slices; and the operands.
    fn finish(self, results: &[Tensor<'b>]) -> Result<(Graph, usize, Vec<Tensor<'g>>), Error> {
        for (i, result) in results.iter().enumerate() {
            self.inner.output(&format!("result {i}"), *result);
        }
        let (old, g) = (self.inner.take()?, Builder::new());
        let (slices, whole) = (self.slices.into_inner(), self.whole.into_inner());
        let operands = || slices.values().chain(whole.values());
        let inputs = operands().map(|(_, input)| *input).chain([self.index.id()]);
        let declare = |id| {
            let ty = &old.node(id).ty;
            (id, g.input(old.name(id), ty.dtype, ty.shape.clone()))
        };
        let copies = copy_into(&g, &old, inputs.map(declare));
        for (name, id) in old.outputs() {
            g.output(name, copies[id.index()].expect("what an output is was copied"));
        }
        Ok((g.take()?, slices.len(), operands().map(|(x, _)| *x).collect()))
    }
}

impl Builder {
    /// What a step computes, for each index below `length`: its results, each stacked along a new first axis. A [`Scan`] without carries, of which threads
    /// may do steps at the same time.
    ///
    /// ```
    /// use nervure_graph::{Builder, DType};
    ///
    /// let g = Builder::new();
    /// let rows = g.input("rows", DType::F32, [5.into(), 3.into()]);
    /// let weights = g.input("weights", DType::F32, [3.into()]);
    /// let sums = g.map(5.into(), |step| vec![(step.slice(rows) * step.whole(weights)).sum_all()]);
    /// assert_eq!(sums[0].shape(), [5.into()]);
    /// g.output("sums", sums[0]);
    /// # g.finish()?;
    /// # Ok::<(), nervure_graph::Error>(())
    /// ```
    pub fn map<'g>(
        &'g self,
        length: Dim,
        step: impl for<'b> FnOnce(&MapStep<'b, 'g>) -> Vec<Tensor<'b>>,
    ) -> Vec<Tensor<'g>> {
        let inner = Builder::new();
        let at = MapStep {
            inner: &inner,
            index: inner.input("index", DType::I32, []),
            slices: RefCell::default(),
            whole: RefCell::default(),
        };
        let results = step(&at);
        let count = results.len();
        match at.finish(&results) {
            Ok((body, slices, operands)) => {
                let done = self.scan(Scan { body, carries: 0, slices, length, reverse: false }, &operands);
                (0..count).map(|i| done.project(i)).collect()
            }
            Err(e) => {
                self.record(e);
                vec![self.scalar(DType::F32, 0.0); count]
            }
        }
    }
}
