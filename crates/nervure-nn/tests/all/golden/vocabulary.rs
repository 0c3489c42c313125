//! `docs/vocabulary.md`, as the registries and the golden files give it.

use std::fmt::Write as _;
use std::path::Path;

use super::coverage::{self, Covered, Words};

/// What `cargo xtask vocabulary` sets so that the file is written instead of compared.
const WRITE: &str = "NERVURE_WRITE_VOCABULARY";

#[test]
fn vocabulary_is_what_the_registries_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vocabulary.md");
    let expected = text();
    if std::env::var_os(WRITE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let lines = found.lines().zip(expected.lines());
    let differs = lines.clone().find(|(f, e)| f != e).or_else(|| lines.last());
    assert!(found == expected, "docs/vocabulary.md is not what `cargo xtask vocabulary` writes: {differs:?}");
}

fn text() -> String {
    let mut text = String::from(
        "# Vocabulary\n\nWritten by `cargo xtask vocabulary` from the registries and the golden files, never by hand. Each word has Keras's name, settings and defaults.\n\
         What it computes is compared with Keras 3 in the golden cases that are named, files under `crates/nervure-nn/tests/golden`; where Keras has no number to\n\
         compare with, a test under `crates/nervure-nn/tests/all` is named. Formulas and shapes are in the documentation of the crate.\n",
    );
    for Words { family, words, .. } in coverage::all() {
        let title = family[..1].to_uppercase() + &family[1..];
        write!(text, "\n## {title}\n").unwrap();
        words.iter().for_each(|w| entry(&mut text, w));
    }
    text
}

fn entry(text: &mut String, w: &Covered) {
    write!(text, "\n### {}\n\n{}\n\n", w.kind, sentence(w.documentation)).unwrap();
    if !w.aliases.is_empty() {
        writeln!(text, "Also `{}`.\n", w.aliases.join("`, `")).unwrap();
    }
    for s in &w.settings {
        let default = s.default.as_ref().map_or(String::new(), |d| format!(" = `{d}`"));
        writeln!(text, "- `{}`{default}: {}", s.name, without_links(&s.documentation)).unwrap();
    }
    if !w.settings.is_empty() {
        text.push('\n');
    }
    let golden = w.golden.iter().map(|(file, n)| {
        let s = if *n == 1 { "" } else { "s" };
        format!("golden `{file}`: {n} case{s}")
    });
    let elsewhere = w.elsewhere.iter().map(|e| {
        let settings: Vec<String> = e.settings.iter().map(|s| format!("`{s}`")).collect();
        let of = if settings.is_empty() { String::new() } else { format!("{} ", settings.join(", ")) };
        format!("{of}({}): `{}`", e.why, e.test)
    });
    writeln!(text, "Tests: {}.", golden.chain(elsewhere).collect::<Vec<_>>().join("; ")).unwrap();
}

/// The first sentence of a documentation.
fn sentence(documentation: &str) -> String {
    let paragraph = documentation.lines().map(str::trim).take_while(|l| !l.is_empty());
    let paragraph = paragraph.collect::<Vec<_>>().join(" ");
    let ends = paragraph.match_indices(". ").map(|(at, _)| at);
    let end = ends.filter(|at| !paragraph[..*at].ends_with(" al")).min().map_or(paragraph.len(), |at| at + 1);
    without_links(&paragraph[..end])
}

/// Links within the crate's documentation lead nowhere in the file: [`Text`](target) becomes `Text`.
fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (linked, rest) = part.split_once("`]").unwrap_or((part, ""));
        let rest = rest.strip_prefix('(').and_then(|r| r.split_once(')')).map_or(rest, |(_, rest)| rest);
        plain += &format!("`{linked}`{rest}");
    }
    plain
}
