//! `trtllm-perf prune DIR`: clears old runs away.

use std::io::Write;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::record::{self, Keep, OutputDir};
use crate::run;

/// Remove old runs from an output directory. The newest run stays, one that is going on, and every run whose folder
/// holds a file `blessed`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub struct PruneArgs {
    /// Output directory of the harness.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Keep this many of the newest runs.
    #[arg(long, value_name = "N", group = "which")]
    pub keep: Option<usize>,
    /// Keep the runs of the last D days.
    #[arg(long, value_name = "D", group = "which")]
    pub days: Option<u32>,
    /// Print what would go, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Prints the runs that go, and removes them.
///
/// # Errors
/// When the runs cannot be listed or printed, or one cannot be removed.
pub fn run(args: PruneArgs) -> anyhow::Result<()> {
    let keep = match (args.keep, args.days) {
        (Some(count), _) => Keep::Newest(count),
        (None, days) => {
            let time = SignedDuration::from_hours(i64::from(days.unwrap_or_default()) * 24);
            Keep::Since(Timestamp::now().saturating_sub(time).unwrap_or(Timestamp::MIN))
        }
    };
    let runs = record::prunable(&OutputDir::new(args.dir), keep)?;
    run::print("runs", |out| {
        runs.iter().try_for_each(|run| writeln!(out, "{}", run.path().display()))
    })?;
    for run in runs.iter().filter(|_| !args.dry_run) {
        record::remove(run)?;
    }
    Ok(())
}
