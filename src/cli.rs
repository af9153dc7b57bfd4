//! The command line of the harness: libtest's flags and our own, in one parser.
//!
//! Low-level: what was written, not what it means; [`crate::settings`] makes sense of it. Every own option has an
//! environment twin, since `cargo nextest run` and IDEs cannot pass custom flags.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser, ValueEnum};

use crate::baseline::{Policy, drift_budget};
use crate::engine::Flow;
use crate::plan::DatasetTool;
use crate::record::JunitFamily;

const SELECTION: &str = "Selection";
const RUNNING: &str = "Running";
const RESULTS: &str = "Results";
const UPSTREAM: &str = "Accepted from upstream's command lines";

/// Runs each line of a test list as one test and writes JUnit XML next to the perf CSV.
///
/// Repeatable options take several values from their environment twin, one a line.
#[derive(Debug, Parser)]
#[command(
    disable_version_flag = true,
    args_override_self = true,
    // The flattened parser brings texts of its own, which are about another program.
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}{after-help}",
    after_help = "Tests run one at a time, since they share the GPUs, unless --test-threads says otherwise.\n\
                  Exit codes: 0 passed, 101 a test failed, 2 usage, 3 nothing can be run here, 4 nothing ran or\n                  a row of the baseline was not checked, 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    pub libtest: libtest_mimic::Arguments,

    /// Test list: a YAML or text file, or the name of a list that comes with the harness (repeatable, read in order).
    #[arg(long, short = 'F', value_name = "FILE", env = "TRTLLM_PERF_TEST_LIST", help_heading = SELECTION)]
    pub test_list: Vec<Lines>,
    /// A label that stands in no list (repeatable).
    #[arg(long, value_name = "LABEL", env = "TRTLLM_PERF_CASE", help_heading = SELECTION)]
    pub case: Vec<Lines>,
    /// Put before every test name, e.g. H100_80GB_HBM3; without a list it selects from the release list.
    #[arg(long, short = 'P', value_name = "PREFIX", env = "TRTLLM_PERF_TEST_PREFIX", help_heading = SELECTION)]
    pub test_prefix: Option<String>,
    /// Keep the tests whose prefixed id matches this regular expression somewhere.
    #[arg(long, short = 'R', value_name = "RE", env = "TRTLLM_PERF_REGEXP", help_heading = SELECTION)]
    pub regexp: Option<String>,
    /// Markers for tests that are waived, in the line grammar of lists.
    #[arg(long, short = 'S', value_name = "FILE", env = "TRTLLM_PERF_WAIVES_FILE", help_heading = SELECTION)]
    pub waives_file: Option<PathBuf>,
    /// Facts of a machine (YAML or JSON) in place of this one's.
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_MACHINE_FACTS", help_heading = SELECTION)]
    pub machine_facts: Option<PathBuf>,
    /// Show lines whose condition does not hold here as ignored tests.
    #[arg(long, env = "TRTLLM_PERF_INCLUDE_UNMATCHED", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = SELECTION)]
    pub include_unmatched: bool,
    /// Say why a test is or is not selected here, condition by condition, and exit (repeatable).
    #[arg(long, value_name = "ID", env = "TRTLLM_PERF_EXPLAIN", help_heading = SELECTION)]
    pub explain: Vec<Lines>,
    /// Exit 0 also when nothing ran.
    #[arg(long, env = "TRTLLM_PERF_ALLOW_EMPTY", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = SELECTION)]
    pub allow_empty: bool,
    /// Keep the tests whose id holds one of these words (blank- or semicolon-separated).
    #[arg(long, value_name = "WORDS", env = "TRTLLM_PERF_TEST_MODEL_SUITES", help_heading = SELECTION)]
    pub test_model_suites: Option<String>,
    /// Cut the selection into this many groups …
    #[arg(long, value_name = "N", env = "TRTLLM_PERF_SPLITS", requires = "group", help_heading = SELECTION)]
    pub splits: Option<usize>,
    /// … and keep this one, from 1.
    #[arg(long, value_name = "K", env = "TRTLLM_PERF_GROUP", requires = "splits", help_heading = SELECTION)]
    pub group: Option<usize>,
    /// How the groups are cut.
    #[arg(long, value_enum, env = "TRTLLM_PERF_SPLITTING_ALGORITHM", default_value = "duration_based_chunks", help_heading = SELECTION)]
    pub splitting_algorithm: Splitting,
    /// Expected seconds by id without prefix (JSON), for the cut.
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_DURATIONS_PATH", help_heading = SELECTION)]
    pub durations_path: Option<PathBuf>,
    /// Exit 2 when a list holds a name that cannot be run, with corrections.
    #[arg(long, short = 'C', env = "TRTLLM_PERF_APPLY_TEST_LIST_CORRECTION", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = SELECTION)]
    pub apply_test_list_correction: bool,

    /// Print the plans instead of running them.
    #[arg(long, value_name = "FORMAT", env = "TRTLLM_PERF_DRY_RUN", num_args = 0..=1, require_equals = true, default_missing_value = "text", help_heading = RUNNING)]
    pub dry_run: Option<DryRunFormat>,
    /// The bench program [default: $TRTLLM_BENCH, then trtllm-bench on PATH; for the embedded list, refbench].
    #[arg(long, value_name = "PATH", env = "TRTLLM_PERF_BENCH_BIN", help_heading = RUNNING)]
    pub bench_bin: Option<String>,
    /// The generation of commands [default: asked from the bench program; seed in a dry run].
    #[arg(long, env = "TRTLLM_PERF_FLOW", help_heading = RUNNING)]
    pub flow: Option<Flow>,
    /// Directory of the checkpoints (repeatable; the first that has a model wins) [default: $LLM_MODELS_ROOT].
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_MODELS_ROOT", help_heading = RUNNING)]
    pub models_root: Vec<Lines>,
    /// TensorRT-LLM sources, for `--dataset-tool script` [default: $LLM_ROOT].
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_LLM_ROOT", help_heading = RUNNING)]
    pub llm_root: Option<String>,
    /// Where data sets and engines are made [default: in the run folder].
    #[arg(long, visible_alias = "ws", value_name = "DIR", env = "TRTLLM_PERF_WORKSPACE", help_heading = RUNNING)]
    pub workspace: Option<PathBuf>,
    /// What makes the data sets.
    #[arg(long, env = "TRTLLM_PERF_DATASET_TOOL", help_heading = RUNNING)]
    pub dataset_tool: Option<DatasetTool>,
    /// Time limit of each step in seconds; 0 is none [default: 3600]. A line's TIMEOUT goes before it.
    #[arg(long, value_name = "SECS", env = "TRTLLM_PERF_TIMEOUT", value_parser = whole_seconds, allow_negative_numbers = true, help_heading = RUNNING)]
    pub timeout: Option<u64>,
    /// End a step as hung when it is silent and idle for this many seconds; 0 is never
    /// [default: data set 300, build 900, bench 600]. A line's STALL goes before it.
    #[arg(long, value_name = "SECS", env = "TRTLLM_PERF_STALL", value_parser = whole_seconds, allow_negative_numbers = true, help_heading = RUNNING)]
    pub stall: Option<u64>,
    /// End it when it is silent for this many seconds, also when CPU or GPU are at work; 0 is never; not before the
    /// time of --stall, and without effect where that is 0 [default: data set 900, build 2700, bench 1800].
    #[arg(long, value_name = "SECS", env = "TRTLLM_PERF_STALL_ACTIVE", value_parser = whole_seconds, allow_negative_numbers = true, help_heading = RUNNING)]
    pub stall_active: Option<u64>,
    /// Play these readings back in place of the GPU driver (written by `trtllm-perf gpus --record`; also an attempt's
    /// telemetry.jsonl); said on stderr and in each result.json.
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_GPU_RECORDING", help_heading = RUNNING)]
    pub gpu_recording: Option<PathBuf>,
    /// Folder with the locks of the GPUs in use, the same for all harnesses and containers of a node
    /// [default: /tmp/trtllm-perf-gpus].
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_LEASE_DIR", help_heading = RUNNING)]
    pub lease_dir: Option<PathBuf>,
    /// Let each test hold all GPUs, also those that it does not use.
    #[arg(long, env = "TRTLLM_PERF_EXCLUSIVE_NODE", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RUNNING)]
    pub exclusive_node: bool,
    /// Hold the GPUs at the clocks of clocks.yml while a step runs; a GPU that refuses fails the test.
    #[arg(long, env = "TRTLLM_PERF_LOCK_CLOCKS", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RUNNING)]
    pub lock_clocks: bool,
    /// What becomes of a test whose numbers cannot be trusted [default: fail].
    #[arg(long, value_name = "ACTION", env = "TRTLLM_PERF_UNMEASURABLE", help_heading = RUNNING)]
    pub unmeasurable: Option<Unmeasurable>,
    /// Try a failed test up to N times more; a pass after a failure is shown as flaky.
    #[arg(long, value_name = "N", env = "TRTLLM_PERF_RETRIES", help_heading = RUNNING)]
    pub retries: Option<u32>,
    /// Hold each number against this baseline (upstream's base_perf CSV); `none` for no baseline
    /// [default: perf-tests/baselines/GPU.csv of that GPU, when there is one].
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_BASELINE", help_heading = RUNNING)]
    pub baseline: Option<PathBuf>,
    /// How far a number may be from its baseline; docs/VERDICT.md has both rules [default: default].
    #[arg(long, value_name = "RULE", env = "TRTLLM_PERF_POLICY", help_heading = RUNNING)]
    pub policy: Option<Policy>,
    /// How far a number may be worse than its blessed level, in percent [default: 5].
    #[arg(long, value_name = "PCT", env = "TRTLLM_PERF_DRIFT_BUDGET", value_parser = drift_budget, help_heading = RUNNING)]
    pub drift_budget: Option<f64>,
    /// Go on with the newest run: run what has no result in it.
    #[arg(long, env = "TRTLLM_PERF_RESUME", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RUNNING)]
    pub resume: bool,
    /// Go on with the newest run: run what failed in it, and what has no result.
    #[arg(long, env = "TRTLLM_PERF_FAILED", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RUNNING)]
    pub failed: bool,
    /// What to do when a test fails because a file cannot be read or written [default: continue].
    #[arg(long, value_name = "ACTION", env = "TRTLLM_PERF_ON_IO_ERROR", help_heading = RUNNING)]
    pub on_io_error: Option<OnIoError>,
    /// Tables (models.yml, pytorch-config.yml, metrics.yml, certificate.yml, clocks.yml, lists) in place of the embedded ones.
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_TABLES", help_heading = RUNNING)]
    pub tables: Option<PathBuf>,
    /// Settings file [default: perf.toml, when there is one].
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_CONFIG", help_heading = RUNNING)]
    pub config: Option<PathBuf>,
    /// Print the commands on stderr as they start.
    #[arg(long, short = 'v', env = "TRTLLM_PERF_VERBOSE", action = ArgAction::Count, help_heading = RUNNING)]
    pub verbose: u8,
    /// Pass the steps' output on to stderr as it comes.
    #[arg(short = 's', id = "show_steps", env = "TRTLLM_PERF_SHOW_STEPS", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RUNNING)]
    pub show_steps: bool,

    /// Where results go [default: perf-output].
    #[arg(long, short = 'O', value_name = "DIR", env = "TRTLLM_PERF_OUTPUT_DIR", help_heading = RESULTS)]
    pub output_dir: Option<PathBuf>,
    /// Where each run is kept: a SQLite file, postgres://…, or none [default: perf-history.sqlite].
    #[arg(long, value_name = "PLACE", env = "TRTLLM_PERF_HISTORY", hide_env_values = true, help_heading = RESULTS)]
    pub history: Option<String>,
    /// The release under test, for history and comparisons [default: what the bench program says].
    #[arg(long, value_name = "NAME", env = "TRTLLM_PERF_RELEASE", help_heading = RESULTS)]
    pub release: Option<String>,
    /// The commit under test, for history and comparisons.
    #[arg(long, value_name = "ID", env = "TRTLLM_PERF_COMMIT", help_heading = RESULTS)]
    pub commit: Option<String>,
    /// Formats of the result rows, csv and yaml (repeatable or comma-separated) [default: csv].
    #[arg(long, value_name = "FORMAT", env = "TRTLLM_PERF_PERF_LOG_FORMATS", help_heading = RESULTS)]
    pub perf_log_formats: Vec<Lines>,
    /// Add the rows to an existing perf CSV instead of replacing it.
    #[arg(long, env = "TRTLLM_PERF_APPEND", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = RESULTS)]
    pub append: bool,
    /// pytest's ini override; only junit_logging=no|system-out|system-err|out-err|all.
    #[arg(short = 'o', id = "ini_option", value_name = "KEY=VALUE", env = "TRTLLM_PERF_INI_OPTION", help_heading = RESULTS)]
    pub ini_option: Vec<Lines>,
    /// Which readers junit.xml is for: strict is valid for Jenkins, legacy adds the attribute `file`.
    #[arg(long, value_name = "FAMILY", env = "TRTLLM_PERF_JUNIT_FAMILY", help_heading = RESULTS)]
    pub junit_family: Option<JunitFamily>,
    /// A copy of junit.xml.
    #[arg(long, visible_alias = "junitxml", value_name = "FILE", env = "TRTLLM_PERF_JUNIT_XML", help_heading = RESULTS)]
    pub junit_xml: Option<PathBuf>,
    /// One row a test, in the columns of the pytest-csv plugin.
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_CSV", help_heading = RESULTS)]
    pub csv: Option<PathBuf>,

    /// Always on here.
    #[arg(long, env = "TRTLLM_PERF_PERF", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = UPSTREAM)]
    pub perf: bool,
    /// A step that exceeds its limit is always ended with its whole process tree.
    #[arg(long, value_name = "METHOD", env = "TRTLLM_PERF_TIMEOUT_METHOD", help_heading = UPSTREAM)]
    pub timeout_method: Option<String>,
    /// Always on here: junit.xml is whole after every test.
    #[arg(long, env = "TRTLLM_PERF_PERIODIC_JUNIT", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = UPSTREAM)]
    pub periodic_junit: bool,
    /// No meaning here.
    #[arg(long, value_name = "SECS", env = "TRTLLM_PERF_PERIODIC_INTERVAL", help_heading = UPSTREAM)]
    pub periodic_interval: Option<u64>,
    /// No meaning here.
    #[arg(long, value_name = "N", env = "TRTLLM_PERF_PERIODIC_BATCH_SIZE", help_heading = UPSTREAM)]
    pub periodic_batch_size: Option<u64>,
    /// As --junit-xml.
    #[arg(long, value_name = "FILE", env = "TRTLLM_PERF_PERIODIC_JUNIT_XMLPATH", help_heading = UPSTREAM)]
    pub periodic_junit_xmlpath: Option<PathBuf>,
    /// No meaning here: see --lock-clocks.
    #[arg(long, env = "TRTLLM_PERF_ENABLE_GPU_CLOCK_LOCK", value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue, help_heading = UPSTREAM)]
    pub enable_gpu_clock_lock: bool,
    /// No meaning here.
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_ROOTDIR", help_heading = UPSTREAM)]
    pub rootdir: Option<PathBuf>,
}

