//! A trained model as it is saved, loaded and asked.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use nervure_data::{Encoded, Schema, Sketch, Table};
use nervure_exec::{Buffer, Store, Threads};
use nervure_graph::{DType, Graph};
use serde_json::Value;

use crate::container::{Archive, Writer};
use crate::error::{Error, Result};
use crate::examples::{self, Examples};
use crate::inference::Inference;
use crate::metadata::{FORMAT, Metadata, Version};
use crate::predictions::Predictions;
use crate::tensors;

/// The graph's input that takes [`Encoded::dense`], `f32[rows, columns]`.
pub const FEATURES: &str = "features";

/// The graph's input that takes the indices of an embedded column, `i32[rows]`.
pub fn index_input(column: &str) -> String {
    format!("index/{column}")
}

const KIND: &str = ".nervure model";
const METADATA: &str = "metadata.json";
const GRAPH: &str = "graph.txt";
const LAYERS: &str = "layers.json";
const WEIGHTS: &str = "weights.safetensors";
const SCHEMA: &str = "schema.json";
const SKETCH: &str = "sketch.json";
const OPTIMIZER: &str = "optimizer.json";
const OPTIMIZER_STATE: &str = "optimizer.safetensors";
const MEMBERS: [&str; 8] = [METADATA, GRAPH, LAYERS, WEIGHTS, SCHEMA, SKETCH, OPTIMIZER, OPTIMIZER_STATE];

/// A trained model with all that its answers need.
///
/// ```
/// use nervure_artifact::{Artifact, Examples, Metadata, Parts};
/// use nervure_exec::{Buffer, Store};
/// use nervure_graph::{Builder, DType, Dim};
///
/// let g = Builder::new();
/// let x = g.input("x", DType::F32, [Dim::symbol("batch"), 2.into()]);
/// g.output("y", x.matmul(g.parameter("w", DType::F32, [2.into(), 1.into()])));
/// let mut weights = Store::new();
/// weights.insert("w", Buffer::from_f32(&[2, 1], &[2.0, 3.0])?);
/// let examples = vec![("x".to_owned(), Buffer::from_f32(&[1, 2], &[1.0, 1.0])?)];
///
/// let artifact = Artifact::new(Parts {
///     metadata: Metadata::new("an example", None),
///     graph: g.finish()?,
///     layers: serde_json::Value::Null,
///     weights,
///     schema: None,
///     sketch: None,
///     examples: Examples::Arrays(examples),
///     optimizer: None,
/// })?;
/// let path = std::env::temp_dir().join("doc-example.nervure");
/// artifact.save(&path)?;
/// let y = Artifact::load(&path)?.run(&[("x", Buffer::from_f32(&[1, 2], &[1.0, 10.0])?)])?;
/// assert_eq!(y[0].as_f32(), Some(&[32.0][..]));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Artifact {
    metadata: Metadata,
    network: Inference,
    layers: Value,
    schema: Option<Schema>,
    sketch: Option<Sketch>,
    examples: Examples,
    expected: Vec<(String, Buffer)>,
    optimizer: Option<OptimizerState>,
}

/// What an artifact is made of.
#[derive(Debug)]
pub struct Parts {
    /// What is known about it.
    pub metadata: Metadata,
    /// The graph that predicts. With a schema its inputs are [`FEATURES`] and an [`index_input`] for each embedded column, its outputs
    /// those of [`Schema::outputs`], in order.
    pub graph: Graph,
    /// The layers as the trainer knows them: kept as they are.
    pub layers: Value,
    /// The weights by path, those of the graph's parameters among them.
    pub weights: Store,
    /// The raw columns with their preprocessing; none where data are tensors.
    pub schema: Option<Schema>,
    /// A sketch of the training data.
    pub sketch: Option<Sketch>,
    /// Inputs to record with what the network answers to them; at least one row.
    pub examples: Examples,
    /// The optimizer, to go on training.
    pub optimizer: Option<OptimizerState>,
}

