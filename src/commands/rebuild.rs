//! `trtllm-perf rebuild DIR`: folds CSV, YAML and JUnit again from the run folder.

use std::path::PathBuf;

use crate::record::{self, Copies, OutputDir, RecordError};

/// Write the views of a run again from its results.
#[derive(Debug, clap::Args)]
pub struct RebuildArgs {
    /// Output directory of the harness.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Run to show, a folder name under DIR/runs; default: the newest.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Write a copy of junit.xml to FILE too.
    #[arg(long = "junit-xml", alias = "junitxml", value_name = "FILE")]
    pub junit_xml: Option<PathBuf>,
    /// Write pytest-csv's columns to FILE too.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// Rebuilds the views and tells on stderr what was found.
///
/// # Errors
/// When there is no such run, another run holds the directory, or a view cannot be written.
pub fn run(args: RebuildArgs) -> Result<(), RecordError> {
    let copies = Copies { junit_xml: args.junit_xml, pytest_csv: args.csv };
    let rebuilt = record::rebuild(&OutputDir::new(args.dir), args.run.as_deref(), &copies)?;
    for problem in &rebuilt.problems {
        eprintln!("warning: {problem}");
    }
    let trials = if rebuilt.trials == 1 {
        "1 trial".to_owned()
    } else {
        format!("{} trials", rebuilt.trials)
    };
    eprintln!("rebuilt the views of {} from {trials}", rebuilt.run.path().display());
    Ok(())
}
