use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DType, Error, Op, Type, infer};

/// Number of a node in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// Number of a scope in its graph. The first is the root, which has no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A primitive applied to earlier nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The primitive.
    pub op: Op,
    /// What it is applied to, all before this node.
    pub inputs: Vec<NodeId>,
    /// Type of the result.
    pub ty: Type,
    /// Where it was applied.
    pub scope: ScopeId,
}

/// Where nodes come from: a layer, or a part of one. Export, profile and errors speak in scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The scope around this one; none for the root.
    pub parent: Option<ScopeId>,
    /// Its name within the parent.
    pub name: String,
    /// What made it: `Dense`, `gelu`, `gradient`.
    pub kind: String,
    /// The maker's settings, as text.
    pub attributes: Vec<(String, String)>,
}

/// What a parameter becomes at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The [`Op::Parameter`].
    pub parameter: NodeId,
    /// Its next value, of the same type.
    pub value: NodeId,
}

/// An append-only list of typed nodes, with the outputs of a run and the updates of its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) outputs: Vec<(String, NodeId)>,
    pub(crate) updates: Vec<Update>,
}

impl Default for Graph {
    fn default() -> Graph {
        Graph {
            nodes: Vec::new(),
            scopes: vec![Scope::default()],
            inputs: Vec::new(),
            outputs: Vec::new(),
            updates: Vec::new(),
        }
    }
}

impl Graph {
    /// The nodes; the inputs of each stand before it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node.
    ///
    /// # Panics
    /// If `id` is of another graph and beyond this one.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Numbers of the nodes, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The [`Op::Input`] nodes, in the order in which they were made.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// Name of an input or parameter; empty for other nodes, which have none.
    pub fn name(&self, id: NodeId) -> &str {
        if let Op::Input { name, .. } | Op::Parameter { name, .. } = &self.node(id).op { name } else { "" }
    }

    /// What a run answers: name and node.
    pub fn outputs(&self) -> &[(String, NodeId)] {
        &self.outputs
    }

    /// What becomes of the parameters in a run.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// The scopes; the parent of each stands before it.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Names of a scope and those around it, outermost first, joined by `/`; `graph` for the root.
    pub fn path(&self, scope: ScopeId) -> String {
        let mut names = Vec::new();
        let mut at = Some(scope);
        while let Some(s) = at.and_then(|id| self.scopes.get(id.index())) {
            if !s.name.is_empty() {
                names.push(s.name.as_str());
            }
            at = s.parent;
        }
        names.reverse();
        if names.is_empty() { "graph".into() } else { names.join("/") }
    }

    /// The type of result `index` of a [`Op::Scan`] node.
    pub fn scan_result(&self, scan: NodeId, index: usize) -> Option<Type> {
        let Op::Scan(scan) = &self.node(scan).op else { return None };
        let body = scan.body.node(scan.body.outputs.get(index)?.1).ty.clone();
        if index < scan.carries {
            return Some(body);
        }
        let mut shape = vec![scan.length.clone()];
        shape.extend(body.shape);
        Some(Type::new(body.dtype, shape))
    }

    /// Appends a node.
    ///
    /// # Errors
    /// [`Error::Operands`] if the operation does not take these inputs.
    pub fn push(&mut self, op: Op, inputs: Vec<NodeId>, scope: ScopeId) -> Result<NodeId, Error> {
        let ty = infer(self, &op, &inputs).map_err(|mismatch| Error::Operands {
            path: self.path(scope),
            op: op.name(),
            expected: mismatch.expected,
            received: mismatch.received,
        })?;
        let id = NodeId(
            u32::try_from(self.nodes.len())
                .map_err(|_| Error::Evaluation("a graph has too many nodes".into()))?,
        );
        if matches!(op, Op::Input { .. }) {
            self.inputs.push(id);
        }
        self.nodes.push(Node { op, inputs, ty, scope });
        Ok(id)
    }

    /// Appends a scope.
    pub fn push_scope(&mut self, scope: Scope) -> ScopeId {
        let id = ScopeId(self.scopes.len() as u32);
        self.scopes.push(scope);
        id
    }

    /// Names an output.
    pub fn push_output(&mut self, name: impl Into<String>, node: NodeId) {
        self.outputs.push((name.into(), node));
    }

    /// Says what a parameter becomes.
    ///
    /// # Errors
    /// If `parameter` is none, is updated already, or `value` has another type.
    pub fn push_update(&mut self, parameter: NodeId, value: NodeId) -> Result<(), Error> {
        let (p, v) = (self.node(parameter), self.node(value));
        let Op::Parameter { name, .. } = &p.op else {
            return Err(Error::Evaluation(format!(
                "only a parameter is updated, {parameter} is {}",
                p.op.name()
            )));
        };
        if p.ty != v.ty {
            return Err(Error::Operands {
                path: self.path(v.scope),
                op: format!("update of `{name}`"),
                expected: p.ty.to_string(),
                received: v.ty.to_string(),
            });
        }
        if self.updates.iter().any(|u| u.parameter == parameter) {
            return Err(Error::Evaluation(format!("`{name}` is updated twice")));
        }
        self.updates.push(Update { parameter, value });
        Ok(())
    }

    /// The parameters: name, node.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, NodeId)> {
        self.ids().filter_map(|id| {
            if let Op::Parameter { name, .. } = &self.node(id).op { Some((name.as_str(), id)) } else { None }
        })
    }

    /// Which nodes the values of `ends` depend on, `ends` included.
    pub fn needed_by(&self, ends: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for end in ends {
            needed[end.index()] = true;
        }
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if needed[i] {
                for input in &node.inputs {
                    needed[input.index()] = true;
                }
            }
        }
        needed
    }

    /// Whether a gradient may flow through the value: floats alone.
    pub fn is_float(&self, id: NodeId) -> bool {
        self.node(id).ty.dtype == DType::F32
    }
}
