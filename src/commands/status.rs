//! `trtllm-perf status DIR`: what the newest run is doing.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::record::{self, Open, OutputDir, RecordError, Status};

/// Time between two looks of `--watch`.
const LOOK: Duration = Duration::from_secs(2);

/// Tell what the newest run in an output directory is doing, or how it ended.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Output directory of the harness.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Look again every two seconds until the run is over.
    #[arg(long)]
    pub watch: bool,
}

/// Prints the status, once or until the run is over.
///
/// # Errors
/// When there is no run, or it cannot be read.
pub fn run(args: StatusArgs) -> Result<(), RecordError> {
    let output = OutputDir::new(args.dir);
    loop {
        let status = record::status(&output)?;
        let text = text(&status, Timestamp::now());
        let mut out = io::stdout().lock();
        if args.watch && out.is_terminal() {
            // Clears the screen and goes to its top.
            let _ = out.write_all(b"\x1b[2J\x1b[H");
        }
        // Nobody is left to be told when stdout is closed.
        if writeln!(out, "{text}").is_err() || !args.watch || status.holder.is_none() {
            return Ok(());
        }
        drop(out);
        std::thread::sleep(LOOK);
    }
}

fn text(status: &Status, now: Timestamp) -> String {
    let finished = status.passed + status.failed + status.skipped;
    // Between two tests a killed run has none open.
    let whole = status.open.is_empty() && status.selected.is_none_or(|all| finished >= all);
    let state = match &status.holder {
        Some(holder) => format!("running (pid {} on {})", holder.pid, holder.host),
        None if whole => "over".to_owned(),
        None => "ended before its end: no process holds it; go on with --resume".to_owned(),
    };
    let started = status.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let of = status.selected.map(|selected| format!(" of {selected}")).unwrap_or_default();
    let counts =
        [(status.passed, "passed"), (status.failed, "failed"), (status.skipped, "skipped")];
    let counts = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"));
    let counts: Vec<_> = counts.collect();
    let mut text = format!("run {}, started {started}, {state}\n", status.run_id);
    text.push_str(&format!("{finished}{of} tests have a result"));
    if !counts.is_empty() {
        text.push_str(&format!(": {}", counts.join(", ")));
    }
    let word = if status.holder.is_some() { "running" } else { "killed " };
    for open in &status.open {
        text.push_str(&format!("\n{word}  {}", line(open, now)));
    }
    text
}

fn line(open: &Open, now: Timestamp) -> String {
    let elapsed = now.duration_since(open.start).as_secs();
    let limit =
        open.limit_s.map(|limit| format!(", limit of a step {limit} s")).unwrap_or_default();
    let step = open.step.as_deref().unwrap_or("no step yet");
    let last =
        open.last_line.as_deref().map(|line| format!("\n         {line}")).unwrap_or_default();
    let attempt =
        if open.attempt > 1 { format!(", attempt {}", open.attempt) } else { String::new() };
    format!("{}\n         {step}, {elapsed} s{attempt}{limit}{last}", open.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(passed: usize, selected: Option<usize>) -> String {
        let started = "2026-11-24T08:15:02Z".parse().expect("time");
        let status = Status {
            run_id: "a".into(),
            started,
            holder: None,
            selected,
            passed,
            failed: 0,
            skipped: 0,
            open: Vec::new(),
            rest: None,
        };
        let text = text(&status, started);
        text.lines().next().expect("a line").replace("run a, started 2026-11-24 08:15:02 UTC, ", "")
    }

    #[test]
    fn a_run_that_ended_between_two_tests_is_not_over() {
        assert_eq!(state(3, Some(3)), "over");
        assert_eq!(state(3, None), "over");
        assert_eq!(
            state(2, Some(3)),
            "ended before its end: no process holds it; go on with --resume"
        );
    }
}