/// An optimizer as the trainer knows it, with its state by name.
#[derive(Debug, Clone)]
pub struct OptimizerState {
    /// Its name and settings.
    pub config: Value,
    /// Its state.
    pub state: Store,
}

impl Artifact {
    /// Puts the parts together and records the answers to the examples.
    ///
    /// # Errors
    /// Parts that do not fit one another, or examples that the network does not take.
    pub fn new(parts: Parts) -> Result<Artifact> {
        let mut artifact = Artifact::unproven(parts)?;
        let outputs = artifact.network.run(&artifact.recorded()?)?;
        if outputs.iter().any(|o| o.is_empty()) {
            return Err(Error::Parts("an artifact needs at least one example".into()));
        }
        let names = artifact.network.outputs().map(|(name, _)| name.to_owned());
        artifact.expected = names.zip(outputs).collect();
        Ok(artifact)
    }

    /// Reads a file and proves that it computes here what it computed where it was made.
    ///
    /// # Errors
    /// One sentence naming file and member for a file that is none, was truncated or altered, is of a later version, or computes
    /// something else than is recorded.
    pub fn load(path: impl AsRef<Path>) -> Result<Artifact> {
        Artifact::read(&Archive::open(path.as_ref(), KIND)?)
    }

    /// Reads the bytes of a file, which messages call `name`.
    ///
    /// # Errors
    /// As [`Artifact::load`].
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Artifact> {
        Artifact::read(&Archive::new(name.into(), bytes, KIND)?)
    }

