//! From lines to libtest trials.

use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use libtest_mimic::Arguments;

use super::earlier::{Earlier, Last};
use super::world::World;
use super::{is_shown, stdout};
use crate::case::{Case, Engine};
use crate::failure::Exit;
use crate::plan::{self, PlannedLine};
use crate::record::result::{AttemptResult, Failure, FailureKind, Outcome};
use crate::selection::{Fate, Line};
use crate::settings::Settings;
use crate::trial::{Silences, Stage};

/// A line ready to be a trial.
pub struct Prepared {
    pub(super) ordinal: usize,
    pub(super) name: String,
    id: String,
    pub(super) origin: Option<String>,
    pub(super) line: PlannedLine,
    pub(super) limit: Option<std::time::Duration>,
    pub(super) silences: Silences,
    /// Why a failure does not count, with the marker that says so.
    pub(super) tolerated: Option<String>,
    /// Whether a pass is worth a remark (XFAIL).
    pub(super) must_fail: bool,
    /// Number of the first attempt.
    pub(super) attempt: u32,
    /// How many further attempts a failure gets.
    pub(super) retries: u32,
    pub(super) body: Body,
}

/// What comes of a line.
pub(super) enum Body {
    /// It can run.
    Ready(Box<Ready>),
    /// It cannot run here, or should not.
    Ignored { reason: String, ready: Option<Box<Ready>> },
    /// Its label means nothing: one failing trial, with the place.
    Broken(Failure),
    /// The run that is gone on with has a result of it, which stands.
    Done { last: Last, ready: Option<Box<Ready>> },
}

/// A case that can run.
pub(super) struct Ready {
    pub(super) case: Case,
    pub(super) raw_label: String,
    pub(super) engine: Engine,
}

