//! Callbacks, driven by numbers that another callback reports.

use std::sync::{Arc, Mutex};

use nervure_nn::callbacks::{Callback, Mode};
use nervure_nn::prelude::*;
use nervure_nn::{Error, Result};

use crate::training::rows;

/// Reports these numbers, one an epoch, before other callbacks look.
fn report(name: &'static str, values: &[f64]) -> LambdaCallback {
    let values = values.to_vec();
    LambdaCallback::new().on_epoch_end(move |epoch, _, cx| {
        cx.log(name, values[epoch]);
        Ok(())
    })
}

fn model() -> nervure_nn::Model {
    Sequential::new([3]).add(Dense::new(1).activation(Sigmoid)).build(Seed(1)).unwrap()
}

fn fit(epochs: usize) -> Fit {
    Fit::new(BinaryCrossentropy::new(), SGD::new().learning_rate(0.5)).epochs(epochs).metrics([Accuracy])
}

/// Epochs that a run with this callback has.
fn epochs(name: &'static str, values: &[f64], callback: impl Callback + 'static) -> usize {
    let fit = fit(values.len()).callback(report(name, values)).callback(callback);
    model().fit(&rows(8), fit).unwrap().epochs().len()
}

#[test]
fn early_stopping_waits_as_keras_does() {
    let loss = [1.0, 0.9, 0.95, 0.93, 0.89, 0.9, 0.9, 0.9];
    let early = EarlyStopping::new;
    // The first epoch that is no better ends it, at the earliest the second.
    assert_eq!(epochs("val_loss", &loss, early()), 3);
    assert_eq!(epochs("val_loss", &loss, early().patience(1)), 3);
    assert_eq!(epochs("val_loss", &loss, early().patience(2)), 4);
    assert_eq!(epochs("val_loss", &loss, early().patience(3)), 8);
    assert_eq!(epochs("val_loss", &loss, early().patience(1).min_delta(0.2)), 2);
    assert_eq!(epochs("val_loss", &loss, early().patience(1).min_delta(-0.2)), 2, "its size counts");
    assert_eq!(epochs("val_loss", &loss, early().start_from_epoch(4)), 6);
    assert_eq!(epochs("val_loss", &loss, early().mode(Mode::Max)), 2);
    // With a baseline of 0.92 the first epoch waits too; 0.9 beats it.
    assert_eq!(epochs("val_loss", &loss, early().patience(2).baseline(0.92)), 4);
    assert_eq!(epochs("val_loss", &[1.0, 0.99, 0.98, 0.97, 1.0], early().patience(2).baseline(0.5)), 5);
    // What a metric takes for better, it says itself.
    let accuracy = early().monitor("val_accuracy");
    assert_eq!(epochs("val_accuracy", &[0.5, 0.6, 0.7, 0.7, 0.8], accuracy), 4);
    // What is no number is no improvement, not even the first.
    assert_eq!(epochs("val_loss", &[f64::NAN, f64::NAN, 0.3, 0.2], early().patience(3)), 4);
    assert_eq!(epochs("val_loss", &[f64::NAN, f64::NAN, 0.3, 0.2], early().patience(1)), 2);
}

#[test]
fn early_stopping_restores_the_weights_of_the_best_epoch() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = {
        let seen = Arc::clone(&seen);
        LambdaCallback::new().on_epoch_end(move |_, _, cx| {
            seen.lock().unwrap().push(cx.model().weight("dense/kernel").unwrap().clone());
            Ok(())
        })
    };
    let run = |values: &[f64], restore| {
        let mut model = model();
        let early = EarlyStopping::new().patience(2).restore_best_weights(restore);
        let fit = fit(values.len()).callback(report("val_loss", values)).callback(early);
        let history = model.fit(&rows(8), fit).unwrap();
        (model.weight("dense/kernel").unwrap().clone(), history)
    };
    let values = [0.5, 0.4, 0.6, 0.7, 0.1];
    model().fit(&rows(8), fit(5).callback(look)).unwrap();
    let seen = seen.lock().unwrap();
    let (weight, history) = run(&values, true);
    assert_eq!(weight, seen[1]);
    assert_eq!(history.epochs().len(), 4);
    assert_eq!(history.stopped(), Some("`val_loss` has not improved since epoch 2"));
    assert_eq!(run(&values, false).0, seen[3]);
    assert_eq!(run(&[0.5, 0.4, 0.6], true).0, seen[1], "at the last epoch too");
    assert_eq!(run(&[f64::NAN; 3], true).0, seen[0], "nothing ever improves");
}

