//! How long a step may be silent before it is taken for hung: by kind of step, unless somebody said otherwise.

use std::time::Duration;

use crate::list;
use crate::plan::StepKind;
use crate::process::Stall;

/// Time without a line, for one kind of step. Zero is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Silent and idle. With zero nothing is watched.
    pub idle: Duration,
    /// Silent, whatever it does.
    pub active: Duration,
}

/// The time of every kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silences {
    pub dataset: Silence,
    pub build: Silence,
    pub bench: Silence,
}

/// A program that computes gets three times as long as one that waits: it may be at work, but ranks that busy-wait for a
/// dead peer compute for ever, too.
impl Default for Silences {
    fn default() -> Self {
        let minutes = |idle, active| Silence {
            idle: Duration::from_mins(idle),
            active: Duration::from_mins(active),
        };
        Self {
            // A script that imports a tokenizer and prints at its end; the longest data sets take a few minutes. One that
            // is idle waits for a file system or for a hub that cannot be reached.
            dataset: minutes(5, 15),
            // It reads a whole checkpoint, maybe from a slow file system, without a line, then lets TensorRT choose
            // kernels, which on large models says nothing for half an hour and more.
            build: minutes(15, 45),
            // Longer than a healthy load of the largest checkpoints stays both silent and idle; autotuning and the capture
            // of CUDA graphs may compute this long without a line.
            bench: minutes(10, 30),
        }
    }
}

impl Silences {
    /// These times, with what a list line says laid on top: it is for all steps of its test.
    #[must_use]
    pub fn overlaid(self, own: Option<list::Silence>) -> Self {
        let Some(own) = own else { return self };
        self.map(|silence| Silence { idle: own.idle, active: own.active.unwrap_or(silence.active) })
    }

    /// Each time, changed.
    #[must_use]
    pub fn map(self, change: impl Fn(Silence) -> Silence) -> Self {
        Self { dataset: change(self.dataset), build: change(self.build), bench: change(self.bench) }
    }

    /// The time of one step.
    pub fn of(&self, step: &StepKind) -> Silence {
        match step {
            StepKind::Dataset { .. } => self.dataset,
            StepKind::Build => self.build,
            StepKind::Bench { .. } => self.bench,
        }
    }
}

impl Silence {
    /// The watch for this time; `None` when nothing is watched.
    pub fn watch(self, gpu_active: &dyn Fn() -> bool) -> Option<Stall<'_>> {
        let active_silence = if self.active.is_zero() { Duration::MAX } else { self.active };
        let stall = Stall { silence: self.idle, active_silence, gpu_active };
        (!self.idle.is_zero()).then_some(stall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_speaks_for_all_steps_and_leaves_what_it_does_not_name() {
        let idle = Duration::from_mins(2);
        let own = list::Silence { idle, active: None };
        let times = Silences::default().overlaid(Some(own));
        assert_eq!(times, Silences::default().map(|of| Silence { idle, ..of }));
        assert_eq!(times.overlaid(None), times);
        let own = list::Silence { idle, active: Some(idle) };
        assert_eq!(times.overlaid(Some(own)), times.map(|_| Silence { idle, active: idle }));
    }

    #[test]
    fn zero_is_no_watch_and_zero_at_work_no_end_of_it() {
        let watch = |idle, active| {
            let silence =
                Silence { idle: Duration::from_secs(idle), active: Duration::from_secs(active) };
            silence.watch(&|| false).map(|stall| (stall.silence, stall.active_silence))
        };
        assert_eq!(watch(0, 9), None);
        assert_eq!(watch(3, 0), Some((Duration::from_secs(3), Duration::MAX)));
        assert_eq!(watch(3, 9), Some((Duration::from_secs(3), Duration::from_secs(9))));
    }
}
