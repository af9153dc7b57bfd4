//! The tables and lists that come with the harness, and where a user puts others in their place.
//!
//! Everything is embedded, so that an installed binary needs no source tree. `--tables DIR` replaces what it holds.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::case::ModelTable;
use crate::dataset::temporary_beside;
use crate::engine::{OptionTable, OptionTableError};
use crate::gpu::ClockTable;
use crate::list::{ListError, TestList};
use crate::metric::{MetricTable, MetricTableError};
use crate::sample::Tolerances;
use crate::verdict::{PrimaryTable, PrimaryTableError};

/// The list that plain `cargo test --test perf` runs, on the embedded engine.
pub const EMBEDDED_LIST: &str = "embedded.yml";
/// The list that `--test-prefix` or `--regexp` alone selects from.
pub const RELEASE_LIST: &str = "trt_llm_release_perf_test.yml";
/// Overlay with a site's own `label: path` lines.
const LOCAL_MODELS: &str = "models.local.yml";

const LISTS: [(&str, &str); 4] = [
    (EMBEDDED_LIST, include_str!("../test-lists/embedded.yml")),
    (RELEASE_LIST, include_str!("../test-lists/trt_llm_release_perf_test.yml")),
    ("trt_llm_perf_cluster_test.yml", include_str!("../test-lists/trt_llm_perf_cluster_test.yml")),
    (
        "trt_llm_release_perf_sanity.yml",
        include_str!("../test-lists/trt_llm_release_perf_sanity.yml"),
    ),
];

/// A file of the embedded engine's models: its path below the folder they lie in, and its bytes.
macro_rules! model_file {
    ($path:literal) => {
        ($path, include_bytes!(concat!("../perf-tests/refbench-models/", $path)).as_slice())
    };
}

/// The embedded engine's models and adapters; a test compares this list with the folder.
const REFBENCH_MODELS: &[(&str, &[u8])] = &[
    model_file!("deep-gqa-llama/config.json"),
    model_file!("deep-gqa-llama/tokenizer.json"),
    model_file!("deep-gqa-llama/tokenizer_config.json"),
    model_file!("tiny-llama-lora-0/adapter_config.json"),
    model_file!("tiny-llama-lora-1/adapter_config.json"),
    model_file!("tiny-llama/config.json"),
    model_file!("tiny-llama/tokenizer.json"),
    model_file!("tiny-llama/tokenizer_config.json"),
];

/// What a perf engineer edits, read.
#[derive(Debug)]
pub struct Tables {
    pub models: ModelTable,
    pub options: OptionTable,
    pub limits: MetricTable,
    /// When a measurement is not to be trusted.
    pub tolerances: Tolerances,
    /// Clocks to hold GPUs at.
    pub clocks: ClockTable,
    /// Which metric of a case decides.
    pub primary: PrimaryTable,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("read {}: {source}", path.display())]
    Models { path: PathBuf, source: serde_yaml::Error },
    #[error("read {}: {source}", path.display())]
    Options { path: PathBuf, source: OptionTableError },
    #[error("read {}: {source}", path.display())]
    Limits { path: PathBuf, source: MetricTableError },
    #[error("read {}: {source}", path.display())]
    Tolerances { path: PathBuf, source: serde_yaml::Error },
    #[error("read {}: {source}", path.display())]
    Clocks { path: PathBuf, source: serde_yaml::Error },
    #[error("read {}: {source}", path.display())]
    Primary { path: PathBuf, source: PrimaryTableError },
}

