#![expect(clippy::result_large_err, reason = "the error is the one that files have everywhere")]

use std::fmt::Display;
use std::path::Path;

use nervure_artifact::{Artifact, Error, Examples, Metadata, OptimizerState, Parts, Result};
use nervure_exec::{Buffer, Store};
use nervure_graph::{Bindings, DType, Graph, NodeId};
use nervure_nn::initializers::Stream;
use nervure_nn::network::BATCH;
use nervure_nn::{Dataset, Model, Network, Seed};

/// Models of arrays as `.nervure` files: weights, layers, the optimizer with its state.
///
/// ```
/// use nervure::prelude::*;
///
/// let mut model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1))?;
/// let data = Dataset::new(&ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0]]), &ndarray::arr1(&[1.0, 2.0]));
/// model.fit(&data, Fit::new(MeanSquaredError, Adam::new()).epochs(5))?;
///
/// let path = std::env::temp_dir().join("doc-persist.nervure");
/// model.save(&path)?;
/// let mut again = Model::load(&path)?;
/// // It goes on where it was: another call of `fit` takes up the optimizer's state.
/// again.fit(&data, Fit::new(MeanSquaredError, Adam::new()))?;
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Layers on the host are kept with the others, so that what takes texts takes them again:
///
/// ```
/// use nervure::prelude::*;
///
/// let words = TextVectorization::new().adapt(["a fine day", "it rains"])?;
/// let tokens = words.vocabulary_size();
/// let chain = Sequential::from_input(text_input("text", [1])).add(words);
/// let model = chain.add(Embedding::new(tokens, 4)).add(GlobalMaxPooling1D::new()).build(Seed(1))?;
/// let path = std::env::temp_dir().join("doc-persist-text.nervure");
/// model.save(&path)?;
/// let texts = ["a day", "rains it, it rains"];
/// assert_eq!(Model::load(&path)?.predict(texts)?.as_f32(), model.predict(texts)?.as_f32());
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The file's own graph, which [`Artifact::run`] answers from, begins behind them: its inputs are numbers, named `text/text_vectorization`.
///
/// Layers and optimizers of the program's own are read if their registry has them: see [`Registry::add`](nervure_nn::word::Registry::add).
pub trait Persist: Sized {
    /// Writes the file, whole or not at all. It records the answers to a few rows, made up from the inputs' types (sizes that are free
    /// are taken as 32), with which a load proves itself.
    ///
    /// # Errors
    /// Those of the system, and a network that does not answer to such rows; a file that was there stays as it was.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.artifact()?.save(path)
    }

    /// What [`save`](Persist::save) writes.
    ///
    /// # Errors
    /// A network that does not answer to such rows.
    fn artifact(&self) -> Result<Artifact>;

    /// Reads a file, also one of `nervure train`, whose inputs are then the encoded columns.
    ///
    /// # Errors
    /// As [`Artifact::load`]; layers that this program does not know, or that do not compute what the file's graph does.
    fn load(path: impl AsRef<Path>) -> Result<Self>;
}

impl Persist for Model {
    fn artifact(&self) -> Result<Artifact> {
        let json = |value: serde_json::Result<_>| value.map_err(|e| Error::Parts(e.to_string()));
        let (mut weights, mut state) = (Store::new(), Store::new());
        for (name, value) in self.state().iter() {
            let of = if self.weight(name).is_some() { &mut weights } else { &mut state };
            of.insert(name, value.clone());
        }
        let config = json(serde_json::to_value(self.optimizer()))?;
        Artifact::new(Parts {
            metadata: Metadata::new(concat!("nervure ", env!("CARGO_PKG_VERSION")), None),
            graph: self.graph().clone(),
            layers: json(serde_json::to_value(self.network()))?,
            weights,
            schema: None,
            sketch: None,
            examples: Examples::Arrays(examples(self.graph())?),
            optimizer: Some(OptimizerState { config, state }),
        })
    }

    fn load(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let broken = |member: &str, reason: &dyn Display| Error::Member {
            file: path.display().to_string(),
            member: member.into(),
            reason: reason.to_string(),
        };
        let artifact = Artifact::load(path)?;
        let layers = |e: &dyn Display| broken("layers.json", e);
        let network: Network = serde_json::from_value(artifact.layers().clone()).map_err(|e| layers(&e))?;
        let mut model = network.build(Seed(0)).map_err(|e| layers(&e))?;

        let mut state = model.state().clone();
        let mut optimizer = None;
        if let Some(saved) = artifact.optimizer() {
            saved.state.iter().for_each(|(name, value)| drop(state.insert(name, value.clone())));
            optimizer =
                serde_json::from_value(saved.config.clone()).map_err(|e| broken("optimizer.json", &e))?;
        }
        for (name, value) in artifact.network().weights().iter() {
            state.insert(name, value.clone());
        }
        model.set_state(state, optimizer).map_err(|e| layers(&e))?;

        let inputs = examples(model.graph())?;
        let named: Vec<(&str, Buffer)> = inputs.iter().map(|(name, b)| (name.as_str(), b.clone())).collect();
        let expected = artifact.run(&named)?;
        let rows = inputs.into_iter().fold(Dataset::default(), |rows, (name, b)| rows.input(&name, b));
        let received = model.predict_encoded(&rows).map_err(|e| layers(&e))?;
        if expected.len() != received.len() || !expected.iter().zip(&received).all(|(e, r)| agree(e, r)) {
            return Err(layers(&"they do not compute what the graph does"));
        }
        Ok(model)
    }
}

/// Rows for each input.
const ROWS: usize = 4;
/// What symbols other than the batch stand for.
const FREE: usize = 32;

/// What the graph takes, behind layers on the host: numbers in [0, 1) for floats, and 0 for whole numbers, an index that every axis has.
fn examples(graph: &Graph) -> Result<Vec<(String, Buffer)>> {
    let array = |&id: &NodeId| {
        let (name, ty) = (graph.name(id), &graph.node(id).ty);
        let mut symbols = Vec::new();
        ty.shape.iter().for_each(|d| d.symbols(&mut symbols));
        let size = |symbol: &String| if symbol == BATCH { ROWS } else { FREE };
        let bindings: Bindings = symbols.iter().map(|s| (s.clone(), size(s))).collect();
        let mut buffer = Buffer::try_zeros(ty.dtype, &ty.resolve(&bindings)?)?;
        if ty.dtype == DType::F32 {
            let mut random = Stream::new(0, name);
            buffer.as_f32_mut().into_iter().flatten().for_each(|x| *x = random.uniform() as f32);
        }
        Ok((name.to_string(), buffer))
    };
    graph.inputs().iter().map(array).collect()
}

/// Whether two answers are the same but for the order of sums, which another release may have.
fn agree(a: &Buffer, b: &Buffer) -> bool {
    let near =
        |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * a.abs().max(1.0) || a.is_nan() && b.is_nan() || a == b;
    match (a.as_f32(), b.as_f32()) {
        (Some(x), Some(y)) => a.shape() == b.shape() && x.iter().zip(y).all(near),
        _ => a == b,
    }
}