#[test]
fn what_is_watched_has_to_be_there() {
    let all: [Box<dyn Fn() -> Fit>; 3] = [
        Box::new(|| fit(2).callback(EarlyStopping::new())),
        Box::new(|| fit(2).callback(ReduceLROnPlateau::new())),
        Box::new(|| fit(2).callback(ModelCheckpoint::new("x", |_, _, _| Ok(())).save_best_only(true))),
    ];
    for fit in all {
        let error = model().fit(&rows(8), fit()).unwrap_err();
        assert!(matches!(error, Error::Monitor { .. }));
        let words = "watches `val_loss`, which is not reported; there are loss, accuracy";
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = model()
        .fit(&rows(8), fit(1).callback(report("mine", &[1.0])).callback(EarlyStopping::new().monitor("mine")))
        .unwrap_err();
    assert!(error.to_string().contains("say it by mode"), "{error}");
}

#[test]
fn the_rate_falls_on_a_plateau() {
    let rates = |values: &[f64], callback: ReduceLROnPlateau| {
        let fit = fit(values.len()).callback(report("val_loss", values)).callback(callback);
        model().fit(&rows(8), fit).unwrap().get("learning_rate")
    };
    let reduce = || ReduceLROnPlateau::new().factor(0.5).patience(2);
    // The epoch reports the rate that it had. An improvement by less than 0.0001 is none.
    let flat = [1.0, 0.99995, 1.0, 1.0, 1.0, 1.0, 1.0];
    assert_eq!(rates(&flat, reduce()), [0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]);
    assert_eq!(rates(&flat, reduce().min_delta(0.0)), [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]);
    // One epoch of rest after each reduction.
    assert_eq!(rates(&flat, reduce().cooldown(2)), [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
    assert_eq!(rates(&flat, reduce().min_lr(0.25)), [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]);
    let error = model().fit(&rows(8), fit(1).callback(ReduceLROnPlateau::new().factor(1.0))).unwrap_err();
    assert!(error.to_string().contains("expected a factor below 1, received 1"), "{error}");
}

#[test]
fn a_schedule_sets_the_rate_of_each_epoch() {
    let schedule = LearningRateScheduler::new(|epoch, rate| if epoch == 0 { 0.25 } else { rate / 2.0 });
    let history = model().fit(&rows(8), fit(3).callback(schedule)).unwrap();
    assert_eq!(history.get("learning_rate"), [0.25, 0.125, 0.0625]);
    let bad = LearningRateScheduler::new(|_, _| f64::NAN);
    assert!(model().fit(&rows(8), fit(1).callback(bad)).is_err());
}

#[test]
fn the_best_model_is_written_where_the_path_says() {
    let run = |values: &'static [f64], set: fn(ModelCheckpoint) -> ModelCheckpoint| {
        let written = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&written);
        let write = move |_: &nervure_nn::Model, path: &std::path::Path, _: &_| -> Result<()> {
            to.lock().unwrap().push(path.display().to_string());
            Ok(())
        };
        let checkpoint = set(ModelCheckpoint::new("{epoch:02d}-{val_loss:.1f}", write));
        let fit = fit(values.len()).batch_size(3).callback(report("val_loss", values)).callback(checkpoint);
        model().fit(&rows(8), fit).unwrap();
        Arc::try_unwrap(written).unwrap().into_inner().unwrap()
    };
    let values = &[0.5, f64::NAN, 0.7, 0.4];
    assert_eq!(run(values, |c| c), ["01-0.5", "02-NaN", "03-0.7", "04-0.4"]);
    assert_eq!(run(values, |c| c.save_best_only(true)), ["01-0.5", "04-0.4"]);
    assert_eq!(run(values, |c| c.save_best_only(true).mode(Mode::Max)), ["01-0.5", "03-0.7"]);
    assert_eq!(run(values, |c| c.save_best_only(true).initial_value_threshold(0.45)), ["04-0.4"]);

    let written = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&written);
    let every_two = ModelCheckpoint::new("{epoch}.{batch}", move |_, path, logs| {
        to.lock().unwrap().push((path.display().to_string(), logs.get("loss").is_some()));
        Ok(())
    });
    model().fit(&rows(8), fit(2).batch_size(3).callback(every_two.save_freq(2))).unwrap();
    let expected = ["1.2", "2.1", "2.3"].map(|p| (p.to_string(), true));
    assert_eq!(*written.lock().unwrap(), expected);
}

#[test]
fn a_loss_that_is_no_number_ends_training_and_says_where() {
    let x = ndarray::Array2::from_shape_fn((6, 3), |(i, _)| if i < 4 { 1.0f32 } else { f32::NAN });
    let data = Dataset::new(&x, ndarray::Array1::<f32>::zeros(6));
    let fit = || fit(5).batch_size(2).shuffle(false);
    let history = model().fit(&data, fit().callback(TerminateOnNaN::new())).unwrap();
    assert_eq!(history.epochs().len(), 1);
    assert_eq!(history.stopped(), Some("the loss is NaN in epoch 0, batch 2"));
    let error = model().fit(&data, fit().callback(TerminateOnNaN::new().fail(true))).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 0, batch: 2, loss } if loss.is_nan()), "{error}");
}

