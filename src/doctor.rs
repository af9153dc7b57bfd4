//! `trtllm-perf doctor`: what is here, what is missing, how to get it.
//!
//! Each check looks at one thing and gives lines; nothing is changed, and nothing runs on a GPU.

use std::fmt;

mod models;
mod place;
mod programs;

pub use models::{Wanted, models};
pub use place::{disk, gpus, in_use};
pub use programs::{bench, dataset_script, helpers};

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    /// It works, but a user should know.
    Warn,
    /// It is not there, or cannot be used.
    Missing,
}

/// One line: a thing, how it stands, what was found, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub state: State,
    /// Whether the main job needs it.
    pub needed: bool,
    pub what: &'static str,
    pub found: String,
    /// What to do about it, where something can be done.
    pub advice: Option<String>,
}

/// No test is selected on this machine, and why, with how many for each reason.
pub fn nothing_selected(
    lines: usize,
    reasons: &std::collections::BTreeMap<String, usize>,
) -> Finding {
    let reasons: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let finding =
        Finding::missing("selection", format!("none of {lines} lines: {}", reasons.join("; ")));
    finding.advice("--explain ID says why a test is out").needed()
}

impl Finding {
    fn new(state: State, what: &'static str, found: impl Into<String>) -> Self {
        Self { state, needed: false, what, found: found.into(), advice: None }
    }

    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(State::Ok, what, found)
    }

    fn warn(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(State::Warn, what, found)
    }

    fn missing(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(State::Missing, what, found)
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    fn needed(mut self) -> Self {
        self.needed = true;
        self
    }

    /// Whether the main job cannot run for this.
    pub fn stops(&self) -> bool {
        self.needed && self.state == State::Missing
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Missing => "missing",
        };
        write!(f, "{state:<8} {:<16} {}", self.what, self.found)?;
        match &self.advice {
            Some(advice) => write!(f, "\n{:<25} {advice}", ""),
            None => Ok(()),
        }
    }
}
