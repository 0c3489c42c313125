//! What CI runs. No step asserts a time.

use std::process::Command;

use crate::run::{Result, cargo, step};
use crate::tidy;

pub fn run() -> Result<()> {
    let nextest = cargo(&["nextest", "--version"]).output().is_ok_and(|o| o.status.success());
    eprintln!("Needs: Rust with rustfmt and clippy. Installs nothing.");
    if !nextest {
        eprintln!(
            "cargo-nextest is not here: the tests run with `cargo test`, which is slower and tests the same."
        );
    }
    step(&mut cargo(&["fmt", "--all", "--check"]))?;
    tidy::run()?;
    step(&mut cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))?;
    step(cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    if nextest {
        step(&mut cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]))?;
        step(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    } else {
        step(&mut cargo(&["test", "--workspace", "--no-fail-fast", "--quiet"]))?;
    }
    // The main job as a reader of the README meets it, in the profile that users build.
    let model = std::env::temp_dir().join(format!("nervure-test-{}.nervure", std::process::id()));
    let mut main_job: Command = cargo(&["run", "--quiet", "--release", "--", "train", "-o"]);
    let done = step(main_job.arg(&model))
        .and_then(|()| step(cargo(&["run", "--quiet", "--release", "--", "inspect"]).arg(&model)));
    let _ = std::fs::remove_file(&model);
    done
}