#[test]
fn an_epoch_is_a_line_of_a_csv_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    fn values_of(values: &'static [f64]) -> LambdaCallback {
        LambdaCallback::new().on_epoch_end(move |epoch, _, cx| {
            cx.log("b,c", values[epoch]);
            if epoch == 0 {
                cx.log("a", 1.0);
            }
            // What differs from machine to machine has no place in this file.
            cx.log("loss", 0.5);
            cx.log("accuracy", 0.00001);
            Ok(())
        })
    }
    let run = |values: &'static [f64], logger: CsvLogger| {
        model().fit(&rows(8), fit(values.len()).callback(values_of(values)).callback(logger)).unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    let first = run(&[0.1, f64::NAN], CsvLogger::new(&path));
    let expected = "epoch,a,accuracy,\"b,c\",loss\r\n0,1.0,1e-05,0.1,0.5\r\n1,NA,1e-05,nan,0.5\r\n";
    assert_eq!(first, expected);
    let more = run(&[2.0], CsvLogger::new(&path).append(true));
    assert_eq!(more, format!("{expected}0,1.0,1e-05,2.0,0.5\r\n"));
    let anew = run(&[2.0], CsvLogger::new(&path).separator(";"));
    assert_eq!(anew, "epoch;a;accuracy;b,c;loss\r\n0;1.0;1e-05;2.0;0.5\r\n");
    let nowhere = CsvLogger::new(folder.path().join("no/such/folder.csv"));
    let error = model().fit(&rows(8), fit(1).callback(nowhere)).unwrap_err();
    assert!(matches!(error, Error::File { .. }) && error.to_string().contains("folder.csv"), "{error}");
}

/// A writer that can be read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn progress_is_told_by_epoch_and_within() {
    let lines = Shared::default();
    model().fit(&rows(8), fit(2).callback(ProgbarLogger::lines(lines.clone()))).unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let parts: Vec<Vec<&str>> = text.lines().map(|l| l.split(" - ").collect()).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0][0], parts[1][0]), ("Epoch 1/2", "Epoch 2/2"));
    assert!(
        parts[0][1].ends_with('s')
            && parts[0][2].starts_with("loss: 0.")
            && parts[0][3].starts_with("accuracy: 0."),
        "{text}"
    );

    let seen = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&seen);
    let every = ProgbarLogger::new(move |r| {
        assert!(r.logs.get("loss").is_some() && r.logs.get("accuracy").is_some());
        assert!(r.elapsed >= r.epoch_time);
        to.lock().unwrap().push((r.epoch, r.batch, r.epoch_ended, r.remaining.is_zero()));
        Ok(())
    })
    .interval(std::time::Duration::ZERO);
    model().fit(&rows(8), fit(2).batch_size(4).callback(every)).unwrap();
    let expected = [
        (0, 1, false, false),
        (0, 2, false, false),
        (0, 2, true, false),
        (1, 1, false, false),
        (1, 2, false, true),
        (1, 2, true, true),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn the_numbers_of_an_epoch_so_far_are_those_of_its_end() {
    let last = Arc::new(Mutex::new(None));
    let to = Arc::clone(&last);
    let look = LambdaCallback::new()
        .on_batch_end(move |_, cx| {
            *to.lock().unwrap() = Some(cx.running());
            Ok(())
        })
        .on_train_begin(|cx| {
            assert_eq!((cx.epochs(), cx.batches()), (1, 3));
            Ok(())
        });
    let history = model().fit(&rows(8), fit(1).batch_size(3).callback(look)).unwrap();
    assert_eq!(last.lock().unwrap().as_ref(), Some(&history.epochs()[0]));
}

#[test]
fn averages_stand_for_the_weights_while_rows_validate() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&seen);
    let kernel = |model: &nervure_nn::Model| model.weight("dense/kernel").unwrap().as_f32().unwrap().to_vec();
    let look = LambdaCallback::new()
        .on_epoch_end(move |_, _, cx| {
            to.lock().unwrap().push(kernel(cx.model()));
            Ok(())
        })
        .on_epoch_begin(move |epoch, cx| {
            // The weights are back before the first step.
            let average = cx.model().state().get("optimizer/slots/dense/kernel/average").unwrap().clone();
            assert_eq!(epoch > 0, average.as_f32().unwrap()[0] != 0.0);
            assert_ne!(kernel(cx.model()), average.as_f32().unwrap());
            Ok(())
        });
    let run = |optimizer: SGD, callback: SwapEMAWeights, look: LambdaCallback| {
        let mut model = model();
        let fit = Fit::new(BinaryCrossentropy::new(), optimizer.learning_rate(0.5))
            .epochs(2)
            .batch_size(2)
            .validation_data(rows(8))
            .callback(callback)
            .callback(look);
        let history = model.fit(&rows(8), fit)?;
        Ok::<_, Error>((history, kernel(&model), model))
    };
    let ema = || SGD::new().use_ema(true).ema_momentum(0.8);
    let (history, end, trained) = run(ema(), SwapEMAWeights::new().swap_on_epoch(true), look).unwrap();
    // What validates, what later callbacks see, and what is left is the same.
    assert_eq!(seen.lock().unwrap()[1], end);
    let training = Training::new(BinaryCrossentropy::new(), SGD::new());
    let loss = trained.evaluate(&rows(8), &training, 2).unwrap().get("loss");
    assert_eq!(history.epochs()[1].get("val_loss"), loss);
    // Training itself does not know of it.
    let (plain, same, _) = run(ema(), SwapEMAWeights::new(), LambdaCallback::new()).unwrap();
    assert_eq!((plain, same), (history, end));

    let error = run(SGD::new(), SwapEMAWeights::new(), LambdaCallback::new()).unwrap_err().to_string();
    assert_eq!(error, "SwapEMAWeights: expected an optimizer with use_ema, received `sgd` without");
}

