//! What Keras computes for the same words, settings and weights: `tests/golden/make.py` says how the numbers came about.

use std::path::{Path, PathBuf};

use nervure_graph::{Array, DType, Dim, Type};
use nervure_nn::network::batch;
use serde::Deserialize;
use serde::de::DeserializeOwned;

mod coverage;
mod elsewhere;
mod host;
mod layers;
mod limits;
mod losses;
mod metrics;
mod optimizers;
mod schedules;
mod states;
mod vocabulary;
mod words;

/// Deviation, of the greatest value. Both sides compute in double precision, and the files have thirteen digits.
const BOUND: f64 = 1e-11;

/// Golden files of one family: `layers/core`, `losses`.
fn files(family: &str) -> Vec<String> {
    let file = folder().join(family).with_extension("json");
    if file.exists() {
        return vec![family.into()];
    }
    let entries = std::fs::read_dir(folder().join(family)).unwrap();
    let names = entries.filter_map(|e| {
        let name = e.unwrap().file_name().into_string().unwrap();
        Some(format!("{family}/{}", name.strip_suffix(".json")?))
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = folder().join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A file that is nothing but cases.
#[derive(Deserialize)]
struct Cases<T> {
    cases: Vec<T>,
}

/// Every case of a family.
fn cases<T: DeserializeOwned>(family: &str) -> Vec<T> {
    let all: Vec<T> = files(family).iter().flat_map(|file| read::<Cases<T>>(file).cases).collect();
    assert!(!all.is_empty(), "{family}");
    all
}

#[derive(Deserialize, Clone)]
struct Numbers {
    dtype: String,
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Numbers {
    fn dtype(&self) -> DType {
        DType::from_name(&self.dtype).unwrap()
    }

    fn array(&self) -> Array<f64> {
        Array::of(self.dtype(), &self.shape, &self.values)
    }

    /// Its shape, every size a number.
    fn dims(&self) -> Vec<Dim> {
        self.shape.iter().map(|&n| n.into()).collect()
    }

    /// Its type, the first axis symbolic.
    fn rows(&self) -> Type {
        let rest = self.shape[1..].iter().map(|&n| Dim::from(n));
        Type::new(self.dtype(), [batch()].into_iter().chain(rest).collect::<Vec<_>>())
    }

    fn agree(&self, what: &str, received: &Array<f64>) {
        assert_eq!(self.shape, received.shape(), "{what}");
        agree(what, &self.values, &received.to_f64(), BOUND);
    }
}

fn agree(what: &str, keras: &[f64], received: &[f64], bound: f64) {
    assert_eq!(keras.len(), received.len(), "{what}");
    let scale = keras.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    for (i, (e, r)) in keras.iter().zip(received).enumerate() {
        assert!((e - r).abs() <= bound * scale, "{what}: element {i}: Keras {e}, received {r}");
    }
}

/// cos 0, cos 1, cos 2, …: what outputs are weighted with where one number of them is differentiated.
fn cosines(shape: &[usize]) -> Array<f64> {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| (i as f64).cos()).collect();
    Array::of(DType::F32, shape, &values)
}
