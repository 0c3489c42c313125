//! Runs that are interrupted and go on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::{Bench, has};

/// Long enough to be killed some times.
const RUN: &str = "train digits --layers 48 --epochs 40 --patience 40 --batch-size 16";

fn start(bench: &Bench, words: &str) -> Child {
    let mut command = bench.command(words.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whatever moment a run is killed at, the one that goes on comes to the same file.
#[test]
fn killed_at_any_moment_and_resumed_comes_to_the_same_bytes() {
    let bench = Bench::new();
    let begin = Instant::now();
    bench.ok(&format!("{RUN} -q -o whole.nervure --history whole.jsonl"));
    let took = begin.elapsed();
    let words = format!("{RUN} -o killed.nervure --history killed.jsonl --resume");
    let (mut kills, mut share) = (0, 7);
    for _ in 0..10 {
        let mut child = start(&bench, &words);
        // From a fifth to the half of what the whole run takes: some epochs further each time.
        share = share * 29 % 31;
        std::thread::sleep(took.mul_f64(0.2 + 0.01 * f64::from(share)));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    // The last one may have come to its end, or been killed: going on (or anew) comes to the same.
    bench.ok(&words);
    assert!(kills > 0, "the run was too short to be killed");
    assert!(bench.read("whole.nervure") == bench.read("killed.nervure"), "after {kills} kills");
    assert_eq!(bench.text("whole.jsonl"), bench.text("killed.jsonl"));
    assert_eq!(bench.names(), ["killed.jsonl", "killed.nervure", "whole.jsonl", "whole.nervure"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_a_checkpoint_and_says_how_to_go_on() {
    let bench = Bench::new();
    bench.ok(&format!("{RUN} -q -o whole.nervure"));
    let mut child = start(&bench, &format!("{RUN} -o cut.nervure"));
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("epoch 3/") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "ended early");
    }
    let interrupt = format!("kill -INT {}", child.id());
    assert!(bench.shell(&interrupt).code == 0);
    let rest: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    let [.., error, help] = &rest[..] else { panic!("{rest:?}") };
    has(error, &["error: interrupted after "]);
    assert_eq!(help, &format!("help: to go on: nervure {RUN} -o cut.nervure --resume"));
    assert_eq!(bench.names(), ["cut.nervure.ckpt", "whole.nervure"]);
    bench.ok(&format!("{RUN} -q -o cut.nervure --resume --threads 1"));
    assert!(bench.read("whole.nervure") == bench.read("cut.nervure"));
    assert_eq!(bench.names(), ["cut.nervure", "whole.nervure"]);
}

#[cfg(unix)]
#[test]
fn other_settings_or_data_are_named() {
    let bench = Bench::new();
    bench.write("rows.csv", crate::rows(2000));
    let run = "train rows.csv --epochs 500 --patience 500 --layers 32";
    let mut child = start(&bench, run);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("epoch 2/") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "ended early");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoint = bench.read("model.nervure.ckpt");
    let resumed = |words: &str, parts: &[&str]| {
        let ran = bench.run(&format!("{words} --resume"));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{words}: {}", ran.stderr);
        has(&ran.sentence(), &["model.nervure.ckpt"]);
        has(&ran.sentence(), parts);
        assert!(bench.read("model.nervure.ckpt") == checkpoint);
    };
    resumed(&run.replace("epochs 500", "epochs 501"), &["epochs 500", "501"]);
    resumed(&format!("{run} --learning-rate 0.1"), &["learning-rate", "0.1"]);
    resumed(&format!("{run} --seed 1"), &["seed 42", "1"]);
    resumed(&format!("{run} --drop value"), &["drop"]);
    bench.write("rows.csv", crate::rows(2000).replacen(",red,", ",blue,", 1));
    resumed(run, &["other data"]);
    bench.write("model.nervure.ckpt", &checkpoint[..checkpoint.len() / 2]);
    let ran = bench.run(&format!("{run} --resume"));
    assert_eq!(ran.code, 1);
    has(&ran.sentence(), &["model.nervure.ckpt", "broken archive"]);
}

#[test]
fn without_a_checkpoint_it_begins_anew() {
    let bench = Bench::new();
    let ran = bench.run("train iris --epochs 2 --resume");
    assert_eq!(ran.code, 0);
    has(&ran.stderr, &["no model.nervure.ckpt"]);
}
