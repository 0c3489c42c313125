//! What every word of the registries has to show: a new one is covered without a new test.

use nervure_exec::{Buffer, Plan, Runner, Store, Threads, View};
use nervure_graph::testing::{Case, check_gradients};
use nervure_graph::{Array, Bindings, Builder, DType, Dim, Graph, Type};
use nervure_nn::activations::Activation;
use nervure_nn::constraints::Constraint;
use nervure_nn::initializers::Initializer;
use nervure_nn::layers::{BatchNormalization, Dropout};
use nervure_nn::losses::Loss;
use nervure_nn::metrics::Metric;
use nervure_nn::network::{BATCH, batch};
use nervure_nn::optimizers::Optimizer;
use nervure_nn::regularizers::Regularizer;
use nervure_nn::schedules::Schedule;
use nervure_nn::word::{Family, Kind, Object};
use nervure_nn::{Error, Layer, Lower};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::trial::{NAME, Trial, array, buffer, dataset, trials};

/// Deviation of a plan, in single precision, from the reference in double: of the greatest value. Sums here have some dozens of terms, each with an
/// error of 2⁻²⁴.
const SINGLE: f64 = 1e-5;

#[test]
fn gradients_of_every_layer_agree_with_finite_differences() {
    for t in trials() {
        for training in [false, true] {
            check_gradients(&t.case(training, 3).unwrap()).unwrap();
        }
    }
}

#[test]
fn gradients_of_every_regularizer_agree_with_finite_differences() {
    for entry in <dyn Regularizer as Family>::registry().builtin() {
        for sample in (entry.samples)() {
            let builder = Builder::new();
            let x = builder.input("x", DType::F32, [2.into(), 3.into()]);
            builder.output("y", sample.word.lower(x));
            let graph = builder.finish().unwrap();
            let x = Array::from_f32(&[2, 3], &[0.5, -1.0, 2.0, -0.3, 1.2, 0.7]);
            let inputs = BTreeMap::from([("x".into(), x)]);
            let case = Case::new(entry.kind, graph, Bindings::new(), inputs, BTreeMap::new());
            check_gradients(&case).unwrap();
        }
    }
}

#[test]
fn plans_of_every_layer_agree_with_the_reference() {
    let threads = Threads::new(2);
    for t in trials() {
        for training in [false, true] {
            let case = t.case(training, 5).unwrap();
            let expected = case.evaluate::<f64>().unwrap();
            let mut store = Store::new();
            for (name, value) in &case.parameters {
                store.insert(name, buffer(value));
            }
            let plan = Plan::compile(&case.graph, &case.bindings, &store).unwrap();
            let mut runner = Runner::new(Arc::new(plan));
            let inputs: Vec<_> = t.operands(5).iter().map(buffer).collect();
            let views: Vec<View<'_>> = inputs.iter().map(|i| i.view()).collect();
            runner.run(&threads, &mut store, &views).unwrap();
            for (i, (name, y)) in expected.outputs().enumerate() {
                let received = numbers(runner.output(i));
                agree(&format!("{} {name}", case.name), &y.to_f64(), received);
            }
            for (name, value) in expected.updates() {
                let received = array(store.get(name).unwrap()).to_f64();
                agree(&format!("{} {name}", case.name), &value.to_f64(), received);
            }
        }
    }
}

fn numbers(view: View<'_>) -> Vec<f64> {
    match view {
        View::F32(v) => v.iter().map(|&v| v.into()).collect(),
        View::I32(v) => v.iter().map(|&v| v.into()).collect(),
        View::I64(v) => v.iter().map(|&v| v as f64).collect(),
        View::U8(v) => v.iter().map(|&v| v.into()).collect(),
        View::Bool(v) => v.iter().map(|&v| u8::from(v).into()).collect(),
    }
}

fn agree(what: &str, expected: &[f64], received: Vec<f64>) {
    assert_eq!(expected.len(), received.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |m, e| m.max(e.abs()));
    for (i, (e, r)) in expected.iter().zip(&received).enumerate() {
        assert!((e - r).abs() <= SINGLE * scale, "{what}: element {i}: expected {e}, received {r}");
    }
}

