//! The `nervure` command: trains networks on tables, and lets them answer.

#![forbid(unsafe_code)]

#[macro_use]
mod output;

mod baseline;
mod bench;
mod convert;
mod datasets;
mod evaluate;
mod failure;
mod inspect;
mod model;
mod predict;
mod progress;
mod recipe;
mod score;
mod settings;
mod source;
mod style;
mod train;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use nervure_exec::Threads;

/// Train neural networks and let them answer
#[derive(Debug, Parser)]
#[command(name = "nervure", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::TrainArgs>),
    Predict(predict::PredictArgs),
    Evaluate(evaluate::EvaluateArgs),
    Inspect(inspect::InspectArgs),
    Convert(convert::ConvertArgs),
    Verify(verify::VerifyArgs),
    Bench(bench::BenchArgs),
    Datasets(datasets::DatasetsArgs),
    Completions(CompletionsArgs),
}

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nervure completions bash > ~/.local/share/bash-completion/completions/nervure
  nervure completions fish > ~/.config/fish/completions/nervure.fish")]
struct CompletionsArgs {
    shell: Shell,
}

/// What holds for every command that answers.
#[derive(Debug, Clone, Args)]
pub struct Answering {
    #[command(flatten)]
    common: Common,

    /// Accepted as everywhere; nothing here is drawn at random
    #[arg(long, value_name = "N", hide = true)]
    seed: Option<u64>,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,

    /// Show no progress and no messages
    #[arg(short, long)]
    pub quiet: bool,

    /// Threads; they change the time, never a bit of the result [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Common {
    /// The threads that work.
    pub fn threads(&self) -> Arc<Threads> {
        Arc::new(self.threads.map_or_else(Threads::all, |n| Threads::new(n.into())))
    }
}

fn main() -> ExitCode {
    let result = match Cli::try_parse().unwrap_or_else(|error| wrong_usage(&error)).command {
        Command::Train(args) => args.run(),
        Command::Predict(args) => args.run(),
        Command::Evaluate(args) => args.run(),
        Command::Inspect(args) => args.run(),
        Command::Convert(args) => args.run(),
        Command::Verify(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Datasets(args) => args.run(),
        Command::Completions(args) => completions(args.shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.status)
        }
    }
}

/// Ends the process as every error does, but for help and version, which were asked for.
fn wrong_usage(error: &clap::Error) -> ! {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    if let DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand | DisplayVersion = error.kind() {
        error.exit();
    }
    let text = error.to_string();
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let behind = |start: &str| paragraphs.iter().find_map(|p| p.strip_prefix(start));
    let help = match (behind("tip: "), behind("Usage: ")) {
        (Some(tip), _) => tip.to_owned(),
        (None, Some(usage)) => format!("the usage is {usage}"),
        (None, None) => "--help tells more".to_owned(),
    };
    let failure = failure::Failure::usage(behind("error: ").unwrap_or(&text), help);
    failure.report();
    std::process::exit(failure.status.into())
}

fn completions(shell: Shell) -> failure::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nervure", &mut text);
    output::write(|to| to.write_all(&text))
}
