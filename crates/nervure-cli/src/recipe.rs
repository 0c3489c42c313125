//! Networks and training for tables, where nothing else is said.

use nervure_artifact::{FEATURES, index_input};
use nervure_data::{Encoded, Output, Schema, TargetValues, Task};
use nervure_graph::DType;
use nervure_nn::activations::Activation;
use nervure_nn::layers::Layer;
use nervure_nn::losses::Loss;
use nervure_nn::metrics::Metric;
use nervure_nn::network::Network;
use nervure_nn::optimizers::Optimizer;
use nervure_nn::{Dataset, Expr, Instance, Model, Object, Training, input, input_of};
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::settings::{Layers, Settings};

/// Fills in what was not said.
///
/// Small noisy tables reward restraint: a small network, dropout and weight decay, the epoch that validates best. Measured over thirty
/// splits of each built-in table beside other activations, widths, rates and optimizers.
pub fn complete(mut settings: Settings, schema: &Schema, rows: usize, validation: bool) -> Result<Settings> {
    check(&settings, validation)?;
    if let Layers::Units(units) = settings.layers.get_or_insert(Layers::Units(vec![64, 32]))
        && !units.is_empty()
    {
        settings.activation.get_or_insert(word("selu", Value::Null)?);
        settings.dropout.get_or_insert(0.2);
    }
    let optimizer = match settings.optimizer {
        Some(named) => named,
        None => word("adamw", json!({"learning_rate": 0.002, "weight_decay": 0.1}))?,
    };
    let optimizer = match settings.learning_rate {
        Some(rate) => with_rate(&optimizer, rate)?,
        None => optimizer,
    };
    // A schedule is among the optimizer's settings: a number would take its place.
    settings.learning_rate = optimizer.schedule().is_none().then(|| optimizer.learning_rate());
    settings.optimizer = Some(optimizer);
    if settings.loss.is_none() && schema.task() != Task::Mixed {
        settings.loss = Some(loss(schema.task())?);
    }
    settings.epochs.get_or_insert(if validation { 200 } else { 50 });
    settings.batch_size.get_or_insert(if rows < 10_000 { 32 } else { 256 });
    if validation {
        settings.patience.get_or_insert(20);
    }
    settings.seed.get_or_insert(42);
    Ok(settings)
}

/// Numbers within their range, and nothing that would be ignored.
fn check(settings: &Settings, validation: bool) -> Result<()> {
    let wrong = |message: String, help: &str| Err(Failure::usage(message, help));
    if let Some(dropout) = settings.dropout.filter(|d| !(0.0..1.0).contains(d)) {
        return wrong(
            format!("--dropout {dropout}: expected at least 0 and below 1"),
            "0.2 leaves out a fifth",
        );
    }
    if let Some(l2) = settings.l2.filter(|l2| !l2.is_finite() || *l2 < 0.0) {
        return wrong(format!("--l2 {l2}: expected at least 0"), "try 0.001");
    }
    for (name, value) in [("epochs", settings.epochs), ("batch-size", settings.batch_size)] {
        if value == Some(0) {
            return wrong(format!("--{name} 0: expected at least 1"), "leave it out for the default");
        }
    }
    if settings.patience.is_some() && !validation {
        return wrong(
            "--patience: there are no validation rows".into(),
            "leave it out, or give --validation-split a share",
        );
    }
    if settings.history_batches && settings.history.is_none() {
        return wrong(
            "--history-batches: there is no history file".into(),
            "name one with --history FILE.jsonl",
        );
    }
    if let Some(history) = settings.history.as_ref().filter(|h| h.extension().is_none_or(|e| e != "jsonl")) {
        // It is written over: no other file may take its place by mistake.
        return wrong(
            format!("--history {}: expected a name ending in .jsonl", history.display()),
            "for example --history history.jsonl",
        );
    }
    let of_units = [
        ("activation", settings.activation.is_some()),
        ("dropout", settings.dropout.is_some()),
        ("l2", settings.l2.is_some()),
    ];
    for (name, given) in of_units {
        match &settings.layers {
            Some(Layers::Words(_)) if given => {
                let help = "say it in the layers' own config";
                return wrong(format!("--{name}: the layers of the --config file have their own"), help);
            }
            Some(Layers::Units(units)) if given && units.is_empty() && name != "l2" => {
                return wrong(
                    format!("--{name}: there is no hidden layer"),
                    "leave it out, or give --layers units",
                );
            }
            Some(Layers::Words(_) | Layers::Units(_)) | None => {}
        }
    }
    Ok(())
}