impl Tables {
    /// The embedded tables, those of `dir` in their place where it has them, and the site's `models.local.yml`
    /// (of `dir` and of the working directory) on top.
    ///
    /// # Errors
    /// When `dir` is no directory, or a file cannot be read or is not the table its name promises.
    pub fn load(dir: Option<&Path>) -> Result<Self, TablesError> {
        let (path, yaml) = text(dir, "models.yml", include_str!("../perf-tests/models.yml"))?;
        let mut models =
            ModelTable::parse(&yaml).map_err(|source| TablesError::Models { path, source })?;
        let (path, yaml) =
            text(dir, "pytorch-config.yml", include_str!("../perf-tests/pytorch-config.yml"))?;
        let options =
            OptionTable::parse(&yaml).map_err(|source| TablesError::Options { path, source })?;
        let (path, yaml) = text(dir, "metrics.yml", include_str!("../perf-tests/metrics.yml"))?;
        let limits =
            MetricTable::parse(&yaml).map_err(|source| TablesError::Limits { path, source })?;
        let (path, yaml) =
            text(dir, "certificate.yml", include_str!("../perf-tests/certificate.yml"))?;
        let tolerances =
            Tolerances::parse(&yaml).map_err(|source| TablesError::Tolerances { path, source })?;
        let (path, yaml) = text(dir, "clocks.yml", include_str!("../perf-tests/clocks.yml"))?;
        let clocks =
            ClockTable::parse(&yaml).map_err(|source| TablesError::Clocks { path, source })?;
        let (path, yaml) = text(dir, "gate.yml", include_str!("../perf-tests/gate.yml"))?;
        let primary =
            PrimaryTable::parse(&yaml).map_err(|source| TablesError::Primary { path, source })?;
        for path in
            dir.map(|dir| dir.join(LOCAL_MODELS)).into_iter().chain([PathBuf::from(LOCAL_MODELS)])
        {
            match fs::read_to_string(&path) {
                Ok(text) => {
                    models.overlay(&text).map_err(|source| TablesError::Models { path, source })?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(TablesError::Read { path, source }),
            }
        }
        Ok(Self { models, options, limits, tolerances, clocks, primary })
    }
}

/// The baseline of a GPU, `baselines/<GPU>.csv` of `dir` or of `perf-tests`; none comes with the harness, since a level is
/// of one site's machines.
pub fn baseline_of(gpu: &str, dir: Option<&Path>) -> Option<PathBuf> {
    let name = format!("{}.csv", gpu.replace(['/', '\\'], "_"));
    let folders = dir.into_iter().chain([Path::new("perf-tests")]);
    let mut paths = folders.map(|folder| folder.join("baselines").join(&name));
    paths.find(|path| path.is_file())
}

fn text(dir: Option<&Path>, name: &str, embedded: &str) -> Result<(PathBuf, String), TablesError> {
    let unreadable = |path: &Path, source| TablesError::Read { path: path.to_owned(), source };
    if let Some(dir) = dir
        && replaces(dir, name).map_err(|source| unreadable(dir, source))?
    {
        let path = dir.join(name);
        let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
        return Ok((path, text));
    }
    Ok((name.into(), embedded.to_owned()))
}

/// Whether `dir` has a file in place of an embedded one. A directory that is not there is a slip, and no wish for
/// what is embedded.
fn replaces(dir: &Path, name: &str) -> io::Result<bool> {
    if fs::metadata(dir)?.is_dir() {
        dir.join(name).try_exists()
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

/// A list that comes with the harness, or the one that `dir` has in its place.
///
/// # Errors
/// When `dir` is no directory; as [`TestList::load`].
pub fn own_list(name: &str, dir: Option<&Path>) -> Result<TestList, ListError> {
    let unreadable = |dir: &Path, source| ListError::Read { file: dir.to_owned(), source };
    if let Some(dir) = dir
        && replaces(dir, name).map_err(|source| unreadable(dir, source))?
    {
        return TestList::load(&dir.join(name));
    }
    let text = LISTS.iter().find(|(own, _)| *own == name).map_or("", |(_, text)| text);
    TestList::parse(Path::new("test-lists").join(name), text)
}

/// Reads a list as the user named it: a file, or the bare name of one that comes with the harness.
///
/// # Errors
/// As [`own_list`].
pub fn named_list(path: &Path, dir: Option<&Path>) -> Result<TestList, ListError> {
    let own = path.to_str().filter(|name| LISTS.iter().any(|(own, _)| own == name));
    match own.filter(|_| !path.exists()) {
        Some(name) => own_list(name, dir),
        None => TestList::load(path),
    }
}

/// Writes the embedded engine's models below `folder`, unless they are there already with the same bytes.
///
/// # Errors
/// When a folder or file cannot be made.
pub fn place_refbench_models(folder: &Path) -> io::Result<()> {
    for (name, bytes) in REFBENCH_MODELS {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        // Several processes of one run may do this at once; each replaces the file as a whole.
        let mut file = temporary_beside(&path)?;
        file.write_all(bytes)?;
        file.persist(&path).map_err(|error| error.error)?;
    }
    Ok(())
}