/// What one word gives of a repeatable option: one value as a flag, one a line as an environment twin.
#[derive(Debug, Clone)]
pub struct Lines(Vec<String>);

impl Lines {
    /// All values of an option.
    pub fn all(words: &[Self]) -> impl Iterator<Item = &str> {
        words.iter().flat_map(|word| &word.0).map(String::as_str)
    }
}

impl FromStr for Lines {
    type Err = &'static str;

    /// # Errors
    /// When there is no value: a list given by an empty variable must not become the default one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned);
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { Err("it is empty") } else { Ok(Self(lines)) }
    }
}

/// Seconds of a time limit.
fn whole_seconds(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it takes whole seconds, 0 or more")
}

/// How a dry run prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRunFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether a run goes on after an I/O error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OnIoError {
    /// The other tests run.
    #[default]
    Continue,
    /// Nothing more is started.
    Stop,
}

/// What becomes of a test whose numbers cannot be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Unmeasurable {
    /// It fails.
    #[default]
    Fail,
    /// It counts as ignored; its numbers are in perf_samples.csv alone.
    Ignore,
}

/// Formats of the result rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Csv,
    Yaml,
}

/// pytest-split's two ways to cut a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Splitting {
    /// Neighbours stay together.
    DurationBasedChunks,
    /// The longest first, each to the group with least to do.
    LeastDuration,
}

impl Cli {
    /// The options of upstream's command lines that were given and mean nothing here.
    pub fn without_meaning(&self) -> Vec<&'static str> {
        let given = [
            (self.timeout_method.is_some(), "--timeout-method"),
            (self.periodic_interval.is_some(), "--periodic-interval"),
            (self.periodic_batch_size.is_some(), "--periodic-batch-size"),
            (self.rootdir.is_some(), "--rootdir"),
            (self.enable_gpu_clock_lock, "--enable-gpu-clock-lock"),
        ];
        given.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn every_own_option_has_an_environment_twin_named_after_it() {
        use clap::CommandFactory;
        let theirs: Vec<_> = libtest_mimic::Arguments::command()
            .get_arguments()
            .map(|arg| arg.get_id().to_string())
            .collect();
        for arg in Cli::command().get_arguments() {
            let id = arg.get_id().as_str();
            if theirs.iter().any(|name| name == id) || id == "help" {
                continue;
            }
            let twin = arg.get_env().unwrap_or_else(|| panic!("--{id} has no twin"));
            assert_eq!(twin.to_str(), Some(format!("TRTLLM_PERF_{}", id.to_uppercase()).as_str()));
        }
    }
}
