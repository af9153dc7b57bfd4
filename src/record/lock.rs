//! One run at a time in an output directory.
//!
//! The run takes an exclusive lock, signs the lock file, and keeps the lock shared, so that further processes
//! of the *same* run join while another run waits. Locks only save work: where a file system has none, runs go
//! on, since every process writes its own files and views are folded from them and replaced whole.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::run_id::RunId;

/// How often a waiting run asks again.
const POLL: Duration = Duration::from_millis(100);
/// Pauses, of [`SIGNING`] each, that the new owner of a lock gets to write its name.
const SIGNING_PATIENCE: u32 = 40;
const SIGNING: Duration = Duration::from_millis(5);
/// How often, and after what pause, it is asked again whether a directory is held: another may be asking.
const ASKED_AGAIN: u32 = 10;
const ASKING: Duration = Duration::from_millis(2);

/// Who holds an output directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub host: String,
    pub run_id: String,
    /// What the processes that share the run have in common, such as nextest's id of its own run; `None` when the
    /// process runs it alone.
    #[serde(default)]
    pub group: Option<String>,
    /// When it took the directory.
    pub since: Timestamp,
}

impl Holder {
    /// This process as a member of the run `run_id`.
    pub(super) fn of_this_process(run_id: &RunId, group: Option<&str>, since: Timestamp) -> Self {
        let host = nix::unistd::gethostname().unwrap_or_default();
        Self {
            pid: std::process::id(),
            host: host.to_string_lossy().into_owned(),
            run_id: run_id.to_string(),
            group: group.map(str::to_owned),
            since,
        }
    }

    /// Whether both work on one run together. To go on with a run that is still going on is no such thing.
    pub(super) fn shares_with(&self, other: &Holder) -> bool {
        self.run_id == other.run_id && self.group.is_some() && self.group == other.group
    }
}

/// An output directory that another run holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy {
    pub output: PathBuf,
    /// `None` when the holder has not signed the lock.
    pub holder: Option<Holder>,
    /// How long this run has waited so far; zero at the first report.
    pub waited: Duration,
}

/// One line for stderr: who holds what, since when.
impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "output directory {} is in use by ", self.output.display())?;
        match &self.holder {
            Some(Holder { pid, host, run_id, since, .. }) => {
                let since = since.strftime("%Y-%m-%d %H:%M:%S");
                write!(f, "run {run_id} (pid {pid} on {host}, since {since} UTC)")
            }
            None => f.write_str("another run"),
        }
    }
}

/// What to do about a busy directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Ask again in a moment.
    Wait,
    /// Give up with [`RecordError::Busy`].
    Refuse,
}

/// The hold on an output directory, given back when dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    /// Holds the lock by being open.
    _file: File,
    pub hold: Hold,
}

/// What is known about others in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// This process is alone.
    First,
    /// Processes of the same run were here before.
    Joined,
    /// The file system has no locks.
    Unlocked,
}

impl DirectoryLock {
    /// Takes `output` for the run of `holder`, or joins a holder that `joins` agrees with. `busy` is asked at once and
    /// then ten times a second.
    pub fn take(
        output: &Path,
        holder: &Holder,
        joins: &dyn Fn(&Holder) -> bool,
        busy: &mut dyn FnMut(&Busy) -> Patience,
    ) -> Result<Self, RecordError> {
        let path = output.join(".trtllm-perf.lock");
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        let mut unsigned = 0;
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {
                    sign(&mut file, holder).map_err(RecordError::file("write", &path))?;
                    // Turning the lock into a shared one is not atomic: a waiting run may have slipped in.
                    file.lock_shared().map_err(RecordError::file("lock", &path))?;
                    if signature(&mut file).as_ref() == Some(holder) {
                        return Ok(Self { _file: file, hold: Hold::First });
                    }
                    continue;
                }
                Err(TryLockError::Error(error)) if unsupported(&error) => {
                    return Ok(Self { _file: file, hold: Hold::Unlocked });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(RecordError::file("lock", &path)(error));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            let current = signature(&mut file);
            if current.as_ref().is_some_and(joins) && file.try_lock_shared().is_ok() {
                // Between reading and locking the directory may have changed hands.
                if signature(&mut file).as_ref().is_some_and(joins) {
                    return Ok(Self { _file: file, hold: Hold::Joined });
                }
                continue;
            }
            let signing = current.as_ref().is_none_or(joins);
            if signing && unsigned < SIGNING_PATIENCE {
                unsigned += 1;
                thread::sleep(SIGNING);
                continue;
            }
            let state = Busy { output: output.to_owned(), holder: current, waited };
            if busy(&state) == Patience::Refuse {
                return Err(RecordError::Busy(Box::new(state)));
            }
            thread::sleep(POLL);
            waited = begun.elapsed();
        }
    }
}

