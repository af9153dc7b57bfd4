//! `trtllm-perf compare A B`: did it get slower, where, and what else is different.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::{sides, steps};
use crate::case::ModelTable;
use crate::compare::{self, Change, Comparison, Options};
use crate::dashboard;
use crate::history::CaseIdentity;
use crate::metric::Metric;
use crate::run;
use crate::settings;
use crate::tables::Tables;

/// Compare two runs, result CSVs, releases or days: what differs, and what got slower or faster.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What to hold the other side against: a run folder, an output directory (its newest run), a result CSV, a folder
    /// with several of these, which count as repeats; or, of the history, a run's name, a release, or a day (in UTC).
    #[arg(value_name = "BASE")]
    pub base: String,
    /// The side that is judged; the same kinds.
    #[arg(value_name = "CANDIDATE")]
    pub candidate: String,
    /// Print one JSON object on stdout; docs/SCHEMA.md describes it.
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown for a comment on a change, short enough for one.
    #[arg(long)]
    pub markdown: bool,
    /// Write a page to FILE as well.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also list what stayed within its limit.
    #[arg(long)]
    pub all: bool,
    /// Exit with 1 when there is one of these (repeatable or comma-separated).
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// Only this metric, e.g. TOKEN_THROUGHPUT (repeatable).
    #[arg(long, value_name = "NAME", value_parser = metric)]
    pub metric: Vec<Metric>,
    /// Only cases whose label matches this pattern of *, ? and [...] (repeatable).
    #[arg(long, value_name = "GLOB")]
    pub case: Vec<String>,
    /// Limit for all metrics in place of each one's own, e.g. 3%.
    #[arg(long, value_name = "PERCENT", value_parser = limit)]
    pub limit: Option<f64>,
    /// Pair a case with itself on another machine class or engine where it has no other partner.
    #[arg(long)]
    pub across_machines: bool,
    /// A label that was renamed (repeatable).
    #[arg(long, value_name = "OLD=NEW")]
    pub alias: Vec<String>,
    /// The history: a SQLite file or postgres://… [default: `history` of perf.toml, then perf-history.sqlite].
    #[arg(long, value_name = "PLACE", env = "TRTLLM_PERF_HISTORY", hide_env_values = true)]
    pub history: Option<String>,
    /// Tables, of which models.yml gives labels their meaning, in place of the embedded ones.
    #[arg(long, value_name = "DIR")]
    pub tables: Option<PathBuf>,
}

/// What makes the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FailOn {
    /// A metric is worse by more than its limit.
    Regress,
    /// A case or a metric of the base is not in the candidate.
    Missing,
    /// A case failed in the candidate and not in the base.
    Failed,
    /// Repeats scatter too much to tell.
    Inconclusive,
    /// Numbers must not be set against each other.
    NotComparable,
    /// A metric is better by more than its limit, so that a baseline is out of date.
    Improved,
    /// A case or a metric of the candidate is not in the base.
    New,
    /// Any of these, or nothing could be compared.
    Any,
}

/// Runs the command: 0, or with `--fail-on` 1 when it is so.
///
/// # Errors
/// When a side cannot be read, or the output not be written.
pub fn run(args: CompareArgs) -> anyhow::Result<ExitCode> {
    let tables = Tables::load(args.tables.as_deref())?;
    let options = Options {
        limit: args.limit,
        metrics: args.metric.clone(),
        cases: args.case.clone(),
        across_machines: args.across_machines,
        aliases: aliases(&args.alias, &tables.models)?,
    };
    let history = settings::history(args.history.as_deref())?;
    let base = sides::side(&args.base, &tables, &history)?;
    let candidate = sides::side(&args.candidate, &tables, &history)?;
    let mut comparison = compare::compare(&base, &candidate, &options);
    if sides::names_history(&args.base) && sides::names_history(&args.candidate) {
        steps::tell(&mut comparison, &history)?;
    }
    if comparison.base.cases + comparison.candidate.cases == 0 && !args.case.is_empty() {
        bail!("match --case {}: no case of either side does", args.case.join(", --case "));
    }
    if let Some(path) = &args.html {
        let page = dashboard::compare_page(&comparison)?;
        fs::write(path, page).with_context(|| format!("write {}", path.display()))?;
    }
    run::print("comparison", |out| {
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &comparison)?;
            writeln!(out)
        } else if args.markdown {
            write!(out, "{}", compare::markdown(&comparison))
        } else {
            write!(out, "{}", compare::text(&comparison, args.all))
        }
    })?;
    if args.json || args.markdown {
        for warning in &comparison.warnings {
            eprintln!("warning: {}", crate::logs::shown(warning));
        }
    }
    let wanted: BTreeSet<FailOn> = args.fail_on.iter().copied().collect();
    let found: Vec<_> = wanted.into_iter().filter(|it| it.holds(&comparison)).collect();
    if found.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<_> =
        found.iter().filter_map(|it| Some(it.to_possible_value()?.get_name().to_owned())).collect();
    eprintln!("exit 1: --fail-on {} holds", names.join(","));
    Ok(ExitCode::from(1))
}

impl FailOn {
    fn holds(self, comparison: &Comparison) -> bool {
        let has = |change| comparison.count(change) > 0;
        match self {
            Self::Regress => has(Change::Regress),
            Self::Missing => has(Change::Missing),
            Self::Failed => comparison.newly_failed().next().is_some(),
            Self::Inconclusive => has(Change::Inconclusive),
            Self::NotComparable => has(Change::NotComparable),
            Self::Improved => has(Change::Improved),
            Self::New => has(Change::New),
            Self::Any => {
                let all = Change::ALL.into_iter().filter(|change| *change != Change::Same);
                comparison.rows.is_empty()
                    || all.into_iter().any(has)
                    || Self::Failed.holds(comparison)
            }
        }
    }
}

fn aliases(
    words: &[String],
    models: &ModelTable,
) -> anyhow::Result<BTreeMap<CaseIdentity, CaseIdentity>> {
    let pair = |word: &String| {
        let Some((old, new)) = word.split_once('=') else {
            bail!("read --alias {word}: write it as OLD=NEW, two labels");
        };
        Ok((CaseIdentity::of(old.trim(), models), CaseIdentity::of(new.trim(), models)))
    };
    words.iter().map(pair).collect()
}

fn metric(word: &str) -> Result<Metric, String> {
    let wanted = word.to_uppercase();
    Metric::ALL.into_iter().find(|metric| metric.wire_name() == wanted).ok_or_else(|| {
        let names: Vec<_> = Metric::ALL.into_iter().map(Metric::wire_name).collect();
        format!("no such metric; there are {}", names.join(", "))
    })
}

/// A share written in %; a bare number might be either.
fn limit(word: &str) -> Result<f64, String> {
    let number = word.trim().strip_suffix('%').ok_or("write it with %, e.g. 3%")?;
    match number.trim().parse::<f64>() {
        Ok(pct) if (0.0..=1000.0).contains(&pct) => Ok(pct / 100.0),
        _ => Err("write a number from 0 to 1000 with %, e.g. 3%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_in_percent() {
        assert_eq!(limit("3%"), Ok(0.03));
        assert_eq!(limit(" 2.5 % "), Ok(0.025));
        for wrong in ["3", "0.03", "-1%", "x%", "nan%", "%"] {
            limit(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_metric_is_named_as_in_the_files_in_any_case() {
        assert_eq!(metric("token_throughput"), Ok(Metric::TokenThroughput));
        assert!(metric("TPS").expect_err("unknown").contains("FIRST_TOKEN_TIME"));
    }
}
