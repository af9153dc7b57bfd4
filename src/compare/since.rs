//! Since when: the steps of a history that lie between two sides, handed in by whoever has that history.

use jiff::Timestamp;
use serde::Serialize;

use super::cause::{Cause, CauseClass};
use super::words::apart;
use crate::logs::shown;

/// Of values longer than this the place is told at which they part.
const WIDTH: usize = 40;

/// Something that changed near a step. It came with it, which does not say that it is the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CameWith {
    /// `release`, or the word of an [`Aspect`](crate::history::Aspect).
    pub what: &'static str,
    pub from: String,
    pub to: String,
    /// How many runs after the step it changed; negative is before. A step is placed within three points.
    pub runs_off: i32,
}

/// A step between the sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Since {
    /// The first run of the new level, and when the case began in it.
    pub run_id: String,
    pub time: Timestamp,
    /// `step`, `node_switch`, or `pending`.
    pub kind: &'static str,
    /// By how much the value changed, in % of the level before.
    pub change_pct: f64,
    /// Two-sided p of the two levels.
    pub p: f64,
    pub came_with: Vec<CameWith>,
    /// What people remarked near it.
    pub remarks: Vec<String>,
    /// What it is most likely due to, by what is known of the points before and after.
    pub cause: Cause,
    /// Whether the numbers were made by a script and not measured.
    pub synthetic: bool,
}

impl CameWith {
    /// E.g. `driver 580.65 → 590.12 (2 runs earlier)`. Of two lists of options only what differs is told.
    pub fn words(&self) -> String {
        let [from, to] = self.values().map(|value| shown(&value));
        let text = |value: String| if value.is_empty() { "none".to_owned() } else { value };
        let [from, to] = apart([&from, &to], WIDTH).map(text);
        let runs = self.runs_off.unsigned_abs();
        let word = if runs == 1 { "run" } else { "runs" };
        let off = match self.runs_off {
            0 => String::new(),
            off if off < 0 => format!(" ({runs} {word} earlier)"),
            _ => format!(" ({runs} {word} later)"),
        };
        format!("{} {from} → {to}{off}", self.what)
    }

    /// The value before and the one after; of two lists of options what is in one alone.
    fn values(&self) -> [String; 2] {
        match self.what {
            "bench_options" | "flags" => {
                [only_in(&self.from, &self.to), only_in(&self.to, &self.from)]
            }
            _ => [self.from.clone(), self.to.clone()],
        }
    }

    /// Whether it tells no more than the change of the release beside it: the engine's version mostly is the release, and
    /// the release may be one of the flags.
    fn repeats(&self, release: &Self) -> bool {
        let bare = |value: String| value.trim_start_matches("--release=").to_owned();
        release.what == "release"
            && ["engine_version", "flags"].contains(&self.what)
            && self.values().map(bare) == release.values()
            && self.runs_off == release.runs_off
    }
}

/// The words of one text that are not in another.
fn only_in(one: &str, other: &str) -> String {
    let known: Vec<&str> = other.split_whitespace().collect();
    one.split_whitespace().filter(|word| !known.contains(word)).collect::<Vec<_>>().join(" ")
}

/// What came with a step, its class of cause, and what was remarked near it, e.g. `came with release 1.1.0 → 1.2.0;
/// cause: code, single-variable; remark: new image (ann)`.
pub fn circumstances(came_with: &[CameWith], cause: &Cause, remarks: &[String]) -> String {
    let again = |it: &&CameWith| came_with.iter().any(|other| it.repeats(other));
    let changes = came_with.iter().filter(|it| !again(it)).map(CameWith::words);
    let changes: Vec<String> = changes.collect();
    let mut text = match &changes[..] {
        [] => "nothing that is known came with it".to_owned(),
        changes => format!("came with {}", changes.join(", ")),
    };
    text.push_str("; cause: ");
    text.push_str(cause.class.word());
    text.push_str(match (cause.class, cause.single_variable) {
        (CauseClass::Noise | CauseClass::Unknown, _) => "",
        (_, Some(_)) => ", single-variable",
        (_, None) => ", not certain",
    });
    for remark in remarks {
        text.push_str("; remark: ");
        text.push_str(&shown(remark));
    }
    text
}

