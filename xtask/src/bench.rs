//! Nervure and its peers on the same workloads, in turn within one run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::peers::{self, Peer};
use crate::run::{Result, cargo, commit, machine, output, root, step, target, vectors};

/// Peers that train, with the names that tables have.
const TRAINERS: [(&str, &str); 4] =
    [("torch", "torch"), ("torch_compile", "torch.compile"), ("jax", "JAX"), ("keras", "Keras/TF")];
const PREDICTOR: (&str, &str) = ("onnxruntime", "ONNX Runtime");

/// GFLOP/s that a core reaches at least when the machine is in order: vendor, family and model as /proc/cpuinfo has them.
const PEAKS: &[(&str, &str, &str, f64)] =
    &[("AuthenticAMD", "25", "1", 90.0), ("AuthenticAMD", "25", "17", 105.0)];

/// Seconds for which each of them is timed in a round.
const SECONDS: f64 = 0.6;

struct Options {
    only: Option<String>,
    threads: Option<usize>,
    rounds: usize,
    peers: Option<String>,
}

/// What is timed: a training step, or a prediction of so many rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    workload: String,
    predict: Option<u64>,
}

/// The least median of all rounds for each contender, in microseconds; with the setting that a peer chose.
type Best = BTreeMap<&'static str, (f64, String)>;

#[derive(Default)]
struct Figures {
    /// In the order in which they were timed.
    cases: Vec<(Case, Best)>,
    steps: BTreeMap<String, Step>,
    /// What `fit` took in each round.
    fits: BTreeMap<String, Vec<Fit>>,
    /// GFLOP/s, as measured just before each turn.
    peaks: Vec<f64>,
    /// Peers that failed, and of what.
    failed: Vec<String>,
    threads: u64,
}

/// What holds for a step in all rounds.
#[derive(Debug, Clone, Default)]
struct Step {
    gflop: f64,
    /// Errors of losses, and of optimizer's slots and statistics, against the reference.
    loss: f64,
    state: f64,
    /// Sizes of the batches that were compared.
    rows: String,
}

/// A step of `fit` over so many rows, and the step alone that was timed in turn with it, in microseconds; what the one takes over the other.
#[derive(Debug, Clone, Copy)]
struct Fit {
    rows: u64,
    step: f64,
    alone: f64,
    percent: f64,
}

const NERVURE: &str = "Nervure";
/// Turns of each workload, unless told otherwise.
const ROUNDS: usize = 3;

pub fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let python = peers::python(options.peers.as_deref())?;
    if python.is_none() {
        eprintln!(
            "No peers are here: `--peers make` gets them, `--peers DIR` names an environment that has them."
        );
    }
    step(&mut cargo(&["build", "--release", "--bin", "nervure"]))?;
    let mut figures = Figures::default();
    // Once for all that holds for the whole run: which workloads there are, and whether they are right.
    let names = figures.nervure(&options, options.only.as_deref(), true)?;
    let threads = figures.threads as usize;
    let start = |name: &'static str| python.as_deref().map(|p| Peer::start(p, name, threads)).transpose();
    let mut trainers = TRAINERS.iter().map(|(name, _)| start(name)).collect::<Result<Vec<_>>>()?;
    let mut predictor = start(PREDICTOR.0)?;
    for name in &names {
        eprintln!("— {name}");
        for _ in 0..options.rounds {
            figures.nervure(&options, Some(name), false)?;
            for peer in &mut trainers {
                figures.try_peer(peer, &Case { workload: name.clone(), predict: None });
            }
            let cases: Vec<Case> = figures.cases.iter().map(|(case, _)| case.clone()).collect();
            for case in cases.iter().filter(|c| c.workload == *name && c.predict.is_some()) {
                figures.try_peer(&mut predictor, case);
            }
        }
    }
    let text = figures.text(python.as_deref())?;
    println!("{text}");
    figures.in_order()?;
    if options.is_whole() && python.is_some() {
        write_results(&text)?;
    }
    if figures.failed.is_empty() { Ok(()) } else { Err("a peer failed: its figures are missing".into()) }
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Options> {
        let mut options = Options { only: None, threads: None, rounds: ROUNDS, peers: None };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{flag}: expected a value"))?.to_string();
            match *flag {
                "--only" => options.only = Some(value),
                "--threads" => options.threads = Some(value.parse()?),
                "--rounds" => match value.parse() {
                    Ok(rounds) if rounds > 0 => options.rounds = rounds,
                    _ => return Err(format!("--rounds: expected a number above 0, received {value}").into()),
                },
                "--peers" => options.peers = Some(value),
                _ => return Err(format!("no option `{flag}`: see cargo xtask help").into()),
            }
        }
        Ok(options)
    }

    /// Whether a run's figures are those that are kept: of all workloads, on all threads, in no fewer rounds than usual.
    fn is_whole(&self) -> bool {
        self.only.is_none() && self.threads.is_none() && self.rounds >= ROUNDS
    }
}

