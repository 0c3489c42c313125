//! `nervure bench`: how fast this machine trains and predicts.

mod check;
mod clock;
mod fed;
mod flops;
mod profile;
mod workloads;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use nervure_exec::{Threads, peak_flops};
use nervure_graph::Bindings;
use nervure_nn::Model;
use nervure_nn::network::BATCH;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::style::{WIDTH, counted, cut, table};
use crate::{Common, output};
use check::{Check, check};
use clock::{Timing, time};
use fed::{Fed, fed};
use flops::step_flops;
use profile::Profile;
use workloads::{WORKLOADS, Workload};

/// Time training steps and predictions, against what this machine can do at most
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure bench --only seed_mlp,tabular --seconds 0.2
  nervure bench --only seed_mlp --seconds 0.2 --profile --threads 1")]
pub struct BenchArgs {
    /// These workloads instead of all
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = trimmed)]
    only: Vec<String>,

    /// Print what each kernel of the plans takes, the dearest first (whole names with --json)
    #[arg(long)]
    profile: bool,

    /// Hold losses and gradients against the reference interpreter's, which takes seconds each
    #[arg(long)]
    check: bool,

    /// For how long each step, each prediction and `fit` are timed
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,

    #[command(flatten)]
    common: Common,
}

/// Sizes of batches that are predicted.
const PREDICTED: [usize; 3] = [1, 32, 256];

/// A training step.
struct Train {
    workload: &'static Workload,
    timing: Timing,
    flops: u64,
    /// None unless asked for.
    checks: Vec<Check>,
    profile: Option<Profile>,
    /// Where `Model::fit` is timed: what it costs.
    fed: Option<Fed>,
}

/// A prediction.
struct Predict {
    workload: &'static Workload,
    batch: usize,
    /// By a `Predictor`: the plan's run alone.
    timing: Timing,
    /// By `Model::predict`, which checks shapes and makes arrays.
    checked: Timing,
    profile: Option<Profile>,
}

impl BenchArgs {
    /// Times and prints.
    pub fn run(self) -> Result<()> {
        let workloads = self.workloads()?;
        let threads = self.common.threads();
        let peak = peak_flops(&threads);
        let (mut train, mut predict) = (Vec::new(), Vec::new());
        for workload in workloads {
            if !self.common.quiet {
                tell!("{}", workload.name);
            }
            let mut model = workload.model()?.with_threads(Arc::clone(&threads));
            train.push(self.train(workload, &mut model, &threads)?);
            if workload.predicts {
                for batch in PREDICTED {
                    predict.push(self.predict(workload, &model, batch)?);
                }
            }
        }
        if self.common.json {
            return output::line(&as_json(peak, &threads, &train, &predict).to_string());
        }
        output::text(&as_text(peak, &threads, &train, &predict))
    }

    fn workloads(&self) -> Result<Vec<&'static Workload>> {
        if let Some(unknown) = self.only.iter().find(|name| WORKLOADS.iter().all(|w| w.name != **name)) {
            let names: Vec<&str> = WORKLOADS.iter().map(|w| w.name).collect();
            return Err(Failure::usage(
                format!("no workload is named `{unknown}`"),
                format!("choose among {}", names.join(", ")),
            ));
        }
        let wanted = |w: &&Workload| self.only.is_empty() || self.only.iter().any(|name| name == w.name);
        Ok(WORKLOADS.iter().filter(wanted).collect())
    }

    fn budget(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn train(&self, workload: &'static Workload, model: &mut Model, threads: &Arc<Threads>) -> Result<Train> {
        let checks = if self.check { check(workload, model)? } else { Vec::new() };
        let batch = workload.batch(model, workload.batch)?;
        let flops = step_flops(model.graph(), &Bindings::from([(BATCH.into(), workload.batch)]))?;
        let mut step = model.train_step(workload.training(), &batch)?;
        let timing = time(self.budget(), || step.run().map(drop))?;
        let profile = self.profile.then(|| {
            step.runner().time_kernels();
            let kernels = step.runner().plan().listing().collect();
            Profile::new(self.budget(), kernels, || step.run().map(|_| step.runner().kernel_times().to_vec()))
        });
        let profile = profile.transpose()?;
        let fed = (workload.is_fed && self.seconds > 0.0)
            .then(|| fed(workload, model, threads, self.budget()))
            .transpose()?;
        Ok(Train { workload, timing, flops, checks, profile, fed })
    }

    fn predict(&self, workload: &'static Workload, model: &Model, batch: usize) -> Result<Predict> {
        let x = workload.inputs(model, batch)?;
        let checked = time(self.budget(), || model.predict(x.clone()).map(drop))?;
        let x = [x.view()];
        let mut predictor = model.predictor(batch)?;
        let timing = time(self.budget(), || predictor.run(&x))?;
        let profile = self.profile.then(|| {
            predictor.runner().time_kernels();
            let kernels = predictor.runner().plan().listing().collect();
            Profile::new(self.budget(), kernels, || {
                predictor.run(&x).map(|_| predictor.runner().kernel_times().to_vec())
            })
        });
        Ok(Predict { workload, batch, timing, checked, profile: profile.transpose()? })
    }
}

