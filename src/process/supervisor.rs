//! The supervisor of one step: a process between harness and step that outlives the one and not the other.
//!
//! Its stdin is the socket to the harness, its stdout the step's stdout file, its stderr the step's log.

use std::io::{self, PipeReader};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::prctl;

use super::cgroup::Cgroup;
use super::end_tree::{self, own_pid};
use super::fork;
use super::inbox::{Inbox, Wake};
use super::pump::Pump;
use super::step::Process;
use super::tree;
use super::wait::{self, Child};
use super::wire::{self, Event, Report, Request, Status};

/// Hidden first argument that makes one of our executables a supervisor.
pub(super) const SUPERVISE: &str = "__supervise";

/// How long helpers of a main process that ended by itself may take to follow it, as MPI daemons and
/// Python's resource trackers do, before they count as leftovers.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a command of the frame may take: a driver that hangs must not hang its step's end.
const OWN_COMMAND: Duration = Duration::from_secs(60);
/// How long the last output may take to reach the log once all that could be ended is gone.
const DRAIN: Duration = Duration::from_secs(30);

/// Must be the first call in `main` of every executable that runs steps: if the process was started as a
/// supervisor, it becomes one and never returns.
pub fn supervisor_entry() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == SUPERVISE) {
        let code = match supervise() {
            Ok(()) => 0,
            Err(error) => {
                // Goes to the step's log.
                eprintln!("trtllm-perf: supervise the step: {error}");
                1
            }
        };
        std::process::exit(code)
    }
}

fn supervise() -> io::Result<()> {
    prctl::set_child_subreaper(true)?;
    prctl::set_name(c"supervise")?;
    let harness = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    wire::keep_files(&harness)?;
    let request: Request = wire::receive(&harness)?;
    let mut inbox = Inbox::new(harness, request.grace)?;
    // Signals wait from here on, so that what is done before the step is undone after it.
    if let Some(frame) = &request.frame
        && !own_command(&frame.before)?
    {
        own_command(&frame.after)?;
        return inbox.tell(&Event::NotPrepared);
    }
    let cgroup = request.cgroup.then(|| Cgroup::create(std::process::id())).flatten();
    // Before the fork: on a busy machine the program may have ended before we run again.
    let begin = (Timestamp::now(), Instant::now());
    let (started, output) = match start(&request, cgroup.as_ref()) {
        Ok(started) => started,
        Err(error) => {
            if let Some(cgroup) = cgroup {
                cgroup.remove();
            }
            if let Some(frame) = &request.frame {
                own_command(&frame.after)?;
            }
            let errno = error.raw_os_error().ok_or(error)?;
            return inbox.tell(&Event::NotStarted { errno });
        }
    };
    let cgroup = match cgroup {
        Some(unused) if !started.in_cgroup => {
            unused.remove();
            None
        }
        cgroup => cgroup,
    };
    let result = attend(&mut inbox, output, started.pid, cgroup.as_ref(), begin);
    if result.is_err() {
        // Whatever failed, the tree must not outlive us.
        let mut pause = |time| {
            std::thread::sleep(time);
            Ok(())
        };
        end_tree::kill_all(started.pid, cgroup.as_ref(), &mut pause)?;
    }
    if let Some(cgroup) = cgroup {
        cgroup.remove();
    }
    let undone = request.frame.as_ref().map(|frame| own_command(&frame.after));
    let mut report = result?;
    report.not_undone = !undone.transpose()?.unwrap_or(true);
    inbox.tell(&Event::Ended(report))
}

/// Runs this executable with other arguments; whether it succeeded. What it says goes to the step's log.
fn own_command(arguments: &[String]) -> io::Result<bool> {
    let log = || io::stderr().as_fd().try_clone_to_owned();
    let mut command = Command::new("/proc/self/exe");
    command.args(arguments).stdin(Stdio::null()).stdout(log()?).stderr(log()?);
    let mut child = command.spawn()?;
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if begin.elapsed() >= OWN_COMMAND {
            eprintln!("trtllm-perf: {} takes too long", arguments.join(" "));
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// From the start of the main process to the end of its tree.
fn attend(
    inbox: &mut Inbox,
    output: PipeReader,
    main: i32,
    cgroup: Option<&Cgroup>,
    (start, clock): (Timestamp, Instant),
) -> io::Result<Report> {
    inbox.tell(&Event::Started { pid: main, cgroup: cgroup.map(|held| held.path().to_owned()) })?;
    inbox.pump = Some(Pump::start(output, io::stderr().as_fd().try_clone_to_owned()?.into())?);

    let status = watch(inbox, main)?;
    let mut wall = clock.elapsed();
    let leftovers = match status {
        Some(_) => settle(inbox, main)?,
        None => Vec::new(),
    };
    if status.is_none() || !leftovers.is_empty() {
        let_go(inbox, main)?;
    }
    let mut pause = |time| inbox.wait(Some(time)).map(drop);
    let survivors = end_tree::kill_all(main, cgroup, &mut pause)?;
    if status.is_none() {
        wall = clock.elapsed();
    }
    let log_errno = inbox.drain(DRAIN)?;
    Ok(Report { status, log_errno, start, wall, leftovers, survivors, not_undone: false })
}

/// Starts the main process; returns the reading end of what goes to the log.
fn start(request: &Request, cgroup: Option<&Cgroup>) -> io::Result<(fork::Started, PipeReader)> {
    let (output, log) = io::pipe()?;
    let mut command = Command::new(&request.program);
    if let Some((name, arguments)) = request.argv.split_first() {
        command.arg0(name).args(arguments);
    }
    command
        .current_dir(&request.cwd)
        .envs(request.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(match request.own_stdout {
            true => Stdio::from(io::stdout().as_fd().try_clone_to_owned()?),
            false => Stdio::from(log.try_clone()?),
        })
        .stderr(log);
    let folder = cgroup.map(Cgroup::open).transpose()?;
    Ok((fork::start(&mut command, folder.as_ref())?, output))
}

/// Waits until the main process ends by itself, then returns how, or until it has to be ended.
/// Orphans that end meanwhile are reaped; the main process stays a zombie, as its number names its group.
fn watch(inbox: &mut Inbox, main: i32) -> io::Result<Option<Status>> {
    loop {
        match wait::peek()? {
            Child::Ended { pid, status } if pid == main => return Ok(Some(status)),
            Child::Ended { pid, .. } => {
                wait::reap(pid)?;
                continue;
            }
            Child::None | Child::Running => {}
        }
        match inbox.wait(None)? {
            Wake::Nothing => {}
            Wake::End => return Ok(None),
        }
    }
}

/// Gives helpers of an ended main process time to follow it; returns those that did not.
fn settle(inbox: &mut Inbox, main: i32) -> io::Result<Vec<Process>> {
    let begin = Instant::now();
    loop {
        let alive = tree::alive(own_pid(), main);
        if alive.is_empty() || begin.elapsed() >= SETTLE {
            return Ok(alive);
        }
        inbox.wait(Some(Duration::from_millis(10)))?;
    }
}

/// Asks the step's group to end and gives it its grace.
fn let_go(inbox: &mut Inbox, group: i32) -> io::Result<()> {
    let begin = Instant::now();
    if inbox.grace() > Duration::ZERO {
        end_tree::ask(group)?;
    }
    while begin.elapsed() < inbox.grace() && tree::group_is_alive(own_pid(), group) {
        inbox.wait(Some(Duration::from_millis(10)))?;
    }
    Ok(())
}
