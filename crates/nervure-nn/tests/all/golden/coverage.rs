//! Whether every word, and every setting of it, is held against Keras, or by another test that is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nervure_nn::Layer;
use nervure_nn::activations::Activation;
use nervure_nn::constraints::Constraint;
use nervure_nn::initializers::Initializer;
use nervure_nn::losses::Loss;
use nervure_nn::metrics::Metric;
use nervure_nn::optimizers::Optimizer;
use nervure_nn::regularizers::Regularizer;
use nervure_nn::schedules::Schedule;
use nervure_nn::word::{Family, Object, Setting};
use serde_json::Value;

use super::elsewhere::{self, Elsewhere};
use super::{Cases, files, read};

/// A word, and what shows that it is right.
pub struct Covered {
    pub kind: &'static str,
    pub aliases: &'static [&'static str],
    pub documentation: &'static str,
    pub settings: Vec<Setting>,
    /// Golden files with the number of their cases.
    pub golden: BTreeMap<String, usize>,
    /// Settings that have another value than their default in some case.
    varied: BTreeSet<String>,
    pub elsewhere: Vec<&'static Elsewhere>,
}

/// A family, under the name of its golden files.
pub struct Words {
    pub family: &'static str,
    /// Cases that each word has to have.
    least: usize,
    pub words: Vec<Covered>,
}

/// Every family with golden files.
pub fn all() -> Vec<Words> {
    use elsewhere::*;
    let layers = [CORE, CONVOLUTION, NORMALIZATION, RECURRENT, ATTENTION, PREPROCESSING];
    vec![
        words_of::<dyn Layer>("layers", [files("layers"), files("host")].concat(), 3, &layers),
        words::<dyn Activation>("activations", 1, &[ACTIVATIONS]),
        words::<dyn Initializer>("initializers", 1, &[INITIALIZERS]),
        words::<dyn Regularizer>("regularizers", 1, &[REGULARIZERS]),
        words::<dyn Constraint>("constraints", 1, &[CONSTRAINTS]),
        words::<dyn Loss>("losses", 1, &[LOSSES]),
        words::<dyn Metric>("metrics", 1, &[METRICS]),
        words::<dyn Optimizer>("optimizers", 1, &[OPTIMIZERS]),
        words::<dyn Schedule>("schedules", 1, &[SCHEDULES]),
    ]
}

fn words<F: Family + ?Sized>(
    family: &'static str,
    least: usize,
    elsewhere: &[&'static [Elsewhere]],
) -> Words {
    words_of::<F>(family, files(family), least, elsewhere)
}

fn words_of<F: Family + ?Sized>(
    family: &'static str,
    files: Vec<String>,
    least: usize,
    elsewhere: &[&'static [Elsewhere]],
) -> Words {
    let entries = F::registry().builtin();
    let covered = entries.iter().map(|e| Covered {
        kind: e.kind,
        aliases: e.aliases,
        documentation: e.documentation,
        settings: (e.settings)(),
        golden: BTreeMap::new(),
        varied: BTreeSet::new(),
        elsewhere: elsewhere.iter().copied().flatten().filter(|e2| e2.words.contains(&e.kind)).collect(),
    });
    let mut words: Vec<Covered> = covered.collect();
    for e in elsewhere.iter().copied().flatten() {
        for word in e.words {
            assert!(words.iter().any(|w| w.kind == *word), "elsewhere: {family} has no {word}");
        }
    }
    for file in files {
        for case in read::<Cases<Value>>(&file).cases {
            let chain = case["layers"].as_array().cloned().unwrap_or_else(|| vec![case]);
            let mut met = BTreeSet::new();
            for applied in chain {
                let name = applied["class_name"].as_str().unwrap();
                let word = Object::<F>::from_config(name, applied["config"].clone())
                    .unwrap_or_else(|e| panic!("{file}: {e}"));
                let w = words.iter_mut().find(|w| w.kind == word.kind()).unwrap();
                if met.insert(w.kind) {
                    *w.golden.entry(file.clone()).or_default() += 1;
                }
                let config = word.config();
                let other = |s: &&Setting| s.default.as_ref() != Some(&config[&s.name]);
                w.varied.extend(w.settings.iter().filter(other).map(|s| s.name.clone()));
            }
        }
    }
    words.sort_by_key(|w| w.kind);
    Words { family, least, words }
}

#[test]
fn every_word_and_setting_is_tested() {
    let mut wrong = Vec::new();
    for Words { family, least, words } in all() {
        for w in words {
            let of = |setting: &str| w.elsewhere.iter().any(|e| e.settings.contains(&setting));
            let whole = w.elsewhere.iter().any(|e| e.settings.is_empty());
            let count: usize = w.golden.values().sum();
            match (whole, count) {
                (true, 0) => continue,
                (true, n) => {
                    wrong.push(format!("{} is said to be without golden cases, but has {n}", w.kind))
                }
                (false, n) if n < least => {
                    wrong.push(format!(
                        "{} has {n} golden cases in {family}, expected {least} or more",
                        w.kind
                    ));
                }
                (false, _) => {}
            }
            for s in w.settings.iter().filter(|s| !s.fixed) {
                match (of(&s.name), w.varied.contains(&s.name)) {
                    (false, false) => {
                        wrong.push(format!("{}: `{}` has its default in every golden case", w.kind, s.name));
                    }
                    (true, true) => wrong.push(format!(
                        "{}: `{}` is said to be without golden cases, but has one",
                        w.kind, s.name
                    )),
                    (true, false) | (false, true) => {}
                }
            }
            for e in &w.elsewhere {
                let unknown = e.settings.iter().filter(|name| w.settings.iter().all(|s| s.name != **name));
                wrong.extend(unknown.map(|name| format!("elsewhere: {} has no setting `{name}`", w.kind)));
                if !exists(e.test) {
                    wrong.push(format!("elsewhere: there is no test {}", e.test));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a test `module::name` stands under `tests/all`.
fn exists(test: &str) -> bool {
    let Some((module, name)) = test.rsplit_once("::") else { return false };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all").join(module.replace("::", "/"));
    let text = std::fs::read_to_string(path.with_extension("rs")).unwrap_or_default();
    text.contains(&format!("#[test]\nfn {name}()"))
}
