//! What `trtllm-perf sanity` prints: upstream's words, a table, or one object.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::SanityArgs;
use crate::baseline::{Counts, Finding, Problem, Sanity, Weight, percent, python_float, rounded};

/// What is printed.
pub(super) struct Outcome<'a> {
    pub args: &'a SanityArgs,
    pub sanity: &'a Sanity<'a>,
    pub counts: Counts,
    pub patch: Option<PathBuf>,
    pub problems: &'a [Problem],
    pub code: u8,
}

impl Outcome<'_> {
    /// Words for people, on stderr.
    pub fn say(&self) {
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
    pub fn text(&self, out: &mut impl Write) -> io::Result<()> {
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

    pub fn markdown(&self, out: &mut impl Write) -> io::Result<()> {
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

    pub fn json(&self, out: &mut impl Write) -> io::Result<()> {
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
