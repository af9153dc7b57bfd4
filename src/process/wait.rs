//! Waits for children of the supervisor.
//!
//! By the system call itself: `nix` refuses statuses with real-time signals, which it has no name for.

use std::io;

use nix::libc;

use super::wire::Status;

/// What `wait` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Child {
    /// There is no child at all; for a sub-reaper that means: no descendant.
    None,
    /// None of the children has ended.
    Running,
    /// This one has.
    Ended { pid: i32, status: Status },
}

/// Looks for a child that has ended and leaves it a zombie: its process number stays taken.
pub(super) fn peek() -> io::Result<Child> {
    wait(libc::P_ALL, 0, libc::WNOHANG | libc::WNOWAIT)
}

/// Reaps a child that has ended or is about to: blocks until then.
pub(super) fn reap(pid: i32) -> io::Result<Child> {
    wait(libc::P_PID, pid, 0)
}

fn wait(kind: libc::idtype_t, pid: i32, flags: i32) -> io::Result<Child> {
    // SAFETY: `siginfo_t` is plain data for which all zeroes is a value; the kernel fills it in, and
    // `si_pid` and `si_status` are the fields that are valid after `waitid`.
    let (result, code, pid, status) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let result = libc::waitid(kind, pid as libc::id_t, &raw mut info, libc::WEXITED | flags);
        (result, info.si_code, info.si_pid(), info.si_status())
    };
    if result != 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ECHILD) => Ok(Child::None),
            Some(libc::EINTR) => Ok(Child::Running),
            _ => Err(error),
        };
    }
    Ok(match (pid, code) {
        (0, _) => Child::Running,
        (pid, libc::CLD_EXITED) => Child::Ended { pid, status: Status::Exited(status) },
        (pid, _) => Child::Ended { pid, status: Status::Signalled(status) },
    })
}
