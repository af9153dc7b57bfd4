//! The views in the output directory: what is folded from a run, each file replaced whole.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic;
use super::error::RecordError;
use super::fold::Fold;
use super::folder::{OutputDir, RunFolder};
use super::gpu_monitoring;
use super::perf_csv;
use super::run_info::{RunInfo, ViewOptions};

pub(super) const PERF_CSV: &str = "perf_script_test_results.csv";
pub(super) const PERF_YAML: &str = "perf_script_test_results.yaml";
const SESSION_CSV: &str = "session_properties.csv";
const SESSION_YAML: &str = "session_data.yml";
const GPU_MONITORING: &str = "gpu_monitoring.csv";
/// Every attempt and what its numbers are worth.
const SAMPLES: &str = "perf_samples.csv";
/// The numbers in OpenMetrics.
const METRICS: &str = "metrics.txt";
const JUNIT: &str = "junit.xml";

/// Files outside the output directory that show the run too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// `--junit-xml FILE`: a copy of `junit.xml`.
    pub junit_xml: Option<PathBuf>,
    /// `--csv FILE`: the columns of the pytest-csv plugin.
    pub pytest_csv: Option<PathBuf>,
}

/// A view ready to be written.
#[derive(Debug)]
pub(super) struct View {
    path: PathBuf,
    content: Vec<u8>,
}

/// The views that change with every trial.
pub(super) fn render(
    output: &OutputDir,
    fold: &mut Fold,
    copies: &Copies,
) -> Result<Vec<View>, RecordError> {
    let junit = fold.junit()?.into_bytes();
    let path = |name: &str| output.path().join(name);
    let mut views = vec![View { path: path(JUNIT), content: junit.clone() }];
    let copy = copies.junit_xml.clone().map(|path| View { path, content: junit });
    views.extend(copy);
    views.extend(copies.pytest_csv.clone().map(|path| View { path, content: fold.pytest_csv() }));
    let RunInfo { views: wanted, session, started, .. } = &fold.info;
    let (started, ended, subtype) = (*started, fold.ended(), wanted.device_subtype);
    views.push(View { path: path(SAMPLES), content: fold.samples() });
    views.push(View { path: path(METRICS), content: fold.open_metrics() });
    if wanted.csv {
        views.push(View { path: path(PERF_CSV), content: fold.perf_csv() });
        let content = session.csv(started, ended, subtype);
        views.push(View { path: path(SESSION_CSV), content });
    }
    if wanted.yaml {
        views.push(View { path: path(PERF_YAML), content: fold.perf_yaml()?.into_bytes() });
        let path = path(SESSION_YAML);
        let text = session.yaml(started, ended, subtype).map_err(|error| RecordError::Encode {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        views.push(View { path, content: text.into_bytes() });
    }
    Ok(views)
}

/// Replaces each view; one that cannot be written keeps none of the others from it.
pub(super) fn write(views: &[View]) -> Result<(), RecordError> {
    let write = |view: &View| atomic::replace(&view.path, &view.content);
    views.iter().map(write).fold(Ok(()), Result::and)
}

/// Writes the views that stay as they are during a run.
pub(super) fn write_fixed(output: &Path, info: &RunInfo) -> Result<(), RecordError> {
    for (name, text) in info.session.texts() {
        atomic::replace(&output.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// Writes the GPU monitor records of all attempts with a result.
pub(super) fn write_monitoring(output: &Path, fold: &Fold) -> Result<(), RecordError> {
    if !fold.info.views.csv {
        return Ok(());
    }
    let mut text = gpu_monitoring::header();
    for attempt in fold.by_end() {
        text.extend(gpu_monitoring::rows(attempt)?);
    }
    atomic::replace(&output.join(GPU_MONITORING), &text)
}

/// Adds those of one more attempt.
pub(super) fn add_monitoring(
    output: &Path,
    fold: &Fold,
    attempt: &Path,
) -> Result<(), RecordError> {
    match fold.info.views.csv {
        true => gpu_monitoring::append(&output.join(GPU_MONITORING), attempt),
        false => Ok(()),
    }
}

/// Creates the folders of the copies, as pytest does.
pub(super) fn prepare(copies: &Copies) -> Result<(), RecordError> {
    for path in [&copies.junit_xml, &copies.pytest_csv].into_iter().flatten() {
        if let Some(folder) = path.parent() {
            atomic::create_directories(folder)?;
        }
    }
    Ok(())
}

/// Before a run writes its first view: keeps in its folder what would be lost or would mislead. That is the file
/// that it appends to, files of other programs (`foreign`: no run of ours was here), and views of an earlier run
/// that this one does not write.
///
/// # Errors
/// When it cannot append to the file that is there; nothing is changed then.
pub(super) fn set_aside(
    output: &Path,
    run: &RunFolder,
    views: &ViewOptions,
    foreign: bool,
) -> Result<(), RecordError> {
    let append = views.append && views.csv;
    if append {
        perf_csv::head(Some(&output.join(PERF_CSV)), views.device_subtype)?;
    }
    let written = [
        (PERF_CSV, views.csv),
        (SESSION_CSV, views.csv),
        (SAMPLES, true),
        (METRICS, true),
        (GPU_MONITORING, views.csv),
        (PERF_YAML, views.yaml),
        (SESSION_YAML, views.yaml),
        (JUNIT, true),
    ];
    for (name, written) in written {
        let (view, kept) = (output.join(name), run.before(name));
        let base = append && name == PERF_CSV;
        if !view.is_file() || !(base || foreign || !written) {
            continue;
        }
        atomic::create_directories(&run.before(""))?;
        if base {
            let content = fs::read(&view).map_err(RecordError::file("read", &view))?;
            atomic::write_synced(&kept, &content)?;
        } else {
            fs::rename(&view, &kept).map_err(RecordError::file("move", &view))?;
        }
    }
    Ok(())
}
