//! `trtllm-perf doctor`: arguments and output.

use std::collections::BTreeMap;
use std::io::Write;
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
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for option in checkup.unknown_options.iter().flatten() {
        *unknown.entry(option).or_default() += 1;
    }
    run::print("findings", |out| {
        for finding in &checkup.findings {
            writeln!(out, "{finding}")?;
        }
        let mut contract =
            |state: &str, found: String| writeln!(out, "{state:<8} {:<16} {found}", "contract");
        for (option, count) in &unknown {
            contract("missing", format!("{option}: used by {count} selected tests"))?;
        }
        if args.contract && unknown.is_empty() {
            let (state, found) = match checkup.unknown_options {
                Some(_) => ("ok", "the bench program knows every option of the selected plans"),
                None => ("warn", "not checked: no bench program of TensorRT-LLM gave its options"),
            };
            contract(state, found.to_owned())?;
        }
        Ok(())
    })?;
    let stops = checkup.findings.iter().any(crate::doctor::Finding::stops) || !unknown.is_empty();
    Ok(if stops { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
