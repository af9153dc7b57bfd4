//! What a run is asked to do: command line, environment and `perf.toml` made into one validated value.
//!
//! Precedence: flag > its own environment twin > `TRTLLM_BENCH`, `LLM_MODELS_ROOT`, `LLM_ROOT` > `perf.toml` > default.

use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use crate::baseline::{self, DRIFT_BUDGET, Policy};
use crate::cli::{Cli, DryRunFormat, Lines, LogFormat, OnIoError, Splitting, Unmeasurable};
use crate::engine::Flow;
use crate::failure::Exit;
use crate::history::Place;
use crate::plan::DatasetTool;
use crate::record::{JunitFamily, JunitLogging};
use crate::trial::Silences;

mod stall;

/// Time limit of a step that neither list, flag nor settings file limits.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3600);
/// Where upstream's machines keep checkpoints; the first that exists.
const MODELS_ROOTS: [&str; 2] =
    ["/home/scratch.trt_llm_data/llm-models", "/scratch.trt_llm_data/llm-models"];
/// Where GPUs are locked: the same for all users and sessions of a node, unlike `TMPDIR`.
const LEASE_DIR: &str = "/tmp/trtllm-perf-gpus";
const SETTINGS_FILE: &str = "perf.toml";

/// A validated request.
#[derive(Debug, Clone)]
pub struct Settings {
    pub lists: Vec<PathBuf>,
    pub cases: Vec<String>,
    pub prefix: Option<String>,
    pub regexp: Option<Regex>,
    pub suites: Vec<String>,
    pub split: Option<SplitRequest>,
    pub waives_file: Option<PathBuf>,
    pub machine_facts: Option<PathBuf>,
    pub include_unmatched: bool,
    pub explain: Vec<String>,
    pub allow_empty: bool,
    pub strict_names: bool,
    pub dry_run: Option<DryRunFormat>,
    /// The program that was asked for by flag or twin: it runs every case.
    pub bench_bin: Option<String>,
    /// The program for cases of TensorRT-LLM, as the environment or the settings file name it.
    pub trtllm_bench: Option<String>,
    pub flow: Option<Flow>,
    pub models_roots: Vec<String>,
    pub llm_root: Option<String>,
    pub workspace: Option<PathBuf>,
    pub dataset_tool: DatasetTool,
    /// Default time limit of a step; `None` is no limit.
    pub timeout: Option<Duration>,
    /// How long a step may be silent.
    pub stall: Silences,
    pub tables: Option<PathBuf>,
    /// How many further attempts a failed test gets.
    pub retries: u32,
    /// What numbers are held against, by which rule, and how many percent they may be worse than a blessed level.
    pub baseline: Baseline,
    pub policy: Policy,
    pub drift_budget: f64,
    pub rerun: Option<Rerun>,
    pub on_io_error: OnIoError,
    pub unmeasurable: Unmeasurable,
    pub gpu_recording: Option<PathBuf>,
    /// Folder of the locks of GPUs.
    pub lease_dir: PathBuf,
    pub exclusive_node: bool,
    pub lock_clocks: bool,
    pub verbose: u8,
    pub show_steps: bool,
    pub output_dir: PathBuf,
    /// Where the run is kept.
    pub history: Place,
    /// The release under test, as the user names it.
    pub release: Option<String>,
    /// The commit under test, as the user names it.
    pub commit: Option<String>,
    pub csv: bool,
    pub yaml: bool,
    pub append: bool,
    pub junit_logging: JunitLogging,
    pub junit_family: JunitFamily,
    pub junit_xml: Option<PathBuf>,
    pub pytest_csv: Option<PathBuf>,
    /// Remarks on the command line, for stderr.
    pub notes: Vec<String>,
}

/// Which baseline a run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Baseline {
    File(PathBuf),
    /// That of this machine's GPU, where there is one.
    OfGpu,
    None,
}

impl Baseline {
    fn new(asked: Option<PathBuf>) -> Self {
        match asked {
            Some(path) if path.as_os_str() == "none" => Self::None,
            Some(path) => Self::File(path),
            None => Self::OfGpu,
        }
    }
}

