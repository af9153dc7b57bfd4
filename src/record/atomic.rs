//! Files that are whole or absent: a temporary file in the same folder, then a rename.
//! Uses `tempfile`.
//!
//! Two strengths. `run.json` and the `result.json` of what ran must survive a power cut and are synced before they
//! get their names. All else is only replaced atomically, without the milliseconds that a sync costs: `plan.json` and
//! the results of skipped trials, which are synced in the background, and the views, which can be folded again.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::error::RecordError;

/// How our temporary files begin; whatever is so named is never read.
const TEMPORARY: &str = ".trtllm-perf-tmp-";

/// Writes `path` whole and syncs its content before it gets its name. The folder's entry is the caller's to
/// sync ([`sync_directory`]).
pub(super) fn write_synced(path: &Path, content: &[u8]) -> Result<(), RecordError> {
    let temporary = filled(path, content)?;
    temporary.as_file().sync_all().map_err(RecordError::file("sync", path))?;
    named(temporary.into_temp_path(), path)
}

/// Replaces `path` by `content`, without a sync. A symbolic link is followed, so that it stays one.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), RecordError> {
    let path = match fs::canonicalize(path) {
        Ok(target) if target.is_file() => target,
        Ok(target) => {
            let source = std::io::Error::other("it is not a regular file");
            return Err(RecordError::file("replace", &target)(source));
        }
        Err(_) => path.to_owned(),
    };
    named(filled(&path, content)?.into_temp_path(), &path)
}

/// Makes `link` a symbolic link to `target`, replacing an older link.
pub(super) fn replace_link(link: &Path, target: &Path) -> Result<(), RecordError> {
    let temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .make_in(folder(link), |path| symlink(target, path))
        .map_err(RecordError::file("link", link))?;
    named(temporary.into_temp_path(), link)
}

/// Makes the entries of `directory` survive a power cut.
pub(super) fn sync_directory(directory: &Path) -> Result<(), RecordError> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(RecordError::file("sync", directory))
}

/// Creates `directory` and what is missing above it; returns the folders that got a new entry and still have to
/// be synced, innermost first.
pub(super) fn create_directories(directory: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let changed = directory
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .map(|missing| folder(missing).to_owned())
        .collect();
    fs::create_dir_all(directory).map_err(RecordError::file("create", directory))?;
    Ok(changed)
}

/// Removes what killed processes left half-written in `directory`. Only for the sole user of the directory.
pub(super) fn sweep(directory: &Path) -> Result<(), RecordError> {
    for entry in fs::read_dir(directory).map_err(RecordError::file("list", directory))? {
        let entry = entry.map_err(RecordError::file("list", directory))?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            fs::remove_file(entry.path()).map_err(RecordError::file("remove", &entry.path()))?;
        }
    }
    Ok(())
}

fn filled(path: &Path, content: &[u8]) -> Result<NamedTempFile, RecordError> {
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        // Readable by whoever the umask allows: results are shared, temporary files by default are not.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder(path))
        .map_err(RecordError::file("write", path))?;
    temporary.write_all(content).map_err(RecordError::file("write", path))?;
    Ok(temporary)
}

fn named(temporary: TempPath, path: &Path) -> Result<(), RecordError> {
    temporary.persist(path).map_err(|failed| RecordError::file("write", path)(failed.error))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_replaced_stays_as_it_was_and_leaves_no_litter() {
        let dir = tempfile::tempdir().expect("dir");
        let view = dir.path().join("junit.xml");
        fs::create_dir(&view).expect("a folder in the way");
        let error = replace(&view, b"new").expect_err("a folder is in the way");
        assert!(error.to_string().contains("not a regular file"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1);
    }

    #[test]
    fn a_replaced_view_is_readable_by_others_and_a_linked_one_stays_a_link() {
        let dir = tempfile::tempdir().expect("dir");
        let (view, link) = (dir.path().join("a.csv"), dir.path().join("b.csv"));
        replace(&view, b"1").expect("write");
        let mode = fs::metadata(&view).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o400, 0o400);
        assert_ne!(mode & 0o777, 0o600, "the umask decides, not the temporary file");
        symlink("a.csv", &link).expect("link");
        replace(&link, b"2").expect("write through the link");
        assert_eq!(fs::read(&view).expect("read"), b"2");
        assert!(fs::symlink_metadata(&link).expect("metadata").is_symlink());
    }

    #[test]
    fn the_folders_that_gained_an_entry_are_named_innermost_first() {
        let dir = tempfile::tempdir().expect("dir");
        let changed = create_directories(&dir.path().join("a/b")).expect("create");
        assert_eq!(changed, [dir.path().join("a"), dir.path().to_owned()]);
        assert!(create_directories(&dir.path().join("a/b")).expect("again").is_empty());
    }
}
