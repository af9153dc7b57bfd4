//! `trtllm-perf prune DIR`: clears old runs away.

use std::path::PathBuf;

use jiff::{Timestamp, ToSpan};

use crate::record::{self, Keep, OutputDir, RecordError};

/// Remove old runs from an output directory. The newest run stays, and every run whose folder holds a file `blessed`.
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

/// Removes the runs, printing each.
///
/// # Errors
/// When the runs cannot be listed or one cannot be removed.
pub fn run(args: PruneArgs) -> Result<(), RecordError> {
    let keep = match (args.keep, args.days) {
        (Some(count), _) => Keep::Newest(count),
        (None, days) => {
            let hours = i64::from(days.unwrap_or_default()) * 24;
            Keep::Since(Timestamp::now().saturating_sub(hours.hours()).unwrap_or(Timestamp::MIN))
        }
    };
    for run in record::prunable(&OutputDir::new(args.dir), keep)? {
        println!("{}", run.path().display());
        if !args.dry_run {
            record::remove(&run)?;
        }
    }
    Ok(())
}