impl Figures {
    /// Runs `nervure bench` and takes in what it says; gives the names of its workloads.
    fn nervure(&mut self, options: &Options, only: Option<&str>, check: bool) -> Result<Vec<String>> {
        let mut command = std::process::Command::new(target().join("release/nervure"));
        command.args([
            "bench",
            "--json",
            "--quiet",
            "--seconds",
            &if check { 0.0 } else { SECONDS }.to_string(),
        ]);
        command.args(check.then_some("--check"));
        command.args(only.into_iter().flat_map(|names| ["--only", names]));
        if let Some(threads) = options.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let said: Value = serde_json::from_slice(&output(&mut command)?.0.stdout)?;
        let number =
            |v: &Value, key: &str| v[key].as_f64().ok_or_else(|| format!("nervure bench says no {key}"));
        self.peaks.push(number(&said, "peak_gflops")?);
        self.threads = said["threads"].as_u64().unwrap_or(1);
        let lines = |key: &str| said[key].as_array().cloned().unwrap_or_default();
        let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_owned();
        for line in lines("train").iter().chain(&lines("predict")) {
            let predicts = line.get("us").is_some();
            if check && !predicts {
                let checks = line["check"].as_array().map_or(&[][..], Vec::as_slice);
                let worst = |key: &str| {
                    let errors = checks.iter().map(|c| number(c, key));
                    errors.reduce(|a, b| Ok(a?.max(b?))).ok_or("nervure bench says no check")?
                };
                let step = Step {
                    gflop: number(line, "gflop")?,
                    loss: worst("loss_error")?,
                    state: worst("state_error")?,
                    rows: checks.iter().map(|c| c["rows"].to_string()).collect::<Vec<_>>().join(", "),
                };
                self.steps.insert(name(line), step);
            }
            if let Some(rows) = line["fit"]["rows"].as_u64() {
                let of = |key: &str| number(&line["fit"], key);
                let fit = Fit { rows, step: of("step_us")?, alone: of("alone_us")?, percent: of("percent")? };
                self.fits.entry(name(line)).or_default().push(fit);
            }
            if !check {
                let predict = if predicts { line["batch"].as_u64() } else { None };
                let us = number(line, if predicts { "us" } else { "step_us" })?;
                self.enter(&Case { workload: name(line), predict }, NERVURE, us, String::new());
            }
        }
        Ok(lines("train").iter().map(name).collect())
    }

    fn peer(&mut self, peer: &mut Peer, case: &Case) -> Result<()> {
        if let Some(timed) = peer.time(&case.workload, case.predict, SECONDS)? {
            self.enter(case, peer.name, timed.us, timed.setting);
        }
        Ok(())
    }

    /// Times a peer; one that fails is out from then on, and the others go on.
    fn try_peer(&mut self, peer: &mut Option<Peer>, case: &Case) {
        let Some(at_work) = peer else { return };
        if let Err(error) = self.peer(at_work, case) {
            eprintln!("{error}");
            self.failed.push(error.to_string());
            *peer = None;
        }
    }

