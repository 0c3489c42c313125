//! Every example, run as its reader runs it: each fails unless it comes to what it promises.

#[path = "../../../examples/diabetes/main.rs"]
mod diabetes;
#[expect(dead_code, reason = "the test trains for fewer epochs than `main`")]
#[path = "../../../examples/digits/main.rs"]
mod digits;
#[expect(dead_code, reason = "its images are not everywhere; the test trains on others")]
#[path = "../../../examples/fashion_mnist/main.rs"]
mod fashion_mnist;
#[path = "../../../examples/first_script/main.rs"]
mod first_script;
#[path = "../../../examples/forecast/main.rs"]
mod forecast;
#[path = "../../../examples/in_process/main.rs"]
mod in_process;
#[path = "../../../examples/own_words/main.rs"]
mod own_words;
#[expect(dead_code, reason = "its texts are not everywhere; the test learns from others")]
#[path = "../../../examples/text/main.rs"]
mod text;
#[path = "../../../examples/two_inputs/main.rs"]
mod two_inputs;

use ndarray::{Array1, Array4};
use nervure::prelude::Dataset;

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
fn forecast() -> Result {
    forecast::main()
}

/// Handwritten digits of the built-in set, as large as pieces of clothing, in the example's network.
#[test]
fn fashion_mnist() -> Result {
    let table = nervure::data::datasets::get("digits").ok_or("the set is built in")?.table()?;
    let value = |row: usize, column: usize| table.columns()[column].get(row).parse::<f32>().unwrap();
    let digits = |first: usize, rows: usize| {
        // Each grey value, of 16, thrice in both directions, within a border of two.
        let x = Array4::from_shape_fn((rows, 28, 28, 1), |(i, y, x, _)| {
            let inside = |at: usize| (2..26).contains(&at);
            if inside(y) && inside(x) { value(first + i, (y - 2) / 3 * 8 + (x - 2) / 3) * 16.0 } else { 0.0 }
        });
        let y = Array1::from_shape_fn(rows, |i| value(first + i, 64) as i32);
        Dataset::new(&x, &y)
    };
    let accuracy = fashion_mnist::train(&digits(0, 600), &digits(1500, 200), (2, 16), 1)?;
    assert!(accuracy >= 0.8, "accuracy {accuracy}");
    Ok(())
}

/// Sentences in which one word, among others, tells the class.
#[test]
fn text() -> Result {
    let filler = ["the", "of", "a", "small", "program", "for", "tool", "and", "in", "with"];
    let telling =
        [["dragon", "castle", "chess"], ["guitar", "chord", "melody"], ["galaxy", "orbit", "comet"]];
    let texts: Vec<(String, usize)> = (0..600)
        .map(|i| {
            let class = i % 3;
            let other = |k: usize| filler[(i * 7 + k * 31 + i * k) % filler.len()];
            let told = telling[class][i / 3 % 3];
            (format!("{} {}, {told} {} {}", other(1), other(2), other(3), other(4)), class)
        })
        .collect();
    let accuracy = text::learn(&texts[..450], &texts[450..], 3, 4, 1)?;
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

/// States are saved as they are, and go on; the file's own graph begins each answer with them, for rows in multiples of the batch.
#[test]
fn a_stateful_model_that_was_saved_goes_on() -> Result {
    use nervure::artifact::Artifact;
    use nervure::nn::Buffer;
    use nervure::prelude::*;

    let x = input("x", [3, 2]).batch_size(2);
    let y = Dense::new(1).on(&LSTM::new(4).stateful(true).on(&x));
    let mut model = Model::new(&x, &y).build(Seed(3))?;
    let rows = |rows: usize, from: usize| {
        let at = |(row, step, i)| ((31 * row + 7 * step + i + from) % 11) as f32 / 5.0;
        ndarray::Array3::from_shape_fn((rows, 3, 2), at)
    };
    let fresh = model.predict(rows(2, 5))?;
    model.predict_stateful(rows(2, 0))?;

    let path = std::env::temp_dir().join(format!("stateful-{}.nervure", std::process::id()));
    model.save(&path)?;
    let mut again = Model::load(&path)?;
    assert_eq!(again.network().batch_size(), Some(2));
    let artifact = Artifact::load(&path)?;
    std::fs::remove_file(&path)?;

    let expected = model.predict_stateful(rows(2, 5))?;
    assert_ne!(expected, fresh, "the states have an influence");
    // The file answers from the states that it has, whatever it was asked before.
    let array = |x: ndarray::Array3<f32>| Buffer::from_f32(x.shape(), x.as_slice().unwrap()).unwrap();
    for _ in 0..2 {
        assert_eq!(artifact.run(&[("x", array(rows(2, 5)))])?, std::slice::from_ref(&expected));
    }
    // Batches of one call follow each other.
    assert_eq!(artifact.run(&[("x", array(rows(6, 5)))])?, [again.predict(rows(6, 5))?]);
    assert_eq!(again.predict_stateful(rows(2, 5))?, expected);
    assert_eq!(again.predict_stateful(rows(2, 1))?, model.predict_stateful(rows(2, 1))?);
    again.reset_states();
    assert_eq!(again.predict(rows(2, 5))?, fresh);

    let refused = artifact.run(&[("x", array(rows(3, 5)))]).unwrap_err().to_string();
    assert_eq!(refused, "input `x`: expected f32[2, 3, 2] or rows in multiples of 2, received f32[3, 3, 2]");
    Ok(())
}

#[test]
fn in_process() -> Result {
    in_process::main()
}

#[test]
fn a_run_that_was_killed_goes_on_from_its_backup() -> Result {
    use nervure::nn::Error;
    use nervure::prelude::*;

    let folder = std::env::temp_dir().join(format!("backup-{}", std::process::id()));
    let model = || Sequential::new([2]).add(Dense::new(3).activation(Tanh)).add(Dense::new(1)).build(Seed(5));
    let x = ndarray::Array2::from_shape_fn((20, 2), |(i, j)| (i * 2 + j) as f32 / 40.0);
    let data = Dataset::new(&x, x.column(0).to_owned());
    let rate = ExponentialDecay::new(0.1, 5, 0.9);
    // Fails after so many batches, as if it were killed there.
    let fit = |after: usize| {
        let mut left = after;
        let kill = LambdaCallback::new().on_batch_end(move |_, _| {
            left -= 1;
            if left == 0 { Err(Error::Callback("killed".into())) } else { Ok(()) }
        });
        Fit::new(MeanSquaredError, Adam::new().learning_rate(rate.clone()))
            .epochs(4)
            .batch_size(4)
            .callback(kill)
    };
    let mut whole = model()?;
    let history = whole.fit(&data, fit(usize::MAX))?;
    let backup = BackupAndRestore::new(&folder).save_freq(2);
    for killed in [7, 4] {
        let mut part = model()?;
        let run = backup.of(fit(killed), &mut part)?;
        assert_eq!(part.fit(&data, run).unwrap_err().to_string(), "killed");
        assert!(folder.join("latest.ckpt").exists());
    }
    let mut rest = model()?;
    let run = backup.of(fit(usize::MAX), &mut rest)?;
    assert!(rest.step() > 0, "it begins where the last one was kept");
    assert_eq!(rest.fit(&data, run)?, history);
    assert!(rest.weights().eq(whole.weights()));
    assert!(!folder.join("latest.ckpt").exists(), "nothing is left of a run that ended");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
