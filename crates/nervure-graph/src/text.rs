//! Graphs as text that people read and that parses back to the same graph.
//!
//! ```text
//! graph main {
//!   @1 = ("dense","Dense",[("units","1")]) in @0
//!   %0: f32[batch, 8] = Input(name:"x",ty:(dtype:F32,shape:["batch","8"]))
//!   %1: f32[8, 1] = Parameter(name:"dense/kernel",ty:(dtype:F32,shape:["8","1"])) @1
//!   %2: f32[batch, 1] = MatMul(transpose_a:false,transpose_b:false) %0 %1 @1
//!   output "y" = %2
//! }
//! ```
//!
//! A line is a scope (name, kind, attributes, the scope around it), a node (type, primitive, operands, scope unless it is the root `@0`), an
//! output or an update. The bodies of scans are graphs of their own that stand before their use: `Scan(body:"body0",…)`. Lines that are empty or
//! begin with `#` are left out.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Dim, Error, Graph, NodeId, Op, Scan, Scope, ScopeId, verify};

/// Bytes that a text may have.
const BYTES: usize = 64 << 20;
/// Nodes that a graph may have, those of bodies counted at each use.
const NODES: usize = 1_000_000;
/// Scopes that a graph may have, and depth to which they may lie within each other.
const SCOPES: usize = 1_000_000;
const SCOPE_DEPTH: usize = 256;
/// Depth to which scans may lie within each other.
const SCAN_DEPTH: usize = 8;

/// What the text says of a scan.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanText {
    body: String,
    carries: usize,
    slices: usize,
    length: Dim,
    reverse: bool,
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_graph(self, "main", &mut 0, f)
    }
}

/// `bodies` is the number of bodies written so far, by which they are named.
fn write_graph(g: &Graph, name: &str, bodies: &mut usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut named: HashMap<NodeId, String> = HashMap::new();
    for id in g.ids() {
        if let Op::Scan(scan) = &g.node(id).op {
            let body = format!("body{bodies}");
            *bodies += 1;
            write_graph(&scan.body, &body, bodies, f)?;
            named.insert(id, body);
        }
    }
    writeln!(f, "graph {name} {{")?;
    for (i, scope) in g.scopes.iter().enumerate() {
        if let Some(parent) = scope.parent {
            let maker = ron_text(&(&scope.name, &scope.kind, &scope.attributes))?;
            writeln!(f, "  @{i} = {maker} in @{}", parent.0)?;
        }
    }
    for id in g.ids() {
        let node = g.node(id);
        write!(f, "  {id}: {} = ", node.ty)?;
        if let (Op::Scan(scan), Some(body)) = (&node.op, named.remove(&id)) {
            let Scan { carries, slices, ref length, reverse, .. } = **scan;
            let text = ScanText { body, carries, slices, length: length.clone(), reverse };
            write!(f, "Scan{}", ron_text(&text)?)?;
        } else {
            f.write_str(&ron_text(&node.op)?)?;
        }
        for input in &node.inputs {
            write!(f, " {input}")?;
        }
        if node.scope != ScopeId::default() {
            write!(f, " @{}", node.scope.0)?;
        }
        writeln!(f)?;
    }
    for (name, id) in &g.outputs {
        writeln!(f, "  output {} = {id}", ron_text(name)?)?;
    }
    for update in &g.updates {
        writeln!(f, "  update {} = {}", update.parameter, update.value)?;
    }
    writeln!(f, "}}")
}

fn ron_text(value: &impl Serialize) -> Result<String, fmt::Error> {
    ron::to_string(value).map_err(|_| fmt::Error)
}

impl FromStr for Graph {
    type Err = Error;

    fn from_str(text: &str) -> Result<Graph, Error> {
        Graph::parse(text)
    }
}

impl Graph {
    /// Reads what a graph prints. Every node is typed anew, and must have the type that the text says.
    ///
    /// # Errors
    /// [`Error::Parse`] with the line that is wrong, or that goes beyond 64 MiB of text, a million nodes (those of a body counted
    /// at each use) or scans eight deep.
    pub fn parse(text: &str) -> Result<Graph, Error> {
        if text.len() > BYTES {
            return Err(error(1, format!("{} bytes are more than {BYTES}", text.len())));
        }
        let mut bodies: HashMap<&str, Body> = HashMap::new();
        let mut open: Option<(&str, Body)> = None;
        let mut last = 1;
        for (i, line) in text.lines().enumerate() {
            last = i + 1;
            let (line, at) = (line.trim(), |reason: String| error(i + 1, reason));
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match (line.strip_prefix("graph ").and_then(|l| l.strip_suffix('{')), &mut open) {
                (Some(name), None) => open = Some((name.trim(), Body::default())),
                (Some(_), Some((name, _))) => return Err(at(format!("graph `{name}` is not closed"))),
                (None, None) => return Err(at("expected `graph NAME {`".into())),
                (None, Some(_)) if line == "}" => {
                    if let Some((name, body)) = open.take() {
                        verify(&body.graph).map_err(|e| at(e.to_string()))?;
                        if bodies.insert(name, body).is_some() {
                            return Err(at(format!("a second graph is named `{name}`")));
                        }
                    }
                }
                (None, Some((_, body))) => body.line(line, &bodies).map_err(at)?,
            }
        }
        match (bodies.remove("main"), open) {
            (Some(main), None) => Ok(main.graph),
            (_, Some((name, _))) => Err(error(last, format!("graph `{name}` is not closed"))),
            (None, None) => Err(error(last, "expected a graph `main`".into())),
        }
    }
}

fn error(line: usize, reason: String) -> Error {
    Error::Parse { what: "graph", line, reason }
}

