//! The `nervure` command: trains networks on tables, and lets them answer.

mod baseline;
mod failure;
mod model;
mod output;
mod predict;
mod progress;
mod recipe;
mod score;
mod settings;
mod source;
mod style;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use nervure_exec::Threads;

/// Train neural networks and let them answer
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::TrainArgs>),
    Predict(predict::PredictArgs),
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Common {
    /// The threads that work.
    pub fn threads(&self) -> Arc<Threads> {
        Arc::new(self.threads.map_or_else(Threads::all, |n| Threads::new(n.into())))
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => args.run(),
        Command::Predict(args) => args.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.status)
        }
    }
}