/// What of the newest run is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rerun {
    /// What has no result.
    Unfinished,
    /// That, and what failed.
    Failed,
}

/// One group of a selection that is cut into several.
#[derive(Debug, Clone)]
pub struct SplitRequest {
    pub groups: usize,
    /// Which one, from 0.
    pub group: usize,
    pub algorithm: Splitting,
    pub durations: Option<PathBuf>,
}

/// `perf.toml`: defaults of a site, under the names of the options.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    waives_file: Option<PathBuf>,
    bench_bin: Option<String>,
    flow: Option<Flow>,
    models_root: Option<Vec<String>>,
    llm_root: Option<String>,
    workspace: Option<PathBuf>,
    dataset_tool: Option<String>,
    timeout: Option<u64>,
    stall: Option<stall::Table>,
    retries: Option<u32>,
    baseline: Option<PathBuf>,
    policy: Option<String>,
    drift_budget: Option<f64>,
    on_io_error: Option<String>,
    unmeasurable: Option<String>,
    lease_dir: Option<PathBuf>,
    exclusive_node: Option<bool>,
    lock_clocks: Option<bool>,
    tables: Option<PathBuf>,
    output_dir: Option<PathBuf>,
    history: Option<String>,
    perf_log_formats: Option<Vec<String>>,
    junit_family: Option<String>,
    junit_logging: Option<String>,
}

