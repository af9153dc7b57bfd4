//! `trtllm-perf gate`: base and candidate beside each other, and a verdict for each series.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::series_csv;
use crate::cli::Cli;
use crate::failure::Exit;
use crate::metric::Better;
use crate::run::{self, CaseVerdict, GateOptions, Host};
use crate::verdict::paired::{self, Interval};
use crate::verdict::{Judgement, Limit, Pair, Verdict};

/// Measure a base and a candidate in turn on the same GPUs, and say whether the candidate is slower; or judge recorded
/// pairs.
///
/// Each case is measured in pairs, every second one beginning with the candidate, after runs that count for nothing. It
/// is looked at after 4, 6, 8 and 10 pairs. It begins with what self-checks of the history say of it: while they do not
/// show that at most 1 % of its verdicts are wrong, they are called advisory. The flags of `run` choose the cases; in the output directory the folders
/// `base` and `candidate` hold every run, and gate-head.json, gate.json and pairs.csv what came of it. Under `--resume` the newest gate
/// there is gone on with.
///
/// Exit code: 0 pass, 1 regress, 3 inconclusive, 4 invalid, of the worst series; regress is the worst, then invalid,
/// then inconclusive. 2 for a usage error; what cannot run at all is invalid.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// The bench program that is known to be good: a path, or a script that enters its container
    #[arg(long, value_name = "PROG", required_unless_present = "pairs", requires = "candidate")]
    pub base: Option<String>,
    /// The bench program under suspicion
    #[arg(long, value_name = "PROG", required_unless_present = "pairs", requires = "base")]
    pub candidate: Option<String>,
    /// GPU-minutes that may be spent (minutes times GPUs); cases that are not reached stay inconclusive
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    pub budget: Option<f64>,
    /// Runs of each side before the pairs, which count for nothing
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub warm_up: u32,
    /// How many pairs of a case may be lost to failures and to certificates before it is invalid
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub repeats: u32,
    /// Recorded pairs: a CSV with the columns `base` and `candidate`, and `series` when it holds several
    #[arg(long, value_name = "FILE", conflicts_with_all = ["base", "candidate", "budget"])]
    pub pairs: Option<PathBuf>,
    /// Print one JSON object a series on stdout; text for people goes to stderr
    #[arg(long)]
    pub json: bool,
    /// With --pairs: a larger value is better, as of throughputs; else a smaller one is, as of times
    #[arg(long, requires = "pairs")]
    pub higher_is_better: bool,
    /// Practical limit: how large a loss must be to matter, such as 3% or 0.03
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = share)]
    pub delta: f64,
    /// With --pairs: they were added until a verdict came: look after 4, 6, 8 and 10 of them and stop at the first verdict
    #[arg(long, requires = "pairs")]
    pub sequential: bool,
    #[command(flatten)]
    pub cli: Cli,
}

/// Minutes of GPU time.
pub(super) fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if minutes > 0.0 && f64::is_finite(minutes) => Ok(minutes),
        _ => Err("not a number of minutes above 0".to_owned()),
    }
}

/// A share as people write it: `3%`, `3 %` or `0.03`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share =
        number.parse::<f64>().map_err(|_| "not a share; write 3% or 0.03".to_owned())? / scale;
    if share > 0.0 && share < 1.0 {
        Ok(share)
    } else {
        Err(format!("must lie between 0 and 100 %; {text} is {} %", share * 100.0))
    }
}

/// A series that was judged.
pub struct Judged {
    /// `None` where there is only one and it has no name.
    pub series: Option<String>,
    pub judgement: Judgement,
}

/// Judges recorded pairs, or measures some.
///
/// # Errors
/// When a file cannot be read, with its line, or the output cannot be written.
pub fn run(args: GateArgs, host: Host) -> anyhow::Result<ExitCode> {
    match args.pairs.clone() {
        Some(path) => recorded(&args, &path),
        None => live(args, host),
    }
}

