//! The project's own rules: what the compiler and clippy do not check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run::{Result, cargo, output, root, step};

/// What each crate of ours may use of ours. A crate that is absent may not exist: the design has to say where it stands.
const MAY_USE: &[(&str, &[&str])] = &[
    ("nervure-graph", &[]),
    ("nervure-exec", &["nervure-graph"]),
    ("nervure-nn", &["nervure-graph", "nervure-exec"]),
    ("nervure-data", &[]),
    ("nervure-artifact", &["nervure-graph", "nervure-exec", "nervure-data"]),
    ("nervure-keras", &["nervure-exec", "nervure-nn", "nervure-artifact"]),
    ("nervure", &["nervure-graph", "nervure-exec", "nervure-nn", "nervure-data", "nervure-artifact"]),
    (
        "nervure-cli",
        &[
            "nervure-graph",
            "nervure-exec",
            "nervure-nn",
            "nervure-data",
            "nervure-artifact",
            "nervure-keras",
            "nervure",
        ],
    ),
    ("xtask", &[]),
];

/// The only crate with `unsafe`.
const UNSAFE: &str = "nervure-exec";

/// Licences that what we build on may have.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "Unicode-3.0",
    "BSL-1.0",
];

/// Lines after which a file is more than one concept.
const LINES: usize = 700;
const BYTES: u64 = 1_000_000;

pub fn run() -> Result<()> {
    eprintln!("\n— tidy");
    let mut wrong = Vec::new();
    packages(&mut wrong)?;
    files(&mut wrong)?;
    for w in &wrong {
        eprintln!("  {w}");
    }
    if !wrong.is_empty() {
        return Err(format!("tidy: {} to mend", wrong.len()).into());
    }
    step(&mut words(&["golden::coverage", "golden::vocabulary"]))
}

/// Writes what [`run`] compares.
pub fn vocabulary() -> Result<()> {
    step(words(&["golden::vocabulary"]).env("NERVURE_WRITE_VOCABULARY", "1"))
}

/// The tests that read the registries: that every word and setting has a test, and that `docs/vocabulary.md` says so.
fn words(tests: &[&str]) -> Command {
    let mut test = cargo(&["test", "--quiet", "-p", "nervure-nn", "--test", "all", "--"]);
    test.args(tests);
    test
}

fn packages(wrong: &mut Vec<String>) -> Result<()> {
    let (out, _) = output(&mut cargo(&["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_slice(&out.stdout)?;
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let name = |p: &Value| p["name"].as_str().unwrap_or_default().to_string();
    let ours: BTreeSet<String> = packages
        .iter()
        .filter(|p| p["id"].as_str().is_some_and(|id| members.contains(id)))
        .map(|p| name(p))
        .collect();
    let architecture = std::fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let may_use: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    for p in &packages {
        let package = name(p);
        if !ours.contains(&package) {
            let licence = p["license"].as_str().unwrap_or("none");
            if !allowed(licence) {
                wrong.push(format!("{package}: licence `{licence}` is not one that we build on"));
            }
            continue;
        }
        let Some(may) = may_use.get(package.as_str()) else {
            wrong.push(format!("{package}: its place among the crates is not said in xtask/src/tidy.rs"));
            continue;
        };
        if !architecture.contains(&package) {
            wrong.push(format!("{package}: not in ARCHITECTURE.md"));
        }
        for d in p["dependencies"].as_array().into_iter().flatten() {
            let dependency = name(d);
            // A crate may test with what it may not use.
            if ours.contains(&dependency) && d["kind"].is_null() && !may.contains(&dependency.as_str()) {
                wrong.push(format!(
                    "{package} uses {dependency}: the arrows of ARCHITECTURE.md point the other way"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a licence expression can be met with allowed ones: `A OR B` by either, `A AND B` by both.
fn allowed(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], " ").replace('/', " OR ");
    flat.split(" AND ").all(|part| part.split(" OR ").any(|l| LICENCES.contains(&l.trim())))
}

fn files(wrong: &mut Vec<String>) -> Result<()> {
    let (out, _) = output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root()),
    )?;
    for path in String::from_utf8(out.stdout)?.lines() {
        let file = root().join(path);
        let Ok(bytes) = std::fs::read(&file) else { continue };
        if bytes.len() as u64 > BYTES {
            wrong.push(format!("{path}: {} bytes, over a megabyte", bytes.len()));
        }
        let Ok(text) = String::from_utf8(bytes) else {
            if !path.contains("fixtures/") {
                wrong.push(format!("{path}: binary, and no fixture"));
            }
            continue;
        };
        if path.ends_with(".rs") {
            rust(path, &text, wrong);
        }
    }
    Ok(())
}

fn rust(path: &str, text: &str, wrong: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES {
        wrong.push(format!("{path}: {lines} lines, over {LINES}: is it one concept?"));
    }
    if path.starts_with("xtask/") {
        return;
    }
    let of_crate =
        Path::new(path).components().nth(1).and_then(|c| c.as_os_str().to_str()).unwrap_or_default();
    let root_file = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    if path.starts_with("crates/")
        && root_file
        && of_crate != UNSAFE
        && !["forbid", "deny"].iter().any(|level| text.contains(&format!("#![{level}(unsafe_code)]")))
    {
        wrong.push(format!("{path}: no `#![forbid(unsafe_code)]`"));
    }
    for (n, line) in text.lines().enumerate() {
        for word in ["todo!(", "unimplemented!(", "#[ignore", "dbg!("] {
            if line.contains(word) && !line.trim_start().starts_with("//") {
                wrong.push(format!("{path}:{}: `{word}`", n + 1));
            }
        }
        if line.contains("../shared") {
            wrong.push(format!("{path}:{}: refers to what is not in the project", n + 1));
        }
    }
}
