//! `trtllm-perf sanity`: a result file held against a baseline, as upstream's check does, with an exit code that says how
//! it went.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::baseline::{
    self, Column, Counts, Finding, Policy, Problem, Sanity, Source, Table, TableError, Weight,
    percent, python_float, rounded,
};
use crate::run;

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

/// What is printed.
struct Outcome<'a> {
    args: &'a SanityArgs,
    sanity: &'a Sanity<'a>,
    counts: Counts,
    patch: Option<PathBuf>,
    problems: &'a [Problem],
    code: u8,
}

impl Outcome<'_> {
    /// Words for people, on stderr.
    fn say(&self) {
        for problem in self.problems {
            let weight = if problem.weight == Weight::RowLost { "warning" } else { "note" };
            eprintln!("{weight}: {problem}");
        }
        if self.counts.judged == 0 {
            eprintln!(
                "warning: nothing was checked: {} and {} have no case in common that could be judged",
                self.args.target.display(),
                self.args.base.display()
            );
        }
        if !self.sanity.elsewhere.is_empty() {
            eprintln!(
                "note: {} rows of the baseline are of other devices",
                self.sanity.elsewhere.len()
            );
        }
        if self.code != 0 || !self.sanity.findings.is_empty() {
            eprintln!("{}", self.summary());
        }
    }

    fn summary(&self) -> String {
        let Counts { regressions, improvements, incomplete, judged } = self.counts;
        format!(
            "{judged} judged by the rule {}: {regressions} worse than allowed, {improvements} better than allowed; \
             {incomplete} missing or without a number",
            self.args.policy.word()
        )
    }

    /// Upstream's words; nothing when there is nothing to say.
    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        if self.sanity.findings.is_empty() {
            return Ok(());
        }
        let rule = "=".repeat(40);
        writeln!(out, "{rule}")?;
        for finding in &self.sanity.findings {
            let case = &finding.case;
            match (finding.judgement.base, finding.judgement.new) {
                (None, _) => writeln!(out, "perf_case_name: {case} is missing from base")?,
                (_, None) => writeln!(out, "perf_case_name: {case} is missing from target")?,
                (Some(base), Some(new)) => writeln!(
                    out,
                    "perf_case_name: {case}, base->target: {}->{}",
                    python_float(base),
                    python_float(new)
                )?,
            }
        }
        writeln!(out, "{rule}")?;
        if let Some(patch) = &self.patch {
            let name = self.args.base.file_name().unwrap_or_default().to_string_lossy();
            writeln!(out, "patch_file was written to {}", patch.display())?;
            writeln!(
                out,
                "You can download the file and update {name} by `git apply <patch file>`"
            )?;
        }
        let disabled = if self.args.advisory { ", but it has been disabled" } else { "" };
        writeln!(out, "Sanity perf check failed{disabled}")
    }

    fn markdown(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "### Sanity perf check: {}\n",
            if self.code == 0 { "passed" } else { "failed" }
        )?;
        writeln!(out, "{}\n", self.summary())?;
        if self.sanity.findings.is_empty() {
            return Ok(());
        }
        writeln!(out, "| case | finding | base | target | change | limit |")?;
        writeln!(out, "|---|---|---:|---:|---:|---:|")?;
        for finding in &self.sanity.findings {
            let judged = finding.judgement;
            let number = |number: Option<f64>| number.map(|it| it.to_string()).unwrap_or_default();
            let cells = [
                format!("`{}`", finding.case.replace('|', "\\|").replace('`', "'")),
                finding.word().replace('_', " "),
                number(judged.base),
                number(judged.new),
                judged.ratio().map(percent).unwrap_or_default(),
                judged.allowed.map(|it| format!("±{}", rounded(it))).unwrap_or_default(),
            ];
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }

    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let report = Report {
            base: &self.args.base,
            target: &self.args.target,
            policy: self.args.policy.word(),
            exit: self.code,
            judged: self.counts.judged,
            regressions: self.counts.regressions,
            improvements: self.counts.improvements,
            incomplete: self.counts.incomplete,
            findings: self.sanity.findings.iter().map(Entry::of).collect(),
            patch: self.patch.as_deref(),
            problems: self.problems.iter().map(ToString::to_string).collect(),
        };
        serde_json::to_writer(&mut *out, &report)?;
        writeln!(out)
    }
}

/// The object of `--json`; the fields' order is part of the interface.
#[derive(Serialize)]
struct Report<'a> {
    base: &'a Path,
    target: &'a Path,
    policy: &'static str,
    exit: u8,
    judged: usize,
    regressions: usize,
    improvements: usize,
    incomplete: usize,
    findings: Vec<Entry<'a>>,
    patch: Option<&'a Path>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Entry<'a> {
    perf_case_name: &'a str,
    metric_type: String,
    finding: &'static str,
    base: Option<f64>,
    target: Option<f64>,
    ratio: Option<f64>,
    allowed: Option<f64>,
    base_line: Option<usize>,
    target_line: Option<usize>,
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Finding<'a>) -> Self {
        let row = finding.base.or(finding.target);
        Self {
            perf_case_name: &finding.case,
            metric_type: row.map(|row| row.metric.to_string()).unwrap_or_default(),
            finding: finding.word(),
            base: finding.judgement.base,
            target: finding.judgement.new,
            ratio: finding.judgement.ratio(),
            allowed: finding.judgement.allowed,
            base_line: finding.base.map(|row| row.line),
            target_line: finding.target.map(|row| row.line),
        }
    }
}
