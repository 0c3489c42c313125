//! Layers that begin on the host: numbers of texts and keys, and what they learn from data.

use nervure_nn::layers::{Discretization, IntegerLookup, StringLookup, TextVectorization};
use nervure_nn::word::Object;
use nervure_nn::{Buffer, IntoValues, Layer, Seed, Sequential, Texts, Values};
use serde::Deserialize;
use serde_json::Value;

use super::{Cases, agree, read};
use crate::trial::array;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    class_name: String,
    config: Value,
    /// Data to learn from, with the vocabulary that follows.
    adapt: Option<Held>,
    vocabulary: Option<Value>,
    bin_boundaries: Option<Vec<f64>>,
    input: Held,
    output: Held,
}

/// Numbers or texts.
#[derive(Deserialize)]
struct Held {
    dtype: String,
    shape: Vec<usize>,
    values: Vec<Value>,
}

impl Held {
    fn values(&self) -> Values {
        let numbers = || self.values.iter().map(|v| v.as_i64().unwrap());
        let made = match self.dtype.as_str() {
            "text" => {
                let texts = self.values.iter().map(|v| v.as_str().unwrap().to_string()).collect();
                return Texts::new(&self.shape, texts).unwrap().into_values();
            }
            "i32" => Buffer::from_i32(&self.shape, &numbers().map(|n| n as i32).collect::<Vec<_>>()),
            "i64" => Buffer::from_i64(&self.shape, &numbers().collect::<Vec<_>>()),
            "f32" => {
                let floats: Vec<f32> = self.values.iter().map(|v| v.as_f64().unwrap() as f32).collect();
                Buffer::from_f32(&self.shape, &floats)
            }
            other => panic!("{other}"),
        };
        made.unwrap().into_values()
    }

    fn agree(&self, what: &str, received: &Values) {
        assert_eq!(self.shape, received.shape(), "{what}");
        match received {
            Values::Texts(texts) => assert_eq!(self.values, texts.as_slice(), "{what}"),
            Values::Numbers(numbers) => {
                let expected: Vec<f64> = self.values.iter().map(|v| v.as_f64().unwrap()).collect();
                // Weights are in single precision.
                agree(what, &expected, &array(numbers).to_f64(), 1e-6);
            }
        }
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The layer after it has learnt, and what it learnt.
fn adapted(case: &Case, data: &Held) -> (Object<dyn Layer>, Value) {
    macro_rules! of {
        ($word:ident) => {{
            let word: $word = serde_json::from_value(case.config.clone()).unwrap();
            let word = word.adapt(data.values()).unwrap();
            let vocabulary = serde_json::json!(word.get_vocabulary());
            (word.into(), vocabulary)
        }};
    }
    match case.class_name.as_str() {
        "Discretization" => {
            let word: Discretization = serde_json::from_value(case.config.clone()).unwrap();
            let Values::Numbers(data) = data.values() else { panic!("numbers") };
            let layer: Object<dyn Layer> = word.adapt(Buffer::clone(&data)).unwrap().into();
            let ends = layer.config()["bin_boundaries"].clone();
            (layer, ends)
        }
        "StringLookup" => of!(StringLookup),
        "IntegerLookup" => of!(IntegerLookup),
        "TextVectorization" => of!(TextVectorization),
        other => panic!("{other}"),
    }
}

#[test]
fn layers_on_the_host_give_what_keras_does() {
    for case in read::<Cases<Case>>("host").cases {
        let what = format!("{} {}", case.class_name, case.config);
        let layer: Object<dyn Layer> = match &case.adapt {
            None => Object::from_config(&case.class_name, case.config.clone()).unwrap(),
            Some(data) => {
                let (layer, learnt) = adapted(&case, data);
                match (&case.vocabulary, &case.bin_boundaries) {
                    (Some(vocabulary), None) => assert_eq!(*vocabulary, learnt, "{what}"),
                    // Keras sums the shares of some hundred values in single precision.
                    (None, Some(ends)) => agree(&what, ends, &numbers(&learnt), 1e-5),
                    _ => panic!("{what}"),
                }
                // What is learnt stands in files.
                Object::from_config(layer.kind(), layer.config()).unwrap()
            }
        };
        let input = case.input.values();
        let received = match layer.host() {
            Some(_) => layer.call(input).unwrap_or_else(|e| panic!("{what}: {e}")),
            None => {
                let model = Sequential::new(case.input.shape[1..].to_vec())
                    .add(layer.instance())
                    .build(Seed(1))
                    .unwrap();
                model.predict(input).unwrap().into_values()
            }
        };
        case.output.agree(&what, &received);
    }
}
