use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{
    DType, Dim, Error, Graph, Literal, NodeId, Op, Scan, Scope, ScopeId, Shape, Tensor, Type, Values,
};

/// Writes a [`Graph`] through [`Tensor`] handles.
///
/// The first operation that fails is remembered with the path of its scope; what follows goes on with a stand-in, so that formulas need no
/// `?` at each step. [`Builder::check`] and [`Builder::finish`] report it.
#[derive(Debug, Default)]
pub struct Builder {
    graph: RefCell<Graph>,
    scope: Cell<ScopeId>,
    parameters: RefCell<BTreeMap<String, NodeId>>,
    error: RefCell<Option<Error>>,
}

/// Leaves its scope when dropped.
#[derive(Debug)]
pub struct ScopeGuard<'g> {
    builder: &'g Builder,
    outer: ScopeId,
}

impl Drop for ScopeGuard<'_> {
    fn drop(&mut self) {
        self.builder.scope.set(self.outer);
    }
}

impl Builder {
    /// A builder of an empty graph.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A builder that goes on with `graph`.
    pub fn from_graph(graph: Graph) -> Builder {
        let parameters = graph.parameters().map(|(name, id)| (name.to_string(), id)).collect();
        Builder { graph: RefCell::new(graph), parameters: RefCell::new(parameters), ..Builder::default() }
    }

    /// The graph.
    ///
    /// # Errors
    /// The first operation that failed.
    pub fn finish(self) -> Result<Graph, Error> {
        self.check()?;
        Ok(self.graph.into_inner())
    }

    /// [`Builder::finish`] through a reference, which leaves an empty graph behind.
    pub(crate) fn take(&self) -> Result<Graph, Error> {
        self.check()?;
        Ok(self.graph.take())
    }

    /// Whether all went well so far.
    ///
    /// # Errors
    /// The first operation that failed.
    pub fn check(&self) -> Result<(), Error> {
        self.error.borrow().clone().map_or(Ok(()), Err)
    }

    /// Looks at the graph as it is.
    pub fn read<R>(&self, look: impl FnOnce(&Graph) -> R) -> R {
        look(&self.graph.borrow())
    }

