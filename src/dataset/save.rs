//! Puts a file in place whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::DatasetError;

/// Writes a data set to `path`; missing parent directories are made. A regular file appears, or is
/// replaced, once everything is written; what is not one (a pipe, a device) is written to directly.
///
/// # Errors
/// Those of `write`, and of the file system; nothing half-written stays.
pub fn save<F>(path: &Path, write: F) -> Result<(), DatasetError>
where
    F: FnOnce(&mut File) -> Result<(), DatasetError>,
{
    let failed = |source| DatasetError::Write { path: path.to_owned(), source };
    let located = |error| match error {
        DatasetError::Output(source) => failed(source),
        other => other,
    };
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return write(&mut file).map_err(located);
    }
    // A link to a file stays a link: its target is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    make_parent(&target)?;
    let mut file = temporary_beside(&target).map_err(failed)?;
    write(file.as_file_mut()).map_err(located)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The directory a file is in; `.` for a bare name.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes the directory that `path` is to be in.
pub(super) fn make_parent(path: &Path) -> Result<(), DatasetError> {
    let parent = parent(path);
    fs::create_dir_all(&parent)
        .map_err(|source| DatasetError::MakeDirectory { path: parent, source })
}

/// An unfinished file in the directory of `path`; it goes away unless it is persisted.
pub(crate) fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        // As any new file: what the umask leaves, not the private file that a temporary one is by default.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(parent(path))
}

/// How the names of unfinished files begin.
pub(super) const UNFINISHED: &str = ".unfinished-";
