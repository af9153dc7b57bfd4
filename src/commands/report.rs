//! `trtllm-perf report`: one HTML file of runs and of the history.

mod past;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::{sides, steps};
use crate::compare;
use crate::dashboard::{self, Evidence};
use crate::history::source::read_run_folder;
use crate::history::{Filter, Mode, Place, RunRecord};
use crate::record::{OutputDir, RunFolder, RunId};
use crate::settings;
use crate::tables::Tables;
use past::Past;

/// Write a report of runs as one HTML file that stands alone.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The file to write; one that is there is replaced.
    #[arg(long, value_name = "FILE", required = true)]
    pub html: PathBuf,
    /// A run: its folder, an output directory for its newest run, or the name of a run in --output-dir (repeatable: the
    /// newest is what the report is about, the others are its past) [default: the newest run of --history, or else of
    /// --output-dir].
    #[arg(long, value_name = "RUN")]
    pub run: Vec<PathBuf>,
    /// The page of a comparison in place of a report; sides as for `trtllm-perf compare`.
    #[arg(long, num_args = 2, value_names = ["BASE", "CANDIDATE"], conflicts_with_all = ["run", "history"])]
    pub compare: Vec<String>,
    /// Output directory of the harness. Commands, logs and GPU readings of runs of the history are taken from it.
    #[arg(long, short = 'O', value_name = "DIR", default_value = "perf-output")]
    pub output_dir: PathBuf,
    /// Take the past from a history: a SQLite file or postgres://… [default: `history` of perf.toml, then
    /// perf-history.sqlite].
    #[arg(long, value_name = "PLACE", num_args = 0..=1, default_missing_value = "")]
    pub history: Option<String>,
    /// How many days of the history, counted back from its newest run.
    #[arg(long, value_name = "D", default_value_t = 60, requires = "history")]
    pub days: u32,
    /// Only cases whose label matches this shell pattern.
    #[arg(long, value_name = "PATTERN")]
    pub case: Option<String>,
}

/// Writes the report and tells on stderr what it is of.
///
/// # Errors
/// When a run is not there or cannot be read, or the file cannot be written.
pub fn run(args: ReportArgs) -> anyhow::Result<()> {
    let tables = Tables::load(None)?;
    if let [base, candidate] = &args.compare[..] {
        let cases = args.case.clone().into_iter().collect();
        let options = compare::Options { cases, ..compare::Options::default() };
        let history = settings::history(None)?;
        let side = |word: &str| sides::side(word, &tables, &history);
        let of_history = [base, candidate].into_iter().all(|word| sides::names_history(word));
        let [base, candidate] = [side(base)?, side(candidate)?];
        let mut comparison = compare::compare(&base, &candidate, &options);
        if of_history {
            steps::tell(&mut comparison, &history)?;
        }
        write(&args.html, &dashboard::compare_page(&comparison)?)?;
        eprintln!("wrote {}: {} against {}", args.html.display(), candidate.name, base.name);
        return Ok(());
    }
    let output = OutputDir::new(&args.output_dir);
    let mut folders: Vec<RunFolder> =
        args.run.iter().map(|name| folder(name, &output)).collect::<Result<_, _>>()?;
    let mut past = match args.history.as_deref() {
        Some(place) => {
            let place = settings::history(Some(place).filter(|place| !place.is_empty()))?;
            Past::read(place.open(Mode::Existing)?.as_mut(), args.days)?
        }
        None => self_checks(),
    };
    if args.history.is_none() && folders.is_empty() {
        folders.push(output.newest_run()?);
    }
    // A run that is here has more to tell than the history, and wins.
    if folders.is_empty() {
        folders.extend(past.last_night().filter_map(|id| {
            let folder = output.run(&RunId::given(id).ok()?);
            folder.path().is_dir().then_some(folder)
        }));
    }
    let past_runs = std::mem::take(&mut past.runs);
    let mut runs: BTreeMap<String, RunRecord> =
        past_runs.into_iter().map(|run| (run.id.clone(), run)).collect();
    let mut evidence: BTreeMap<(String, String), Evidence> = BTreeMap::new();
    for folder in &folders {
        let run = read_run_folder(folder, &tables.models)?;
        let of_run = dashboard::evidence(folder)?;
        evidence.extend(of_run.into_iter().map(|(name, it)| ((run.id.clone(), name), it)));
        runs.insert(run.id.clone(), run);
    }
    let wanted = Filter { case: args.case, ..Filter::default() };
    let runs: Vec<RunRecord> = runs.into_values().filter_map(|run| wanted.cut(run)).collect();
    let data = past.said(|said| dashboard::gather(&runs, said, evidence, Timestamp::now()));
    for problem in &data.problems {
        eprintln!("warning: {problem}");
    }
    if data.cases.is_empty() {
        bail!(
            "write a report: there is no result to show; name other runs with --run, or a longer time with --days"
        );
    }
    write(&args.html, &dashboard::page(&data))?;
    let (cases, runs) = (data.cases.len(), data.runs.len());
    eprintln!("wrote {}: cases: {cases}, runs: {runs}", args.html.display());
    Ok(())
}

/// The self-checks of the usual history; what verdicts are worth is told of runs that come from their folders, too.
fn self_checks() -> Past {
    let read = || -> anyhow::Result<Past> {
        let place = settings::history(None)?;
        let there = place.file().is_none_or(Path::exists) && place != Place::Nowhere;
        match there {
            true => Ok(Past::self_checks(place.open(Mode::Existing)?.as_mut())?),
            false => Ok(Past::default()),
        }
    };
    read().unwrap_or_else(|error| {
        eprintln!("note: read the self-checks: {error}");
        Past::default()
    })
}

/// The run that the user named.
fn folder(name: &Path, output: &OutputDir) -> anyhow::Result<RunFolder> {
    let whole = name.canonicalize().unwrap_or_else(|_| name.to_owned());
    if whole.join("run.json").is_file() {
        return Ok(RunFolder::new(whole));
    }
    if whole.join("runs").is_dir() {
        return Ok(OutputDir::new(whole).newest_run()?);
    }
    match RunId::given(&name.to_string_lossy()).map(|id| output.run(&id)) {
        Ok(run) if run.path().is_dir() => Ok(run),
        _ => bail!(
            "find the run {}: it is no run folder, no output directory, and no run of {}; \
             name one of them with --run, or the output directory with --output-dir",
            name.display(),
            output.path().display()
        ),
    }
}

/// Replaces the file at once, so that nobody opens half a page.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Those of any new file, less what the user's mask takes: it is to be sent to others.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let written = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("write {}", path.display()))
}