/// The network: encoded columns in, an output for each of [`Schema::outputs`].
pub fn network(schema: &Schema, settings: &Settings) -> Result<Network> {
    let mut inputs: Vec<Expr> = Vec::new();
    let mut parts: Vec<Expr> = Vec::new();
    if schema.dense_width() > 0 {
        let dense = input(FEATURES, [schema.dense_width()]);
        inputs.push(dense.clone());
        parts.push(dense);
    }
    for (column, count) in schema.index_columns() {
        let index = input_of(&index_input(column), DType::I32, [0usize; 0]);
        let embedding =
            layer("Embedding", json!({"input_dim": count, "output_dim": embedding_width(count)}))?;
        parts.push(embedding.on(&index));
        inputs.push(index);
    }
    let mut x = match &parts[..] {
        [one] => one.clone(),
        many => layer("Concatenate", Value::Null)?.on(many),
    };
    for instance in hidden(settings)? {
        x = instance.on(&x);
    }
    let outputs = schema.outputs();
    let names = output_names(schema, &outputs);
    let outputs: Vec<Expr> = outputs
        .iter()
        .zip(&names)
        .map(|(output, name)| {
            let config = json!({"units": output.width, "activation": output_activation(output.task)});
            Ok(layer("Dense", regularized(config, settings))?.named(name).on(&x))
        })
        .collect::<Result<_>>()?;
    Ok(Network::new(inputs.iter().collect::<Vec<_>>(), outputs.iter().collect::<Vec<_>>())?)
}

/// Losses, optimizer and what is reported each epoch.
pub fn training(schema: &Schema, settings: &Settings) -> Result<Training> {
    let optimizer = settings.optimizer.clone().map_or_else(|| word("adam", Value::Null), Ok)?;
    let mut training = Training::with_optimizer(optimizer);
    let outputs = schema.outputs();
    for (output, name) in outputs.iter().zip(output_names(schema, &outputs)) {
        let loss = settings.loss.clone().map_or_else(|| loss(output.task), Ok)?;
        training = training.loss(&name, loss);
        for metric in metrics(output.task) {
            training = training.metric(&name, Object::<dyn Metric>::named(metric)?);
        }
    }
    Ok(training)
}

/// Rows as the network takes them. `targets` stand in the order of [`Schema::outputs`].
pub fn dataset(
    schema: &Schema,
    rows: &Encoded,
    targets: &[TargetValues],
    model: &Model,
    settings: &Settings,
) -> Result<Dataset> {
    let mut data = Dataset::default();
    if schema.dense_width() > 0 {
        data = data.input(FEATURES, &rows.dense);
    }
    for index in &rows.indices {
        data = data.input(&index_input(&index.name), &index.values);
    }
    let outputs = schema.outputs();
    for ((values, output), name) in targets.iter().zip(&outputs).zip(output_names(schema, &outputs)) {
        data = match values {
            TargetValues::Float(values) => data.target(&name, values),
            TargetValues::Class(classes) if wants_one_hot(settings, model, &name)? => {
                let mut hot = ndarray::Array2::<f32>::zeros((classes.len(), output.width));
                for (mut row, &class) in hot.rows_mut().into_iter().zip(classes) {
                    row[class as usize] = 1.0;
                }
                data.target(&name, hot)
            }
            TargetValues::Class(classes) => data.target(&name, classes),
        };
    }
    Ok(data)
}

