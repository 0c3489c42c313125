//! Running commands.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let mut dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    dir.pop();
    dir
}

/// The folder that cargo builds in.
pub fn target() -> PathBuf {
    // One that is relative is so to where the command was called, as cargo has it.
    let named = std::env::var_os("CARGO_TARGET_DIR").and_then(|dir| std::path::absolute(dir).ok());
    named.unwrap_or_else(|| root().join("target"))
}

/// The processor, and how many cores.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map(|l| l.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    format!("{} with {}, {cores} cores", model.unwrap_or("unknown processor"), vectors())
}

/// The widest vectors of which this processor and Nervure know.
pub fn vectors() -> &'static str {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpu.lines().find(|l| l.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|f| f == flag);
    if has("avx512f") {
        "AVX-512"
    } else if has("avx2") && has("fma") {
        "AVX2"
    } else {
        "neither AVX2 nor AVX-512"
    }
}

/// The commit at hand.
pub fn commit() -> Result<String> {
    let (out, _) = output(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(root()))?;
    Ok(String::from_utf8(out.stdout)?.trim().into())
}

/// `cargo` with these arguments, in the workspace.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut c = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    c.args(arguments).current_dir(root());
    c
}

/// Runs a command to its end, with a line that says which and how long it took; an error unless it succeeds.
pub fn step(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("\n— {line}");
    let start = Instant::now();
    let status = command.status().map_err(|e| format!("{line}: {e}"))?;
    eprintln!("  {:.1} s", start.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}").into()) }
}

/// Runs a command to its end, for what it prints and the time that it takes; an error, with what it said, unless it succeeds.
pub fn output(command: &mut Command) -> Result<(Output, Duration)> {
    let line = line(command);
    let start = Instant::now();
    let output = command.output().map_err(|e| format!("{line}: {e}"))?;
    let took = start.elapsed();
    if output.status.success() {
        return Ok((output, took));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{line}: {}\n{said}", output.status).into())
}

fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let arguments = command.get_args().map(|a| a.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}
