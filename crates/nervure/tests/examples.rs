//! Every example, run as its reader runs it: each fails unless it comes to what it promises.

#[path = "../../../examples/diabetes/main.rs"]
mod diabetes;
#[expect(dead_code, reason = "the test trains for fewer epochs than `main`")]
#[path = "../../../examples/digits/main.rs"]
mod digits;
#[path = "../../../examples/first_script/main.rs"]
mod first_script;
#[path = "../../../examples/in_process/main.rs"]
mod in_process;
#[path = "../../../examples/own_words/main.rs"]
mod own_words;
#[path = "../../../examples/two_inputs/main.rs"]
mod two_inputs;

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

#[test]
fn first_script() -> Result {
    first_script::main()
}

#[test]
fn diabetes() -> Result {
    diabetes::main()
}

/// Fewer seeds and epochs than `cargo xtask accept digits`, so a lower bound.
#[test]
fn digits() -> Result {
    let accuracy = digits::train(1, 6)?;
    assert!(accuracy >= 0.95, "accuracy {accuracy}");
    Ok(())
}

#[test]
fn two_inputs() -> Result {
    two_inputs::main()
}

#[test]
fn own_words() -> Result {
    own_words::main()
}

/// Saved in the middle, a training comes to the same bits as one without a stop; so do the answers.
#[test]
fn a_model_that_was_saved_goes_on() -> Result {
    use nervure::prelude::*;

    let tokens = input_of("tokens", nervure::nn::DType::I32, [3]);
    let x = input("x", [2]);
    let both = concat([&x, &Flatten::new().on(&Embedding::new(5, 2).on(&tokens))], -1);
    let y = Dense::new(1).named("y").on(&BatchNormalization::new().on(&both));
    let mut model = Model::new([&x, &tokens], &y).build(Seed(3))?;
    let data = Dataset::default()
        .input("x", ndarray::Array2::from_shape_fn((20, 2), |(i, j)| (i * 2 + j) as f32 / 40.0))
        .input("tokens", ndarray::Array2::from_shape_fn((20, 3), |(i, j)| ((i + j) % 5) as i32))
        .target("y", ndarray::Array1::from_shape_fn(20, |i| i as f32 / 20.0));
    let fit = || Fit::new(MeanSquaredError, Adam::new().learning_rate(0.01)).epochs(3).batch_size(8);
    model.fit(&data, fit())?;

    let path = std::env::temp_dir().join(format!("persist-{}.nervure", std::process::id()));
    model.save(&path)?;
    let mut again = Model::load(&path)?;
    assert_eq!(again.predict_all(&data)?, model.predict_all(&data)?);
    model.fit(&data, fit())?;
    again.fit(&data, fit())?;
    assert_eq!(again.predict_all(&data)?, model.predict_all(&data)?);
    assert!(again.weights().eq(model.weights()));

    // Layers that are not those of the graph.
    let parts = nervure::artifact::Artifact::load(&path)?;
    let layers = parts.layers().to_string().replace("\"linear\"", "\"tanh\"");
    assert_ne!(layers, parts.layers().to_string());
    let altered = nervure::artifact::Artifact::new(nervure::artifact::Parts {
        metadata: parts.metadata().clone(),
        graph: parts.network().graph().clone(),
        layers: serde_json::from_str(&layers)?,
        weights: parts.network().weights().clone(),
        schema: None,
        sketch: None,
        examples: parts.examples().clone(),
        optimizer: parts.optimizer().cloned(),
    })?;
    altered.save(&path)?;
    let error = Model::load(&path).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(
        error,
        Err(format!("{}: layers.json: they do not compute what the graph does", path.display()))
    );
    std::fs::remove_file(&path)?;
    assert!(Model::load(&path).is_err());
    Ok(())
}

#[test]
fn in_process() -> Result {
    in_process::main()
}