/// Prepares the lines that libtest's own filter lets through.
pub fn prepare(
    lines: &[Line<'_>],
    settings: &Settings,
    world: &World,
    earlier: Option<&Earlier>,
    libtest: &Arguments,
) -> Vec<Prepared> {
    let shown = lines.iter().filter(|line| is_shown(line, settings.include_unmatched));
    let shown = shown.enumerate().filter(|(_, line)| passes(&line.name, libtest));
    let mut prepared: Vec<_> =
        shown.map(|(ordinal, line)| Prepared::new(ordinal, line, settings, world)).collect();
    if let Some(earlier) = earlier {
        prepared.iter_mut().for_each(|trial| trial.go_on(earlier));
    }
    prepared
}

/// Whether a line would start a program if nothing it needs were missing.
pub fn would_start(line: &Line<'_>, settings: &Settings, libtest: &Arguments) -> bool {
    let wanted = match line.fate {
        Fate::Runs => !libtest.ignored,
        _ => {
            is_shown(line, settings.include_unmatched)
                && (libtest.ignored || libtest.include_ignored)
        }
    };
    wanted && passes(&line.name, libtest)
}

/// libtest's name filter, applied before the costly part.
pub(super) fn passes(name: &str, libtest: &Arguments) -> bool {
    let matches = |filter: &String| {
        if libtest.exact { name == filter } else { name.contains(filter.as_str()) }
    };
    libtest.filter.as_ref().is_none_or(matches) && !libtest.skip.iter().any(matches)
}

/// Refuses a list with names that mean nothing.
///
/// # Errors
/// [`Exit::Usage`] with every such line.
pub fn refuse_broken(prepared: &[Prepared]) -> Result<(), Exit> {
    let faults: Vec<&str> = prepared
        .iter()
        .filter_map(|trial| match &trial.body {
            Body::Broken(failure) => Some(failure.message.as_str()),
            _ => None,
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Exit::usage(format!(
        "{} names of the lists cannot be run:\n  {}",
        faults.len(),
        faults.join("\n  ")
    )))
}

/// Lists trials as libtest does, `NAME: test`; written here because libtest-mimic panics when a reader such as `head`
/// has seen enough.
///
/// # Errors
/// When stdout cannot be written.
pub fn list<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<ExitCode, Exit> {
    stdout::print("list", |out| names.try_for_each(|name| writeln!(out, "{name}: test")))
}

impl Prepared {
    fn new(ordinal: usize, line: &Line<'_>, settings: &Settings, world: &World) -> Self {
        let markers = &line.markers;
        let tolerated = markers.xfail.as_ref().map(|reason| format!("xfail: {reason}"));
        let tolerated = tolerated
            .or_else(|| markers.unstable.as_ref().map(|reason| format!("unstable: {reason}")));
        let limit = line.limit(settings.timeout);
        let body = body(line, world);
        Self {
            ordinal,
            name: line.name.clone(),
            id: line.entry.id.clone(),
            origin: line.origin(),
            line: PlannedLine { selected: true, reason: None, ..planned_line(line, settings) },
            limit,
            silences: settings.stall.overlaid(line.stall()),
            tolerated,
            must_fail: markers.xfail.is_some(),
            attempt: attempt_number(),
            retries: settings.retries,
            body,
        }
    }

    /// Takes into account what an earlier process of the run has done.
    fn go_on(&mut self, earlier: &Earlier) {
        if let Some(last) = earlier.last(&self.name) {
            self.attempt = last.next();
        }
        if let Some(last) = earlier.stands(&self.name) {
            let ready = match std::mem::replace(
                &mut self.body,
                Body::Ignored { reason: String::new(), ready: None },
            ) {
                Body::Ready(ready) => Some(ready),
                _ => None,
            };
            self.body = Body::Done { last: last.clone(), ready };
        }
    }

    /// The libtest name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_ignored(&self) -> bool {
        matches!(self.body, Body::Ignored { .. })
    }

    /// The case and its engine, when it can run.
    pub fn case(&self) -> Option<(&Case, Engine)> {
        match &self.body {
            Body::Ready(ready) => Some((&ready.case, ready.engine)),
            _ => None,
        }
    }

    /// Why nobody can run the trial here, waived or not.
    pub fn cannot_run(&self) -> Option<&str> {
        match &self.body {
            Body::Ignored { reason, ready: None } => Some(reason),
            _ => None,
        }
    }

    /// Whether the trial will start a program under these flags.
    pub fn needs_program(&self, libtest: &Arguments) -> bool {
        match &self.body {
            Body::Ready(_) => !libtest.ignored,
            Body::Ignored { ready, .. } => {
                ready.is_some() && (libtest.ignored || libtest.include_ignored)
            }
            Body::Broken(_) | Body::Done { .. } => false,
        }
    }

    /// The engine of the case, when there is one.
    pub fn engine(&self) -> Option<Engine> {
        match &self.body {
            Body::Ready(ready) => Some(ready.engine),
            Body::Ignored { ready, .. } => ready.as_ref().map(|ready| ready.engine),
            Body::Broken(_) | Body::Done { .. } => None,
        }
    }

    /// Whether the views have its outcome before libtest comes to it.
    pub fn is_settled(&self, libtest: &Arguments) -> bool {
        match &self.body {
            Body::Ignored { ready, .. } => {
                ready.is_none() || !(libtest.include_ignored || libtest.ignored)
            }
            Body::Done { .. } => true,
            Body::Ready(_) | Body::Broken(_) => false,
        }
    }

    /// The result of a trial that will not run: libtest leaves it out, or nobody can run it here.
    pub fn ignored_result(&self, stage: &Stage, libtest: &Arguments) -> Option<AttemptResult> {
        match &self.body {
            Body::Ignored { reason, .. } if self.is_settled(libtest) => {
                Some(self.result(stage, Outcome::Skipped(reason.clone())))
            }
            _ => None,
        }
    }

    pub(super) fn result(&self, stage: &Stage, outcome: Outcome) -> AttemptResult {
        AttemptResult {
            ordinal: self.ordinal,
            origin: self.origin.clone(),
            attempt: self.attempt,
            outcome,
            facts: stage.facts.clone(),
            ..AttemptResult::new(&stage.run_id, &self.name, self.network_name(), Timestamp::now())
        }
    }

    fn network_name(&self) -> String {
        match &self.body {
            Body::Ready(ready) | Body::Ignored { ready: Some(ready), .. } => ready.case.to_string(),
            _ => self.id.clone(),
        }
    }
}

/// nextest counts attempts; otherwise there is one.
fn attempt_number() -> u32 {
    std::env::var("NEXTEST_ATTEMPT").ok().and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// What a plan says of the line that it is for.
pub(super) fn planned_line(line: &Line<'_>, settings: &Settings) -> PlannedLine {
    PlannedLine {
        name: line.name.clone(),
        id: line.entry.id.clone(),
        list: line.list.map(|list| list.display().to_string()),
        line: line.list.map(|_| line.entry.line),
        block: line.entry.block,
        selected: line.fate == Fate::Runs,
        reason: line.fate.reason().map(str::to_owned),
        timeout_s: line.limit(settings.timeout).map(|limit| limit.as_secs()),
    }
}

fn body(line: &Line<'_>, world: &World) -> Body {
    let Some(raw_label) = line.label() else {
        return Body::Ignored { reason: "not a perf test".to_owned(), ready: None };
    };
    let case = match Case::parse(raw_label, &world.tables.models) {
        Ok(case) => case,
        Err(error) => {
            let mut located = line.entry.fault(error.span, error.message);
            if let Some(help) = error.help {
                located = located.help(help);
            }
            return Body::Broken(broken(located.to_string(), located.render()));
        }
    };
    let engine = world.engine(&case);
    let outlook = world.with_context(engine, |context| plan::outlook(&case, context));
    let reason = match outlook {
        Ok(outlook) => {
            outlook.skip.or_else(|| world.missing(engine, case.parallel.gpus, &outlook.model_dir))
        }
        Err(error) => {
            return Body::Broken(broken(format!("{}: {error}", line.entry), String::new()));
        }
    };
    let ready = Box::new(Ready { case, raw_label: raw_label.to_owned(), engine });
    match (reason, &line.fate) {
        // What cannot run stays out also when ignored tests are asked for; what is waived then runs.
        (Some(reason), _) => Body::Ignored { reason, ready: None },
        (None, Fate::Waived(reason) | Fate::Unmatched(reason)) => {
            Body::Ignored { reason: reason.clone(), ready: Some(ready) }
        }
        (None, _) => Body::Ready(ready),
    }
}

fn broken(message: String, details: String) -> Failure {
    Failure { kind: FailureKind::BadOption, message, hint: None, details }
}
