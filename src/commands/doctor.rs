//! `trtllm-perf doctor`: arguments and output.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use crate::cli::Cli;
use crate::failure::Exit;
use crate::run::{self, Host};

/// What is here, what is missing, how to get it; exit 0 when the selected tests can run.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also compare the options of all selected plans with the bench program's own help.
    #[arg(long)]
    pub contract: bool,
    #[command(flatten)]
    pub cli: Cli,
}

/// Looks at everything a run of the same flags would use.
///
/// # Errors
/// When the flags, lists or tables cannot be understood.
pub fn run(args: DoctorArgs, host: Host) -> Result<ExitCode, Exit> {
    let checkup = run::check_up(args.cli, host, args.contract)?;
    for finding in &checkup.findings {
        println!("{finding}");
    }
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for option in checkup.unknown_options.iter().flatten() {
        *unknown.entry(option).or_default() += 1;
    }
    for (option, count) in &unknown {
        println!("{:<8} {:<16} {option}: used by {count} selected tests", "missing", "contract");
    }
    if args.contract && unknown.is_empty() {
        let (state, found) = match checkup.unknown_options {
            Some(_) => ("ok", "the bench program knows every option of the selected plans"),
            None => ("warn", "not checked: no bench program of TensorRT-LLM gave its options"),
        };
        println!("{state:<8} {:<16} {found}", "contract");
    }
    let stops = checkup.findings.iter().any(crate::doctor::Finding::stops) || !unknown.is_empty();
    Ok(if stops { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
