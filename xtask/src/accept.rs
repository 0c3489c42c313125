//! Figures on this machine: what is too long or too noisy for CI. Each line says what was seen and what is wanted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Result, cargo, commit, machine, output, step, target};

type Figures = fn(&mut Report) -> Result<()>;

const ALL: &[(&str, Figures)] = &[
    ("accuracy", accuracy),
    ("digits", digits),
    ("fashion_mnist", fashion_mnist),
    ("text", text),
    ("forecast", forecast),
    ("first", first),
    ("build", build),
    ("binary", binary),
    ("resume", resume),
];

const SEEDS: u64 = 10;

pub fn run(names: &[&str]) -> Result<()> {
    if let Some(n) = names.iter().find(|n| ALL.iter().all(|(name, _)| name != *n)) {
        let known = ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        return Err(format!("no figures are named `{n}`; there are {known}").into());
    }
    step(&mut cargo(&["build", "--release", "--workspace", "--bins", "--examples"]))?;
    let mut report = Report { missed: 0 };
    println!("machine: {}", machine());
    println!("commit: {}", commit()?);
    for (name, figures) in ALL {
        if names.is_empty() || names.contains(name) {
            figures(&mut report)?;
        }
    }
    if report.missed == 0 { Ok(()) } else { Err(format!("{} figures missed", report.missed).into()) }
}

struct Report {
    missed: usize,
}

impl Report {
    fn line(&mut self, what: &str, seen: String, wanted: &str, met: bool) {
        println!("{} {what:44} {seen:>18}   wanted {wanted}", if met { "ok    " } else { "MISSED" });
        self.missed += usize::from(!met);
    }
}

/// Test metrics of `nervure train` with its defaults, means over seeds.
fn accuracy(report: &mut Report) -> Result<()> {
    let runs = |set: &str| -> Result<Vec<Value>> {
        (0..SEEDS).map(|seed| train(set, &["--seed", &seed.to_string()])).collect()
    };
    let mean = |runs: &[Value], path: &[&str]| -> Result<f64> {
        let values: Option<Vec<f64>> =
            runs.iter().map(|r| path.iter().fold(r, |v, key| &v[*key]).as_f64()).collect();
        let values = values.ok_or_else(|| format!("`train --json` has no {}", path.join(".")))?;
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    };
    let at_least = |report: &mut Report, what: &str, seen: f64, wanted: f64| {
        report.line(what, format!("{seen:.4}"), &format!("≥ {wanted}"), seen >= wanted);
    };
    let diabetes = runs("diabetes")?;
    at_least(report, "diabetes: test accuracy", mean(&diabetes, &["test", "accuracy"])?, 0.75);
    at_least(report, "diabetes: test AUC", mean(&diabetes, &["test", "auc"])?, 0.82);
    at_least(report, "iris: test accuracy", mean(&runs("iris")?, &["test", "accuracy"])?, 0.94);
    let wine = runs("wine_quality")?;
    let ours = mean(&wine, &["test", "root_mean_squared_error"])?;
    let linear = mean(&wine, &["baseline", "linear_regression", "root_mean_squared_error"])?;
    report.line(
        "wine_quality: test RMSE",
        format!("{ours:.4}"),
        &format!("≤ {linear:.4} (linear regression)"),
        ours <= linear,
    );
    Ok(())
}

/// Test accuracy of the convolutional example, mean over seeds.
fn digits(report: &mut Report) -> Result<()> {
    let mut sum = 0.0;
    for seed in 0..SEEDS {
        sum += said(&run_example("digits", &[&seed.to_string()], Stdio::null())?, "test accuracy")?;
    }
    let mean = sum / SEEDS as f64;
    report.line("digits: test accuracy of the example", format!("{mean:.4}"), "≥ 0.98", mean >= 0.98);
    Ok(())
}

/// Test accuracy on the images of Debian's package, which is unpacked in the target folder.
fn fashion_mnist(report: &mut Report) -> Result<()> {
    let folder = target().join("fashion-mnist");
    let images = folder.join("usr/share/datasets/fashion-mnist");
    if !images.exists() {
        eprintln!("Downloads dataset-fashion-mnist (31 MB) from Debian's archive.");
        std::fs::create_dir_all(&folder)?;
        step(Command::new("apt-get").args(["download", "dataset-fashion-mnist"]).current_dir(&folder))?;
        let package = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
        let package = package.filter(|path| path.extension().is_some_and(|e| e == "deb")).max();
        let package = package.ok_or("apt-get left no package")?;
        step(Command::new("dpkg").arg("-x").arg(package).arg(&folder))?;
    }
    let images = images.to_str().ok_or("the target folder's name is not UTF-8")?;
    let accuracy = said(&run_example("fashion_mnist", &[images], Stdio::null())?, "test accuracy")?;
    let seen = format!("{accuracy:.4}");
    report.line("fashion_mnist: test accuracy, 5 epochs", seen, "≥ 0.91", accuracy >= 0.91);
    Ok(())
}

/// Test accuracy on descriptions of Debian's packages, as this machine knows them.
fn text(report: &mut Report) -> Result<()> {
    let mut packages = Command::new("apt-cache").arg("dumpavail").stdout(Stdio::piped()).spawn()?;
    let descriptions = packages.stdout.take().ok_or("a child without pipes")?;
    let out = run_example("text", &[], descriptions.into());
    packages.wait()?;
    let accuracy = said(&out?, "test accuracy")?;
    report.line("text: test accuracy, 8 sections", format!("{accuracy:.4}"), "≥ 0.8", accuracy >= 0.8);
    Ok(())
}

