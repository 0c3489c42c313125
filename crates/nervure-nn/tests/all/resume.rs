//! A run that is interrupted, or killed, and taken up again is the run that was not.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use nervure_nn::prelude::*;
use nervure_nn::word::Object;
use nervure_nn::{Buffer, Progress, Store};

use crate::callbacks::scalars;
use crate::training::{bits, rows};

const EPOCHS: usize = 6;
/// 19 rows train, in batches of 6: the last has one.
const BATCHES: usize = 4;

/// A checkpoint as a file would hold it.
#[derive(Clone)]
struct Kept {
    progress: String,
    tensors: Vec<(String, Buffer)>,
    state: Store,
    optimizer: Object<dyn Optimizer>,
    csv: String,
}

fn model(seed: u64) -> nervure_nn::Model {
    Sequential::new([3])
        .add(Dense::new(6).activation(Relu))
        .add(Dropout::new(0.4))
        .add(BatchNormalization::new())
        .add(Dense::new(1).activation(Sigmoid))
        .build(Seed(seed))
        .unwrap()
}

/// Everything that has a state. Stops after so many batches; keeps each checkpoint.
fn fit(csv: &Path, stop_after: usize, kept: &Arc<Mutex<Vec<Kept>>>) -> Fit {
    let flag = Arc::new(AtomicBool::new(false));
    let (raise, kept, log) = (Arc::clone(&flag), Arc::clone(kept), csv.to_path_buf());
    let mut done = 0;
    Fit::new(BinaryCrossentropy::new(), SGD::new().learning_rate(1.0).momentum(0.9))
        .metrics([Accuracy])
        .metrics([Auc::new()])
        .epochs(EPOCHS)
        .batch_size(6)
        .validation_split(0.2)
        .interrupt(flag)
        .callback(ReduceLROnPlateau::new().patience(1).factor(0.5))
        .callback(EarlyStopping::new().patience(3).restore_best_weights(true))
        .callback(CsvLogger::new(csv))
        .callback(LambdaCallback::new().on_batch_end(move |_, _| {
            done += 1;
            raise.store(done == stop_after, Ordering::Relaxed);
            Ok(())
        }))
        .checkpoint(move |c| {
            kept.lock().unwrap().push(Kept {
                progress: serde_json::to_string(&c.progress).unwrap(),
                tensors: c.progress.tensors().map(|(n, b)| (n, b.clone())).collect(),
                state: c.model.state().clone(),
                optimizer: c.model.optimizer().unwrap().clone(),
                csv: std::fs::read_to_string(&log).unwrap(),
            });
            Ok(())
        })
}

fn take_up(kept: &Kept, csv: &Path) -> (nervure_nn::Model, Fit) {
    // Another process: nothing but the checkpoint is left.
    let mut model = model(99);
    model.set_state(kept.state.clone(), Some(kept.optimizer.clone())).unwrap();
    let progress: Progress = serde_json::from_str(&kept.progress).unwrap();
    let progress = progress.with_tensors(kept.tensors.clone());
    (model, fit(csv, 0, &Arc::default()).resume(progress))
}

#[test]
fn a_run_that_is_taken_up_at_any_batch_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let data = rows(24);
    let checkpoints = Arc::new(Mutex::new(Vec::new()));
    let mut whole = model(4);
    let history = whole.fit(&data, fit(&path("whole"), 0, &checkpoints)).unwrap();
    let (end, lines) = (bits(whole.state()), std::fs::read_to_string(path("whole")).unwrap());
    let epochs = history.epochs().len();
    assert!(epochs > 2, "{history:?}");
    let rates = history.get("learning_rate");
    assert!(rates[epochs - 1] < rates[0], "the rate has to fall for its state to matter: {rates:?}");

    let agrees = |kept: &Kept, what: &str| {
        // Lines of a later epoch, written before the process was killed, are written once all the same.
        std::fs::write(path("taken"), kept.csv.clone() + "half a li").unwrap();
        let (mut model, fit) = take_up(kept, &path("taken"));
        assert_eq!(model.fit(&data, fit).unwrap(), history, "{what}");
        assert_eq!(bits(model.state()), end, "{what}");
        assert_eq!(std::fs::read_to_string(path("taken")).unwrap(), lines, "{what}");
    };
    for stop in 1..=epochs * BATCHES {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let mut model = model(4);
        let part = model.fit(&data, fit(&path("part"), stop, &kept)).unwrap();
        assert!(part.interrupted());
        agrees(kept.lock().unwrap().last().unwrap(), &format!("after batch {stop}"));
    }
    for (epoch, kept) in checkpoints.lock().unwrap().iter().enumerate() {
        agrees(kept, &format!("after epoch {epoch}"));
    }
    assert_eq!(checkpoints.lock().unwrap().len(), epochs - 1, "one an epoch, but for the last");
}

