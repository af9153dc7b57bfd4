//! `trtllm-perf report`: one HTML file of runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;

use crate::dashboard::{self, Evidence, Said};
use crate::history::RunRecord;
use crate::history::source::read_run_folder;
use crate::record::{OutputDir, RunFolder, RunId};
use crate::tables::Tables;

/// Write a report of runs as one HTML file that stands alone.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The file to write; one that is there is replaced.
    #[arg(long, value_name = "FILE", required = true)]
    pub html: PathBuf,
    /// A run: its folder, an output directory for its newest run, or the name of a run in --output-dir (repeatable: the
    /// newest is what the report is about, the others are its past) [default: the newest run of --output-dir].
    #[arg(long, value_name = "RUN")]
    pub run: Vec<PathBuf>,
    /// Output directory of the harness.
    #[arg(long, short = 'O', value_name = "DIR", default_value = "perf-output")]
    pub output_dir: PathBuf,
}

/// Writes the report and tells on stderr what it is of.
///
/// # Errors
/// When a run is not there or cannot be read, or the file cannot be written.
pub fn run(args: ReportArgs) -> anyhow::Result<()> {
    let output = OutputDir::new(&args.output_dir);
    let folders = match &args.run[..] {
        [] => vec![output.newest_run()?],
        named => named.iter().map(|name| folder(name, &output)).collect::<Result<_, _>>()?,
    };
    let tables = Tables::load(None)?;
    let mut runs: Vec<RunRecord> = Vec::new();
    let mut evidence: BTreeMap<(String, String), Evidence> = BTreeMap::new();
    for folder in &folders {
        let run = read_run_folder(folder, &tables.models)?;
        if runs.iter().any(|known| known.id == run.id) {
            continue;
        }
        let of_run = dashboard::evidence(folder)?;
        evidence.extend(of_run.into_iter().map(|(name, it)| ((run.id.clone(), name), it)));
        runs.push(run);
    }
    let data = dashboard::gather(&runs, &Said::nothing(), evidence, Timestamp::now());
    for problem in &data.problems {
        eprintln!("warning: {problem}");
    }
    if data.cases.is_empty() {
        bail!("write a report: the run has no result yet; `trtllm-perf status` tells what it does");
    }
    write(&args.html, &dashboard::page(&data))?;
    eprintln!("wrote {}: {} cases of {} runs", args.html.display(), data.cases.len(), runs.len());
    Ok(())
}

/// The run that the user named.
fn folder(name: &Path, output: &OutputDir) -> anyhow::Result<RunFolder> {
    let whole = name.canonicalize().unwrap_or_else(|_| name.to_owned());
    if whole.join("run.json").is_file()
        && let (Some(id), Some(directory)) = (whole.file_name(), whole.ancestors().nth(2))
    {
        return Ok(OutputDir::new(directory).run(&RunId::given(&id.to_string_lossy())?));
    }
    if whole.join("runs").is_dir() {
        return Ok(OutputDir::new(whole).newest_run()?);
    }
    let by_name = RunId::given(&name.to_string_lossy()).map(|id| output.run(&id));
    match by_name {
        Ok(run) if run.path().is_dir() => Ok(run),
        _ => bail!(
            "find the run {}: it is no run folder, no output directory, and no run of {}; name one of them with --run, or the output directory with --output-dir",
            name.display(),
            output.path().display()
        ),
    }
}

/// Replaces the file at once, so that nobody opens half a page.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    written().with_context(|| format!("write {}", path.display()))
}

/// Those of any new file, less what the user's mask takes; temporary files are for their owner alone otherwise.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}