/// Whether the loss takes a probability for each class instead of the class's number.
fn wants_one_hot(settings: &Settings, model: &Model, output: &str) -> Result<bool> {
    let Some(loss) = &settings.loss else { return Ok(false) };
    let graph = model.graph();
    let Some((_, id)) = graph.outputs().iter().find(|(name, _)| name == output) else { return Ok(false) };
    let ty = &graph.node(*id).ty;
    let target = loss
        .target(ty)
        .map_err(|e| Failure::usage(format!("--loss {}: {e}", loss.kind()), "choose another"))?;
    Ok(target.shape.len() == ty.shape.len())
}

fn hidden(settings: &Settings) -> Result<Vec<Instance>> {
    let units = match &settings.layers {
        Some(Layers::Words(words)) => return Ok(words.iter().map(|w| w.clone().instance()).collect()),
        Some(Layers::Units(units)) => units.as_slice(),
        None => &[],
    };
    let mut layers = Vec::new();
    for &units in units {
        let activation =
            settings.activation.clone().map_or_else(|| word::<dyn Activation>("relu", Value::Null), Ok)?;
        let config = json!({"units": units, "activation": activation});
        layers.push(layer("Dense", regularized(config, settings))?);
        if let Some(rate) = settings.dropout.filter(|&rate| rate > 0.0) {
            layers.push(layer("Dropout", json!({"rate": rate}))?);
        }
    }
    Ok(layers)
}

fn regularized(mut config: Value, settings: &Settings) -> Value {
    if let Some(factor) = settings.l2.filter(|&l2| l2 > 0.0) {
        config["kernel_regularizer"] = json!({"class_name": "L2", "config": {"l2": factor}});
    }
    config
}

/// The names of the network's outputs, which no hidden layer has.
fn output_names(schema: &Schema, outputs: &[Output]) -> Vec<String> {
    if outputs.len() == 1 {
        return vec!["output".into()];
    }
    let targets = schema.targets();
    let name = |(i, output): (usize, &Output)| match targets[output.targets.start].name() {
        // A number keeps names apart that are equal but for what a layer's name cannot hold.
        name if name.contains('/') => format!("output_{}_{i}", name.replace('/', "_")),
        name => format!("output_{name}"),
    };
    outputs.iter().enumerate().map(name).collect()
}

fn output_activation(task: Task) -> &'static str {
    match task {
        Task::Binary | Task::Multilabel => "sigmoid",
        Task::Multiclass => "softmax",
        Task::Regression | Task::Mixed => "linear",
    }
}

fn loss(task: Task) -> Result<Object<dyn Loss>> {
    let name = match task {
        Task::Binary | Task::Multilabel => "binary_crossentropy",
        Task::Multiclass => "sparse_categorical_crossentropy",
        Task::Regression | Task::Mixed => "mean_squared_error",
    };
    word(name, Value::Null)
}

fn metrics(task: Task) -> &'static [&'static str] {
    match task {
        Task::Binary => &["accuracy", "auc"],
        Task::Multilabel => &["binary_accuracy", "auc"],
        Task::Multiclass => &["accuracy"],
        Task::Regression | Task::Mixed => &["mean_absolute_error"],
    }
}

/// Wide enough to tell categories apart, narrow enough to learn them from few rows.
fn embedding_width(count: usize) -> usize {
    ((count as f64).sqrt().ceil() as usize).clamp(2, 16)
}

fn with_rate(optimizer: &Object<dyn Optimizer>, rate: f64) -> Result<Object<dyn Optimizer>> {
    if !(rate.is_finite() && rate > 0.0) {
        return Err(Failure::usage(format!("--learning-rate {rate} is not above 0"), "try 0.001"));
    }
    let mut config = optimizer.config();
    config["learning_rate"] = json!(rate);
    word(optimizer.kind(), config)
}

fn word<F: nervure_nn::word::Family + ?Sized>(name: &str, config: Value) -> Result<Object<F>> {
    Ok(Object::from_config(name, config)?)
}

fn layer(kind: &str, config: Value) -> Result<Instance> {
    Ok(word::<dyn Layer>(kind, config)?.instance())
}
