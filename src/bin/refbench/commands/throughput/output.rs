//! The files that a run leaves.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::engine::Completion;
use crate::failure::Exception;
use crate::log::Log;
use crate::report::{Report, request_rows, to_json};

/// The log of iterations, if there is one.
pub struct Outputs {
    iterations: Option<(PathBuf, BufWriter<File>)>,
}

impl Outputs {
    /// For a warm-up, which leaves nothing.
    pub fn none() -> Self {
        Self { iterations: None }
    }

    /// Opens the log of iterations that the settings ask for.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(log: &Log, settings: &Settings) -> Result<Self, Exception> {
        let Some(path) = settings.iteration_log.clone() else {
            log.info("No log path provided, skipping logging.");
            return Ok(Self::none());
        };
        log.info(format_args!("Logging iterations to {}...", path.display()));
        let file = File::create(&path).map_err(|error| Exception::os(&path, &error))?;
        Ok(Self { iterations: Some((path, BufWriter::new(file))) })
    }

    /// Writes the line of one iteration, which is not made where there is no log.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn iteration(&mut self, line: impl FnOnce() -> String) -> Result<(), Exception> {
        match &mut self.iterations {
            None => Ok(()),
            Some((path, file)) => writeln!(file, "{}", line())
                .and_then(|()| file.flush())
                .map_err(|error| Exception::os(path, &error)),
        }
    }
}

/// Writes the JSON files that the settings ask for.
///
/// # Errors
/// One of them cannot be written.
pub fn write_reports(
    log: &Log,
    settings: &Settings,
    report: &Report,
    served: &[Completion],
) -> Result<(), Exception> {
    if let Some(path) = &settings.report_json {
        write(log, path, "report information", to_json(report))?;
    }
    if let Some(path) = &settings.request_json {
        write(log, path, "request information", to_json(&request_rows(served)))?;
    }
    Ok(())
}

fn write(
    log: &Log,
    path: &Path,
    what: &str,
    text: Result<String, serde_json::Error>,
) -> Result<(), Exception> {
    log.info(format_args!("Writing {what} to {}...", path.display()));
    let text = text.map_err(|error| Exception::value(error.to_string()))?;
    fs::write(path, text).map_err(|error| Exception::os(path, &error))?;
    let mut what = what.to_owned();
    what[..1].make_ascii_uppercase();
    log.info(format_args!("{what} written to {}.", path.display()));
    Ok(())
}
