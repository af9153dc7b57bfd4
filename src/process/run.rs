//! Runs one step from start to end.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::cgroup::Cgroup;
use super::end_tree;
use super::error::ProcessError;
use super::interrupt::Interrupt;
use super::link::{Link, Supervisor};
use super::observer::Observer;
use super::step::{Ended, Step, StepEnd};
use super::watch::Watch;
use super::wire::{Event, Order, Report, Status};

/// How often limits, log and interrupts are looked at. The step's own end is noticed at once.
const TICK: Duration = Duration::from_millis(50);

/// Runs `step` until it ends or must be ended, and returns when nothing of it is left.
///
/// Steps may run on several threads at once. After an interrupt nothing is started any more: the result is
/// [`Ended::Interrupted`] at once.
///
/// # Errors
/// When the step cannot be started (program, working directory, log), or its supervisor is lost.
pub fn run(
    step: &Step,
    watch: Watch<'_>,
    supervisor: &Supervisor,
    interrupt: &Interrupt,
) -> Result<StepEnd, ProcessError> {
    if interrupt.is_raised() {
        return Ok(not_started());
    }
    let at_log = |source| ProcessError::Log { path: step.log.clone(), source };
    let link = Link::start(step, supervisor, watch.held)?;
    let mut observer = Observer::new(step, watch, &link).map_err(at_log)?;
    let mut main = None;
    let mut cgroup = None;
    let mut cause = None;
    let mut killed = false;
    loop {
        match link.next(TICK) {
            Ok(None) => {}
            Ok(Some(Event::Started { pid, cgroup: path })) => {
                main = Some(pid);
                cgroup = path;
            }
            Ok(Some(Event::NotStarted { errno })) => {
                link.close()?;
                return Err(not_startable(step, errno));
            }
            Ok(Some(Event::NotPrepared)) => {
                link.close()?;
                return Err(ProcessError::NotPrepared { log: step.log.clone() });
            }
            Ok(Some(Event::Ended(report))) => {
                link.close()?;
                return Ok(end(report, cause, cgroup.is_some()));
            }
            Err(error) => {
                if let Some(main) = main {
                    let cgroup = cgroup.map(Cgroup::existing);
                    end_tree::kill_orphans(main, cgroup.as_ref()).map_err(ProcessError::Link)?;
                }
                return Err(error);
            }
        }
        if cause.is_none() {
            cause = if interrupt.is_raised() {
                Some(Ended::Interrupted)
            } else {
                observer.look(cgroup.as_ref())
            };
            if cause.is_some() {
                link.order(Order::End)?;
            }
        }
        if interrupt.count() > 1 && !killed {
            killed = true;
            link.order(Order::Kill)?;
        }
    }
}

fn not_startable(step: &Step, errno: i32) -> ProcessError {
    let program = step.argv.first().map(PathBuf::from).unwrap_or_default();
    ProcessError::Start { program, source: std::io::Error::from_raw_os_error(errno) }
}

fn not_started() -> StepEnd {
    let now = Timestamp::now();
    StepEnd {
        ended: Ended::Interrupted,
        start: now,
        end: now,
        wall: Duration::ZERO,
        leftovers: Vec::new(),
        survivors: Vec::new(),
        in_cgroup: false,
        not_undone: false,
    }
}

/// Puts together what the supervisor saw and why we had the step ended.
fn end(report: Report, cause: Option<Ended>, in_cgroup: bool) -> StepEnd {
    let log_failed = report.log_errno.map(|errno| {
        let error = std::io::Error::from_raw_os_error(errno).to_string();
        Ended::LogFailed { error }
    });
    let by_itself = report.status.map(|status| match status {
        Status::Exited(0) => Ended::Success,
        Status::Exited(code) => Ended::Failed(code),
        Status::Signalled(signal) => Ended::Signalled(signal),
    });
    StepEnd {
        // An end of its own counts also when our order was on its way, but not over a log that is cut short.
        // What is left is a supervisor that got TERM from outside, as a batch system sends to a whole job.
        ended: log_failed.or(by_itself).or(cause).unwrap_or(Ended::Interrupted),
        start: report.start,
        end: report.start.saturating_add(report.wall).unwrap_or(report.start),
        wall: report.wall,
        leftovers: report.leftovers,
        survivors: report.survivors,
        in_cgroup,
        not_undone: report.not_undone,
    }
}