impl Since {
    /// E.g. `since 2026-11-18 (run night-53): -4.1 %, came with release 1.1.0 → 1.2.0`.
    pub fn words(&self) -> String {
        let day = self.time.strftime("%Y-%m-%d");
        let kind = match self.kind {
            "pending" => ", pending: too few points yet",
            "node_switch" => ", the node changed with it",
            _ => "",
        };
        let synthetic = if self.synthetic { ", synthetic" } else { "" };
        let run = shown(&self.run_id);
        let circumstances = circumstances(&self.came_with, &self.cause, &self.remarks);
        format!(
            "since {day} (run {run}): {:+.1} %{kind}{synthetic}, {circumstances}",
            self.change_pct
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::between;
    use crate::history::{Aspect, Facts};

    fn facts(version: &str) -> Facts {
        Facts::from([(Aspect::EngineVersion, version.to_owned())])
    }

    fn change(what: &'static str, from: &str, to: &str, runs_off: i32) -> CameWith {
        CameWith { what, from: from.to_owned(), to: to.to_owned(), runs_off }
    }

    #[test]
    fn a_change_is_told_with_how_far_off_it_was() {
        for (runs_off, expected) in [
            (0, "driver 580 → 590"),
            (-1, "driver 580 → 590 (1 run earlier)"),
            (2, "driver 580 → 590 (2 runs later)"),
        ] {
            assert_eq!(change("driver", "580", "590", runs_off).words(), expected);
        }
        let sha = "0123456789abcdef".repeat(4);
        let text = change("dataset", &sha, "x\u{1b}[31m", 0).words();
        assert_eq!(text, "dataset 0123456789abcdef0123456789abcdef0123456… → x");
    }

    #[test]
    fn of_options_only_those_are_told_that_differ() {
        let [old, new] =
            ["--backend=pytorch --max_batch_size=64", "--max_batch_size=128 --backend=pytorch"];
        let text = change("bench_options", old, new, 0).words();
        assert_eq!(text, "bench_options --max_batch_size=64 → --max_batch_size=128");
        let text = change("flags", "--a", "--a --b", 0).words();
        assert_eq!(text, "flags none → --b");
    }

    #[test]
    fn a_step_is_one_line() {
        let since = Since {
            run_id: "night-53".to_owned(),
            time: "2026-11-18T01:30:00Z".parse().expect("a time"),
            kind: "step",
            change_pct: -4.12,
            p: 1e-9,
            came_with: vec![change("release", "1.1.0", "1.2.0", 0)],
            remarks: vec!["new image (ann)".to_owned()],
            cause: between([&facts("1.1.0")], [&facts("1.2.0")]),
            synthetic: false,
        };
        assert_eq!(
            since.words(),
            "since 2026-11-18 (run night-53): -4.1 %, came with release 1.1.0 → 1.2.0; cause: code, not certain; \
             remark: new image (ann)"
        );
        for again in [
            change("engine_version", "1.1.0", "1.2.0", 0),
            change("flags", "run --release 1.1.0", "run --release 1.2.0", 0),
            change("flags", "--release=1.1.0", "--release=1.2.0", 0),
        ] {
            let twice =
                Since { came_with: vec![since.came_with[0].clone(), again], ..since.clone() };
            assert_eq!(twice.words(), since.words(), "it is said once");
        }
        let alone = Since { kind: "pending", came_with: vec![], remarks: vec![], ..since };
        let text = alone.words();
        let expected = ", pending: too few points yet, nothing that is known came with it; cause: code, not certain";
        assert!(text.ends_with(expected), "{text}");
    }
}
