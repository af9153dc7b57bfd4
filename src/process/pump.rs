//! Copies the step's output to its log, on a thread of its own.
//!
//! A pipe between step and file, because a program told "disk full" by its own write may ignore it and hang;
//! so we are told. A thread, because a write to a hung file server must not keep the step from being ended.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The copying thread, as seen from the supervisor's main thread.
pub(super) struct Pump {
    /// Holds an errno when writing has failed; ends when all output was copied.
    news: PipeReader,
    errno: Option<i32>,
    over: bool,
    /// Closed when nothing more is to come.
    going_on: Option<PipeWriter>,
}

impl Pump {
    /// Copies from `output` to `log` until all writers of `output` are gone, or until [`Pump::finish`].
    pub(super) fn start(output: PipeReader, log: File) -> io::Result<Self> {
        // Of our end alone: the step's writes still wait for us.
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let (news, tell) = io::pipe()?;
        let (stop, going_on) = io::pipe()?;
        let output = Output { pipe: output, stop, left: None };
        std::thread::Builder::new().name("log".into()).spawn(move || copy(output, log, tell))?;
        Ok(Self { news, errno: None, over: false, going_on: Some(going_on) })
    }

    /// Only what is in the pipe now is still copied: a process that could not be killed may hold it for ever.
    pub(super) fn finish(&mut self) {
        self.going_on = None;
    }

    /// Becomes readable when there is news for [`Pump::listen`]; `None` when there will be none any more.
    pub(super) fn news(&self) -> Option<BorrowedFd<'_>> {
        (!self.over).then(|| self.news.as_fd())
    }

    /// Takes the news; blocks when there is none yet.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let mut errno = [0; 4];
        match self.news.read_exact(&mut errno) {
            Ok(()) => self.errno = Some(i32::from_ne_bytes(errno)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.over = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Why the log could not be written.
    pub(super) fn errno(&self) -> Option<i32> {
        self.errno
    }
}

/// What the step writes, up to the end of the last writer or as much as the pipe holds when it is to stop.
struct Output {
    pipe: PipeReader,
    /// Hung up when it is to stop.
    stop: PipeReader,
    /// The most that is still to be read after that.
    left: Option<usize>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.is_none() && self.stopped()? {
            self.left = usize::try_from(fcntl(&self.pipe, FcntlArg::F_GETPIPE_SZ)?).ok();
        }
        let room = self.left.unwrap_or(usize::MAX).min(buffer.len());
        match self.pipe.read(&mut buffer[..room]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.left.is_some() => Ok(0),
            Ok(length) => {
                self.left = self.left.map(|left| left - length);
                Ok(length)
            }
            result => result,
        }
    }
}

impl Output {
    /// Waits for output or for the stop; whether it is the stop.
    fn stopped(&self) -> io::Result<bool> {
        let mut fds = [&self.pipe, &self.stop].map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN));
        poll(&mut fds, PollTimeout::NONE)?;
        Ok(fds[1].any().unwrap_or(true))
    }
}

fn copy(mut output: Output, mut log: File, mut tell: PipeWriter) {
    use io::ErrorKind::{Interrupted, WouldBlock};
    let mut buffer = vec![0; 64 * 1024];
    let mut failed = false;
    loop {
        let (result, last) = match output.read(&mut buffer) {
            Ok(0) => return,
            // After a failure the output is still taken, so that a program can end without blocking on us.
            Ok(_) if failed => continue,
            Ok(length) => (log.write_all(&buffer[..length]), false),
            Err(error) if matches!(error.kind(), Interrupted | WouldBlock) => continue,
            Err(error) => (Err(error), true),
        };
        if let Err(error) = result {
            failed = true;
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            // Without a listener the process is ending.
            if tell.write_all(&errno.to_ne_bytes()).is_err() || last {
                return;
            }
        }
    }
}