/// Who holds `output` now; `None` when nobody does, or the file system has no locks.
pub(super) fn holder(output: &Path) -> Result<Option<Holder>, RecordError> {
    let path = output.join(".trtllm-perf.lock");
    // An exclusive lock wants write access where a network file system makes one out of `fcntl`.
    let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(RecordError::file("open", &path))?,
    };
    // Who asks holds it, too, for a moment; a run holds it for longer.
    let mut locked = file.try_lock();
    for _ in 0..ASKED_AGAIN {
        if !matches!(locked, Err(TryLockError::WouldBlock)) {
            break;
        }
        thread::sleep(ASKING);
        locked = file.try_lock();
    }
    match locked {
        Err(TryLockError::WouldBlock) => Ok(signature(&mut file)),
        Err(TryLockError::Error(error)) if !unsupported(&error) => {
            Err(RecordError::file("lock", &path)(error))
        }
        _ => Ok(None),
    }
}

/// Waits for the right to replace views, for the short time that takes.
pub(super) fn views(output: &Path) -> Result<File, RecordError> {
    let path = output.join(".trtllm-perf-views.lock");
    let file = open(&path)?;
    match file.lock() {
        Err(error) if !unsupported(&error) => Err(RecordError::file("lock", &path)(error)),
        _ => Ok(file),
    }
}

fn open(path: &Path) -> Result<File, RecordError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(RecordError::file("open", path))
}

fn sign(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(holder).map_err(io::Error::other)?.as_bytes())
}

/// `None` for a lock that is being signed just now.
fn signature(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether the file system has no locks at all.
fn unsupported(error: &io::Error) -> bool {
    let known = [Errno::ENOLCK, Errno::EOPNOTSUPP, Errno::ENOSYS].map(|errno| Some(errno as i32));
    error.kind() == io::ErrorKind::Unsupported || known.contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(run_id: &str) -> Holder {
        Holder {
            pid: 7,
            host: "node1".into(),
            run_id: run_id.into(),
            group: Some("nextest".into()),
            since: "2026-11-24T08:15:02Z".parse().expect("time"),
        }
    }

    fn take(
        dir: &Path,
        holder: &Holder,
        busy: &mut dyn FnMut(&Busy) -> Patience,
    ) -> Result<DirectoryLock, RecordError> {
        DirectoryLock::take(dir, holder, &|other| holder.shares_with(other), busy)
    }

    #[test]
    fn another_run_is_refused_with_the_name_of_the_holder_and_the_same_run_joins() {
        let dir = tempfile::tempdir().expect("dir");
        let mut refuse = |_: &Busy| Patience::Refuse;
        let first = take(dir.path(), &holder("a"), &mut refuse).expect("free");
        assert_eq!(first.hold, Hold::First);
        let mate = take(dir.path(), &holder("a"), &mut refuse).expect("joins");
        assert_eq!(mate.hold, Hold::Joined);
        let error = take(dir.path(), &holder("b"), &mut refuse).expect_err("busy");
        assert!(
            error
                .to_string()
                .ends_with("is in use by run a (pid 7 on node1, since 2026-11-24 08:15:02 UTC); use another --output-dir, or run again when it has ended"),
            "{error}"
        );
        drop((first, mate));
        let later = take(dir.path(), &holder("b"), &mut refuse).expect("free again");
        assert_eq!(later.hold, Hold::First, "a lock left by runs that ended is taken over");
    }

    #[test]
    fn who_goes_on_with_a_run_does_not_join_it() {
        let dir = tempfile::tempdir().expect("dir");
        let mut refuse = |_: &Busy| Patience::Refuse;
        let alone = Holder { group: None, ..holder("a") };
        let _running = take(dir.path(), &alone, &mut refuse).expect("free");
        for other in [alone, holder("a")] {
            let error = take(dir.path(), &other, &mut refuse).expect_err("busy");
            assert!(matches!(error, RecordError::Busy(_)), "{error}");
        }
    }

    #[test]
    fn a_waiting_run_is_told_first_and_gets_its_turn() {
        let dir = tempfile::tempdir().expect("dir");
        let mut held =
            Some(take(dir.path(), &holder("a"), &mut |_| Patience::Refuse).expect("free"));
        let mut told = Vec::new();
        let mut wait = |busy: &Busy| {
            told.push(busy.clone());
            if told.len() == 2 {
                held = None;
            }
            Patience::Wait
        };
        let taken = take(dir.path(), &holder("b"), &mut wait).expect("its turn");
        assert_eq!(taken.hold, Hold::First);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].waited, Duration::ZERO);
        assert_eq!(told[0].holder, Some(holder("a")));
        assert!(told[1].waited > Duration::ZERO);
    }

    #[test]
    fn errors_that_mean_no_locks_here_are_told_from_real_ones() {
        assert!(unsupported(&io::Error::from_raw_os_error(Errno::ENOLCK as i32)));
        assert!(!unsupported(&io::Error::from_raw_os_error(Errno::EIO as i32)));
    }
}
