//! Who descends from a process, read from `/proc`.
//!
//! A walk is a snapshot of something that moves: it may miss a process that is born or re-parented meanwhile.
//! Whoever needs certainty repeats it until `wait` says that no child is left.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::step::Process;

/// Longest command line shown, in characters.
const COMMAND_CAP: usize = 200;

/// What `/proc/PID/stat` says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// State letter; `Z` and `X` are dead.
    pub state: u8,
    pub parent: i32,
    /// Process group.
    pub group: i32,
    /// User and system time of it and of its waited-for children, in clock ticks.
    ticks: u64,
}

impl Stat {
    /// `None` when there is no such process any more.
    pub(super) fn of(pid: i32) -> Option<Self> {
        // A process may vanish between any two steps; that is the answer, not an error.
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `PID (COMM) STATE PPID PGRP …`; the name may hold spaces, parentheses and any byte.
    fn parse(stat: &[u8]) -> Option<Self> {
        let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let ticks = fields.get(11..15)?.iter().map_while(|field| field.parse::<u64>().ok()).sum();
        Some(Self {
            state: *fields[0].as_bytes().first()?,
            parent: fields[1].parse().ok()?,
            group: fields[2].parse().ok()?,
            ticks,
        })
    }

    pub(super) fn is_alive(self) -> bool {
        !matches!(self.state, b'Z' | b'X')
    }
}

/// Visits every descendant of `root`, each before its own children are looked up: a visitor that stops a
/// process keeps its children from being reaped, and their numbers from being used again, meanwhile.
pub(super) fn for_each_descendant(root: i32, visit: &mut dyn FnMut(i32)) {
    if Path::new("/proc/thread-self/children").exists() {
        walk(root, &children_files, visit);
    } else {
        // A kernel without CONFIG_PROC_CHILDREN: one pass over all processes.
        let children = scan();
        walk(root, &|pid| children.get(&pid).cloned().unwrap_or_default(), visit);
    }
}

fn walk(root: i32, children_of: &dyn Fn(i32) -> Vec<i32>, visit: &mut dyn FnMut(i32)) {
    let mut open = children_of(root);
    while let Some(pid) = open.pop() {
        visit(pid);
        open.extend(children_of(pid));
    }
}

/// Every thread has a list of the children that it started.
fn children_files(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<i32> {
    list.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Parent → children, of all processes.
fn scan() -> HashMap<i32, Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    let Ok(processes) = fs::read_dir("/proc") else { return children };
    for pid in processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Some(stat) = Stat::of(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    children
}

/// The living descendants of `root`, but not `except`, which may just be on its way out.
pub(super) fn alive(root: i32, except: i32) -> Vec<Process> {
    let mut alive = Vec::new();
    for_each_descendant(root, &mut |pid| {
        if pid != except && Stat::of(pid).is_some_and(Stat::is_alive) {
            alive.push(Process { pid, command: command(pid) });
        }
    });
    alive
}

/// Whether a living descendant of `root` is in process group `group`.
pub(super) fn group_is_alive(root: i32, group: i32) -> bool {
    let mut found = false;
    for_each_descendant(root, &mut |pid| {
        found |= Stat::of(pid).is_some_and(|stat| stat.group == group && stat.is_alive());
    });
    found
}

/// CPU time used so far by `root`'s tree, including members that have ended and were waited for.
pub(super) fn cpu_time(root: i32) -> Duration {
    let mut ticks = Stat::of(root).map_or(0, |stat| stat.ticks);
    for_each_descendant(root, &mut |pid| ticks += Stat::of(pid).map_or(0, |stat| stat.ticks));
    // The tick is 1/100 s on every Linux that answers otherwise than by saying so.
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// The process of this number, when it is alive and does not descend from this one.
pub fn stranger(pid: u32) -> Option<Process> {
    let pid = i32::try_from(pid).ok()?;
    let us = std::process::id() as i32;
    let is_there = || match Stat::of(pid) {
        Some(stat) => stat.is_alive(),
        // It is gone, or `/proc` hides what other users run (hidepid). Nothing is sent by signal 0.
        None => kill(Pid::from_raw(pid), None) == Err(Errno::EPERM),
    };
    let is_ours = || {
        let mut parents = std::iter::successors(Some(pid), |pid| Some(Stat::of(*pid)?.parent));
        parents.any(|pid| pid == us)
    };
    // Twice, since a parent that ends between two readings hides where its child comes from.
    let strange = is_there() && !is_ours() && !is_ours() && is_there();
    strange.then(|| Process { pid, command: command(pid) })
}

/// Command line with spaces between the words; the short name in brackets when it has none.
fn command(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&line).replace('\0', " ");
    let text = match text.trim_end() {
        "" => format!(
            "[{}]",
            fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim()
        ),
        text => text.to_owned(),
    };
    match text.char_indices().nth(COMMAND_CAP) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;

    #[test]
    fn a_hostile_process_name_does_not_shift_the_fields() {
        let stat = b"42 (a) Z 9 (\xff) S 7 5 5 0 -1 0 0 0 0 0 10 20 3 4 20 0 1";
        let stat = Stat::parse(stat).expect("stat");
        assert_eq!(stat, Stat { state: b'S', parent: 7, group: 5, ticks: 37 });
        assert!(Stat::parse(b"42 (sh) S 1").is_none());
    }

    #[test]
    fn both_ways_to_list_children_find_a_child() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let (me, pid) = (id() as i32, child.id() as i32);
        assert!(children_files(me).contains(&pid));
        assert!(scan()[&me].contains(&pid));
        let shown = || {
            let process = alive(me, 0).into_iter().find(|process| process.pid == pid);
            process.expect("alive").command
        };
        // The kernel lets the parent go on a moment before the new program's arguments can be read.
        let begin = std::time::Instant::now();
        while shown() != "sleep 60" && begin.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert_eq!(shown(), "sleep 60");
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(!alive(me, 0).iter().any(|process| process.pid == pid));
    }
}
