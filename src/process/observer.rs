//! Looks at a running step from outside: its files, its CPU time, the caller's watches.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cgroup;
use super::link::Link;
use super::step::{Ended, Step};
use super::tail::Tail;
use super::tree;
use super::watch::{Progress, Watch};
use super::watchdog::Watchdog;

/// The watches of one step, at work.
pub(super) struct Observer<'a> {
    watch: Watch<'a>,
    dog: Watchdog,
    begin: Instant,
    /// Log, and stdout file if there is one.
    files: Vec<PathBuf>,
    /// Their sizes when last looked at.
    sizes: Vec<u64>,
    tail: Tail,
    /// Root of the tree whose CPU time counts.
    supervisor: i32,
}

impl<'a> Observer<'a> {
    pub(super) fn new(step: &Step, watch: Watch<'a>, link: &Link) -> io::Result<Self> {
        let stall = watch.stall.map(|stall| (stall.silence, stall.active_silence));
        let files: Vec<_> = [Some(&step.log), step.stdout.as_ref()].into_iter().flatten().collect();
        Ok(Self {
            dog: Watchdog::new(step.limit, stall),
            watch,
            begin: Instant::now(),
            sizes: Vec::new(),
            files: files.into_iter().cloned().collect(),
            tail: Tail::open(&step.log, link.log_begin)?,
            supervisor: link.pid(),
        })
    }

    /// One look; why the step must be ended, if it must. `cgroup` is the one that holds the step.
    pub(super) fn look(&mut self, cgroup: Option<&PathBuf>) -> Option<Ended> {
        let at = self.begin.elapsed();
        if let Err(error) = self.look_at_files(at) {
            return Some(Ended::LogFailed { error: error.to_string() });
        }
        if let Some(stall) = self.watch.stall
            && self.dog.wants_activity(at)
        {
            // A cgroup that is gone has no activity; its end is about to be reported.
            let cpu = match cgroup {
                Some(path) => cgroup::cpu_time(path).unwrap_or(Duration::ZERO),
                None => tree::cpu_time(self.supervisor),
            };
            self.dog.activity(at, cpu, (stall.gpu_active)());
        }
        if let Some(tell) = &mut self.watch.progress {
            let last_line = String::from_utf8_lossy(self.tail.last_line());
            tell(&Progress { elapsed: at, silent: self.dog.silent(at), last_line: &last_line });
        }
        self.dog.verdict(at)
    }

    fn look_at_files(&mut self, at: Duration) -> io::Result<()> {
        let sizes = self.files.iter().map(|file| Ok(fs::metadata(file)?.len()));
        let sizes = sizes.collect::<io::Result<Vec<_>>>()?;
        if sizes == self.sizes {
            return Ok(());
        }
        self.sizes = sizes;
        self.dog.output(at);
        let (dog, fatal) = (&mut self.dog, &mut self.watch.fatal);
        if fatal.is_none() && self.watch.progress.is_none() {
            return Ok(());
        }
        self.tail.advance(&mut |line| {
            if let Some(fatal) = fatal
                && (fatal.is_fatal)(line)
            {
                dog.fatal(at, fatal.grace, line);
            }
        })
    }
}