/// Batch invariance: a row alone, and among any others, gives the same bits.
#[test]
fn rows_of_every_layer_are_the_same_bits_in_any_company() {
    for t in trials() {
        let model = t.model().unwrap();
        let data = dataset(&t.operands(7));
        let bits = |rows: &[usize]| -> Vec<u64> {
            let y = model.predict_all(&data.select(rows).unwrap()).unwrap();
            y.iter().flat_map(|y| array(y).to_f64()).map(f64::to_bits).collect()
        };
        assert!(bits(&[]).is_empty(), "{}: something for no row", t.name);
        let all = bits(&[0, 1, 2, 3, 4, 5, 6]);
        let width = all.len() / 7;
        assert_eq!(
            bits(&[4, 2, 0])[width..2 * width],
            all[2 * width..3 * width],
            "{}: row 2 of three",
            t.name
        );
        for row in 0..7 {
            assert_eq!(bits(&[row]), all[row * width..(row + 1) * width], "{}: row {row} alone", t.name);
        }
    }
}

/// A layer sees what it is given: another rank or type is taken, or refused by an error that names path, expected and received.
#[test]
fn every_layer_takes_or_refuses_other_operands_in_words() {
    let mut refused = 0;
    for t in trials() {
        let ranks =
            (0..5).map(|rank| vec![Type::new(t.inputs[0].dtype, vec![2.into(); rank]); t.inputs.len()]);
        let types = DType::ALL.into_iter().map(|d| vec![Type::new(d, t.inputs[0].shape[1..].to_vec())]);
        let counts = [vec![], vec![t.inputs[0].clone(); 4]].map(|mut types: Vec<Type>| {
            types.iter_mut().for_each(|ty| _ = ty.shape.remove(0));
            types
        });
        // Channels, lengths and sizes of images, of the first input.
        let sizes = [0.into(), 1.into(), 7.into(), Dim::from(1_usize << 40), Dim::symbol("open")];
        let axes = (1..t.inputs[0].shape.len()).flat_map(|axis| sizes.iter().map(move |size| (axis, size)));
        let resized = axes.map(|(axis, size)| {
            let mut types = t.inputs.clone();
            types[0].shape[axis] = size.clone();
            types.iter_mut().for_each(|ty| _ = ty.shape.remove(0));
            types
        });
        for inputs in ranks.chain(types).chain(counts).chain(resized) {
            let with_batch = |ty: &Type| Type::new(ty.dtype, [&[batch()], &ty.shape[..]].concat());
            let inputs: Vec<Type> = inputs.iter().map(with_batch).collect();
            let other = Trial { name: t.name.clone(), layer: t.layer.clone(), inputs };
            match other.graph(false) {
                Ok(_) => {}
                Err(Error::Layer { path, kind, reason, .. }) => {
                    refused += 1;
                    // A layer made of layers may leave it to one of these.
                    let within = path.strip_prefix(NAME).unwrap_or_else(|| panic!("{path}"));
                    assert!(within.starts_with('/') || kind == t.layer.kind(), "{path}: {kind}");
                    let both = reason.contains("expected ") && reason.contains(", received ");
                    assert!(both, "{} of {:?}: {reason}", t.name, other.inputs);
                }
                Err(e) => panic!("{} of {:?}: {e}", t.name, other.inputs),
            }
        }
    }
    assert!(refused > 100, "only {refused} were refused");
}

/// Settings come from files: whatever stands in the place of a number, a name or nothing, a layer is refused in words, or lowers to what can be
/// planned; it never panics, nor makes a graph out of proportion.
#[test]
fn no_value_among_the_settings_of_a_layer_is_fatal() {
    let (mut unread, mut refused, mut planned) = (0, 0, 0);
    for t in trials() {
        let settings = t.layer.config();
        let names = settings.as_object().into_iter().flat_map(|settings| settings.keys());
        for (name, value) in
            names.flat_map(|name| altered(&settings[name]).into_iter().map(move |v| (name, v)))
        {
            let mut config = settings.clone();
            config[name] = value;
            let layer = match Object::<dyn Layer>::from_config(t.layer.kind(), config.clone()) {
                Ok(layer) => layer,
                Err(e) => {
                    unread += 1;
                    // A network names what is wrong within one of its lists.
                    let named = e.to_string().contains(name.as_str()) || t.layer.kind() == "Functional";
                    assert!(matches!(e, Error::Config { .. }) && named, "{} {name}: {e}", t.name);
                    continue;
                }
            };
            let other = Trial { name: t.name.clone(), layer, inputs: t.inputs.clone() };
            for training in [true, false] {
                match other.graph(training) {
                    Ok(graph) => planned += usize::from(plan(&other, &graph)),
                    Err(Error::Layer { path, reason, .. }) => {
                        refused += 1;
                        assert!(path.starts_with(NAME), "{path}");
                        let both = reason.contains("expected ") && reason.contains("received ");
                        assert!(both, "{} {config}: {reason}", t.name);
                    }
                    // A network names its call, its layer or its output.
                    Err(Error::Network(_)) if other.layer.kind() == "Functional" => {}
                    Err(e) => panic!("{:?}: {e}", other.layer),
                }
            }
        }
    }
    assert!(unread > 1000 && refused > 1000 && planned > 1000, "{unread}, {refused}, {planned}");
}