impl Settings {
    /// Makes sense of a command line.
    ///
    /// # Errors
    /// A usage error ([`Exit::Usage`]) that names the option.
    pub fn new(cli: Cli) -> Result<Self, Exit> {
        let (file, file_path) = File::load(cli.config.as_deref())?;
        let of_file = |key: &str, message: String| {
            Exit::usage(format!("{}: {key}: {message}", file_path.display()))
        };
        let env = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let formats = match (log_formats(&cli)?, file.perf_log_formats) {
            (formats, _) if !formats.is_empty() => formats,
            (_, Some(names)) => {
                let formats: Result<_, _> = names.iter().map(|name| value(name)).collect();
                formats.map_err(|error| of_file("perf_log_formats", error))?
            }
            (_, None) => vec![LogFormat::Csv],
        };
        let dataset_tool = match (cli.dataset_tool, file.dataset_tool) {
            (Some(tool), _) => tool,
            (None, Some(name)) => value(&name).map_err(|error| of_file("dataset_tool", error))?,
            (None, None) => DatasetTool::default(),
        };
        let on_io_error = match (cli.on_io_error, file.on_io_error) {
            (Some(action), _) => action,
            (None, Some(name)) => value(&name).map_err(|error| of_file("on_io_error", error))?,
            (None, None) => OnIoError::default(),
        };
        let unmeasurable = match (cli.unmeasurable, file.unmeasurable) {
            (Some(action), _) => action,
            (None, Some(name)) => value(&name).map_err(|error| of_file("unmeasurable", error))?,
            (None, None) => Unmeasurable::default(),
        };
        let policy = match (cli.policy, file.policy) {
            (Some(policy), _) => policy,
            (None, Some(name)) => value(&name).map_err(|error| of_file("policy", error))?,
            (None, None) => Policy::default(),
        };
        if let Some(budget) = file.drift_budget {
            baseline::drift_budget(&budget.to_string())
                .map_err(|error| of_file("drift_budget", error.to_owned()))?;
        }
        let junit_family = match (cli.junit_family, file.junit_family) {
            (Some(family), _) => family,
            (None, Some(name)) => value(&name).map_err(|error| of_file("junit_family", error))?,
            (None, None) => JunitFamily::Strict,
        };
        let junit_logging = match (junit_logging(&cli.ini_option)?, file.junit_logging) {
            (Some(logging), _) => logging,
            (None, Some(name)) => value(&name).map_err(|error| of_file("junit_logging", error))?,
            (None, None) => JunitLogging::No,
        };
        let stall = file.stall.unwrap_or_default().silences();
        let stall = stall.map_err(|(key, message)| of_file(&key, message))?;
        let stall = stall::flags(stall, cli.stall, cli.stall_active)
            .map_err(|message| Exit::usage(format!("--stall and --stall-active: {message}")))?;
        let regexp = cli.regexp.as_deref().map(Regex::new).transpose();
        let regexp = regexp.map_err(|error| Exit::usage(format!("read --regexp: {error}")))?;
        if cli.libtest.test_threads == Some(0) {
            return Err(Exit::usage("--test-threads 0 would never run anything; use 1 or more"));
        }
        let history = place(cli.history.as_deref(), file.history.as_deref(), &file_path)?;
        let notes = cli.without_meaning().into_iter();
        let notes =
            notes.map(|name| format!("{name} has no meaning here and is passed over")).collect();
        Ok(Self {
            split: split(&cli)?,
            prefix: cli
                .test_prefix
                .map(|prefix| prefix.trim_end_matches('/').to_owned())
                .filter(|it| !it.is_empty()),
            regexp,
            suites: words(cli.test_model_suites.as_deref().unwrap_or_default()),
            csv: formats.contains(&LogFormat::Csv),
            yaml: formats.contains(&LogFormat::Yaml),
            models_roots: first_given([
                owned(&cli.models_root),
                env("LLM_MODELS_ROOT").into_iter().collect(),
                file.models_root.unwrap_or_default(),
                default_models_root(),
            ]),
            llm_root: cli.llm_root.or_else(|| env("LLM_ROOT")).or(file.llm_root),
            trtllm_bench: env("TRTLLM_BENCH").or(file.bench_bin),
            timeout: limit(cli.timeout.or(file.timeout)),
            stall,
            output_dir: cli.output_dir.or(file.output_dir).unwrap_or_else(|| "perf-output".into()),
            history,
            release: cli.release,
            commit: cli.commit,
            lists: Lines::all(&cli.test_list).map(PathBuf::from).collect(),
            cases: owned(&cli.case),
            waives_file: cli.waives_file.or(file.waives_file),
            machine_facts: cli.machine_facts,
            include_unmatched: cli.include_unmatched,
            explain: owned(&cli.explain),
            allow_empty: cli.allow_empty,
            strict_names: cli.apply_test_list_correction,
            dry_run: cli.dry_run,
            bench_bin: cli.bench_bin,
            flow: cli.flow.or(file.flow),
            workspace: cli.workspace.or(file.workspace),
            dataset_tool,
            tables: cli.tables.or(file.tables),
            retries: cli.retries.or(file.retries).unwrap_or(0),
            baseline: Baseline::new(cli.baseline.or(file.baseline)),
            policy,
            drift_budget: cli.drift_budget.or(file.drift_budget).unwrap_or(DRIFT_BUDGET),
            rerun: match (cli.failed, cli.resume) {
                (true, _) => Some(Rerun::Failed),
                (false, true) => Some(Rerun::Unfinished),
                (false, false) => None,
            },
            on_io_error,
            unmeasurable,
            gpu_recording: cli.gpu_recording,
            lease_dir: cli.lease_dir.or(file.lease_dir).unwrap_or_else(|| LEASE_DIR.into()),
            lock_clocks: cli.lock_clocks || file.lock_clocks.unwrap_or(false),
            exclusive_node: cli.exclusive_node || file.exclusive_node.unwrap_or(false),
            verbose: cli.verbose,
            show_steps: cli.show_steps,
            append: cli.append,
            junit_logging,
            junit_family,
            junit_xml: cli.junit_xml.or(cli.periodic_junit_xmlpath),
            pytest_csv: cli.csv,
            notes,
        })
    }

    /// Whether the user said which tests to run, apart from libtest's own filter.
    pub fn selects(&self) -> bool {
        !self.lists.is_empty()
            || !self.cases.is_empty()
            || self.prefix.is_some()
            || self.regexp.is_some()
            || !self.suites.is_empty()
            || self.split.is_some()
    }
}

/// Where the history is: as the flag or its twin says, else `perf.toml` of the working directory, else the default file.
///
/// # Errors
/// A usage error that names the option.
pub fn history(flag: Option<&str>) -> Result<Place, Exit> {
    let (file, file_path) = File::load(None)?;
    place(flag, file.history.as_deref(), &file_path)
}