    /// The median of the measured peaks: what the machine did while the others were timed.
    fn peak(&self) -> f64 {
        let mut peaks = self.peaks.clone();
        peaks.sort_by(f64::total_cmp);
        peaks.get(peaks.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn enter(&mut self, case: &Case, contender: &'static str, us: f64, setting: String) {
        let at = self.cases.iter().position(|(c, _)| c == case).unwrap_or_else(|| {
            self.cases.push((case.clone(), Best::new()));
            self.cases.len() - 1
        });
        let best = self.cases[at].1.entry(contender).or_insert((f64::INFINITY, String::new()));
        if us < best.0 {
            *best = (us, setting);
        }
    }

    /// Whether the machine did what its processor does in order.
    fn in_order(&self) -> Result<()> {
        let Some(wanted) = stated_peak() else {
            eprintln!(
                "What this processor reaches in order is not stated in xtask/src/bench.rs: it is not checked."
            );
            return Ok(());
        };
        let wanted = wanted * self.threads as f64;
        if self.peak() >= wanted {
            return Ok(());
        }
        Err(format!(
            "the machine is not in order: its loop of multiply-adds ran at {:.0} GFLOP/s, expected at least {wanted:.0}",
            self.peak()
        )
        .into())
    }

    fn text(&self, python: Option<&Path>) -> Result<String> {
        let mut text = format!(
            "Machine: {}, {} threads, measured peak {:.0} GFLOP/s. Commit {}.\nPeers: {}.\n\n",
            machine(),
            self.threads,
            self.peak(),
            commit()?,
            python.map(peers::versions).transpose()?.unwrap_or_else(|| "none".into())
        );
        for error in &self.failed {
            writeln!(text, "Failed: {error}\n")?;
        }
        text += "Training steps (forward, loss, backward, Adam), µs. Ratio: the fastest peer's time over Nervure's. Share: FLOPs of the direct\n\
            algorithm, without the gradient of the first layer's input, over Nervure's time, of the measured peak. Losses, gradients: errors of the losses of\n\
            the first steps, and of Adam's moments and other statistics after one, against the reference interpreter's in f64, on so many rows.\n\n";
        let head: Vec<&str> = TRAINERS.iter().map(|t| t.1).collect();
        writeln!(
            text,
            "| workload | Nervure | {} | ratio | share | losses | gradients | rows |",
            head.join(" | ")
        )?;
        writeln!(text, "|---|{}", "--:|".repeat(head.len() + 6))?;
        let mut ratios = Vec::new();
        for (case, best) in self.cases.iter().filter(|(c, _)| c.predict.is_none()) {
            let Step { gflop, loss, state, rows } =
                self.steps.get(&case.workload).cloned().unwrap_or_default();
            let ratio = ratio(best);
            ratios.extend(ratio);
            let cells = TRAINERS.iter().map(|(name, _)| micros(best.get(name)));
            writeln!(
                text,
                "| {} | {} | {} | {} | {:.0} % | {loss:.0e} | {state:.0e} | {rows} |",
                case.workload,
                micros(best.get(NERVURE)),
                cells.collect::<Vec<_>>().join(" | "),
                ratio.map_or("-".into(), |r| format!("{r:.2}")),
                best.get(NERVURE).map_or(0.0, |n| 100.0 * gflop / (n.0 * 1e-6) / self.peak()),
            )?;
        }
        if !ratios.is_empty() {
            let mean = (ratios.iter().map(|r: &f64| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
            writeln!(text, "\nGeometric mean of the ratios: {mean:.2}.")?;
        }
        for (name, rounds) in &self.fits {
            let Some(Fit { rows, step, alone, percent }) = middle(rounds) else { continue };
            let all: Vec<_> = rounds.iter().map(|r| format!("{:+.1}", r.percent)).collect();
            writeln!(
                text,
                "\n`fit` of {name} over {rows} shuffled rows: {percent:+.1} % over the step alone, timed in turn with it ({step:.0} and\n\
                 {alone:.0} µs); all rounds: {}.",
                all.join(", ")
            )?;
        }
        writeln!(
            text,
            "\nPredictions, µs.\n\n| workload | batch | Nervure | {} | ratio |\n|---|--:|--:|--:|--:|",
            PREDICTOR.1
        )?;
        for (case, best) in &self.cases {
            let Some(rows) = case.predict else { continue };
            let ratio = ratio(best).map_or("-".into(), |r| format!("{r:.2}"));
            let (own, peer) = (micros(best.get(NERVURE)), micros(best.get(PREDICTOR.0)));
            writeln!(text, "| {} | {rows} | {own} | {peer} | {ratio} |", case.workload)?;
        }
        writeln!(text, "\n{}", self.settings())?;
        Ok(text)
    }
}

impl Figures {
    /// The settings with which peers were fastest, where they had several.
    fn settings(&self) -> String {
        let mut chosen: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (case, best) in &self.cases {
            let rows = case.predict.map_or(String::new(), |rows| format!(" {rows}"));
            for (name, (_, setting)) in best.iter().filter(|(_, b)| !b.1.is_empty()) {
                chosen.entry(name).or_default().push(format!("{}{rows}: {setting}", case.workload));
            }
        }
        let lines = chosen.iter().map(|(name, all)| format!("- {name}: {}", all.join("; ")));
        format!("Settings with which the peers were fastest:\n\n{}", lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The round whose `fit` has the median of what it takes over the step.
fn middle(rounds: &[Fit]) -> Option<Fit> {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|a, b| a.percent.total_cmp(&b.percent));
    rounds.get(rounds.len() / 2).copied()
}

/// The fastest peer's time over Nervure's.
fn ratio(best: &Best) -> Option<f64> {
    let own = best.get(NERVURE)?.0;
    best.iter().filter(|(name, _)| **name != NERVURE).map(|(_, b)| b.0 / own).reduce(f64::min)
}

/// Three digits.
fn micros(best: Option<&(f64, String)>) -> String {
    let Some((us, _)) = best else { return "-".into() };
    let digits = (2 - us.max(1e-3).log10().floor() as i32).clamp(0, 3) as usize;
    format!("{us:.digits$}")
}

fn stated_peak() -> Option<f64> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let line = cpu.lines().find(|l| l.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim())
    };
    let (vendor, family, model) = (field("vendor_id")?, field("cpu family")?, field("model")?);
    PEAKS.iter().find(|p| (p.0, p.1, p.2) == (vendor, family, model)).map(|p| p.3)
}

/// Puts the figures in the place that those of such processors have in benches/RESULTS.md, and leaves what people wrote around them.
fn write_results(figures: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- figures with {} -->\n", vectors()), "<!-- end of figures -->\n");
    let path = root().join("benches/RESULTS.md");
    let old = std::fs::read_to_string(&path)?;
    let (before, rest) = old
        .split_once(&begin)
        .ok_or_else(|| format!("benches/RESULTS.md lacks the line where figures begin: {}", begin.trim()))?;
    let (_, after) = rest.split_once(end).ok_or("benches/RESULTS.md has lost the mark where figures end")?;
    std::fs::write(&path, format!("{before}{begin}{figures}{end}{after}"))?;
    eprintln!("written to {}", path.display());
    Ok(())
}
