//! `trtllm-perf`: the harness for machines without Cargo, and the commands around it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trtllm_perf::commands::{
    baseline, compare, dataset, doctor, gate, gpus, history, parse, prune, rebuild, report, sanity,
    selfcheck, status, trend,
};
use trtllm_perf::record::RecordError;
use trtllm_perf::run::{self, Host};
use trtllm_perf::{cli::Cli, gpu, process};

/// Performance-test harness for TensorRT-LLM.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run test lists: the same flags as `cargo test --test perf --`.
    Run(Box<Cli>),
    /// Say what is here, what is missing and how to get it, for a run of the same flags.
    Doctor(Box<doctor::DoctorArgs>),
    /// Make a synthetic data set, byte for byte as upstream's script does.
    Dataset(Box<dataset::DatasetArgs>),
    /// Show the GPUs as the harness sees them, or record what they do.
    Gpus(gpus::GpusArgs),
    /// Look into the history of all runs, add to it, and hand it on.
    History(Box<history::HistoryArgs>),
    /// Read the metrics out of a bench log and report.
    Parse(parse::ParseArgs),
    /// Hold a candidate against a base on the same GPUs, or judge recorded pairs: pass, regress, inconclusive or invalid.
    Gate(Box<gate::GateArgs>),
    /// Compare two runs, result CSVs, releases or days: what differs, and what got slower or faster.
    Compare(Box<compare::CompareArgs>),
    /// Fold CSV, YAML and JUnit of a run again from its results.
    Rebuild(rebuild::RebuildArgs),
    /// Write a report of runs as one HTML file that stands alone.
    Report(report::ReportArgs),
    /// Measure how often the gate is wrong.
    Selfcheck(Box<selfcheck::SelfcheckArgs>),
    /// Tell what the newest run is doing, or how it ended.
    Status(status::StatusArgs),
    /// Find the change points of series.
    Trend(trend::TrendArgs),
    /// Make, move, bless and show a baseline.
    Baseline(baseline::BaselineArgs),
    /// Hold a perf CSV against a baseline.
    Sanity(sanity::SanityArgs),
    /// Remove old runs.
    Prune(prune::PruneArgs),
}

fn main() -> ExitCode {
    process::supervisor_entry();
    gpu::clocks_entry();
    match Arguments::parse().command {
        Command::Run(cli) => run::finish(run::run(*cli, Host::default())),
        Command::Doctor(args) => run::finish(doctor::run(*args, Host::default())),
        Command::Dataset(args) => said(dataset::run(*args).map(|()| ExitCode::SUCCESS)),
        Command::Gpus(args) => said(gpus::run(args).map(|()| ExitCode::SUCCESS)),
        Command::History(args) => said(history::run(*args)),
        Command::Parse(args) => said(parse::run(args)),
        Command::Gate(args) => said(gate::run(*args, Host::default())),
        Command::Compare(args) => said(compare::run(*args)),
        Command::Rebuild(args) => told(rebuild::run(args)),
        Command::Report(args) => said(report::run(args).map(|()| ExitCode::SUCCESS)),
        Command::Selfcheck(args) => run::finish(selfcheck::run(*args, Host::default())),
        Command::Status(args) => told(status::run(args)),
        Command::Trend(args) => said(trend::run(args).map(|()| ExitCode::SUCCESS)),
        Command::Baseline(args) => said(baseline::run(args)),
        Command::Sanity(args) => said(sanity::run(args)),
        Command::Prune(args) => said(prune::run(args).map(|()| ExitCode::SUCCESS)),
    }
}

/// The exit code of a command about the output directory.
fn told(result: Result<(), RecordError>) -> ExitCode {
    said(result.map(|()| ExitCode::SUCCESS).map_err(Into::into))
}

fn said(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