fn place(flag: Option<&str>, file: Option<&str>, file_path: &Path) -> Result<Place, Exit> {
    let flag = flag
        .map(|text| text.parse().map_err(|error| Exit::usage(format!("read --history: {error}"))));
    let file = || {
        let place = file.map(str::parse).transpose();
        let error = |error| Exit::usage(format!("{}: history: {error}", file_path.display()));
        place.map_err(error).map(Option::unwrap_or_default)
    };
    flag.unwrap_or_else(file)
}

impl File {
    /// The named file, or `perf.toml` of the working directory when there is one.
    fn load(named: Option<&Path>) -> Result<(Self, PathBuf), Exit> {
        let path = named.unwrap_or(Path::new(SETTINGS_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => match toml::from_str(&text) {
                Ok(file) => Ok((file, path.to_owned())),
                Err(error) => Err(Exit::usage(format!("read {}: {error}", path.display()))),
            },
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok((Self::default(), path.to_owned()))
            }
            Err(error) => Err(Exit::usage(format!("read {}: {error}", path.display()))),
        }
    }
}

/// A word of one of the closed sets that options take.
fn value<T: clap::ValueEnum>(word: &str) -> Result<T, String> {
    T::from_str(word, false).map_err(|_| {
        let accepted = T::value_variants().iter().filter_map(T::to_possible_value);
        let accepted: Vec<_> = accepted.map(|value| value.get_name().to_owned()).collect();
        format!("unknown value `{word}`; accepted: {}", accepted.join(", "))
    })
}

/// The formats of the command line.
fn log_formats(cli: &Cli) -> Result<Vec<LogFormat>, Exit> {
    let words = Lines::all(&cli.perf_log_formats).flat_map(|word| word.split(','));
    let formats: Result<_, _> = words.map(|word| value(word.trim())).collect();
    formats.map_err(|error| Exit::usage(format!("--perf-log-formats: {error}")))
}

fn owned(words: &[Lines]) -> Vec<String> {
    Lines::all(words).map(str::to_owned).collect()
}

/// The `junit_logging` of pytest's `-o` options; any other key is an error, never passed over.
fn junit_logging(options: &[Lines]) -> Result<Option<JunitLogging>, Exit> {
    let mut logging = None;
    for option in Lines::all(options) {
        match option.split_once('=') {
            Some(("junit_logging", word)) => {
                logging = Some(
                    value(word)
                        .map_err(|error| Exit::usage(format!("-o junit_logging: {error}")))?,
                );
            }
            _ => {
                return Err(Exit::usage(format!(
                    "-o {option} is not known; accepted: -o junit_logging=no|system-out|system-err|out-err|all"
                )));
            }
        }
    }
    Ok(logging)
}

fn split(cli: &Cli) -> Result<Option<SplitRequest>, Exit> {
    let (Some(groups), Some(group)) = (cli.splits, cli.group) else { return Ok(None) };
    if !(1..=groups).contains(&group) {
        return Err(Exit::usage(format!("--group {group} is not within 1 and --splits {groups}")));
    }
    let durations = cli.durations_path.clone();
    Ok(Some(SplitRequest {
        groups,
        group: group - 1,
        algorithm: cli.splitting_algorithm,
        durations,
    }))
}

fn words(text: &str) -> Vec<String> {
    text.split([' ', ';', '\n', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// 0 means no limit, everywhere.
fn limit(seconds: Option<u64>) -> Option<Duration> {
    match seconds {
        None => Some(DEFAULT_TIMEOUT),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds)),
    }
}

fn first_given<const N: usize>(choices: [Vec<String>; N]) -> Vec<String> {
    choices.into_iter().find(|choice| !choice.is_empty()).unwrap_or_default()
}

fn default_models_root() -> Vec<String> {
    let there = MODELS_ROOTS.into_iter().find(|root| Path::new(root).is_dir());
    vec![there.unwrap_or(MODELS_ROOTS[0]).to_owned()]
}
