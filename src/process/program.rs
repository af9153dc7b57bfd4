//! Finds the program of a step, so that a missing one is named together with where it was looked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::error::ProcessError;

/// The file that `execvp` would run for `program` in `cwd` (absolute) with this `PATH`.
///
/// # Errors
/// When there is none, or it is not an executable file.
pub(super) fn resolve(
    program: &str,
    cwd: &Path,
    path: Option<&OsStr>,
) -> Result<PathBuf, ProcessError> {
    let missing =
        |reason: String| ProcessError::ProgramMissing { program: program.to_owned(), reason };
    if program.is_empty() {
        return Err(ProcessError::EmptyCommand);
    }
    if program.contains('/') {
        let file = cwd.join(program);
        return match file.exists() {
            true if is_executable(&file) => Ok(file),
            true => Err(ProcessError::NotExecutable { path: file }),
            false => Err(missing(format!("{} does not exist", file.display()))),
        };
    }
    let path = path.ok_or_else(|| missing("PATH is not set".into()))?;
    // An empty entry means the working directory, which is what joining it to `cwd` gives.
    let files: Vec<_> =
        std::env::split_paths(path).map(|folder| cwd.join(folder).join(program)).collect();
    if let Some(file) = files.iter().find(|file| is_executable(file)) {
        return Ok(file.clone());
    }
    match files.into_iter().find(|file| file.is_file()) {
        Some(path) => Err(ProcessError::NotExecutable { path }),
        None => Err(missing(format!("not in PATH ({})", path.display()))),
    }
}

/// The file that a step in the current directory would run for `program`.
///
/// # Errors
/// When there is none, or it is not an executable file.
pub fn find_program(program: &str) -> Result<PathBuf, ProcessError> {
    let cwd = std::env::current_dir().unwrap_or_default();
    resolve(program, &cwd, std::env::var_os("PATH").as_deref())
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && access(file, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder_with(name: &str, mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join(name);
        fs::write(&file, "#!/bin/sh\n").expect("write");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("chmod");
        folder
    }

    #[test]
    fn a_program_is_found_on_the_path_behind_one_that_is_not_executable() {
        let (first, second) = (folder_with("bench", 0o644), folder_with("bench", 0o755));
        let path = std::env::join_paths([first.path(), second.path()]).expect("path");
        let found = resolve("bench", Path::new("/"), Some(&path)).expect("found");
        assert_eq!(found, second.path().join("bench"));
    }

    #[test]
    fn a_relative_program_and_an_empty_path_entry_mean_the_working_directory() {
        let folder = folder_with("bench", 0o755);
        for (program, path) in [("./bench", "/nowhere"), ("bench", "/nowhere:")] {
            let found = resolve(program, folder.path(), Some(path.as_ref())).expect(program);
            assert_eq!(found.canonicalize().ok(), folder.path().join("bench").canonicalize().ok());
        }
    }

    #[test]
    fn a_missing_program_is_named_with_the_places_and_a_plain_file_as_not_executable() {
        let error = resolve("benhc", Path::new("/"), Some("/a:/b".as_ref())).expect_err("missing");
        assert_eq!(error.to_string(), "find the program `benhc`: not in PATH (/a:/b)");
        let error = resolve("/a/benhc", Path::new("/"), None).expect_err("missing");
        assert_eq!(error.to_string(), "find the program `/a/benhc`: /a/benhc does not exist");
        let folder = folder_with("bench", 0o644);
        let error = resolve("./bench", folder.path(), None).expect_err("not executable");
        assert!(matches!(error, ProcessError::NotExecutable { .. }), "{error}");
    }
}
