//! The project's own tasks: `cargo xtask test`, `cargo xtask tidy`, `cargo xtask vocabulary`, `cargo xtask accept`, `cargo xtask bench`.

mod accept;
mod bench;
mod peers;
mod run;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  test            everything that CI runs: formatting, clippy, tidy, documentation, tests, examples
  tidy            the project's own rules alone: of files and crates, and that each word has a test
  vocabulary      writes docs/vocabulary.md from the registries and golden files
  accept [NAME…]  figures and times on this machine, too long or too noisy for CI;
                  without NAME all of them: accuracy, digits, first, build, binary, resume
  bench [--only NAME,…] [--threads N] [--rounds N] [--peers DIR|make]
                  steps and predictions of nervure and its peers in turn, to benches/RESULTS.md;
                  the peers are in the Python environment DIR (default: target/peers, which
                  `--peers make` makes: some GB of downloads)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match names.split_first() {
        Some((&"test", [])) => test::run(),
        Some((&"tidy", [])) => tidy::run(),
        Some((&"vocabulary", [])) => tidy::vocabulary(),
        Some((&"accept", names)) => accept::run(names),
        Some((&"bench", arguments)) => bench::run(arguments),
        Some((&("help" | "--help" | "-h"), _)) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