/// Error of the forecasts of an LSTM, next to the naive ones'.
fn forecast(report: &mut Report) -> Result<()> {
    let out = run_example("forecast", &[], Stdio::null())?;
    let (lstm, naive) = (said(&out, "years: LSTM")?, said(&out, "naive")?);
    report.line(
        "forecast: RMSE of an LSTM",
        format!("{lstm:.1}"),
        &format!("< {naive:.1} (naive)"),
        lstm < naive,
    );
    Ok(())
}

/// What an example prints.
fn run_example(name: &str, arguments: &[&str], stdin: Stdio) -> Result<String> {
    let (out, _) = output(Command::new(example(name)).args(arguments).stdin(stdin))?;
    Ok(String::from_utf8(out.stdout)?)
}

/// The number that stands behind these words.
fn said(text: &str, words: &str) -> Result<f64> {
    let (_, behind) = text.split_once(words).ok_or_else(|| format!("the example says no {words}"))?;
    let number = behind.split_whitespace().next().unwrap_or_default();
    Ok(number.trim_end_matches(',').parse()?)
}

/// The first example as a whole process.
fn first(report: &mut Report) -> Result<()> {
    let took = median(21, || Ok(output(&mut Command::new(example("first_script")))?.1))?;
    let limit = Duration::from_millis(50);
    report.line(
        "first example, process",
        format!("{:.1} ms", took.as_secs_f64() * 1e3),
        "≤ 50 ms (median)",
        took <= limit,
    );
    Ok(())
}

/// A release build of the command from nothing but downloaded sources.
fn build(report: &mut Report) -> Result<()> {
    let target = scratch("build")?;
    let start = Instant::now();
    step(cargo(&["build", "--release", "--quiet"]).env("CARGO_TARGET_DIR", &target))?;
    let took = start.elapsed().as_secs_f64();
    std::fs::remove_dir_all(&target)?;
    report.line("clean release build", format!("{took:.0} s"), "≤ 240 s on two cores", took <= 240.0);
    Ok(())
}

/// The binary: its size, what it needs, how fast it starts.
fn binary(report: &mut Report) -> Result<()> {
    let path = nervure();
    let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
    report.line("binary: size", format!("{megabytes:.1} MB"), "< 20 MB", megabytes < 20.0);
    let (out, _) = output(Command::new("ldd").arg(&path))?;
    let libraries = String::from_utf8(out.stdout)?;
    let names: Vec<&str> = libraries.lines().filter_map(|l| l.split_whitespace().next()).collect();
    let of_libc = ["linux-vdso", "libc.so", "libm.so", "libgcc_s", "ld-linux"];
    let foreign = names.iter().filter(|n| !of_libc.iter().any(|l| n.contains(l))).count();
    report.line("binary: libraries beside libc's", foreign.to_string(), "0", foreign == 0);
    let took = median(31, || Ok(output(Command::new(&path).arg("--version"))?.1))?;
    let limit = Duration::from_millis(10);
    report.line(
        "binary: start",
        format!("{:.1} ms", took.as_secs_f64() * 1e3),
        "< 10 ms (median)",
        took < limit,
    );
    Ok(())
}

/// Weights to the bit: on one and two threads, and after kills at other moments than the tests try.
fn resume(report: &mut Report) -> Result<()> {
    let folder = scratch("resume")?;
    let whole = |name: &str, more: &[&str]| -> Result<Vec<u8>> {
        let out = folder.join(name);
        output(&mut training(&out, more))?;
        Ok(std::fs::read(out)?)
    };
    let one = whole("one.nervure", &["--threads", "1"])?;
    let two = whole("two.nervure", &["--threads", "2"])?;
    report.line("same file with --threads 1 and 2", (one == two).to_string(), "true", one == two);
    let out = folder.join("killed.nervure");
    let (mut kills, mut state) = (0, 0x9e37_79b9_7f4a_7c15_u64);
    let mut begun = false;
    for _ in 0..500 {
        let mut child = training(&out, if begun { &["--resume"] } else { &[] }).spawn()?;
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until = Instant::now() + Duration::from_millis(5 + (state >> 33) % 60);
        while Instant::now() < until && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait()?.is_some() {
            break;
        }
        child.kill()?;
        child.wait()?;
        kills += 1;
        begun = folder.join("killed.nervure.ckpt").exists();
    }
    let same = std::fs::read(&out).is_ok_and(|killed| killed == two);
    report.line(
        &format!("same file after {kills} kills and --resume"),
        same.to_string(),
        "true",
        same && kills >= 5,
    );
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// A training that is long enough to be killed in.
fn training(out: &Path, more: &[&str]) -> Command {
    let mut c = Command::new(nervure());
    c.args(["train", "wine_quality", "--quiet", "--epochs", "400", "--patience", "400", "-o"])
        .arg(out)
        .args(more);
    c.stdout(Stdio::null()).stderr(Stdio::null());
    c
}

fn train(set: &str, more: &[&str]) -> Result<Value> {
    let folder = scratch("train")?;
    let mut c = Command::new(nervure());
    c.args(["train", set, "--json", "--quiet", "-o"]).arg(folder.join("m.nervure")).args(more);
    let (out, _) = output(&mut c)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn median(runs: usize, mut time: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut times = (0..runs).map(|_| time()).collect::<Result<Vec<_>>>()?;
    times.sort();
    Ok(times[runs / 2])
}

fn nervure() -> PathBuf {
    target().join("release/nervure")
}

fn example(name: &str) -> PathBuf {
    target().join("release/examples").join(name)
}

/// A new folder of this process's own.
fn scratch(name: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("nervure-accept-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path)?;
    Ok(path)
}
