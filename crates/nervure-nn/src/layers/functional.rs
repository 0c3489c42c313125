use nervure_graph::{DType, Type};

use crate::activations::Tanh;
use crate::layers::{Dense, Layer};
pub use crate::network::Network as Functional;
use crate::network::{batch, input};
use crate::settings::{Setting, Settings};
use crate::word::{Sample, Samples};

impl Settings for Functional {
    const DOCUMENTATION: &'static str =
        "A network as a layer of another: a [`Network`](crate::Network), whose layers are its own.";

    fn settings() -> Vec<Setting> {
        let setting = |name: &str, documentation: &str| Setting {
            name: name.into(),
            documentation: documentation.into(),
            default: None,
            fixed: false,
        };
        vec![
            setting("inputs", "The inputs: names, types, and shapes without the rows."),
            setting("layers", "The layers with their names."),
            setting("calls", "What each layer is applied to, calls before those that use them."),
            setting("outputs", "The names of the outputs, and where they come from."),
        ]
    }
}

impl Samples<dyn Layer> for Functional {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = input("x", [3]);
        let twice = Dense::new(3).activation(Tanh).named("twice");
        let y = twice.on(&twice.on(&x));
        let network = Functional::new(&x, &(&y + &x)).expect("the layers fit");
        vec![Sample::new(network, [Type::new(DType::F32, [batch(), 3.into()])])]
    }
}
