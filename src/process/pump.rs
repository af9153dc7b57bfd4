//! Copies the step's output to its log, on a thread of its own.
//!
//! A pipe between step and file, because a program told "disk full" by its own write may ignore it and hang;
//! so we are told. A thread, because a write to a hung file server must not keep the step from being ended.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::libc;

/// The copying thread, as seen from the supervisor's main thread.
pub(super) struct Pump {
    /// Holds an errno when writing has failed; ends when all output was copied.
    news: PipeReader,
    errno: Option<i32>,
    over: bool,
}

impl Pump {
    /// Copies from `output` to `log` until all writers of `output` are gone.
    pub(super) fn start(output: PipeReader, log: File) -> io::Result<Self> {
        let (news, tell) = io::pipe()?;
        std::thread::Builder::new().name("log".into()).spawn(move || copy(output, log, tell))?;
        Ok(Self { news, errno: None, over: false })
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

fn copy(mut output: PipeReader, mut log: File, mut tell: PipeWriter) {
    let mut buffer = vec![0; 64 * 1024];
    let mut failed = false;
    loop {
        let (result, last) = match output.read(&mut buffer) {
            Ok(0) => return,
            // After a failure the output is still taken, so that a program can end without blocking on us.
            Ok(_) if failed => continue,
            Ok(length) => (log.write_all(&buffer[..length]), false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
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