/// A graph that is being read.
#[derive(Default)]
struct Body {
    graph: Graph,
    /// Depth of each scope.
    depths: Vec<usize>,
    /// Nodes of bodies, counted at each use.
    within: usize,
    /// Depth to which scans lie within it.
    depth: usize,
}

impl Body {
    fn line(&mut self, line: &str, bodies: &HashMap<&str, Body>) -> Result<(), String> {
        if line.starts_with('@') {
            self.scope(line)
        } else if let Some(rest) = line.strip_prefix("output ") {
            let (name, id) = rest.rsplit_once(" = ").ok_or("expected `output NAME = %NODE`")?;
            let name: String = ron::from_str(name).map_err(|e| format!("name of an output: {e}"))?;
            let id = self.known(id)?;
            self.graph.push_output(name, id);
            Ok(())
        } else if let Some(rest) = line.strip_prefix("update ") {
            let (parameter, value) = rest.split_once(" = ").ok_or("expected `update %PARAMETER = %NODE`")?;
            let (parameter, value) = (self.known(parameter)?, self.known(value)?);
            self.graph.push_update(parameter, value).map_err(|e| e.to_string())
        } else {
            self.node(line, bodies)
        }
    }

    /// `@1 = ("name","kind",[("attribute","value")]) in @0`
    fn scope(&mut self, line: &str) -> Result<(), String> {
        let shape = "expected `@NUMBER = (NAME,KIND,ATTRIBUTES) in @PARENT`";
        let (number, rest) = line.split_once(" = ").ok_or(shape)?;
        let (maker, parent) = rest.rsplit_once(" in ").ok_or(shape)?;
        let next = self.graph.scopes.len();
        if numbered(number, '@') != Some(next) {
            return Err(format!("expected scope @{next}, received {number}"));
        }
        let parent = numbered(parent, '@')
            .filter(|&p| p < next)
            .ok_or_else(|| format!("{parent} is no scope above this one"))?;
        let (name, kind, attributes) = ron::from_str(maker).map_err(|e| format!("scope: {e}"))?;
        let depth = parent.checked_sub(1).map_or(1, |p| self.depths[p] + 1);
        if next >= SCOPES || depth > SCOPE_DEPTH {
            return Err(format!("more than {SCOPES} scopes, or more than {SCOPE_DEPTH} within each other"));
        }
        self.depths.push(depth);
        self.graph.push_scope(Scope { parent: Some(ScopeId(parent as u32)), name, kind, attributes });
        Ok(())
    }

    /// `%2: f32[batch, 1] = MatMul(transpose_a:false,transpose_b:false) %0 %1 @1`
    fn node(&mut self, line: &str, bodies: &HashMap<&str, Body>) -> Result<(), String> {
        let shape = "expected `%NUMBER: TYPE = PRIMITIVE %OPERAND… @SCOPE`";
        let (number, rest) = line.split_once(": ").ok_or(shape)?;
        let (ty, mut op) = rest.split_once(" = ").ok_or(shape)?;
        let next = self.graph.nodes.len();
        if numbered(number, '%') != Some(next) {
            return Err(format!("expected node %{next}, received {number}"));
        }
        // Operands and scope stand at the end, after what may hold any text within quotes.
        let (mut scope, mut inputs) = (None, Vec::new());
        while let Some((before, word)) = op.rsplit_once(' ') {
            if let Some(id) = numbered(word, '%') {
                inputs.push(NodeId(
                    u32::try_from(id).map_err(|_| format!("{word} is no node above this one"))?,
                ));
            } else if let (Some(id), None, true) = (numbered(word, '@'), scope, inputs.is_empty()) {
                let known = Some(id).filter(|&id| id < self.graph.scopes.len());
                scope =
                    Some(ScopeId(known.ok_or_else(|| format!("{word} is no scope above this node"))? as u32));
            } else {
                break;
            }
            op = before;
        }
        inputs.reverse();
        let op = match op.strip_prefix("Scan(") {
            Some(_) => self.scan(&op["Scan".len()..], bodies)?,
            None => ron::from_str(op).map_err(|e| format!("primitive: {e}"))?,
        };
        if next + self.within >= NODES {
            return Err(format!("more than {NODES} nodes"));
        }
        let id = self.graph.push(op, inputs, scope.unwrap_or_default()).map_err(|e| e.to_string())?;
        let inferred = self.graph.node(id).ty.to_string();
        if inferred != ty {
            return Err(format!("{id} is {inferred}, not {ty}"));
        }
        Ok(())
    }

    fn scan(&mut self, text: &str, bodies: &HashMap<&str, Body>) -> Result<Op, String> {
        let ScanText { body, carries, slices, length, reverse } =
            ron::from_str(text).map_err(|e| format!("scan: {e}"))?;
        let found = bodies.get(body.as_str()).ok_or_else(|| format!("no graph `{body}` stands above"))?;
        // Counted before it is copied, so that bodies of bodies cannot multiply.
        self.within = self.within.saturating_add(found.within).saturating_add(found.graph.nodes.len());
        self.depth = self.depth.max(found.depth + 1);
        if self.within > NODES || self.depth > SCAN_DEPTH {
            return Err(format!("more than {NODES} nodes, or scans more than {SCAN_DEPTH} deep"));
        }
        Ok(Op::Scan(Arc::new(Scan { body: found.graph.clone(), carries, slices, length, reverse })))
    }

    fn known(&self, id: &str) -> Result<NodeId, String> {
        let known = numbered(id, '%').filter(|&id| id < self.graph.nodes.len());
        known.map(|id| NodeId(id as u32)).ok_or_else(|| format!("{id} is no node above this line"))
    }
}

/// The number after a mark, in digits alone.
fn numbered(word: &str, mark: char) -> Option<usize> {
    let digits = word.strip_prefix(mark)?;
    if digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}
