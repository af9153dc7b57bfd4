//! The harness's end of a step: starts the supervisor and talks to it. The only user of `duct`.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::ProcessError;
use super::program;
use super::step::Step;
use super::supervisor::SUPERVISE;
use super::wire::{self, Event, Order, Request};

/// How steps are supervised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor {
    /// An executable whose `main` begins with [`supervisor_entry`](super::supervisor_entry), and then knows the commands
    /// of the steps' frames.
    pub program: PathBuf,
    /// Hold steps in cgroups where that is possible; without, the sub-reaper does it alone.
    pub cgroups: bool,
}

/// This executable, also after its file was replaced or deleted; with cgroups.
impl Default for Supervisor {
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), cgroups: true }
    }
}

/// A running supervisor.
pub(super) struct Link {
    supervisor: PathBuf,
    handle: duct::Handle,
    socket: UnixStream,
    /// Size of the log before the step, which appends to it.
    pub log_begin: u64,
}

impl Link {
    /// Checks the step, opens its files and hands it to a new supervisor, together with the files that it is to hold.
    pub(super) fn start(
        step: &Step,
        supervisor: &Supervisor,
        held: &[File],
    ) -> Result<Self, ProcessError> {
        let request = request(step, supervisor)?;
        let (log, stdout) = open_files(step)?;
        let at_log = |source| ProcessError::Log { path: step.log.clone(), source };
        let log_begin = log.metadata().map_err(at_log)?.len();
        let failed =
            |source| ProcessError::Supervisor { program: supervisor.program.clone(), source };
        let (socket, theirs) = UnixStream::pair().map_err(failed)?;
        let handle = duct::cmd(&supervisor.program, [SUPERVISE])
            .stdin_file(theirs)
            .stdout_file(stdout)
            .stderr_file(log)
            .unchecked()
            // Ctrl-c at the terminal goes to the harness, which ends its steps in order.
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            })
            .start()
            .map_err(failed)?;
        let link = Self { supervisor: supervisor.program.clone(), handle, socket, log_begin };
        let sent = wire::send_files(&link.socket, held);
        match sent.and_then(|()| wire::send(&link.socket, &request)) {
            Ok(()) => Ok(link),
            Err(error) => Err(link.lost(error)),
        }
    }

    /// The supervisor's process number: root of the step's tree.
    pub(super) fn pid(&self) -> i32 {
        self.handle.pids()[0] as i32
    }

    /// Gives an order. A supervisor that is gone cannot take it; [`Link::next`] says so.
    pub(super) fn order(&self, order: Order) -> Result<(), ProcessError> {
        match wire::send(&self.socket, &order) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(ProcessError::Link(error))
            }
            _ => Ok(()),
        }
    }

    /// Waits for the next event, `limit` at most.
    pub(super) fn next(&self, limit: Duration) -> Result<Option<Event>, ProcessError> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => Ok(None),
            Ok(_) => wire::receive(&self.socket).map(Some).map_err(|error| self.lost(error)),
            Err(errno) => Err(ProcessError::Link(errno.into())),
        }
    }

    /// Waits for the supervisor to be gone, after its last event.
    pub(super) fn close(self) -> Result<(), ProcessError> {
        self.handle.wait().map(drop).map_err(ProcessError::Link)
    }

    fn lost(&self, error: io::Error) -> ProcessError {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        if !matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) {
            return ProcessError::Link(error);
        }
        match self.handle.wait() {
            Ok(output) => ProcessError::SupervisorLost {
                program: self.supervisor.clone(),
                status: output.status.to_string(),
            },
            Err(error) => ProcessError::Link(error),
        }
    }
}

fn request(step: &Step, supervisor: &Supervisor) -> Result<Request, ProcessError> {
    let at_cwd = |source| ProcessError::WorkingDirectory { path: step.cwd.clone(), source };
    let cwd = std::path::absolute(&step.cwd).map_err(at_cwd)?;
    // `canonicalize` of `DIR/.` fails on what is missing, and on what is no folder, with the right errno.
    cwd.join(".").canonicalize().map_err(at_cwd)?;
    let path = step.env.iter().rev().find(|(name, _)| name == "PATH");
    let path = path.map(|(_, value)| OsString::from(value)).or_else(|| std::env::var_os("PATH"));
    let name = step.argv.first().ok_or(ProcessError::EmptyCommand)?;
    Ok(Request {
        program: program::resolve(name, &cwd, path.as_deref())?.into(),
        argv: step.argv.clone(),
        cwd: cwd.into(),
        env: step.env.clone(),
        grace: step.grace,
        own_stdout: step.stdout.is_some(),
        cgroup: supervisor.cgroups,
        frame: step.frame.clone(),
    })
}

/// The log, and the stdout file or the log again.
fn open_files(step: &Step) -> Result<(File, File), ProcessError> {
    let at_log = |source| ProcessError::Log { path: step.log.clone(), source };
    let log = OpenOptions::new().append(true).create(true).open(&step.log).map_err(at_log)?;
    let stdout = match &step.stdout {
        Some(path) => File::create(path)
            .map_err(|source| ProcessError::Stdout { path: path.clone(), source })?,
        None => log.try_clone().map_err(at_log)?,
    };
    Ok((log, stdout))
}
