//! The words that the harness and a step's supervisor exchange over one socket: a length, then JSON.
//!
//! Both ends are the same executable, so the format needs no version.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::socket::{ControlMessage, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::step::{Frame, Process};

/// First message to the supervisor. Its stdout is the step's stdout file, its stderr the step's log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The resolved program; `argv[0]` is what it is told to be called.
    pub program: OsString,
    pub argv: Vec<String>,
    /// Absolute. (`PathBuf` would refuse names that are not UTF-8.)
    pub cwd: OsString,
    pub env: Vec<(String, String)>,
    pub grace: Duration,
    /// The step's stdout goes to the supervisor's stdout, not to the log.
    pub own_stdout: bool,
    /// Try to hold the step in a cgroup.
    pub cgroup: bool,
    pub frame: Option<Frame>,
}

/// Later messages to the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// TERM, grace, KILL.
    End,
    /// KILL now.
    Kill,
}

/// Messages from the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Event {
    Started {
        /// The main process, which leads a process group of the same number.
        pid: i32,
        /// The cgroup that holds the step.
        cgroup: Option<PathBuf>,
    },
    NotStarted {
        errno: i32,
    },
    /// The command before the program failed; its words are in the log.
    NotPrepared,
    /// The last message; the tree is gone.
    Ended(Report),
}

/// What the supervisor knows about the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    /// How the main process ended if it did so by itself.
    pub status: Option<Status>,
    /// Why the log could not be written (errno).
    pub log_errno: Option<i32>,
    pub start: Timestamp,
    pub wall: Duration,
    pub leftovers: Vec<Process>,
    pub survivors: Vec<Process>,
    /// The command after the step failed; its words are in the log.
    pub not_undone: bool,
}

/// The end of a process as `wait` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    Exited(i32),
    Signalled(i32),
}

/// How many files can be handed over: more locks than a node has GPUs.
const MOST_FILES: usize = 250;

/// Hands open files over, as the first thing that is sent.
pub(super) fn send_files(to: &UnixStream, files: &[File]) -> io::Result<()> {
    let files: Vec<RawFd> = files.iter().take(MOST_FILES).map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&files)];
    let control = if files.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(&[0])], control, MsgFlags::empty(), None)?;
    Ok(())
}

/// Takes the files of [`send_files`]; they stay open until this process ends, and no program that it starts has them.
pub(super) fn keep_files(from: &UnixStream) -> io::Result<()> {
    let mut byte = [0];
    let mut data = [IoSliceMut::new(&mut byte)];
    let mut control = nix::cmsg_space!([RawFd; MOST_FILES]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    recvmsg::<()>(from.as_raw_fd(), &mut data, Some(&mut control), flags)?;
    Ok(())
}

/// Sends one message.
pub(super) fn send<T: Serialize>(mut to: impl Write, message: &T) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_le_bytes()[..], &body].concat())
}

/// Receives one message; `UnexpectedEof` when the other end is gone.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_request_survives_the_wire_also_with_a_path_that_is_not_utf8() {
        let cwd = OsString::from_vec(b"/tmp/\xff".to_vec());
        let request = Request {
            program: "/bin/true".into(),
            argv: vec!["true".into()],
            cwd: cwd.clone(),
            env: vec![("A".into(), "ü".into())],
            grace: Duration::from_millis(1500),
            own_stdout: false,
            cgroup: true,
            frame: None,
        };
        let mut bytes = Vec::new();
        send(&mut bytes, &request).expect("send");
        let back: Request = receive(&bytes[..]).expect("receive");
        assert_eq!((back.cwd, back.grace), (cwd, request.grace));
        let error = receive::<Request>(&bytes[..9]).expect_err("cut");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