impl Train {
    /// Of what the machine can do at most.
    fn share(&self, peak: f64) -> f64 {
        self.flops as f64 / (self.timing.median * 1e-6) / peak
    }
}

fn as_json(peak: f64, threads: &Threads, train: &[Train], predict: &[Predict]) -> Value {
    let with_profile = |mut line: Value, profile: &Option<Profile>| {
        if let Some(profile) = profile {
            line["profile"] = profile.as_json();
        }
        line
    };
    let train = train.iter().map(|t| {
        let mut line = json!({
            "name": t.workload.name,
            "batch": t.workload.batch,
            "step_us": t.timing.median,
            "least_us": t.timing.least,
            "gflop": t.flops as f64 / 1e9,
            "share_of_peak": t.share(peak),
        });
        if let Some(fed) = t.fed {
            line["fit"] = json!({
                "rows": fed::ROWS,
                "step_us": fed.fit,
                "alone_us": fed.step,
                "percent": fed.percent(),
            });
        }
        let checks = t.checks.iter().map(|c| {
            json!({
                "rows": c.rows,
                "steps": c.steps,
                "loss_error": c.loss,
                "states": c.states,
                "state_error": c.state.error,
                "worst_state": c.state.name,
            })
        });
        if !t.checks.is_empty() {
            line["check"] = checks.collect();
        }
        with_profile(line, &t.profile)
    });
    let predict = predict.iter().map(|p| {
        let line = json!({
            "name": p.workload.name,
            "batch": p.batch,
            "us": p.timing.median,
            "least_us": p.timing.least,
            "model_predict_us": p.checked.median,
        });
        with_profile(line, &p.profile)
    });
    json!({
        "peak_gflops": peak / 1e9,
        "threads": threads.count(),
        "train": train.collect::<Vec<_>>(),
        "predict": predict.collect::<Vec<_>>(),
    })
}

fn as_text(peak: f64, threads: &Threads, train: &[Train], predict: &[Predict]) -> String {
    let (count, of) = (threads.count(), if threads.count() == 1 { "thread" } else { "threads" });
    let mut text =
        format!("peak {:.1} GFLOP/s on {count} {of}; times are medians and the least\n", peak / 1e9);
    let line = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![line(&["step", "batch", "µs", "least", "MFLOP", "GFLOP/s", "of peak"])];
    rows.extend(train.iter().map(|t| {
        vec![
            t.workload.name.to_owned(),
            t.workload.batch.to_string(),
            short(t.timing.median),
            short(t.timing.least),
            short(t.flops as f64 / 1e6),
            format!("{:.1}", t.flops as f64 / t.timing.median / 1e3),
            format!("{:.1} %", 100.0 * t.share(peak)),
        ]
    }));
    text += &format!("\n{}", table(&rows));
    if !predict.is_empty() {
        let mut rows = vec![line(&["prediction", "batch", "µs", "least", "Model::predict"])];
        rows.extend(predict.iter().map(|p| {
            let times = [p.timing.median, p.timing.least, p.checked.median].map(short);
            [p.workload.name.to_owned(), p.batch.to_string()].into_iter().chain(times).collect()
        }));
        text += &format!("\n{}", table(&rows));
    }
    for t in train {
        if let Some(fed) = t.fed {
            text += &format!(
                "\n{}: fit over {} rows takes {} µs a step, {:+.1} % over\nthe step alone in turn with it, {} µs\n",
                t.workload.name,
                fed::ROWS,
                short(fed.fit),
                fed.percent(),
                short(fed.step),
            );
        }
        for Check { rows, steps, loss, state, states } in &t.checks {
            text += &format!(
                "\n{}, {rows} rows against the reference:\n  losses of {} within {loss:.1e}\n  {states} slots and statistics after a step \
                 within {:.1e}, worst:\n    {}\n",
                t.workload.name,
                counted(*steps, "step"),
                state.error,
                cut(&state.name, WIDTH - 4),
            );
        }
    }
    for t in train {
        if let Some(profile) = &t.profile {
            text += &format!("\n{}, step of {}\n{profile}", t.workload.name, t.workload.batch);
        }
    }
    for p in predict {
        if let Some(profile) = &p.profile {
            text += &format!("\n{}, prediction of {}\n{profile}", p.workload.name, p.batch);
        }
    }
    text
}

/// A number with four digits.
fn short(x: f64) -> String {
    let digits = (3 - x.max(1e-3).log10().floor() as i32).clamp(0, 4) as usize;
    format!("{x:.digits$}")
}

fn trimmed(name: &str) -> Result<String, Infallible> {
    Ok(name.trim().to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(s) if (0.0..=3600.0).contains(&s) => Ok(s),
        _ => Err("expected seconds from 0 to 3600".into()),
    }
}