#[test]
fn other_settings_than_the_checkpoint_s_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let kept = Arc::new(Mutex::new(Vec::new()));
    model(4).fit(&rows(24), fit(&path, 5, &kept)).unwrap();
    let kept = kept.lock().unwrap().last().unwrap().clone();
    let refused = |change: &dyn Fn(Fit) -> Fit, data: &Dataset, words: &str| {
        let (mut model, fit) = take_up(&kept, &path);
        let error = model.fit(data, change(fit)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&|f| f.batch_size(7), &rows(24), "the checkpoint's run had batch_size 6, received 7");
    refused(&|f| f, &rows(25), "the checkpoint's run had rows 19, received 20");
    refused(&|f| f.shuffle(false), &rows(24), "shuffle true");
    refused(&|f| f.callback(TerminateOnNaN::new()), &rows(24), "had 4 callbacks, received 5");
    refused(&|f| f.metrics([Accuracy]), &rows(24), "metrics");
}

/// What goes on after the end of each epoch, and within it, is what was not interrupted: schedules, averages, gathered gradients, event files.
#[test]
fn schedules_averages_and_gathered_gradients_are_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let fit = |to: &str, kept: &Arc<Mutex<Vec<Kept>>>| {
        let kept = Arc::clone(kept);
        let optimizer = Nadam::new()
            .learning_rate(CosineDecay::new(0.0, 20).warmup_target(0.1).warmup_steps(3))
            .use_ema(true)
            .ema_momentum(0.6)
            .ema_overwrite_frequency(3)
            .gradient_accumulation_steps(2)
            .clipnorm(1.0);
        Fit::new(BinaryCrossentropy::new(), optimizer)
            .epochs(4)
            .batch_size(6)
            .validation_split(0.2)
            .callback(SwapEMAWeights::new().swap_on_epoch(true))
            .callback(TensorBoard::new(folder.path().join(to)))
            .checkpoint_freq(3)
            .checkpoint(move |c| {
                kept.lock().unwrap().push(Kept {
                    progress: serde_json::to_string(&c.progress).unwrap(),
                    tensors: c.progress.tensors().map(|(n, b)| (n, b.clone())).collect(),
                    state: c.model.state().clone(),
                    optimizer: c.model.optimizer().unwrap().clone(),
                    csv: String::new(),
                });
                Ok(())
            })
    };
    let kept = Arc::default();
    let mut whole = model(4);
    let history = whole.fit(&rows(24), fit("whole", &kept)).unwrap();
    let kept = std::mem::take(&mut *kept.lock().unwrap());
    assert_eq!(kept.len(), 4 + 3, "one within each epoch, and one at its end but for the last");
    for (i, kept) in kept.into_iter().enumerate() {
        let mut model = model(99);
        model.set_state(kept.state, Some(kept.optimizer)).unwrap();
        let progress: Progress = serde_json::from_str(&kept.progress).unwrap();
        let fit = fit("whole", &Arc::default()).resume(progress.with_tensors(kept.tensors));
        assert_eq!(model.fit(&rows(24), fit).unwrap(), history, "checkpoint {i}");
        assert_eq!(bits(model.state()), bits(whole.state()), "checkpoint {i}");
        // What was written after the checkpoint is written once all the same.
        let scalars = scalars(&folder.path().join("whole/validation"));
        let losses: Vec<_> = scalars.iter().filter(|s| s.1 == "epoch_loss").map(|s| s.0).collect();
        assert_eq!(losses, [0, 1, 2, 3], "checkpoint {i}");
    }
}