#[test]
fn tensor_board_gets_the_numbers_of_epochs_and_batches() {
    let folder = tempfile::tempdir().unwrap();
    let board = TensorBoard::new(folder.path()).update_freq(2);
    let fit =
        Fit::new(BinaryCrossentropy::new(), SGD::new().learning_rate(ExponentialDecay::new(0.5, 1, 0.5)))
            .epochs(2)
            .batch_size(4)
            .validation_data(rows(4))
            .callback(board);
    let history = model().fit(&rows(12), fit).unwrap();
    let [first, second] = history.epochs() else { panic!("two epochs") };
    let of = |logs: &nervure_nn::Logs, name| logs.get(name).unwrap() as f32;
    let train = scalars(&folder.path().join("train"));
    let steps: Vec<(u64, &str)> = train.iter().map(|(step, tag, _)| (*step, tag.as_str())).collect();
    let expected = [
        (2, "batch_loss"),
        (0, "epoch_loss"),
        (0, "epoch_learning_rate"),
        (4, "batch_loss"),
        (6, "batch_loss"),
        (1, "epoch_loss"),
        (1, "epoch_learning_rate"),
    ];
    assert_eq!(steps, expected);
    assert_eq!((train[1].2, train[5].2), (of(first, "loss"), of(second, "loss")));
    // The rate of the step to come, after 3 and after 6.
    assert_eq!((train[2].2, train[6].2), (0.5f32.powi(4), 0.5f32.powi(7)));
    let validation = scalars(&folder.path().join("validation"));
    let expected =
        [(0, "epoch_loss".into(), of(first, "val_loss")), (1, "epoch_loss".into(), of(second, "val_loss"))];
    assert_eq!(validation, expected);
}

/// Step, tag and value of every scalar in the only event file of a folder. Checksums are not looked at: a test of the writer does that.
pub fn scalars(folder: &std::path::Path) -> Vec<(u64, String, f32)> {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.file_name().unwrap().to_string_lossy().starts_with("events.out.tfevents."));
    let bytes = std::fs::read(file).unwrap();
    let (mut rest, mut all) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let event = fields(&rest[12..12 + length]);
        rest = &rest[16 + length..];
        let step = event.iter().find(|f| f.0 == 2).map_or(0, |f| f.1);
        for summary in event.iter().filter(|f| f.0 == 5) {
            for value in fields(&summary.2) {
                let value = fields(&value.2);
                let tag = String::from_utf8(value[0].2.clone()).unwrap();
                all.push((step, tag, f32::from_le_bytes(value[1].2[..].try_into().unwrap())));
            }
        }
    }
    all
}

/// Number, varint and bytes of each field of a protocol buffer's message.
fn fields(mut message: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let end = message.iter().position(|b| b & 0x80 == 0).unwrap() + 1;
        let (head, rest) = message.split_at(end);
        *message = rest;
        head.iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f))
    }
    let mut all = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let (number, size) = match key & 7 {
            0 => (varint(&mut message), 0),
            1 => (0, 8),
            2 => (0, varint(&mut message) as usize),
            5 => (0, 4),
            other => panic!("wire type {other}"),
        };
        let (content, rest) = message.split_at(size);
        message = rest;
        all.push((key >> 3, number, content.to_vec()));
    }
    all
}
