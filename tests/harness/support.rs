//! The real executables, run in a folder of their own, and readers of what they leave there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The installed program.
pub const TRTLLM_PERF: &str = env!("CARGO_BIN_EXE_trtllm-perf");
/// The embedded engine beside it.
pub const REFBENCH: &str = env!("CARGO_BIN_EXE_refbench");

/// Labels of the embedded engine's tiny model, so that data sets need no models root. Scripted programs run them.
pub const PYTORCH: &str =
    "refbench_tiny_llama-bench-pytorch-float32-input_output_len:64,32-reqs:48";
pub const STREAMING: &str =
    "refbench_tiny_llama-bench-pytorch-streaming-float32-input_output_len:64,32-reqs:48";
pub const TENSORRT: &str = "refbench_tiny_llama-bench-float32-input_output_len:64,32-reqs:48";
/// A label whose data set takes hours.
pub const ENDLESS: &str =
    "refbench_tiny_llama-bench-pytorch-float32-input_output_len:8,4-reqs:4000000000";

/// The id of a label.
pub fn id(label: &str) -> String {
    format!("perf/test_perf.py::test_perf[{label}]")
}

/// A file or folder of `tests/fixtures/harness`.
pub fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/harness/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A scripted bench program.
pub fn bench(name: &str) -> String {
    fixture(&format!("bench/{name}.sh"))
}

/// Whether a variable of the surroundings would change what the harness does.
fn steers_the_harness(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["TRTLLM_", "LLM_", "NEXTEST"].iter().any(|front| name.starts_with(front))
}

/// `program`, deaf to the surroundings, in the folder `cwd`.
pub fn command(program: impl AsRef<OsStr>, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cwd).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| steers_the_harness(name)) {
        command.env_remove(name);
    }
    command
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; `None` when it was killed by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The same, when it ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The same, when stderr tells this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no `{text}` in stderr:\n{}", self.err);
        self
    }
}

/// One row of a CSV, by column.
pub type Row = std::collections::BTreeMap<String, String>;

/// A folder to run in; it goes when the test ends.
pub struct Work(TempDir);

impl Work {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path as a command-line word.
    pub fn word(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Writes a file with its folders; its path as a command-line word.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("folders");
        fs::write(path, text).expect("a file");
        self.word(name)
    }

    /// A text list with these labels.
    pub fn list(&self, name: &str, labels: &[&str]) -> String {
        self.write(name, labels.iter().map(|label| id(label) + "\n").collect::<String>())
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `trtllm-perf run` with these words.
    pub fn harness(&self, words: &[&str]) -> Command {
        let mut command = command(TRTLLM_PERF, self.folder());
        command.arg("run").args(words);
        command
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        run(&mut self.harness(words))
    }

    /// One case on one scripted program.
    pub fn run_case(&self, label: &str, program: &str, more: &[&str]) -> Ended {
        let program = bench(program);
        let words = ["--case", label, "--bench-bin", &program];
        self.run(&[&words, more].concat())
    }

    /// Everything in the folder, relative, sorted.
    pub fn files(&self) -> Vec<String> {
        fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                found.push(path.strip_prefix(root).expect("below").to_string_lossy().into_owned());
                if path.is_dir() && !path.is_symlink() {
                    walk(root, &path, found);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder(), self.folder(), &mut found);
        found.sort();
        found
    }

    /// The rows of the perf CSV.
    pub fn rows(&self) -> Vec<Row> {
        read_csv(&self.path("perf-output/perf_script_test_results.csv"))
    }

    /// The metric types of the rows, in order.
    pub fn metrics(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row["metric_type"].clone()).collect()
    }

    /// The value of the first row of a metric.
    pub fn value(&self, metric: &str) -> f64 {
        let rows = self.rows();
        let row = rows.iter().find(|row| row["metric_type"] == metric);
        row.unwrap_or_else(|| panic!("no {metric}"))["perf_metric"].parse().expect("a number")
    }

    pub fn junit(&self) -> crate::junit::Suite {
        crate::junit::Suite::read(&self.read("perf-output/junit.xml"))
    }

    /// The attempt folders of the newest run, sorted.
    pub fn attempts(&self) -> Vec<PathBuf> {
        let run = self.path("perf-output/runs/latest");
        let mut found = Vec::new();
        for trial in fs::read_dir(&run).unwrap_or_else(|e| panic!("{}: {e}", run.display())) {
            let trial = trial.expect("an entry").path();
            if trial.is_dir() {
                found.extend(
                    fs::read_dir(trial).expect("attempts").map(|it| it.expect("one").path()),
                );
            }
        }
        found.sort();
        found
    }

    /// The folder and the result of the only attempt.
    pub fn attempt(&self) -> (PathBuf, Value) {
        let [folder] = &self.attempts()[..] else { panic!("{:?}", self.attempts()) };
        (folder.clone(), read_json(&folder.join("result.json")))
    }

    /// The failure of the only attempt.
    pub fn failure(&self) -> Value {
        let (_, result) = self.attempt();
        let failure = result["outcome"]["failed"].clone();
        assert!(failure.is_object(), "{result}");
        failure
    }

    /// The problems of the only attempt, as one text.
    pub fn problems(&self) -> String {
        let (_, result) = self.attempt();
        let lines: Vec<_> =
            result["problems"].as_array().expect("a list").iter().map(text).collect();
        lines.join("\n")
    }
}

pub fn run(command: &mut Command) -> Ended {
    Ended::of(command.output().expect("the program starts"))
}

/// A string of a JSON value.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub fn read_json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn read_csv(path: &Path) -> Vec<Row> {
    let reader = csv::Reader::from_path(path);
    let mut reader = reader.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

/// One JSON value a line.
pub fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    text.lines().map(parse).collect()
}

/// Waits until `look` finds something; the longest wait is for machines that are busy with other things.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// A models root with the checkpoint of `llama_v3.1_8b`, as far as a data set needs it.
pub fn models_root(work: &Work) -> String {
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let own =
            format!("{}/perf-tests/refbench-models/tiny-llama/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read(own).expect("a tokenizer");
        work.write(&format!("models/llama-3.1-model/Meta-Llama-3.1-8B/{file}"), text);
    }
    work.word("models")
}