fn live(args: GateArgs, host: Host) -> anyhow::Result<ExitCode> {
    let options = GateOptions {
        base: Some(args.base.context("name the base with --base")?),
        candidate: Some(args.candidate.context("name the candidate with --candidate")?),
        delta: args.delta,
        warm_up: args.warm_up,
        repeats: args.repeats,
        budget_minutes: args.budget,
        rounds: 1,
    };
    let json = args.json;
    let mut told = |judged: &CaseVerdict| tell(judged, json);
    let output = args.cli.output_dir.clone();
    match run::gate(&options, args.cli, host, &mut told) {
        Ok(Err(code)) => Ok(code),
        Ok(Ok(gated)) => {
            let counts: Vec<String> = Verdict::ALL
                .iter()
                .map(|verdict| {
                    (verdict, gated.verdicts.iter().filter(|it| it.verdict == *verdict).count())
                })
                .filter(|(_, count)| *count > 0)
                .map(|(verdict, count)| format!("{count} {}", verdict.word()))
                .collect();
            gated.late_standings().iter().for_each(|line| eprintln!("{line}"));
            let results = output.unwrap_or_else(|| "perf-output".into());
            let sides = ["base", "candidate"].map(|side| results.join(side).display().to_string());
            eprintln!("what differs besides the program: trtllm-perf compare {}", sides.join(" "));
            eprintln!(
                "{}{}; {:.1} GPU-minutes; runs and pairs: {}",
                counts.join(", "),
                if gated.is_advisory() { "; advisory" } else { "" },
                gated.gpu_minutes,
                results.display()
            );
            Ok(exit_code(gated.verdicts.iter().map(|it| it.verdict)))
        }
        // Nothing to judge is no verdict to build on; 3 and 4 mean something else for a run.
        Err(exit @ (Exit::CannotRun(_) | Exit::NothingRan(_))) => {
            eprintln!("error: {exit}");
            Ok(exit_code([Verdict::Invalid]))
        }
        Err(exit) => Ok(run::finish(Err(exit))),
    }
}

/// Says a verdict as soon as there is one: a JSON line, or the verdict and what is to be said of it.
pub fn tell(judged: &CaseVerdict, json: bool) {
    let words = judged.remarks();
    let printed = run::print("verdicts", |out| {
        if json {
            serde_json::to_writer(&mut *out, judged)?;
            return writeln!(out);
        }
        let width = if judged.advisory { 30 } else { 20 };
        writeln!(out, "{:<width$} {}", judged.words(), judged.series)?;
        writeln!(out, "{:<width$} {}", "", judged.numbers())?;
        words.iter().try_for_each(|word| writeln!(out, "{:<width$} {word}", ""))
    });
    if let Err(exit) = printed {
        eprintln!("error: {exit}");
    }
}

fn recorded(args: &GateArgs, path: &Path) -> anyhow::Result<ExitCode> {
    let better = if args.higher_is_better { Better::Higher } else { Better::Lower };
    let limit = Limit { better, delta: args.delta };
    let rule = if args.sequential { paired::sequential } else { paired::judge };
    let series = series_csv::read(path, &["base", "candidate"], &[], |cells| {
        let number = |column| {
            cells.number(column)?.with_context(|| {
                format!("read the {column}: the cell is empty; leave out what was not measured")
            })
        };
        Ok(Pair { base: number("base")?, candidate: number("candidate")? })
    })?;
    let judged: Vec<Judged> = series
        .into_iter()
        .map(|it| Judged { series: it.series, judgement: rule(&it.rows, limit) })
        .collect();
    report(&judged, limit, args.json)?;
    Ok(exit_code(judged.iter().map(|it| it.judgement.verdict)))
}

