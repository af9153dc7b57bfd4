//! `trtllm-perf status DIR`: what the newest run is doing.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use crate::progress::{gpu_text, left, step_text};
use crate::record::{self, Open, OutputDir, RecordError, Status};

/// Longest line of a log that is shown, in characters.
const LINE: usize = 200;

/// Tell what the newest run in an output directory is doing, or how it ended.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Output directory of the harness.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Look again and again until the run is over. A terminal shows the newest state; elsewhere each change is printed.
    #[arg(long)]
    pub watch: bool,
    /// Time between two looks.
    #[arg(long, value_name = "SECS", default_value_t = 2, requires = "watch")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub interval: u64,
}

/// Prints the status, once or until the run is over.
///
/// # Errors
/// When there is no run, or it cannot be read.
pub fn run(args: StatusArgs) -> Result<(), RecordError> {
    let output = OutputDir::new(args.dir);
    let in_place = args.watch && io::stdout().is_terminal();
    let mut before: Option<Status> = None;
    loop {
        let status = record::status(&output)?;
        let over = !args.watch || status.holder.is_none();
        let text = text(&status, Timestamp::now());
        let shown = match (&before, in_place) {
            (None, false) => format!("{text}\n"),
            (Some(before), false) if same(before, &status) => String::new(),
            (Some(_), false) => format!("\n{text}\n"),
            (_, true) => redrawn(&text, before.is_none()),
        };
        let mut out = io::stdout().lock();
        // Nobody is left to be told when stdout is closed.
        if out.write_all(shown.as_bytes()).and_then(|()| out.flush()).is_err() || over {
            return Ok(());
        }
        drop(out);
        before = Some(status);
        thread::sleep(Duration::from_secs(args.interval));
    }
}

/// The text at the top of the screen, in place of what stands there: the screen is cleared once and never blank again.
fn redrawn(text: &str, first: bool) -> String {
    let clear = if first { "\x1b[2J" } else { "" };
    let rows: String = text.lines().map(|line| format!("{line}\x1b[K\n")).collect();
    format!("{clear}\x1b[H{rows}\x1b[J")
}

/// Whether nothing changed but the time and what goes with it.
fn same(one: &Status, other: &Status) -> bool {
    let still = |status: &Status| {
        let mut status = status.clone();
        status.open.iter_mut().for_each(|open| open.gpu = None);
        status
    };
    still(one) == still(other)
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
    for (index, open) in status.open.iter().enumerate() {
        let place = format!("case {}{of}", finished + index + 1);
        let block = match status.holder {
            // How tests share the time that is left is known of one at a time only.
            Some(_) => running(open, &place, status.rest.filter(|_| status.open.len() == 1), now),
            None => killed(open, &place),
        };
        text.push_str(&format!("\n{}", block.join("\n         ")));
    }
    text
}

/// The lines about a test that runs.
fn running(open: &Open, place: &str, rest: Option<Duration>, now: Timestamp) -> Vec<String> {
    let since =
        |start: Timestamp| Duration::try_from(now.duration_since(start)).unwrap_or_default();
    let limit = open.limit_s.map(Duration::from_secs);
    let step = match &open.step {
        Some(step) => step_text(step, since(open.step_start.unwrap_or(open.start)), limit),
        None => step_text("no step yet", since(open.start), None),
    };
    let parts = [Some(place.to_owned()), Some(step), attempt(open)];
    let left = left(open.expected, since(open.start), rest);
    let first = parts.into_iter().chain([left]).flatten().collect::<Vec<_>>().join(", ");
    let lines = [Some(format!("running  {}", open.name)), Some(first)];
    let more = [open.gpu.as_ref().and_then(gpu_text), last_line(open)];
    lines.into_iter().chain(more).flatten().collect()
}

/// The lines about a test whose harness is gone.
fn killed(open: &Open, place: &str) -> Vec<String> {
    let step = open.step.clone().unwrap_or_else(|| "no step yet".to_owned());
    let parts = [Some(place.to_owned()), Some(step), attempt(open)];
    let first = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let lines = [Some(format!("killed   {}", open.name)), Some(first), last_line(open)];
    lines.into_iter().flatten().collect()
}

fn attempt(open: &Open) -> Option<String> {
    (open.attempt > 1).then(|| format!("attempt {}", open.attempt))
}

fn last_line(open: &Open) -> Option<String> {
    let line = open.last_line.as_deref()?;
    Some(match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Timestamp {
        "2026-11-24T08:15:02Z".parse().expect("time")
    }

    fn status(passed: usize, selected: Option<usize>) -> Status {
        Status {
            run_id: "a".into(),
            started: started(),
            holder: None,
            selected,
            passed,
            failed: 0,
            skipped: 0,
            open: Vec::new(),
            rest: None,
        }
    }

    fn state(passed: usize, selected: Option<usize>) -> String {
        let text = text(&status(passed, selected), started());
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

    /// A test in its second attempt, 130 s in its bench step.
    fn open() -> Open {
        let gpu = r#"{"at":"2026-11-24T08:17:12Z","gpus":[{"index":0,"utilization_pct":97}]}"#;
        Open {
            name: "test_perf[llama]".into(),
            attempt: 2,
            start: started(),
            limit_s: Some(3600),
            step: Some("bench".into()),
            step_start: Some(started()),
            last_line: Some("x".repeat(201)),
            expected: Some(Duration::from_secs(850)),
            gpu: serde_json::from_str(gpu).expect("a moment"),
        }
    }

    #[test]
    fn a_running_test_tells_place_step_time_end_gpu_and_log() {
        let rest = Some(Duration::from_secs(10_680));
        let told = running(
            &open(),
            "case 3 of 12",
            rest,
            started() + jiff::SignedDuration::from_secs(130),
        );
        let line = format!("{}…", "x".repeat(200));
        assert_eq!(
            told,
            [
                "running  test_perf[llama]",
                "case 3 of 12, bench 2:10 of 1:00:00, attempt 2, about 12 min left, 3 h 10 min of the run",
                "GPU 97 %",
                &line,
            ]
        );
        assert_eq!(
            killed(&open(), "case 3"),
            ["killed   test_perf[llama]", "case 3, bench, attempt 2", &line]
        );
    }

    #[test]
    fn a_watch_without_a_terminal_is_silent_while_only_time_and_gpus_go_on() {
        let one = Status { open: vec![open()], ..status(1, None) };
        let mut other = one.clone();
        other.open[0].gpu = None;
        assert!(same(&one, &other));
        other.open[0].last_line = None;
        assert!(!same(&one, &other));
    }
}
