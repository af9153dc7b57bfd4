//! `trtllm-perf history import PATH…`

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;

use crate::case::ModelTable;
use crate::history::source::{Said, read_csv, read_run_folder};
use crate::history::{Appended, Mode, Place, RunRecord, clear, since};
use crate::record::{self, OutputDir, Problem, RunFolder};
use crate::tables::Tables;

/// Add runs to the history: all of them, or after an error none. What is there already is passed over.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// Output directories (all their runs), run folders, and CSVs: perf_script_test_results.csv, or a baseline.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The release that CSVs are of, which do not say it.
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// When rows of CSVs were measured that do not say it: a date or a time.
    #[arg(long, value_name = "WHEN")]
    date: Option<String>,
    /// What rows of CSVs were measured on that name no device, e.g. H100_80GB_HBM3.
    #[arg(long, value_name = "CLASS")]
    machine: Option<String>,
    /// Tables in place of the embedded ones, for the names of models.
    #[arg(long, value_name = "DIR", env = "TRTLLM_PERF_TABLES")]
    tables: Option<PathBuf>,
}

/// Imports, and tells on stderr what came of it; exit code 1 when something could not be read or differs.
pub(super) fn run(args: &ImportArgs, place: &Place) -> anyhow::Result<ExitCode> {
    let mut store = place.open(Mode::Create)?;
    let tables = Tables::load(args.tables.as_deref())?;
    let said = args.said()?;
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for path in &args.paths {
        sources.extend(sources_of(path, &mut problems)?);
    }
    // What is wrong with a whole CSV is told before anything is written.
    let mut records = Vec::new();
    let mut folders = Vec::new();
    for source in sources {
        match source {
            Source::Csv(path) => {
                records.push(read_csv(&path, &said, &tables.models, &tables.limits)?)
            }
            Source::Run(run) => folders.push(run),
        }
    }
    let unread = RefCell::new(Vec::new());
    let runs = folders.iter().filter_map(|folder| {
        let record = read(folder, &tables.models);
        record.map_err(|problem| unread.borrow_mut().push(problem)).ok()
    });
    let mut read = records.into_iter().chain(runs).map(|mut record| {
        problems.append(&mut record.problems);
        record
    });
    let mut done = store.append(&mut read)?;
    problems.append(&mut unread.take());
    problems.append(&mut done.problems);
    for folder in &folders {
        // Nothing is wrong with the history when the folder cannot be written.
        let cleared = clear(folder, place);
        cleared.unwrap_or_else(|error| eprintln!("note: {}: {error}", folder.path().display()));
    }
    problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    eprintln!("{}: {}", store.place(), told(&done));
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

impl ImportArgs {
    fn said(&self) -> anyhow::Result<Said> {
        let date = self.date.as_deref().map(|text| since(text, Timestamp::now())).transpose();
        Ok(Said {
            release: self.release.clone(),
            date: date.map_err(|error| anyhow::anyhow!("read --date: {error}"))?,
            machine: self.machine.clone(),
            gaps: false,
        })
    }
}

/// Something to import.
enum Source {
    Csv(PathBuf),
    Run(RunFolder),
}

/// What a path names: a CSV, a run, or all runs of an output directory.
fn sources_of(path: &Path, problems: &mut Vec<Problem>) -> anyhow::Result<Vec<Source>> {
    if path.is_file() {
        return Ok(vec![Source::Csv(path.to_owned())]);
    }
    let run = RunFolder::new(path);
    if run.info().is_ok() {
        return Ok(vec![Source::Run(run)]);
    }
    let output = OutputDir::new(path);
    let runs = output.all_runs()?;
    // Its tests that go on have no result yet.
    let held = record::status(&output).ok().and_then(|status| status.holder);
    let goes_on =
        |run: &RunFolder| held.as_ref().is_some_and(|holder| run.path().ends_with(&holder.run_id));
    let (going_on, over): (Vec<_>, Vec<_>) = runs.into_iter().partition(goes_on);
    problems.extend(going_on.into_iter().map(|run| Problem {
        path: run.path().to_owned(),
        line: None,
        message: "passed over: it is going on; the harness adds it at its end".to_owned(),
    }));
    Ok(over.into_iter().map(Source::Run).collect())
}

fn read(folder: &RunFolder, models: &ModelTable) -> Result<RunRecord, Problem> {
    read_run_folder(folder, models).map_err(|error| Problem {
        path: folder.path().to_owned(),
        line: None,
        message: format!("passed over: {error}"),
    })
}

/// What came of an import, in one line.
fn told(done: &Appended) -> String {
    let count = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let mut text = format!(
        "added {}: {}, {}",
        count(done.runs, "run"),
        count(done.attempts, "attempt"),
        count(done.samples, "sample")
    );
    if done.known > 0 {
        text.push_str(&format!("; {} known already", count(done.known, "attempt")));
    }
    if done.replaced > 0 {
        let replaced = count(done.replaced, "attempt");
        text.push_str(&format!("; {replaced} without numbers replaced by what came of them"));
    }
    text
}