    /// Enters a scope within the present one until the guard is dropped.
    pub fn scope(&self, name: &str, kind: &str) -> ScopeGuard<'_> {
        self.scope_with(name, kind, Vec::new())
    }

    /// [`Builder::scope`] with the maker's settings.
    pub fn scope_with(&self, name: &str, kind: &str, attributes: Vec<(String, String)>) -> ScopeGuard<'_> {
        let outer = self.scope.get();
        let scope = Scope { parent: Some(outer), name: name.into(), kind: kind.into(), attributes };
        self.scope.set(self.graph.borrow_mut().push_scope(scope));
        ScopeGuard { builder: self, outer }
    }

    /// Enters a scope of the graph anew until the guard is dropped: how rewrites write formulas in the scope of what they rewrite.
    pub fn enter(&self, scope: ScopeId) -> ScopeGuard<'_> {
        ScopeGuard { builder: self, outer: self.scope.replace(scope) }
    }

    /// Appends a scope without entering it.
    pub fn push_scope(&self, scope: Scope) -> ScopeId {
        self.graph.borrow_mut().push_scope(scope)
    }

    /// The present scope.
    pub fn present_scope(&self) -> ScopeId {
        self.scope.get()
    }

    /// Path of the present scope.
    pub fn path(&self) -> String {
        self.graph.borrow().path(self.scope.get())
    }

    /// Records that something is wrong here: a failure that is not of a primitive.
    pub fn fail(&self, op: &str, expected: impl ToString, received: impl ToString) {
        let error = Error::Operands {
            path: self.path(),
            op: op.into(),
            expected: expected.to_string(),
            received: received.to_string(),
        };
        self.error.borrow_mut().get_or_insert(error);
    }

    /// Records an error of a part that was built apart.
    pub(crate) fn record(&self, error: Error) {
        self.error.borrow_mut().get_or_insert(error);
    }

    /// Puts another scan in the place of `id`, whose results begin with the same ones.
    pub(crate) fn extend_scan(&self, id: NodeId, scan: Arc<Scan>) {
        self.graph.borrow_mut().nodes[id.index()].op = Op::Scan(scan);
    }

    /// A handle to a node.
    pub fn tensor(&self, id: NodeId) -> Tensor<'_> {
        Tensor::new(self, id)
    }

    /// Applies a primitive.
    pub fn apply(&self, op: Op, inputs: &[Tensor<'_>]) -> Tensor<'_> {
        self.apply_in(self.scope.get(), op, inputs)
    }

    /// Applies a primitive in a given scope: how rewrites keep the scopes of what they rewrite.
    pub fn apply_in(&self, scope: ScopeId, op: Op, inputs: &[Tensor<'_>]) -> Tensor<'_> {
        let ids = inputs.iter().map(|t| t.id()).collect();
        let pushed = self.graph.borrow_mut().push(op, ids, scope);
        match pushed {
            Ok(id) => self.tensor(id),
            Err(e) => {
                self.error.borrow_mut().get_or_insert(e);
                // The stand-in: any node of the graph.
                match inputs.first() {
                    Some(first) => self.tensor(first.id()),
                    None => self.scalar(DType::F32, 0.0),
                }
            }
        }
    }

    /// A value given at each run.
    pub fn input(&self, name: &str, dtype: DType, shape: impl Into<Shape>) -> Tensor<'_> {
        self.apply(Op::Input { name: name.into(), ty: Type::new(dtype, shape) }, &[])
    }

    /// A value that stays between runs. The same name is the same node.
    pub fn parameter(&self, name: &str, dtype: DType, shape: impl Into<Shape>) -> Tensor<'_> {
        let ty = Type::new(dtype, shape);
        if let Some(&id) = self.parameters.borrow().get(name) {
            let known = self.graph.borrow().node(id).ty.clone();
            if known != ty {
                self.fail(&format!("Parameter `{name}`"), known, ty);
            }
            return self.tensor(id);
        }
        let t = self.apply(Op::Parameter { name: name.into(), ty }, &[]);
        self.parameters.borrow_mut().insert(name.into(), t.id());
        t
    }

    /// A constant of one value.
    pub fn scalar(&self, dtype: DType, value: f64) -> Tensor<'_> {
        self.apply(Op::Constant(Literal::scalar(dtype, value)), &[])
    }

    /// A constant array of floats, row-major.
    pub fn floats(&self, shape: &[usize], values: &[f64]) -> Tensor<'_> {
        let literal =
            Literal { dtype: DType::F32, shape: shape.into(), values: Values::Float(values.into()) };
        self.apply(Op::Constant(literal), &[])
    }

    /// A constant array of whole numbers or truth values, row-major.
    pub fn whole(&self, dtype: DType, shape: &[usize], values: &[i64]) -> Tensor<'_> {
        self.apply(
            Op::Constant(Literal { dtype, shape: shape.into(), values: Values::Whole(values.into()) }),
            &[],
        )
    }

    /// `value` everywhere.
    pub fn full(&self, dtype: DType, shape: impl Into<Shape>, value: f64) -> Tensor<'_> {
        self.scalar(dtype, value).broadcast_to(shape)
    }

    /// Counts along `axis`.
    pub fn iota(&self, dtype: DType, shape: impl Into<Shape>, axis: usize) -> Tensor<'_> {
        self.apply(Op::Iota { ty: Type::new(dtype, shape), axis }, &[])
    }

    /// A dimension as a float scalar.
    pub fn size(&self, dim: &Dim) -> Tensor<'_> {
        match dim.as_const() {
            Some(n) => self.scalar(DType::F32, n as f64),
            None => self.apply(Op::Size(dim.clone()), &[]).cast(DType::F32),
        }
    }

    /// One after the other along `axis` (negative: from the end).
    pub fn concat(&self, parts: &[Tensor<'_>], axis: isize) -> Tensor<'_> {
        let axis = parts.first().map_or(0, |p| self.tensor(p.id()).axis(axis));
        self.apply(Op::Concat { axis }, parts)
    }

    /// A scan; the results are read with [`Tensor::project`].
    pub fn scan(&self, scan: Scan, inputs: &[Tensor<'_>]) -> Tensor<'_> {
        self.apply(Op::Scan(Arc::new(scan)), inputs)
    }

    /// Names an output.
    pub fn output(&self, name: &str, t: Tensor<'_>) {
        self.graph.borrow_mut().push_output(name, t.id());
    }

    /// Says what a parameter becomes.
    pub fn update(&self, parameter: Tensor<'_>, value: Tensor<'_>) {
        let done = self.graph.borrow_mut().push_update(parameter.id(), value.id());
        if let Err(e) = done {
            self.error.borrow_mut().get_or_insert(e);
        }
    }
}
