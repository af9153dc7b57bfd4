//! `trtllm-perf sanity`: a result file held against a baseline, as upstream's check does, with an exit code that says how
//! it went.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::baseline::{
    self, Column, Counts, Policy, Problem, Sanity, Source, Table, TableError, Weight,
};
use crate::run;

mod report;

use report::Outcome;

/// Upstream's name of the patch, beside the results.
const PATCH: &str = "perf_patch.patch";

/// Hold a perf CSV against a baseline: upstream's findings, and an exit code that tells.
///
/// Exit codes: 0 fine, 1 regression, 2 usage, 3 a file or a row is missing, 4 better than allowed; of several
/// the first of 2, 1, 3, 4.
#[derive(Debug, Args)]
pub struct SanityArgs {
    /// The results: perf_script_test_results.csv
    pub target: PathBuf,
    /// The baseline, e.g. base_perf_pytorch.csv
    pub base: PathBuf,
    /// How far a value may move: docs/VERDICT.md has both rules
    #[arg(long, value_enum, default_value = "upstream")]
    pub policy: Policy,
    /// The GPU of the results, for a baseline of several (e.g. H100_80GB_HBM3) [default: as the results say]
    #[arg(long, value_name = "NAME")]
    pub device_subtype: Option<String>,
    /// Exit 0 whatever is found, as upstream's check does
    #[arg(long)]
    pub advisory: bool,
    /// Print one JSON object on stdout; words for people go to stderr
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print a table for a pull request on stdout
    #[arg(long)]
    pub markdown: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit 2: when a file cannot be read or is no perf CSV, or the patch cannot be written.
pub fn run(args: SanityArgs) -> anyhow::Result<ExitCode> {
    for (path, what) in [
        (&args.base, "skip check the perf result."),
        (&args.target, "no perf tests ran. Skipping check."),
    ] {
        if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return not_there(&args, path, what);
        }
    }
    let (base, text, mut problems) = read(&args.base)?;
    base.require(&Column::BASELINE)?;
    let (target, problems_of_target) = Table::read(&args.target)?;
    // Upstream takes the columns of the baseline, and fails where the results lack one.
    let ours = Column::BASELINE.into_iter().filter(|column| *column != Column::TestName);
    target.require(&ours.collect::<Vec<_>>())?;
    problems.extend(problems_of_target);
    let sanity = baseline::compare(&base, &target, args.policy, args.device_subtype.as_deref())?;
    let counts = sanity.counts();
    let lost = problems.iter().filter(|problem| problem.weight == Weight::RowLost).count();
    let patch = write_patch(&args, &sanity, Source { table: &base, text: &text }, &problems)?;
    let code = if args.advisory { 0 } else { code(counts, lost) };
    let outcome =
        Outcome { args: &args, sanity: &sanity, counts, patch, problems: &problems, code };
    outcome.say();
    run::print("findings", |out| match (args.json, args.markdown) {
        (true, _) => outcome.json(out),
        (_, true) => outcome.markdown(out),
        _ => outcome.text(out),
    })?;
    Ok(ExitCode::from(code))
}

/// A file that is not there, in upstream's words.
fn not_there(args: &SanityArgs, path: &Path, what: &str) -> anyhow::Result<ExitCode> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = format!("{name} doesn't exist, {what}");
    let code = if args.advisory { 0 } else { 3 };
    if !args.advisory {
        eprintln!(
            "error: {} is not there, so nothing was checked; --advisory makes this exit 0",
            path.display()
        );
    }
    run::print("findings", |out| match args.json {
        true => {
            let missing = serde_json::json!({ "missing_file": path, "exit": code });
            writeln!(out, "{missing}")
        }
        false => writeln!(out, "{words}"),
    })?;
    Ok(ExitCode::from(code))
}

/// A baseline with its text, which a patch is made against.
pub(super) fn read(path: &Path) -> anyhow::Result<(Table, String, Vec<Problem>)> {
    let bytes =
        fs::read(path).map_err(|source| TableError::Read { path: path.to_owned(), source })?;
    let (table, problems) = Table::parse(&bytes, path)?;
    Ok((table, String::from_utf8_lossy(&bytes).into_owned(), problems))
}

/// 1 before 3 before 4; a check in which nothing was held against anything is none.
fn code(counts: Counts, lost: usize) -> u8 {
    match counts {
        Counts { regressions: 1.., .. } => 1,
        Counts { incomplete: 1.., .. } | Counts { judged: 0, .. } => 3,
        _ if lost > 0 => 3,
        Counts { improvements: 1.., .. } => 4,
        _ => 0,
    }
}

/// Writes the patch when there is something to patch. A baseline with rows that cannot be read gets none: they would be lost.
fn write_patch(
    args: &SanityArgs,
    sanity: &Sanity<'_>,
    source: Source<'_>,
    problems: &[Problem],
) -> anyhow::Result<Option<PathBuf>> {
    let broken = |problem: &Problem| problem.weight == Weight::RowLost && problem.path == args.base;
    if sanity.findings.is_empty() {
        return Ok(None);
    }
    if let Some(problem) = problems.iter().find(|problem| broken(problem)) {
        eprintln!(
            "note: no patch was written, since it would lose {}:{}; mend it first",
            args.base.display(),
            problem.line
        );
        return Ok(None);
    }
    let path = args.target.with_file_name(PATCH);
    let new = source.after(sanity);
    let name = baseline::name_in_patch(&args.base);
    fs::write(&path, baseline::patch(Some(source.text), &new, &name))
        .with_context(|| format!("write {}", path.display()))?;
    Ok(Some(path))
}