    /// Writes the file, whole or not at all. Equal artifacts are equal bytes.
    ///
    /// # Errors
    /// Those of the system; a file that was there stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.members()?.save(path.as_ref())
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// Contents that have no place in a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.members()?.into_bytes()
    }

    /// Runs on these threads instead of the caller's alone. The answers are the same bits.
    pub fn with_threads(mut self, threads: Arc<Threads>) -> Artifact {
        self.network.set_threads(threads);
        self
    }

    /// What is known about the model.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Says what is known about the model.
    pub fn set_metadata(&mut self, metadata: Metadata) {
        self.metadata = metadata;
    }

    /// The network that predicts.
    pub fn network(&self) -> &Inference {
        &self.network
    }

    /// The layers as the trainer knows them.
    pub fn layers(&self) -> &Value {
        &self.layers
    }

    /// The raw columns; none where data are tensors.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// The sketch of the training data.
    pub fn sketch(&self) -> Option<&Sketch> {
        self.sketch.as_ref()
    }

    /// The recorded inputs.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// The optimizer with its state.
    pub fn optimizer(&self) -> Option<&OptimizerState> {
        self.optimizer.as_ref()
    }

    /// The answers to raw rows.
    ///
    /// # Errors
    /// A model without a schema; a column that is needed and absent; a cell that cannot be read, naming its place.
    pub fn predict(&self, table: &Table) -> Result<Predictions> {
        self.predict_encoded(&self.need_schema()?.encode(table)?)
    }

    /// The answers to rows that the schema has encoded.
    ///
    /// # Errors
    /// A model without a schema; rows of another schema.
    pub fn predict_encoded(&self, rows: &Encoded) -> Result<Predictions> {
        Predictions::new(self.need_schema()?, &self.network.run(&self.encoded(rows)?)?)
    }

    /// The network's own outputs for arrays by the inputs' names.
    ///
    /// # Errors
    /// An input that is absent, and arrays that the network does not take.
    pub fn run(&self, inputs: &[(&str, Buffer)]) -> Result<Vec<Buffer>> {
        self.network.run(&self.named(inputs)?)
    }

    /// Bytes that the answers to so many rows take beside the weights, on so many threads. Other axes that the network leaves open are as long as in the
    /// recorded examples; a network whose inputs do not begin with rows takes what its examples take.
    ///
    /// # Errors
    /// Rows that no memory holds.
    pub fn memory(&self, rows: usize, threads: usize) -> Result<usize> {
        self.network.memory(&self.recorded()?, rows, threads)
    }

    /// Arrays by name, in the graph's order.
    fn named(&self, inputs: &[(&str, Buffer)]) -> Result<Vec<Buffer>> {
        let find = |(name, ty): (&str, &nervure_graph::Type)| {
            let found = inputs.iter().find(|(n, _)| *n == name).map(|(_, b)| b.clone());
            let (input, expected) = (name.to_owned(), ty.to_string());
            found.ok_or_else(|| Error::Input { input, expected, received: "nothing".into() })
        };
        self.network.inputs().map(find).collect()
    }

    /// Encoded rows, in the graph's order.
    fn encoded(&self, rows: &Encoded) -> Result<Vec<Buffer>> {
        let input = |(name, ty): (&str, &nervure_graph::Type)| {
            if name == FEATURES {
                let dense = rows.dense.as_standard_layout();
                let elements = dense.as_slice().expect("the standard layout is contiguous");
                return Ok(Buffer::from_f32(dense.shape(), elements)?);
            }
            match rows.indices.iter().find(|i| index_input(&i.name) == name) {
                Some(index) => Ok(Buffer::from_i32(&[index.values.len()], &index.values.to_vec())?),
                None => Err(Error::Input {
                    input: name.into(),
                    expected: ty.to_string(),
                    received: "rows of another schema".into(),
                }),
            }
        };
        self.network.inputs().map(input).collect()
    }

    fn need_schema(&self) -> Result<&Schema> {
        self.schema.as_ref().ok_or(Error::NoSchema)
    }

    /// The recorded inputs as arrays, in the graph's order.
    ///
    /// # Errors
    /// None for a model that was loaded.
    pub fn recorded(&self) -> Result<Vec<Buffer>> {
        match &self.examples {
            Examples::Rows(table) => self.encoded(&self.need_schema()?.encode(table)?),
            Examples::Arrays(arrays) => {
                let named: Vec<(&str, Buffer)> =
                    arrays.iter().map(|(name, b)| (name.as_str(), b.clone())).collect();
                self.named(&named)
            }
        }
    }

    fn unproven(parts: Parts) -> Result<Artifact> {
        let Parts { metadata, graph, layers, weights, schema, sketch, examples, optimizer } = parts;
        let network = Inference::new(graph, weights);
        check_parameters(&network)?;
        if let Some(schema) = &schema {
            check_schema(&network, schema)?;
        }
        Ok(Artifact { metadata, network, layers, schema, sketch, examples, expected: Vec::new(), optimizer })
    }

    fn read(reader: &Archive) -> Result<Artifact> {
        let Version { format } = reader.json(METADATA)?;
        if format > FORMAT {
            return Err(Error::LaterVersion { file: reader.file().into(), version: format, newest: FORMAT });
        }
        if format == 0 {
            return Err(Error::member(reader.file(), METADATA, "version 0 was never written"));
        }
        reader.only(&[&MEMBERS[..], &examples::MEMBERS[..]].concat())?;
        let graph = Graph::parse(reader.text(GRAPH)?).map_err(|e| Error::member(reader.file(), GRAPH, e))?;
        let optimizer = match reader.json_if(OPTIMIZER)? {
            Some(config) => {
                let state = tensors::read(reader, OPTIMIZER_STATE)?.into_iter();
                Some(OptimizerState { config, state: store(state) })
            }
            None => None,
        };
        let artifact = Artifact::unproven(Parts {
            metadata: reader.json(METADATA)?,
            graph,
            layers: reader.json(LAYERS)?,
            weights: store(tensors::read(reader, WEIGHTS)?),
            schema: reader.json_if(SCHEMA)?,
            sketch: reader.json_if(SKETCH)?,
            examples: Examples::read(reader)?,
            optimizer,
        });
        // What the parts lack is told with the file's name.
        let mut artifact = artifact.map_err(|e| Error::member(reader.file(), GRAPH, e))?;
        artifact.expected = examples::read_expected(reader)?;
        let replay = || {
            let inputs = artifact.recorded()?;
            artifact.network.bound(&inputs)?;
            artifact.network.run(&inputs)
        };
        let replayed = replay().map_err(|e| Error::member(reader.file(), "examples", e))?;
        examples::compare(reader.file(), &artifact.network, &artifact.expected, &replayed)?;
        Ok(artifact)
    }

    fn members(&self) -> Result<Writer> {
        let mut to = Writer::default();
        to.add_json(METADATA, &self.metadata)?;
        to.add(GRAPH, self.network.graph().to_string().into_bytes());
        to.add_json(LAYERS, &self.layers)?;
        to.add(WEIGHTS, tensors::write(self.network.weights().iter())?);
        if let Some(schema) = &self.schema {
            to.add_json(SCHEMA, schema)?;
        }
        if let Some(sketch) = &self.sketch {
            to.add_json(SKETCH, sketch)?;
        }
        self.examples.write(&self.expected, &mut to)?;
        if let Some(optimizer) = &self.optimizer {
            to.add_json(OPTIMIZER, &optimizer.config)?;
            to.add(OPTIMIZER_STATE, tensors::write(optimizer.state.iter())?);
        }
        Ok(to)
    }
}