/// Whether there is a plan. None is asked for where weights are large, and one that needs more memory than there is may be refused.
fn plan(t: &Trial, graph: &Graph) -> bool {
    assert!(graph.nodes().len() < 20_000, "{:?}: {} nodes", t.layer, graph.nodes().len());
    let bindings = Bindings::from([(BATCH.into(), 2)]);
    let mut store = Store::new();
    for (name, id) in graph.parameters() {
        let ty = &graph.node(id).ty;
        let Ok(shape) = ty.resolve(&bindings) else { return false };
        if shape.iter().fold(1_usize, |n, &d| n.saturating_mul(d)) > 1 << 16 {
            return false;
        }
        store.insert(name, Buffer::zeros(ty.dtype, &shape));
    }
    Plan::compile(graph, &bindings, &store).is_ok()
}

/// `config` with one of its values replaced by what is wrong in most places: every number and name, and nothing.
fn altered(config: &Value) -> Vec<Value> {
    let numbers = [
        json!(0),
        json!(-1),
        json!(1 << 20),
        json!(1_u64 << 31),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-0.5),
    ];
    match config {
        Value::Number(_) => numbers.to_vec(),
        Value::Null => [&numbers[..], &[json!("no_such_name"), json!([]), json!([0, -1])]].concat(),
        Value::String(_) => vec![json!("no_such_name"), json!(""), json!(0)],
        Value::Bool(flag) => vec![json!(!flag), json!(2)],
        Value::Array(items) => {
            let each = (0..items.len()).flat_map(|i| {
                altered(&items[i]).into_iter().map(move |item| {
                    let mut changed = items.clone();
                    changed[i] = item;
                    Value::Array(changed)
                })
            });
            each.chain([json!([])]).collect()
        }
        Value::Object(items) => {
            let each = items.iter().flat_map(|(key, item)| {
                altered(item).into_iter().map(move |item| {
                    let mut changed = items.clone();
                    changed[key] = item;
                    Value::Object(changed)
                })
            });
            each.collect()
        }
    }
}

#[test]
fn words_are_written_and_read_as_they_are() {
    round_trips::<dyn Layer>();
    round_trips::<dyn Activation>();
    round_trips::<dyn Initializer>();
    round_trips::<dyn Regularizer>();
    round_trips::<dyn Constraint>();
    round_trips::<dyn Loss>();
    round_trips::<dyn Metric>();
    round_trips::<dyn Optimizer>();
    round_trips::<dyn Schedule>();
}

#[test]
fn words_tell_of_the_settings_that_they_have() {
    tells::<dyn Layer>();
    tells::<dyn Activation>();
    tells::<dyn Initializer>();
    tells::<dyn Regularizer>();
    tells::<dyn Constraint>();
    tells::<dyn Loss>();
    tells::<dyn Metric>();
    tells::<dyn Optimizer>();
    tells::<dyn Schedule>();
}

fn tells<F: Family + ?Sized>() {
    for entry in F::registry().builtin() {
        assert!(!entry.documentation.is_empty(), "{} has no documentation", entry.kind);
        let settings = (entry.settings)();
        let told: Vec<&str> = settings.iter().map(|s| s.name.as_str()).collect();
        for s in &settings {
            let sentence = s.documentation.starts_with(|c: char| c.is_uppercase() || "ηρμελβγα".contains(c))
                && s.documentation.ends_with('.');
            assert!(sentence, "{} {}: {:?}", entry.kind, s.name, s.documentation);
        }
        for sample in (entry.samples)() {
            let config = sample.word.config();
            let written: Vec<&str> =
                config.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            assert_eq!(told, written, "{}", entry.kind);
            // With what has to be given alone, all else is what it is told to be.
            let required = settings.iter().filter(|s| s.default.is_none());
            let given: Value = required.map(|s| (s.name.clone(), config[&s.name].clone())).collect();
            let read = Object::<F>::from_config(entry.kind, given).unwrap().config();
            for s in &settings {
                let expected = s.default.as_ref().unwrap_or(&config[&s.name]);
                assert_eq!(&read[&s.name], expected, "{} {}", entry.kind, s.name);
            }
            // And what has to be given is missed.
            for s in settings.iter().filter(|s| s.default.is_none()) {
                let mut config = config.clone();
                config.as_object_mut().unwrap().remove(&s.name);
                let refused = Object::<F>::from_config(entry.kind, config).unwrap_err();
                assert!(refused.to_string().contains(&s.name), "{refused}");
            }
        }
    }
}

