//! Reads the attempts of a run back, passing over what is half-written or does not belong there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::error::{Problem, RecordError};
use super::folder::{PLAN, RESULT, RunFolder, newer};
use super::name::trial_folder;
use super::result::{AttemptResult, FORMAT};
use super::started::Started;

/// One attempt as its folder tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub folder: PathBuf,
    /// The result; of an attempt without one, an `infra` failure that says so.
    pub result: AttemptResult,
    /// Whether there is a `result.json`.
    pub finished: bool,
}

/// All attempts of a run, less those whose folders are `known` to be finished, and the files passed over.
///
/// # Errors
/// Only when the run folder itself cannot be listed.
pub fn read_attempts(
    run: &RunFolder,
    known: &BTreeSet<PathBuf>,
) -> Result<(Vec<Attempt>, Vec<Problem>), RecordError> {
    let mut folders = run.attempts()?;
    folders.retain(|(folder, _)| !known.contains(folder));
    Ok(read_folders(folders))
}

/// The attempts of these tests alone.
///
/// # Errors
/// When the folder of a test that has one cannot be listed.
pub fn read_attempts_of<'a>(
    run: &RunFolder,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(Vec<Attempt>, Vec<Problem>), RecordError> {
    let mut folders = Vec::new();
    for name in names {
        folders.extend(run.attempts_of(name)?);
    }
    Ok(read_folders(folders))
}

fn read_folders(folders: Vec<(PathBuf, u32)>) -> (Vec<Attempt>, Vec<Problem>) {
    let mut attempts = Vec::new();
    let mut problems = Vec::new();
    for (folder, number) in folders {
        let result: Option<AttemptResult> = read(&folder.join(RESULT), &mut problems)
            .filter(|result| belongs(result, &folder, number, &mut problems));
        let finished = result.is_some();
        let result = result.or_else(|| {
            read::<Started>(&folder.join(PLAN), &mut problems)
                .map(Started::without_result)
                .filter(|result| belongs(result, &folder, number, &mut problems))
        });
        attempts.extend(result.map(|result| Attempt { folder, result, finished }));
    }
    (attempts, problems)
}

/// A JSON file; `None` when it is absent, or cannot be understood, which is a problem.
fn read<T: DeserializeOwned>(path: &Path, problems: &mut Vec<Problem>) -> Option<T> {
    match fs::read(path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(value) => return Some(value),
            Err(error) => problems.push(Problem::json(path, &error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => problems.push(Problem::new(path, format!("passed over: {error}"))),
    }
    None
}

/// Whether the record is of this folder and makes sense, so that a copied or newer one is not counted.
fn belongs(
    result: &AttemptResult,
    folder: &Path,
    number: u32,
    problems: &mut Vec<Problem>,
) -> bool {
    let trial = folder.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let run =
        folder.ancestors().nth(2).and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let fault = if result.format > FORMAT {
        newer(result.format)
    } else if result.run_id != run
        || trial_folder(&result.name) != trial
        || result.attempt != number
    {
        format!("it records attempt {} of {} in run {}", result.attempt, result.name, result.run_id)
    } else if let Some(row) = result.metrics.iter().find(|row| row.step >= result.steps.len()) {
        format!("{} names step {} of {}", row.metric, row.step, result.steps.len())
    } else {
        return true;
    };
    problems.push(Problem::new(folder, format!("passed over: {fault}")));
    false
}