fn store(arrays: impl IntoIterator<Item = (String, Buffer)>) -> Store {
    let mut store = Store::new();
    for (name, buffer) in arrays {
        store.insert(name, buffer);
    }
    store
}

/// Whether the weights are those of the graph's parameters.
fn check_parameters(network: &Inference) -> Result<()> {
    for (name, id) in network.graph().parameters() {
        let ty = &network.graph().node(id).ty;
        let found = network.weights().get(name);
        let fits = |b: &Buffer| {
            let shape: Option<Vec<usize>> = ty.shape.iter().map(|d| d.as_const()).collect();
            b.dtype() == ty.dtype && shape.as_deref() == Some(b.shape())
        };
        if !found.is_some_and(fits) {
            let received = found.map_or("nothing".into(), |b| format!("{}{:?}", b.dtype(), b.shape()));
            return Err(Error::Parts(format!("weight `{name}`: expected {ty}, received {received}")));
        }
    }
    Ok(())
}

/// Whether the graph takes what the schema encodes and answers what it predicts.
fn check_schema(network: &Inference, schema: &Schema) -> Result<()> {
    let mut open: BTreeSet<String> = schema.index_columns().iter().map(|(n, _)| index_input(n)).collect();
    if schema.dense_width() > 0 {
        open.insert(FEATURES.into());
    }
    for (name, ty) in network.inputs() {
        let dense = name == FEATURES;
        let fits = if dense {
            ty.dtype == DType::F32 && ty.shape.len() == 2 && ty.shape[1].is(schema.dense_width())
        } else {
            ty.dtype == DType::I32 && ty.shape.len() == 1
        };
        let known = open.remove(name) && fits;
        if known && ty.shape[0].as_symbol().is_none() {
            return Err(Error::Parts(format!(
                "input `{name}`: expected any number of rows, as a schema gives them, received {ty}"
            )));
        }
        if !known {
            return Err(Error::Parts(format!(
                "the graph has an input `{name}` ({ty}) that the schema lacks"
            )));
        }
    }
    if let Some(name) = open.first() {
        return Err(Error::Parts(format!("the graph lacks the input `{name}` of the schema")));
    }
    let outputs = schema.outputs();
    if outputs.len() != network.outputs().len() {
        let (expected, received) = (outputs.len(), network.outputs().len());
        return Err(Error::Parts(format!("expected {expected} outputs, received {received}")));
    }
    for (output, (name, ty)) in outputs.iter().zip(network.outputs()) {
        if ty.dtype != DType::F32
            || ty.shape.len() != 2
            || !ty.shape[1].is(output.width)
            || ty.shape[0].as_symbol().is_none()
        {
            let expected = output.width;
            return Err(Error::Parts(format!(
                "output `{name}`: expected f32[rows, {expected}] as the schema's targets need, received {ty}"
            )));
        }
    }
    Ok(())
}
