//! A folder with a small model, data sets, and runs of the program in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

/// Two layers, few enough weights that a run takes milliseconds.
const MODEL: &str = r#"{"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 200, "max_position_embeddings": 512}"#;

/// The program, without variables of the outer world.
pub fn refbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refbench"));
    command.env_remove("REFBENCH_THREADS").env_remove("REFBENCH_SLOWDOWN");
    command
}

/// A folder to run in.
pub struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        fs::write(dir.path().join("config.json"), MODEL).expect("model written");
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("file written");
        path
    }

    /// A data set of requests with these lengths of prompt and output; prompts differ.
    pub fn dataset(&self, name: &str, lengths: &[(usize, usize)]) -> PathBuf {
        let mut lines = String::new();
        for (id, &(input, output)) in lengths.iter().enumerate() {
            let prompt: Vec<usize> = (0..input).map(|i| (i * 37 + id * 61 + i * i) % 200).collect();
            writeln!(
                lines,
                r#"{{"task_id":{id},"input_ids":{prompt:?},"output_tokens":{output}}}"#
            )
            .expect("a string takes it");
        }
        self.write(name, &lines)
    }

    /// `refbench --model=org/small --model_path=… --workspace=… throughput`, without a data set.
    pub fn throughput(&self) -> Command {
        let mut command = self.group();
        command.arg("throughput");
        command
    }

    /// The program with the group's options.
    pub fn group(&self) -> Command {
        let mut command = refbench();
        command.arg("--model=org/small").arg("--model_path").arg(self.dir.path());
        command.arg("--workspace").arg(self.path("ws"));
        command
    }

    /// Serves `dataset` with `options` and returns what was printed, the report and the requests by id.
    pub fn serve(&self, dataset: &Path, options: &[&str]) -> Served {
        let (report, requests) = (self.path("report.json"), self.path("requests.json"));
        let output = self
            .throughput()
            .arg("--dataset")
            .arg(dataset)
            .arg("--report_json")
            .arg(&report)
            .arg("--request_json")
            .arg(&requests)
            .args(options)
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        let json = |path: &Path| fs::read_to_string(path).expect("written");
        let mut requests: Vec<Value> = serde_json::from_str(&json(&requests)).expect("JSON");
        requests.sort_by_key(|request| request["id"].as_u64());
        Served { text: stdout(&output), report: json(&report), requests }
    }
}

/// A run that succeeded.
pub struct Served {
    /// Standard output.
    pub text: String,
    /// The report JSON.
    pub report: String,
    /// The requests in order of their ids.
    pub requests: Vec<Value>,
}

impl Served {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.report).expect("JSON")
    }

    /// The tokens of each request.
    pub fn tokens(&self) -> Vec<Value> {
        self.requests.iter().map(|request| request["output_tokens"].clone()).collect()
    }

    /// Most requests that were between start and end at one time.
    pub fn most_at_a_time(&self) -> usize {
        let time = |request: &Value, key: &str| request[key].as_u64().expect("a time");
        let open_at = |now: u64| {
            let open =
                |r: &&Value| time(r, "start_timestamp") <= now && now < time(r, "end_timestamp");
            self.requests.iter().filter(open).count()
        };
        self.requests.iter().map(|r| open_at(time(r, "start_timestamp"))).max().unwrap_or(0)
    }

    /// Iterations of the measured part, from the lines of `print_iter_log`.
    pub fn iterations(&self) -> Vec<&str> {
        let measured = self.text.split("Warmup done.").last().unwrap_or(&self.text);
        measured.lines().filter(|line| line.contains("] iter = ")).collect()
    }
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Runs `command`, which must end with `code`, and returns stdout and stderr together.
pub fn fails(command: &mut Command, code: i32) -> String {
    let output = command.output().expect("the program starts");
    let text = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}
