//! `run.json`: what the views of a run need besides its results, written once by the first process of the run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::result::FORMAT;
use super::run_id::RunId;
use super::session::Session;

/// Everything about a run that is known when it begins. With the results it determines every view, so that
/// folding again gives the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Name of the run folder.
    pub run_id: String,
    pub started: Timestamp,
    /// The test prefix: name of the JUnit suite and first level of its classes.
    pub prefix: Option<String>,
    pub views: ViewOptions,
    pub session: Session,
    /// How many tests the run is about, when its first process knows.
    #[serde(default)]
    pub selected: Option<usize>,
    /// What `junit.xml` says of the run as a whole: names and texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
    #[serde(default)]
    pub provenance: Provenance,
}

/// Who asked for a run, and how: what history keeps of it besides the machine. `None` is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The user's name.
    pub who: Option<String>,
    /// Words of the command line after the program, and the settings of the environment (`NAME=VALUE`); secrets are
    /// stripped.
    pub flags: Vec<String>,
    /// The test lists.
    pub lists: Vec<String>,
    /// The release under test as the user named it; else it is that of the bench program.
    pub release: Option<String>,
    /// The commit under test as the user named it.
    pub commit: Option<String>,
    /// The flow of the cases of TensorRT-LLM, e.g. `v1.2`.
    pub flow: Option<String>,
    /// Version of the harness.
    pub harness: Option<String>,
}

impl RunInfo {
    /// The facts of a run that begins at `started`.
    pub fn new(
        run_id: &RunId,
        started: Timestamp,
        prefix: Option<String>,
        views: ViewOptions,
        session: Session,
    ) -> Self {
        Self {
            format: FORMAT,
            run_id: run_id.to_string(),
            started,
            prefix,
            views,
            session,
            selected: None,
            properties: Vec::new(),
            provenance: Provenance::default(),
        }
    }
}

/// Which views a run writes, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewOptions {
    /// `perf_script_test_results.csv`, `session_properties.csv`, `gpu_monitoring.csv`.
    pub csv: bool,
    /// `perf_script_test_results.yaml`, `session_data.yml`.
    pub yaml: bool,
    /// Whether the perf CSV has the column `device_subtype` (flow `v1.2`).
    pub device_subtype: bool,
    /// Whether the perf CSV keeps the rows that it has and adds those of this run.
    pub append: bool,
    pub junit_family: JunitFamily,
    pub junit_logging: JunitLogging,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            csv: true,
            yaml: false,
            device_subtype: false,
            append: false,
            junit_family: JunitFamily::Strict,
            junit_logging: JunitLogging::No,
        }
    }
}

/// Which readers the JUnit file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum JunitFamily {
    /// Valid against the schema of the Jenkins xUnit plugin.
    Strict,
    /// With the attribute `file` on each case, which upstream's rerun script joins on. It holds the file of
    /// the test id, as pytest's does; there is no `line`, since the lines that we know are those of the list.
    Legacy,
}

/// pytest's `junit_logging`: what a case carries besides its outcome.
///
/// A step's log has both of its streams in order and goes to `system-out` as a whole, below the facts of the
/// case; `system-err` holds the harness's own remarks. That a case is flaky is said whatever the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum JunitLogging {
    No,
    SystemOut,
    SystemErr,
    OutErr,
    /// The same as [`JunitLogging::OutErr`]: pytest adds the records of Python's logging, which we have not.
    All,
}

impl JunitLogging {
    /// Whether facts and step logs are wanted.
    pub(super) fn out(self) -> bool {
        matches!(self, Self::SystemOut | Self::OutErr | Self::All)
    }

    /// Whether the harness's remarks are wanted.
    pub(super) fn err(self) -> bool {
        matches!(self, Self::SystemErr | Self::OutErr | Self::All)
    }
}
