//! Station 9, records: the journal of the run folder and the views folded from it.
//!
//! The truth is `runs/<run-id>/<trial>/attempt-<n>/result.json`; CSV, YAML and JUnit are views that can be
//! folded again at any time. One format a file, and no arithmetic: a formatter prints what it is given.
//!
//! The plot: [`HeldOutput::take`] takes the output directory (`lock`), [`Recorder::begin`] writes `run.json` (`run_info`) and
//! keeps what the views would overwrite (`views`). Each attempt gets a folder (`folder`), a `plan.json`
//! before its first step (`started`) and a `result.json` after its last ([`mod@result`]), both whole or absent
//! (`atomic`). After each, the attempts of this and other processes (`read`) are folded
//! into one case a trial (`fold`) and every view is replaced, in the
//! `background`. [`rebuild()`] does only the last part. How long the tests will take (`expected`) is read from earlier runs.

mod atomic;
mod background;
mod cell;
mod error;
mod expected;
mod fold;
mod folder;
mod gpu_monitoring;
mod junit;
mod lock;
mod name;
mod open_metrics;
mod perf_csv;
mod perf_row;
mod perf_yaml;
mod prune;
mod pytest_csv;
mod read;
mod rebuild;
mod recorder;
pub mod result;
mod run_id;
mod run_info;
mod samples;
mod secrets;
mod session;
mod started;
mod status;
mod views;

pub use atomic::replace as replace_file;
pub use cell::csv_line;
pub use error::{IoCause, Problem, RecordError};
pub use expected::Expected;
pub use folder::{OutputDir, RunFolder, TELEMETRY};
pub use lock::{Busy, Holder, Patience};
pub use name::{TrialName, trial_folder};
pub use prune::{BLESSED, Keep, prunable, remove};
pub use read::{Attempt, read_attempts, read_attempts_of};
pub use rebuild::{Rebuilt, rebuild};
pub use recorder::{HeldOutput, Recorder};
pub use run_id::RunId;
pub use run_info::{JunitFamily, JunitLogging, Provenance, RunInfo, ViewOptions};
pub use secrets::{without_secrets, words_without_secrets};
pub use session::Session;
pub use started::Started;
pub use status::{Open, Status, status};
pub use views::Copies;
