//! What a bench program says of itself: its release and its options.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use once_cell::sync::Lazy;
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::contract::Contract;
use crate::process::{Ended, Interrupt, ProcessError, Step, Supervisor, Watch, run};

/// Importing TensorRT-LLM from a cold network file system takes minutes.
const HELP_LIMIT: Duration = Duration::from_secs(300);
/// Up to 1.2 the program wants a model before it prints the help of a command.
const ANY_MODEL: &str = "--model=help";

/// What a bench program says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Release of TensorRT-LLM, e.g. `1.2.0`; `None` when the program is of another kind.
    pub version: Option<String>,
    /// The options it knows, as far as its help says.
    pub contract: Contract,
}

/// The last answer, and who asked.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    program: PathBuf,
    /// What the processes of one run have in common, where there are several.
    group: Option<String>,
    about: About,
}

/// Asks `program` for its release and options, by the help of its commands. Each question takes seconds, so the answer is
/// kept in `folder`: it serves the other processes of `group` as it is, and later runs as far as the release is the same.
/// (The file of a program says nothing of that: it is a script that imports what is installed.)
///
/// # Errors
/// When the program cannot be started, or its answer cannot be kept or read.
pub fn ask(
    program: &Path,
    folder: &Path,
    group: Option<&str>,
    supervisor: &Supervisor,
    interrupt: &Interrupt,
) -> Result<About, AskError> {
    let memory = folder.join("bench-program.json");
    // A memory that is gone or means nothing is asked for again.
    let remembered = fs::read(&memory)
        .ok()
        .and_then(|text| serde_json::from_slice::<Remembered>(&text).ok())
        .filter(|kept| kept.program == program);
    if let Some(kept) = &remembered
        && group.is_some()
        && kept.group.as_deref() == group
    {
        return Ok(kept.about.clone());
    }
    let question = Question { program, folder, supervisor, interrupt };
    let throughput = question.help("throughput")?;
    let release = version(&throughput.text);
    let of_release = |kept: &Remembered| release.is_some() && kept.about.version == release;
    let mut answered = throughput.answered;
    let build = match remembered.filter(of_release) {
        Some(kept) => kept.about.contract.build,
        None => {
            let build = question.help("build")?;
            answered &= build.answered;
            options(&build.text)
        }
    };
    let contract = Contract { throughput: options(&throughput.text), build };
    let about = About { version: release, contract };
    if answered {
        let group = group.map(str::to_owned);
        let kept = Remembered { program: program.to_owned(), group, about: about.clone() };
        let text = serde_json::to_vec(&kept).map_err(io::Error::from);
        text.and_then(|text| fs::write(&memory, text))
            .map_err(|source| AskError::Keep { path: memory, source })?;
    }
    Ok(about)
}

/// Why a program's answer cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("keep the answer in {}: {source}", path.display())]
    Keep { path: PathBuf, source: io::Error },
    #[error("read the answer in {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

struct Question<'a> {
    program: &'a Path,
    folder: &'a Path,
    supervisor: &'a Supervisor,
    interrupt: &'a Interrupt,
}

struct Answer {
    text: String,
    /// The program ended by itself, so that asking again would give the same.
    answered: bool,
}

impl Question<'_> {
    fn help(&self, command: &str) -> Result<Answer, AskError> {
        // Several processes of one run may ask at once.
        let log = tempfile::Builder::new().prefix(".bench-help-").tempfile_in(self.folder);
        let log = log.map_err(|source| AskError::Keep { path: self.folder.to_owned(), source })?;
        let argv =
            [&self.program.to_string_lossy(), ANY_MODEL, command, "--help"].map(str::to_owned);
        let step = Step {
            argv: argv.to_vec(),
            cwd: self.folder.to_owned(),
            env: Vec::new(),
            log: log.path().to_owned(),
            stdout: None,
            limit: Some(HELP_LIMIT),
            grace: Step::GRACE,
            frame: None,
        };
        let end = run(&step, Watch::default(), self.supervisor, self.interrupt)?;
        let text = fs::read(log.path())
            .map_err(|source| AskError::Read { path: log.path().to_owned(), source })?;
        let answered = matches!(end.ended, Ended::Success | Ended::Failed(_));
        Ok(Answer { text: String::from_utf8_lossy(&text).into_owned(), answered })
    }
}

/// The release in the first line that the real program prints, whatever else happens.
fn version(text: &str) -> Option<String> {
    static LINE: Lazy<Regex> = Lazy::new(|| {
        Regex::new(r"(?m)\[TensorRT-LLM\] TensorRT[- ]LLM version: (\S+)").expect("a valid pattern")
    });
    LINE.captures(text).map(|found| found[1].to_owned())
}

/// The long options that a help text defines: those that begin a line, and their aliases.
fn options(text: &str) -> BTreeSet<String> {
    static DEFINED: Lazy<Regex> = Lazy::new(|| {
        Regex::new(r"(?m)^\s+(?:-\w, *)?--[\w-]+(?:(?:, | / |/)--[\w-]+)*")
            .expect("a valid pattern")
    });
    static OPTION: Lazy<Regex> = Lazy::new(|| Regex::new(r"--[\w-]+").expect("a valid pattern"));
    let defined = DEFINED.find_iter(text).flat_map(|line| OPTION.find_iter(line.as_str()));
    defined.map(|option| option.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_in_both_spellings_and_never_from_another_program() {
        assert_eq!(
            version("[TensorRT-LLM] TensorRT-LLM version: 1.1.0rc6\nUsage:"),
            Some("1.1.0rc6".to_owned())
        );
        assert_eq!(
            version("x\n[TensorRT-LLM] TensorRT LLM version: 1.2.0\n"),
            Some("1.2.0".to_owned())
        );
        assert_eq!(version("[refbench] refbench version: 1.2.0"), None);
    }

    #[test]
    fn options_are_those_that_a_help_text_defines_with_their_aliases() {
        let text = "Usage: trtllm-bench throughput [OPTIONS]\n\nOptions:\n  --backend [pytorch|tensorrt]  see --engine_dir\n  \
                    --extra_llm_api_options, --config TEXT\n                       not --this\n  -w, --workspace DIR\n  \
                    --enable_chunked_context / --disable_chunked_context\n  --help  Show this message and exit.\n";
        let found: Vec<String> = options(text).into_iter().collect();
        assert_eq!(
            found,
            [
                "--backend",
                "--config",
                "--disable_chunked_context",
                "--enable_chunked_context",
                "--extra_llm_api_options",
                "--help",
                "--workspace"
            ]
        );
    }
}