/// Prints what was judged: JSON lines with words on stderr, or a table with words below it.
///
/// # Errors
/// When stdout cannot be written.
pub fn report(judged: &[Judged], limit: Limit, json: bool) -> anyhow::Result<()> {
    if json {
        run::print("verdicts", |out| {
            for it in judged {
                serde_json::to_writer(&mut *out, &Line::of(it))?;
                writeln!(out)?;
            }
            Ok(())
        })?;
        let mut words = BufWriter::new(io::stderr().lock());
        sentences(judged, limit, &mut words)?;
        words.flush()?;
    } else {
        run::print("verdicts", |out| {
            table(judged, out)?;
            writeln!(out)?;
            sentences(judged, limit, out)
        })?;
    }
    Ok(())
}

/// 0, 1, 3 or 4 of the worst verdict.
pub fn exit_code(verdicts: impl IntoIterator<Item = Verdict>) -> ExitCode {
    ExitCode::from(match verdicts.into_iter().max() {
        None | Some(Verdict::Pass) => 0,
        Some(Verdict::Regress) => 1,
        Some(Verdict::Inconclusive) => 3,
        Some(Verdict::Invalid) => 4,
    })
}

/// The object of `--json`; the fields and their order are part of the interface.
#[derive(Serialize)]
struct Line<'a> {
    series: Option<&'a str>,
    verdict: Verdict,
    ratio: Option<f64>,
    ci: Option<Interval>,
    pairs: usize,
}

impl<'a> Line<'a> {
    fn of(judged: &'a Judged) -> Self {
        let Judgement { verdict, ratio, ci, pairs, .. } = judged.judgement;
        Self { series: judged.series.as_deref(), verdict, ratio, ci, pairs }
    }
}

fn name(judged: &Judged) -> &str {
    judged.series.as_deref().unwrap_or("all")
}

fn table(judged: &[Judged], out: &mut impl Write) -> io::Result<()> {
    let width = judged.iter().map(|it| name(it).chars().count()).max().unwrap_or(0).max(6);
    writeln!(
        out,
        "{:<width$}  {:<12} {:>7}  {:<16} {:>5} {:>8}",
        "series", "verdict", "ratio", "98 % interval", "pairs", "run CV"
    )?;
    for it in judged {
        let judgement = &it.judgement;
        let ratio = judgement.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.4}"));
        let interval = judgement
            .ci
            .map_or_else(|| "-".to_owned(), |Interval(low, high)| format!("{low:.4}..{high:.4}"));
        let cv =
            judgement.run_cv().map_or_else(|| "-".to_owned(), |cv| format!("{:.2} %", cv * 100.0));
        writeln!(
            out,
            "{:<width$}  {:<12} {ratio:>7}  {interval:<16} {:>5} {cv:>8}",
            name(it),
            judgement.verdict.word(),
            judgement.pairs
        )?;
    }
    Ok(())
}

fn sentences(judged: &[Judged], limit: Limit, out: &mut impl Write) -> io::Result<()> {
    for it in judged {
        let (verdict, sentence) = (it.judgement.verdict.word(), it.judgement.sentence(limit));
        writeln!(out, "{}: {verdict}: {sentence}", name(it))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_in_percent_or_as_a_number() {
        assert_eq!((share("3%"), share("3 %"), share("0.03")), (Ok(0.03), Ok(0.03), Ok(0.03)));
        for text in ["", "%", "three", "0", "-1%", "100%", "3", "nan", "inf%"] {
            share(text).expect_err(text);
        }
        assert_eq!(share("3").expect_err("300 %"), "must lie between 0 and 100 %; 3 is 300 %");
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_verdict() {
        use Verdict::{Inconclusive, Invalid, Pass, Regress};
        let cases: [(&[Verdict], u8); 6] = [
            (&[], 0),
            (&[Pass, Pass], 0),
            (&[Pass, Inconclusive], 3),
            (&[Invalid, Inconclusive], 4),
            (&[Regress, Invalid], 1),
            (&[Regress, Pass], 1),
        ];
        for (verdicts, code) in cases {
            assert_eq!(exit_code(verdicts.iter().copied()), ExitCode::from(code), "{verdicts:?}");
        }
    }
}
