//! The words of the live line, and of those who tell the same from outside.

use std::time::Duration;

use crate::gpu::Moment;

/// Longest name of a test, in characters, on a line that has more to say.
const NAME: usize = 48;

/// What the line of a running test says.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Place in the run, from 1, and how many tests that has.
    pub(super) place: (usize, usize),
    /// The test; `None` where it stands on the terminal already.
    pub(super) name: Option<String>,
    pub(super) step: Option<String>,
    /// Of the step.
    pub(super) elapsed: Duration,
    pub(super) limit: Option<Duration>,
    pub(super) gpu: Option<String>,
    /// What [`left`] says.
    pub(super) left: Option<String>,
    /// The last line of the log, fit for a terminal.
    pub(super) last_line: String,
}

impl Facts {
    /// The whole line; the terminal's width cuts it, so the last line of the log comes last.
    pub(super) fn line(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" {}", short(name)));
        let step = self.step.as_deref().map(|step| step_text(step, self.elapsed, self.limit));
        let first = format!("[{}/{}]{}", self.place.0, self.place.1, name.unwrap_or_default());
        let step = step.map(|step| format!("{first} {step}")).unwrap_or(first);
        let last = Some(self.last_line.clone()).filter(|line| !line.is_empty());
        let parts = [Some(step), self.gpu.clone(), self.left.clone(), last];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
    }
}

/// The label of a test, cut.
fn short(name: &str) -> String {
    let label = name.rsplit_once('[').map_or(name, |(_, label)| label.trim_end_matches(']'));
    match label.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}

/// `bench 2:10 of 1:00:00`.
pub fn step_text(step: &str, elapsed: Duration, limit: Option<Duration>) -> String {
    let limit = limit.map(|limit| format!(" of {}", clock(limit))).unwrap_or_default();
    format!("{step} {}{limit}", clock(elapsed))
}

/// `0:07`, `12:05`, `1:02:10`.
fn clock(time: Duration) -> String {
    let (seconds, minutes, hours) =
        (time.as_secs() % 60, time.as_secs() / 60 % 60, time.as_secs() / 3600);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// How long a test still takes that took `expected` before, and the run with it, when the `rest` is known, too.
pub fn left(
    expected: Option<Duration>,
    elapsed: Duration,
    rest: Option<Duration>,
) -> Option<String> {
    let expected = expected?;
    let left = expected.saturating_sub(elapsed);
    let test = match left.is_zero() {
        true => format!("took {} before", rough(expected)),
        false => format!("about {} left", rough(left)),
    };
    let run = rest.filter(|rest| !rest.is_zero());
    let run = run.map(|rest| format!(", {} of the run", rough(left + rest))).unwrap_or_default();
    Some(test + &run)
}

/// `40 s`, `12 min`, `3 h 10 min`.
fn rough(time: Duration) -> String {
    let minutes = (time.as_secs() + 30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, _) if time.as_secs() < 90 => format!("{} s", time.as_secs()),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// What GPUs do: their mean use and the power of all, `GPU 97 % 640 W`, `8 GPUs 96 % 5120 W`. `None` when they tell neither.
pub fn gpu_text(moment: &Moment) -> Option<String> {
    let mean = |values: Vec<u32>| {
        let sum: u64 = values.iter().copied().map(u64::from).sum();
        sum.checked_div(values.len() as u64)
    };
    let used = mean(moment.gpus.iter().filter_map(|gpu| gpu.utilization_pct).collect());
    let power: Vec<u64> =
        moment.gpus.iter().filter_map(|gpu| gpu.power_mw).map(u64::from).collect();
    let used = used.map(|used| format!(" {used} %"));
    let power =
        (!power.is_empty()).then(|| format!(" {} W", (power.iter().sum::<u64>() + 500) / 1000));
    if used.is_none() && power.is_none() {
        return None;
    }
    let who = match moment.gpus.len() {
        1 => "GPU".to_owned(),
        many => format!("{many} GPUs"),
    };
    Some(format!("{who}{}{}", used.unwrap_or_default(), power.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_line_says_place_step_time_gpu_end_and_log_in_this_order() {
        let facts = Facts {
            place: (3, 12),
            name: Some("H100/perf/test_perf.py::test_perf[llama-bench]".into()),
            step: Some("bench".into()),
            elapsed: seconds(130),
            limit: Some(seconds(3600)),
            gpu: Some("GPU 97 % 640 W".into()),
            left: left(Some(seconds(850)), seconds(130), Some(seconds(10_680))),
            last_line: "Loading weights: 40%".into(),
        };
        let expected = "[3/12] llama-bench bench 2:10 of 1:00:00 | GPU 97 % 640 W | \
                        about 12 min left, 3 h 10 min of the run | Loading weights: 40%";
        assert_eq!(facts.line(), expected);
        let bare = Facts { place: (1, 1), ..Facts::default() };
        assert_eq!(bare.line(), "[1/1]");
    }

    #[test]
    fn an_end_that_is_past_or_unknown_is_not_made_up() {
        assert_eq!(left(None, seconds(1), Some(seconds(60))), None);
        let late = left(Some(seconds(600)), seconds(700), Some(seconds(7200)));
        assert_eq!(late.as_deref(), Some("took 10 min before, 2 h of the run"));
        assert_eq!(left(Some(seconds(50)), seconds(10), None).as_deref(), Some("about 40 s left"));
    }

    #[test]
    fn gpus_are_one_mean_and_one_sum() {
        let moment = |text: &str| {
            let text = format!(r#"{{"at":"2026-11-24T08:15:02Z","gpus":[{text}]}}"#);
            gpu_text(&serde_json::from_str(&text).expect("a moment"))
        };
        let one = r#"{"index":0,"utilization_pct":97,"power_mw":640400}"#;
        let other = r#"{"index":1,"utilization_pct":90,"power_mw":600000}"#;
        assert_eq!(moment(one).as_deref(), Some("GPU 97 % 640 W"));
        assert_eq!(moment(&format!("{one},{other}")).as_deref(), Some("2 GPUs 93 % 1240 W"));
        assert_eq!(moment(r#"{"index":0,"power_mw":70000}"#).as_deref(), Some("GPU 70 W"));
        assert_eq!(moment(r#"{"index":0}"#), None);
    }
}
