//! Ends everything that descends from the supervisor.

use std::io;
use std::process::id;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::cgroup::Cgroup;
use super::step::Process;
use super::tree;
use super::wait::{self, Child};

/// After this a process that does not die is reported instead of waited for: it hangs in the kernel (a dead
/// file server, a driver), or belongs to somebody else.
const GIVE_UP: Duration = Duration::from_secs(30);

/// Asks the main process's group to end. A stopped process has to be continued to hear that.
pub(super) fn ask(group: i32) -> io::Result<()> {
    signal_group(group, Signal::SIGTERM)?;
    signal_group(group, Signal::SIGCONT)
}

/// Kills group, cgroup and every other descendant, and reaps them all; returns those that would not die.
///
/// `pause` waits a little, for a child to end if that can be awaited.
///
/// The main process must not have been reaped yet: its number is what names the group.
pub(super) fn kill_all(
    group: i32,
    cgroup: Option<&Cgroup>,
    pause: &mut dyn FnMut(Duration) -> io::Result<()>,
) -> io::Result<Vec<Process>> {
    signal_group(group, Signal::SIGKILL)?;
    if let Some(cgroup) = cgroup {
        // Should it refuse, the loop below does the same work more slowly.
        let _ = cgroup.kill();
    }
    let begin = Instant::now();
    let mut rest = Duration::from_millis(1);
    // As sub-reaper we inherit every orphan. So when no child is left, no descendant is.
    while reap_all()? {
        if begin.elapsed() > GIVE_UP {
            return Ok(tree::alive(own_pid(), 0));
        }
        stop_and_kill();
        pause(rest)?;
        rest = (rest * 2).min(Duration::from_millis(20));
    }
    Ok(Vec::new())
}

/// Kills what can still be reached of a step whose supervisor was killed: its cgroup, or else its group. (The
/// main process died with the supervisor; without a cgroup, orphans in other groups are out of reach.)
///
/// To be called at once: process numbers are given out in a circle, so the group's is not in other hands yet.
pub(super) fn kill_orphans(group: i32, cgroup: Option<&Cgroup>) -> io::Result<()> {
    signal_group(group, Signal::SIGKILL)?;
    if let Some(cgroup) = cgroup {
        cgroup.kill()?;
        cgroup.remove();
    }
    Ok(())
}

/// Stops the tree from the top down, so that no parent replaces a child that dies, then kills it.
fn stop_and_kill() {
    let mut stopped = Vec::new();
    tree::for_each_descendant(own_pid(), &mut |pid| {
        // A process may be gone, or not be ours to signal; the loop around this looks at what is left.
        if kill(Pid::from_raw(pid), Signal::SIGSTOP).is_ok() {
            stopped.push(pid);
        }
    });
    for pid in stopped {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Reaps what has ended; whether a child is left.
fn reap_all() -> io::Result<bool> {
    loop {
        match wait::peek()? {
            Child::None => return Ok(false),
            Child::Running => return Ok(true),
            Child::Ended { pid, .. } => wait::reap(pid)?,
        };
    }
}

fn signal_group(group: i32, signal: Signal) -> io::Result<()> {
    match killpg(Pid::from_raw(group), signal) {
        // EPERM: none of its members is ours to signal, as after `sudo`; they are reported as survivors.
        Ok(()) | Err(Errno::ESRCH | Errno::EPERM) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn own_pid() -> i32 {
    id() as i32
}