fn round_trips<F: Family + ?Sized>() {
    let mut names: Vec<&str> = Vec::new();
    for entry in F::registry().builtin() {
        for name in std::iter::once(entry.kind).chain(entry.aliases.iter().copied()) {
            assert!(!names.contains(&name), "two words of {} are named {name}", F::NAME);
            names.push(name);
        }
        for sample in (entry.samples)() {
            let text = serde_json::to_string(&sample.word).unwrap();
            let read: Object<F> = serde_json::from_str(&text).unwrap();
            assert_eq!(read, sample.word, "{text}");
            for alias in entry.aliases {
                assert_eq!(Object::<F>::from_config(alias, sample.word.config()).unwrap(), sample.word);
            }
            let mut config = sample.word.config();
            if config.is_null() {
                config = json!({});
            }
            config["no_such_setting"] = json!(1);
            let refused = Object::<F>::from_config(entry.kind, config).expect_err("an unknown setting");
            assert!(matches!(refused, Error::Config { .. }), "{refused}");
        }
    }
    let unknown = Object::<F>::named("no_such_word").unwrap_err();
    assert!(matches!(unknown, Error::UnknownWord { .. }), "{unknown}");
}

#[test]
fn a_word_with_its_defaults_is_written_as_its_name() {
    let written = |word: &dyn Fn() -> Value| word();
    assert_eq!(written(&|| json!(Object::<dyn Activation>::named("swish").unwrap())), json!("silu"));
    assert_eq!(written(&|| json!(Object::<dyn Activation>::named("elu").unwrap())), json!("elu"));
    let softer: Object<dyn Activation> = nervure_nn::activations::Elu.alpha(0.5).into();
    assert_eq!(json!(softer), json!({"class_name": "elu", "config": {"alpha": 0.5}}));
}

/// Random numbers of one step are the same whenever it is computed, those of another step are others.
#[test]
fn dropout_draws_anew_at_each_step() {
    let ty = Type::new(DType::F32, [batch(), 64.into()]);
    let t = Trial { name: "dropout".into(), layer: Dropout::new(0.5).into(), inputs: vec![ty] };
    let zeros = |step: f64| -> Vec<bool> {
        let mut case = t.case(true, 4).unwrap();
        case.parameters.insert("training/step".into(), Array::of(DType::I64, &[], &[step]));
        let run = case.evaluate::<f64>().unwrap();
        run.outputs().next().unwrap().1.to_f64().iter().map(|&y| y == 0.0).collect()
    };
    assert_eq!(zeros(0.0), zeros(0.0));
    assert_ne!(zeros(0.0), zeros(1.0));
    // 256 fair coins: between 88 and 168 heads but for one case in a million.
    let dropped = zeros(0.0).iter().filter(|z| **z).count();
    assert!((88..=168).contains(&dropped), "{dropped} of 256");
}

/// A frozen layer predicts while others train: its statistics stay.
#[test]
fn a_frozen_batch_normalization_uses_and_keeps_its_moving_statistics() {
    let builder = Builder::new();
    let x = builder.input("x", DType::F32, [batch(), 2.into()]);
    let mut cx = Lower::new(&builder, true);
    let y = cx.layer(NAME, &BatchNormalization::new(), false, &[x]).unwrap();
    builder.output("y", y[0]);
    drop(cx);
    let graph = builder.finish().unwrap();
    let value = |v: f32| Array::<f64>::from_f32(&[2], &[v, v]);
    let parameters = [("gamma", 1.0), ("beta", 0.0), ("moving_mean", 3.0), ("moving_variance", 4.0 - 1e-3)]
        .map(|(name, v)| (format!("{NAME}/{name}"), value(v)));
    let inputs = BTreeMap::from([("x".into(), Array::from_f32(&[1, 2], &[5.0, 3.0]))]);
    let case = Case::new("frozen", graph, Bindings::from([(BATCH.into(), 1)]), inputs, parameters.into());
    let y = case.evaluate::<f64>().unwrap().output("y").unwrap().to_f64();
    // (5 − 3) / √4 and 0, to the rounding of 4 − 0.001 to single precision.
    agree("frozen", &[1.0, 0.0], y);
}

#[test]
fn names_of_layers_are_those_of_keras() {
    assert_eq!(<BatchNormalization as Kind>::KIND, "BatchNormalization");
    for entry in <dyn Layer as Family>::registry().builtin() {
        assert!(entry.kind.starts_with(|c: char| c.is_ascii_uppercase()), "{}", entry.kind);
    }
}
