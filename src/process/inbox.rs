//! All that can wake a supervisor: the end of a child, an order, the harness's death, a signal, a failing log.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::pump::Pump;
use super::wire::{self, Event, Order};

/// Grace of a step whose harness has died: nobody is there any more to wait for it.
const ORPHAN_GRACE: Duration = Duration::from_secs(1);

/// What a wake-up means to the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// Look again.
    Nothing,
    /// The step is to be ended now.
    End,
}

/// The supervisor's ears, and its mouth.
pub(super) struct Inbox {
    /// `None` once the harness is gone.
    harness: Option<UnixStream>,
    signals: SignalFd,
    /// Set when the step writes.
    pub pump: Option<Pump>,
    grace: Duration,
}

impl Inbox {
    /// From now on TERM, INT and HUP do not kill this process but end its step.
    pub(super) fn new(harness: UnixStream, grace: Duration) -> io::Result<Self> {
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            mask.add(signal);
        }
        mask.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let signals = SignalFd::with_flags(&mask, flags)?;
        Ok(Self { harness: Some(harness), signals, pump: None, grace })
    }

    /// What is left of the step's grace as a whole: an order to kill or a dead harness shortens it.
    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    /// Tells the harness; a dead one has nothing to be told.
    pub(super) fn tell(&mut self, event: &Event) -> io::Result<()> {
        let Some(harness) = &self.harness else { return Ok(()) };
        match wire::send(harness, event) {
            Err(error) if is_gone(&error) => Ok(()),
            result => result,
        }
    }

    /// Waits for something to happen, `limit` at most.
    pub(super) fn wait(&mut self, limit: Option<Duration>) -> io::Result<Wake> {
        let (signal, order, news) = self.poll(limit)?;
        let mut wake = Wake::Nothing;
        if signal && self.take_signals()? {
            wake = Wake::End;
        }
        if order {
            self.take_order()?;
            wake = Wake::End;
        }
        if news && let Some(pump) = &mut self.pump {
            pump.listen()?;
            if pump.errno().is_some() {
                wake = Wake::End;
            }
        }
        Ok(wake)
    }

    /// Waits until the output so far has reached the log; returns why it did not.
    pub(super) fn drain(&mut self, limit: Duration) -> io::Result<Option<i32>> {
        self.pump.iter_mut().for_each(Pump::finish);
        let begin = Instant::now();
        while self.pump.as_ref().is_some_and(|pump| pump.news().is_some()) {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(Some(libc::ETIMEDOUT));
            }
            self.wait(Some(left))?;
        }
        Ok(self.pump.as_ref().and_then(Pump::errno))
    }

    /// Which of signals, harness and pump have something to say.
    fn poll(&self, limit: Option<Duration>) -> io::Result<(bool, bool, bool)> {
        let harness = self.harness.as_ref().map(AsFd::as_fd);
        let news = self.pump.as_ref().and_then(Pump::news);
        let mut fds: Vec<_> = [Some(self.signals.as_fd()), harness, news]
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = match limit {
            None => PollTimeout::NONE,
            // Rounded up, so that a short wait is never a busy loop.
            Some(limit) => PollTimeout::try_from(limit + Duration::from_micros(999))
                .unwrap_or(PollTimeout::MAX),
        };
        match poll(&mut fds, timeout) {
            // Stopped and continued.
            Err(Errno::EINTR) => return Ok((false, false, false)),
            result => result?,
        };
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true));
        let mut next = |present: bool| present && ready.next().unwrap_or(false);
        Ok((next(true), next(harness.is_some()), next(news.is_some())))
    }

    /// Whether one of the signals asks for the end.
    fn take_signals(&mut self) -> io::Result<bool> {
        let mut end = false;
        while let Some(signal) = self.signals.read_signal()? {
            end |= signal.ssi_signo != libc::SIGCHLD as u32;
        }
        Ok(end)
    }

    fn take_order(&mut self) -> io::Result<()> {
        let Some(harness) = &self.harness else { return Ok(()) };
        match wire::receive(harness) {
            Ok(Order::End) => {}
            Ok(Order::Kill) => self.grace = Duration::ZERO,
            Err(error) if is_gone(&error) => {
                self.harness = None;
                self.grace = self.grace.min(ORPHAN_GRACE);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}
