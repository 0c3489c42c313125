//! A classifier of texts by their words: to which section of Debian a package belongs, from its one-line description.
//!
//! `apt-cache dumpavail | cargo run --release --example text [SEED]`

use std::collections::BTreeSet;

use ndarray::Array1;
use nervure::nn::initializers::Stream;
use nervure::prelude::*;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SECTIONS: [&str; 8] = ["fonts", "games", "graphics", "java", "net", "science", "sound", "text"];
/// Words of a text that are read.
const LENGTH: usize = 16;
/// Words that are told apart, the most frequent ones, with what stands for no word and for another one.
const WORDS: usize = 4002;

pub(crate) fn main() -> Result<()> {
    let seed = std::env::args().nth(1).map_or(Ok(42), |seed| seed.parse())?;
    let texts = descriptions(&std::io::read_to_string(std::io::stdin())?);
    if texts.len() < 1000 {
        return Err(format!("{} descriptions; give `apt-cache dumpavail` as input", texts.len()).into());
    }
    // Every fifth is kept for the test.
    let part =
        |test: bool| texts.iter().enumerate().filter(move |(i, _)| (i % 5 == 0) == test).map(|(_, t)| t);
    let (train, test): (Vec<_>, Vec<_>) = (part(false).cloned().collect(), part(true).cloned().collect());
    let accuracy = learn(&train, &test, SECTIONS.len(), 8, seed)?;
    let mut counts = [0usize; SECTIONS.len()];
    test.iter().for_each(|(_, section)| counts[*section] += 1);
    let majority = *counts.iter().max().unwrap_or(&0) as f64 / test.len() as f64;
    println!("{} texts to learn from, {} to test", train.len(), test.len());
    println!("test accuracy {accuracy:.4}, the most frequent section {majority:.4}");
    if accuracy < 0.8 {
        return Err(format!("accuracy {accuracy}, expected at least 0.8").into());
    }
    Ok(())
}

/// Trains for so many epochs on texts and their classes; the share of the test that is told right.
pub(crate) fn learn(
    train: &[(String, usize)],
    test: &[(String, usize)],
    classes: usize,
    epochs: usize,
    seed: u64,
) -> Result<f64> {
    let texts = |of: &[(String, usize)]| Array1::from_iter(of.iter().map(|(text, _)| spaced(text)));
    let set = |of: &[(String, usize)]| {
        Dataset::new(texts(of), Array1::from_iter(of.iter().map(|(_, class)| *class as i32)))
    };
    let words = TextVectorization::new().max_tokens(WORDS).output_sequence_length(LENGTH);
    let words = words.adapt(texts(train))?;
    let x = text_input("description", [1]);
    let h = Embedding::new(words.vocabulary_size(), 32).mask_zero(true).on(&words.on(&x));
    let h = Dropout::new(0.5).on(&GlobalAveragePooling1D::new().on(&h));
    let y = Dense::new(classes).activation(Softmax).on(&h);
    let mut model = Model::new(&x, &y).build(Seed(seed))?;
    let optimizer = Adam::new().learning_rate(0.01);
    let training = Training::new(SparseCategoricalCrossentropy::new(), optimizer).metrics([Accuracy]);
    model.fit(&set(train), Fit::from_training(training.clone()).epochs(epochs).batch_size(64))?;
    Ok(model.evaluate(&set(test), &training, 256)?.get("accuracy").unwrap_or(0.0))
}

/// With a space for all that is no letter and no digit: words that a hyphen joins are two.
fn spaced(text: &str) -> String {
    text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ")
}

/// Descriptions of packages, each once, with the number of their section, in an order without pattern.
fn descriptions(packages: &str) -> Vec<(String, usize)> {
    let mut known = BTreeSet::new();
    for package in packages.split("\n\n") {
        let field = |name: &str| {
            package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim))
        };
        let section = field("Section").and_then(|name| SECTIONS.iter().position(|s| *s == name));
        if let (Some(section), Some(text)) = (section, field("Description")) {
            known.insert((text.to_string(), section));
        }
    }
    let texts: Vec<(String, usize)> = known.into_iter().collect();
    let order = Stream::new(1, "texts").permutation(texts.len());
    order.into_iter().map(|i| texts[i as usize].clone()).collect()
}
