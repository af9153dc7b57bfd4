//! Decides when a running step is to be ended. Pure: times are counted from the step's start.

use std::time::Duration;

use super::step::Ended;
use super::watch::Stall;

/// The limits of one step and what has been seen of it.
#[derive(Debug, Clone)]
pub(super) struct Watchdog {
    limit: Option<Duration>,
    /// (`silence`, `active_silence`) of [`Stall`].
    stall: Option<(Duration, Duration)>,
    last_output: Duration,
    /// When the grace after a fatal line is over, and the line.
    fatal: Option<(Duration, String)>,
    /// Last CPU reading: when, and CPU time of the tree.
    cpu: Option<(Duration, Duration)>,
    last_active: Duration,
}

impl Watchdog {
    pub(super) fn new(limit: Option<Duration>, stall: Option<(Duration, Duration)>) -> Self {
        let zero = Duration::ZERO;
        Self { limit, stall, last_output: zero, fatal: None, cpu: None, last_active: zero }
    }

    /// The step wrote something.
    pub(super) fn output(&mut self, at: Duration) {
        self.last_output = at;
        self.cpu = None;
    }

    /// A fatal line; only the first one counts, later ones are echoes.
    pub(super) fn fatal(&mut self, at: Duration, grace: Duration, line: &[u8]) {
        let line = || String::from_utf8_lossy(line).into_owned();
        self.fatal.get_or_insert_with(|| (at + grace, line()));
    }

    /// How long the step has been silent.
    pub(super) fn silent(&self, at: Duration) -> Duration {
        at.saturating_sub(self.last_output)
    }

    /// Whether a reading of CPU and GPU is due: only in a silence and at most every 5 s, so that a healthy
    /// benchmark is not disturbed.
    pub(super) fn wants_activity(&self, at: Duration) -> bool {
        let Some((silence, _)) = self.stall else { return false };
        let every = (silence / 8).min(Duration::from_secs(5));
        self.silent(at) >= every && self.cpu.is_none_or(|(last, _)| at >= last + every)
    }

    /// Takes a reading: total CPU time of the tree, and whether a GPU is busy.
    pub(super) fn activity(&mut self, at: Duration, cpu: Duration, gpu_active: bool) {
        let cpu_active = self.cpu.is_some_and(|(last, before)| {
            let (passed, used) = (at.saturating_sub(last), cpu.saturating_sub(before));
            used.as_secs_f64() > Stall::ACTIVE_CPU * passed.as_secs_f64()
        });
        if cpu_active || gpu_active {
            self.last_active = at;
        }
        self.cpu = Some((at, cpu));
    }

    /// Why the step must be ended now, if it must.
    pub(super) fn verdict(&self, at: Duration) -> Option<Ended> {
        if let Some((until, line)) = &self.fatal
            && at >= *until
        {
            return Some(Ended::FatalLine { line: line.clone() });
        }
        if let Some(limit) = self.limit
            && at >= limit
        {
            return Some(Ended::TimedOut { limit });
        }
        let (silence, active_silence) = self.stall?;
        let silent = self.silent(at);
        let idle = silent.min(at.saturating_sub(self.last_active));
        let hung = idle >= silence || silent >= active_silence.max(silence);
        hung.then_some(Ended::Hang { silent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Runs the clock in seconds; the tree uses `share` of a core; returns when and why it is ended.
    fn end_of(mut dog: Watchdog, share: f64, gpu: bool) -> Option<(u64, Ended)> {
        (0..1000).find_map(|second| {
            let at = s(second);
            if dog.wants_activity(at) {
                dog.activity(at, at.mul_f64(share), gpu);
            }
            dog.verdict(at).map(|ended| (second, ended))
        })
    }

    #[test]
    fn a_silent_idle_step_hangs_at_x_and_a_busy_one_at_y_and_no_later() {
        let dog = Watchdog::new(None, Some((s(80), s(200))));
        assert_eq!(end_of(dog.clone(), 0.05, false), Some((80, Ended::Hang { silent: s(80) })));
        assert_eq!(end_of(dog.clone(), 0.5, false), Some((200, Ended::Hang { silent: s(200) })));
        assert_eq!(end_of(dog, 0.0, true), Some((200, Ended::Hang { silent: s(200) })));
    }

    #[test]
    fn output_starts_the_silence_anew() {
        let mut dog = Watchdog::new(None, Some((s(80), s(200))));
        dog.output(s(50));
        assert_eq!(end_of(dog, 0.0, false), Some((130, Ended::Hang { silent: s(80) })));
    }

    #[test]
    fn no_watch_and_no_limit_never_end_a_step() {
        assert_eq!(end_of(Watchdog::new(None, None), 0.0, false), None);
    }

    #[test]
    fn the_limit_ends_a_step_that_keeps_talking() {
        let mut dog = Watchdog::new(Some(s(10)), Some((s(5), s(5))));
        dog.output(s(9));
        assert_eq!(dog.verdict(s(9)), None);
        assert_eq!(dog.verdict(s(10)), Some(Ended::TimedOut { limit: s(10) }));
    }

    #[test]
    fn the_first_fatal_line_is_the_cause_after_its_grace() {
        let mut dog = Watchdog::new(Some(s(100)), None);
        dog.fatal(s(5), s(30), b"CUDA out of memory");
        dog.fatal(s(6), s(30), b"aborting");
        assert_eq!(dog.verdict(s(34)), None);
        let line = "CUDA out of memory".to_owned();
        assert_eq!(dog.verdict(s(35)), Some(Ended::FatalLine { line }));
    }

    #[test]
    fn a_step_that_falls_idle_gets_the_whole_silence_from_then() {
        let mut dog = Watchdog::new(None, Some((s(80), s(200))));
        dog.activity(s(20), s(1), false);
        dog.activity(s(25), s(3), false);
        assert_eq!(end_of(dog, 0.0, false), Some((105, Ended::Hang { silent: s(105) })));
    }

    #[test]
    fn a_step_is_measured_only_in_a_silence_and_not_too_often() {
        let mut dog = Watchdog::new(None, Some((s(80), s(200))));
        dog.output(s(40));
        assert!(!dog.wants_activity(s(44)));
        assert!(dog.wants_activity(s(45)));
        dog.activity(s(45), s(0), false);
        assert!(!dog.wants_activity(s(49)));
        assert!(dog.wants_activity(s(50)));
    }
}
