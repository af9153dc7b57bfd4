//! One data set in the cache: `<key>.jsonl`, its fingerprint in `<key>.sum`, and `<key>.lock`.
//!
//! The fingerprint is written last, so that an entry without one is not an entry. Both are put in place
//! by renaming, so that readers and several makers at once see whole files only, with or without locks.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempPath;

use super::digest::{Fingerprint, Fingerprinting, file_matches};
use super::save::{UNFINISHED, make_parent, parent, temporary_beside};
use super::write::write_lines;
use super::{DatasetError, Spec, Stop, TokenizerFacts};

/// Time between two looks at a lock that another maker holds.
const LOCK_TICK: Duration = Duration::from_millis(50);

/// The files of one key. They need not exist.
pub(super) struct Entry {
    data: PathBuf,
    sum: PathBuf,
    lock: PathBuf,
}

/// What eviction looks at.
pub(super) struct Usage {
    pub(super) bytes: u64,
    pub(super) last_used: SystemTime,
    /// Whether a run folder still has a link to the file: removing it would free nothing.
    pub(super) linked: bool,
}

impl Entry {
    pub(super) fn new(cache: &Path, key: &str) -> Self {
        let file = |ending| cache.join(format!("{key}.{ending}"));
        Self { data: file("jsonl"), sum: file("sum"), lock: file("lock") }
    }

    /// The entry a directory item belongs to, if it is the data of one.
    pub(super) fn of_data(path: &Path) -> Option<Self> {
        if path.extension()? != "jsonl" {
            return None;
        }
        Some(Self::new(&parent(path), path.file_stem()?.to_str()?))
    }

    /// Waits until no one else makes or removes this entry. Where the file system has no locks there
    /// is none: work may then be done twice, never wrong.
    ///
    /// # Errors
    /// When it was stopped.
    pub(super) fn lock(&self, stop: Stop<'_>) -> Result<Option<File>, DatasetError> {
        let Ok(file) = self.open_lock() else { return Ok(None) };
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if stop() => return Err(DatasetError::Stopped),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_TICK),
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(TryLockError::Error(_)) => return Ok(None),
            }
        }
    }

    fn open_lock(&self) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock)
    }

    /// The fingerprint, unless the entry is missing or unfinished.
    fn fingerprint(&self) -> Option<Fingerprint> {
        let text = fs::read_to_string(&self.sum).ok()?;
        let (bytes, sha256) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Fingerprint { bytes: bytes.parse().ok()?, sha256: sha256.to_owned() })
    }

    /// Makes the data set anew, puts it at `target` and into the cache. It gets to `target` first: what
    /// others do to the cache meanwhile does not matter.
    pub(super) fn make(
        &self,
        spec: &Spec,
        tokenizer: &TokenizerFacts,
        target: &Path,
        stop: Stop<'_>,
    ) -> Result<Fingerprint, DatasetError> {
        let in_data = |source| DatasetError::Write { path: self.data.clone(), source };
        let data = temporary_beside(&self.data).map_err(in_data)?;
        let mut out = Fingerprinting::new(data.as_file());
        write_lines(spec, tokenizer, &mut out, stop).map_err(|error| match error {
            DatasetError::Output(source) => in_data(source),
            other => other,
        })?;
        let fingerprint = out.fingerprint();
        // Every run folder links to this one file: nobody is to write to it by accident.
        data.as_file().set_permissions(Permissions::from_mode(0o444)).map_err(in_data)?;
        data.as_file().sync_all().map_err(in_data)?;

        let in_target = |source| DatasetError::Write { path: target.to_owned(), source };
        make_parent(target)?;
        let placed = link_or_copy(data.path(), target).map_err(in_target)?;
        fs::rename(&placed, target).map_err(in_target)?;
        data.persist(&self.data).map_err(|error| in_data(error.error))?;

        let in_sum = |source| DatasetError::Write { path: self.sum.clone(), source };
        let mut sum = temporary_beside(&self.sum).map_err(in_sum)?;
        writeln!(sum, "{} {}", fingerprint.bytes, fingerprint.sha256).map_err(in_sum)?;
        sum.persist(&self.sum).map_err(|error| in_sum(error.error))?;
        Ok(fingerprint)
    }

    /// Puts what was made before at `target`, if it is there and still has the bytes that were written. Nothing is put
    /// there when it was stopped; the making that follows is stopped, too.
    pub(super) fn reuse(
        &self,
        target: &Path,
        stop: Stop<'_>,
    ) -> Result<Option<Fingerprint>, DatasetError> {
        let Some(expected) = self.fingerprint() else { return Ok(None) };
        let in_target = |source| DatasetError::Write { path: target.to_owned(), source };
        make_parent(target)?;
        let placed = match link_or_copy(&self.data, target) {
            Ok(placed) => placed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(in_target(error)),
        };
        // The link is what is verified: once it stands, no eviction can take the bytes away.
        if !file_matches(&placed, &expected, stop).map_err(in_target)? {
            return Ok(None);
        }
        fs::rename(&placed, target).map_err(in_target)?;
        self.touch();
        Ok(Some(expected))
    }

    /// Notes that the entry was used now. In a cache that belongs to someone else this may fail, and
    /// costs nothing but a good order of eviction.
    fn touch(&self) {
        let stamped = File::options().write(true).open(&self.sum);
        let _ = stamped.and_then(|sum| sum.set_modified(SystemTime::now()));
    }

    pub(super) fn usage(&self) -> io::Result<Usage> {
        let data = fs::metadata(&self.data)?;
        // Data without a fingerprint (its maker died between the two) is as old as itself.
        let last_used = fs::metadata(&self.sum).unwrap_or_else(|_| data.clone()).modified()?;
        Ok(Usage { bytes: data.len(), last_used, linked: data.nlink() > 1 })
    }

    /// Removes the entry unless someone is about to use it. Whether it did.
    pub(super) fn remove(&self) -> io::Result<bool> {
        let lock = self.open_lock()?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Ok(false);
        }
        // Linked since the list was made?
        if self.usage()?.linked {
            return Ok(false);
        }
        for file in [&self.sum, &self.data, &self.lock] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(true)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

/// A hard link to `from`, or a copy where there can be no link, under a temporary name beside `target`.
///
/// It is to be renamed and then dropped, not persisted: renaming over a link to the same file does
/// nothing, and the temporary name must go all the same.
fn link_or_copy(from: &Path, target: &Path) -> io::Result<TempPath> {
    let put = |path: &Path| match fs::hard_link(from, path) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {
            copy_whole(from, path)
        }
        linked => linked,
    };
    let placed = tempfile::Builder::new().prefix(UNFINISHED).make_in(parent(target), put)?;
    Ok(placed.into_temp_path())
}

/// Copies a file; what a failure leaves half-written is removed.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map(drop).inspect_err(|_| {
        // The failure of the copy is the one to report, whatever comes of this.
        let _ = fs::remove_file(to);
    })
}
