//! Starts the step's main process: in its own process group, and in its cgroup from the first instruction.
//!
//! `clone3` places the child in the cgroup at birth. To write its number into `cgroup.procs` before exec would
//! be simpler, but costs 20 ms where the kernel first has to wait for all CPUs to leave their read sides.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, fork};

/// Flag of `clone3`; `libc` has it in a type that is too small for it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// A started process.
pub(super) struct Started {
    pub pid: i32,
    /// Whether it was born in the cgroup that was asked for.
    pub in_cgroup: bool,
}

/// Runs `command` as a child; returns once the program was executed.
///
/// # Errors
/// Those of fork, and those of exec in the child (`errno`): program, working directory, arguments too long.
///
/// The calling process must have one thread only.
pub(super) fn start(command: &mut Command, cgroup: Option<&File>) -> io::Result<Started> {
    // The child holds the writing end; a successful exec closes it.
    let (mut failure, tell) = io::pipe()?;
    let (child, in_cgroup) = match cgroup.map(clone_into) {
        Some(Ok(child)) => (child, true),
        // Where `clone3` is filtered or the cgroup cannot take processes, the sub-reaper alone has to do.
        // SAFETY: one thread (see above), so the child finds no lock held by a thread that it lacks.
        None | Some(Err(_)) => (unsafe { fork() }?, false),
    };
    let ForkResult::Parent { child } = child else { exec(command, tell) };
    drop(tell);
    let mut errno = Vec::new();
    failure.read_to_end(&mut errno)?;
    let pid = child.as_raw();
    match <[u8; 4]>::try_from(errno) {
        Ok(errno) => {
            super::wait::reap(pid)?;
            Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
        }
        Err(_) => Ok(Started { pid, in_cgroup }),
    }
}

/// The child's part: becomes the program, or tells why not and vanishes.
fn exec(command: &mut Command, mut tell: io::PipeWriter) -> ! {
    // The supervisor blocks signals in order to read them; a step that inherited that would not hear TERM.
    let unblocked = SigSet::empty().thread_set_mask();
    // Should the supervisor itself be killed, at least the main process goes with it.
    let error = match unblocked.and_then(|()| set_pdeathsig(Signal::SIGKILL)) {
        Ok(()) => command.process_group(0).exec(),
        Err(errno) => errno.into(),
    };
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    // If the parent is gone, nobody waits for the reason.
    let _ = tell.write_all(&errno.to_ne_bytes());
    // SAFETY: always safe; ends the child without the parent's clean-ups.
    unsafe { libc::_exit(127) }
}

/// `fork`, but the child begins its life in the cgroup whose folder is `cgroup`.
fn clone_into(cgroup: &File) -> io::Result<ForkResult> {
    // SAFETY: without CLONE_VM this is a fork: the child gets its own copy of memory and stack. All zeroes is
    // the empty set of arguments. The process has one thread (see `start`).
    let result = unsafe {
        let mut arguments: libc::clone_args = std::mem::zeroed();
        arguments.flags = CLONE_INTO_CGROUP;
        arguments.exit_signal = libc::SIGCHLD as u64;
        arguments.cgroup = cgroup.as_raw_fd() as u64;
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    };
    match result {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(ForkResult::Child),
        pid => Ok(ForkResult::Parent { child: nix::unistd::Pid::from_raw(pid as i32) }),
    }
}
