//! What outlives failures: retries, interrupted and killed runs that are gone on with, old runs that are cleared away.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A folder with a copy of the bench program and a list of `cases` tests.
struct Place(TempDir);

impl Place {
    fn new(cases: usize) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/survival/bench.sh");
        fs::copy(bench, folder.path().join("bench.sh")).expect("bench");
        let place = Self(folder);
        place.list(cases, "");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect(name);
    }

    /// A list of that many tests, each with `marker`.
    fn list(&self, cases: usize, marker: &str) {
        let line = |i| format!("perf/test_perf.py::test_perf[{}]{marker}\n", label(i));
        self.write("list.txt", &(1..=cases).map(line).collect::<String>());
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
        for (name, _) in std::env::vars() {
            if ["TRTLLM_", "LLM_", "NEXTEST"].iter().any(|start| name.starts_with(start)) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.0.path())
            .args(["run", "--test-list", "list.txt", "--bench-bin", "./bench.sh"])
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("start")
    }

    fn starts(&self) -> usize {
        fs::read_to_string(self.path("started")).unwrap_or_default().lines().count()
    }

    /// JUnit's cases: name to the name of the child that tells the outcome, `passed` without one.
    fn junit(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.path("perf-output/junit.xml")).expect("junit.xml");
        let document = roxmltree::Document::parse(&text).expect("well-formed");
        let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let outcomes = ["failure", "error", "skipped"];
        let mut found = BTreeMap::new();
        for case in cases {
            let outcome = case.children().find(|child| outcomes.contains(&child.tag_name().name()));
            let outcome = outcome.map_or("passed", |child| child.tag_name().name()).to_owned();
            let name = case.attribute("name").expect("name").to_owned();
            assert!(found.insert(name.clone(), outcome).is_none(), "{name} twice");
        }
        found
    }

    /// Rows of the perf CSV by test.
    fn csv(&self) -> BTreeMap<String, usize> {
        let mut rows = BTreeMap::new();
        let mut reader =
            csv::Reader::from_path(self.path("perf-output/perf_script_test_results.csv"))
                .expect("CSV");
        let column = reader
            .headers()
            .expect("header")
            .iter()
            .position(|name| name == "original_test_name")
            .expect("column");
        for record in reader.records() {
            *rows.entry(record.expect("row")[column].to_owned()).or_default() += 1;
        }
        rows
    }
}

fn label(i: usize) -> String {
    format!("refbench_tiny_llama-bench-pytorch-float32-input_output_len:8,4-reqs:{i}")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_pass_after_a_failure_is_flaky_and_every_attempt_is_kept() {
    let place = Place::new(1);
    place.write("failures", "2");
    let output = place.run(&["--retries", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stderr(&output).contains("attempt 2 failed; trying again"), "{}", stderr(&output));
    let junit = fs::read_to_string(place.path("perf-output/junit.xml")).expect("junit.xml");
    assert!(junit.contains("flaky: passed on attempt 3"), "{junit}");
    let found = Command::new("find")
        .arg(place.path("perf-output/runs/latest/"))
        .args(["-name", "result.json"])
        .output();
    assert_eq!(stdout(&found.expect("find")).lines().count(), 3);
    assert_eq!(
        place.csv().into_values().collect::<Vec<_>>(),
        [3],
        "the rows of the attempt that passed"
    );
    let samples = csv::Reader::from_path(place.path("perf-output/perf_samples.csv"));
    let mut samples = samples.expect("the samples");
    let shown: Vec<[String; 4]> = samples
        .deserialize::<std::collections::BTreeMap<String, String>>()
        .map(|row| row.expect("a row"))
        .map(|row| ["attempt", "outcome", "metric_type", "state"].map(|it| row[it].clone()))
        .collect();
    let row = |attempt: &str, outcome: &str, metric: &str, state: &str| {
        [attempt, outcome, metric, state].map(str::to_owned)
    };
    let expected = [
        row("1", "gpu_oom", "", ""),
        row("2", "gpu_oom", "", ""),
        row("3", "flaky", "INFERENCE_TIME", "flaky"),
        row("3", "flaky", "TOKEN_THROUGHPUT", "flaky"),
        row("3", "flaky", "SEQ_THROUGHPUT", "flaky"),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_test_that_fails_more_often_than_it_is_retried_fails() {
    let place = Place::new(1);
    place.write("failures", "5");
    let output = place.run(&["--retries", "1"]);
    assert_eq!(output.status.code(), Some(101));
    assert!(stdout(&output).contains("gpu_oom: bench exited with 1"), "{}", stdout(&output));
    assert_eq!(place.starts(), 2);
}

#[test]
fn resume_runs_only_what_has_no_result_and_failed_runs_what_failed() {
    let place = Place::new(3);
    place.write("failures", "1");
    assert_eq!(place.run(&["reqs:1]"]).status.code(), Some(101), "one test, and it fails");
    let resumed = place.run(&["--resume"]);
    assert_eq!(resumed.status.code(), Some(101), "the failure of the run still stands");
    assert!(stdout(&resumed).contains("--failed runs it again"), "{}", stdout(&resumed));
    assert!(stderr(&resumed).contains("going on with run"), "{}", stderr(&resumed));
    assert_eq!(place.starts(), 3, "the two others ran");
    let failed = place.run(&["--failed"]);
    assert_eq!(failed.status.code(), Some(0), "{}", stdout(&failed));
    assert_eq!(place.starts(), 4, "only the failed one ran");
    assert_eq!(place.junit().into_values().collect::<Vec<_>>(), ["passed"; 3]);
    assert_eq!(place.csv().len(), 3);
    let runs = fs::read_dir(place.path("perf-output/runs")).expect("runs").count();
    assert_eq!(runs, 2, "one run and the link to it");
    let again = place.run(&["--resume"]);
    assert_eq!(
        (again.status.code(), place.starts()),
        (Some(0), 4),
        "a whole run is green and runs nothing"
    );
}

#[test]
fn a_line_that_changed_since_its_result_is_said() {
    let place = Place::new(1);
    place.run(&[]);
    place.list(1, " TIMEOUT (7)");
    let output = place.run(&["--resume"]);
    assert!(stderr(&output).contains("timeout_s changed since its result"), "{}", stderr(&output));
}

#[test]
fn resume_waits_for_a_run_that_is_still_going_on() {
    let place = Place::new(2);
    place.write("slow", "1");
    let mut run = start(&place, &[]);
    wait_until("the first test runs", || place.path("perf-output/runs/latest").exists());
    let resumed = place.run(&["--resume"]);
    assert!(stderr(&resumed).contains("waiting: "), "{}", stderr(&resumed));
    assert_eq!(resumed.status.code(), Some(0), "{}", stdout(&resumed));
    assert_eq!(run.wait().expect("wait").code(), Some(0));
    assert_eq!(place.starts(), 2, "nothing ran twice");
    assert_eq!(place.csv().into_values().collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn resume_runs_what_ctrl_c_cut_short() {
    let place = Place::new(2);
    place.write("slow", "30");
    let mut run = start(&place, &[]);
    wait_until("the first step runs", || {
        let trials = fs::read_dir(place.path("perf-output/runs/latest")).into_iter().flatten();
        trials.flatten().any(|trial| trial.path().join("attempt-1/bench.log").exists())
    });
    kill(Pid::from_raw(run.id() as i32), Signal::SIGINT).expect("interrupt");
    assert_eq!(run.wait().expect("wait").code(), Some(130));
    fs::remove_file(place.path("slow")).expect("fast again");
    let resumed = place.run(&["--resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}{}", stdout(&resumed), stderr(&resumed));
    assert_eq!(place.junit().into_values().collect::<Vec<_>>(), ["passed", "passed"]);
}

#[test]
fn what_did_not_run_is_no_result_that_stands() {
    let place = Place::new(1);
    place.list(1, " SKIP (the node is down)");
    assert_eq!(place.run(&[]).status.code(), Some(4));
    assert_eq!(place.run(&["--resume"]).status.code(), Some(4), "nothing ran this time either");
    place.list(1, "");
    for flag in ["--failed", "--resume"] {
        let output = place.run(&[flag]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert_eq!(place.starts(), 1, "it ran once its marker was gone");
    assert_eq!(place.junit().into_values().collect::<Vec<_>>(), ["passed"]);
}

#[test]
fn files_of_a_run_that_is_gone_on_with_stay_as_they_were_begun() {
    let place = Place::new(1);
    place.run(&[]);
    let output = place.run(&["--resume", "--perf-log-formats", "yaml", "-o", "junit_logging=all"]);
    let said = "stay as it was begun with another --perf-log-formats, -o junit_logging";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    assert!(!place.path("perf-output/perf_script_test_results.yaml").exists());
}

#[test]
fn resume_without_a_run_runs_everything() {
    let place = Place::new(2);
    let output = place.run(&["--resume"]);
    assert_eq!((output.status.code(), place.starts()), (Some(0), 2));
    assert!(
        stderr(&output).contains("there is no run in perf-output to go on with"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_io_error_stops_the_run_only_when_that_is_asked_for() {
    for (arguments, others) in [(&["--on-io-error", "stop"][..], 0), (&[][..], 1)] {
        let place = Place::new(2);
        // The workspace folder of the first test is a file.
        let work = place.path("work/perf_engines");
        fs::create_dir_all(&work).expect("workspace");
        fs::write(work.join(label(1).replace([':', ','], "_")), "").expect("obstacle");
        let output = place.run(&[&["--workspace", "work"], arguments].concat());
        assert_eq!(output.status.code(), Some(101), "{}", stdout(&output));
        assert!(stdout(&output).contains("io: make "), "{}", stdout(&output));
        assert_eq!(place.starts(), others, "{arguments:?}");
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a run.
fn start(place: &Place, arguments: &[&str]) -> Child {
    place.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start")
}

/// Numbers from 0 to 1, the same for the same seed (SplitMix64).
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }
}

/// A number of the environment, for longer and for other soaks.
fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Runs a list to its end through kills and resumes; how often it was killed. A moment is drawn from the time that is
/// left of the run and a little more, so that kills hit every stage of it, and more the oftener it was killed, so that it
/// ends also on a machine that has become slower.
fn killed_until_whole(place: &Place, trials: usize, moments: &mut Moments) -> u32 {
    // Without kills: how long a start takes, and how long a trial.
    let timed = |arguments: &[&str]| {
        let begin = Instant::now();
        assert_eq!(place.run(arguments).status.code(), Some(0));
        begin.elapsed()
    };
    let whole = timed(&[]);
    let start_up = timed(&["--resume"]);
    let each = whole.saturating_sub(start_up) / u32::try_from(trials).expect("a small number");
    fs::remove_dir_all(place.path("perf-output")).expect("begin anew");
    let without_result = || {
        let folders = fs::read_dir(place.path("perf-output/runs/latest")).into_iter().flatten();
        let done = |folder: &fs::DirEntry| folder.path().join("attempt-1/result.json").exists();
        // An attempt that was cut short keeps its number.
        trials - folders.flatten().filter(done).count()
    };
    let mut kills = 0;
    loop {
        let left = u32::try_from(without_result()).expect("a small number");
        let moment =
            (start_up + each * left).mul_f64((1.2 + 0.02 * f64::from(kills)) * moments.next());
        let mut run = start(place, &["--resume"]);
        std::thread::sleep(moment);
        if let Some(status) = run.try_wait().expect("wait") {
            assert_eq!((status.code(), without_result()), (Some(0), 0));
            return kills;
        }
        run.kill().expect("kill -9");
        run.wait().expect("wait");
        kills += 1;
    }
}

#[test]
fn a_run_killed_at_any_moment_and_resumed_has_every_test_exactly_once() {
    const TRIALS: usize = 20;
    let wanted = number_of("TRTLLM_PERF_SOAK_KILLS", 200);
    let seed = number_of("TRTLLM_PERF_SOAK_SEED", 1);
    // Runs sleep most of the time, so that each core has room for two.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = (2 * cores).min(8) as u64;
    let begin = Instant::now();
    let one_thread = |number: u64| {
        let mut moments = Moments(seed * 1000 + number);
        let (mut kills, mut runs) = (0_u64, 0_u64);
        while kills < wanted.div_ceil(threads) {
            let place = Place::new(TRIALS);
            place.write("slow", "0.02");
            kills += u64::from(killed_until_whole(&place, TRIALS, &mut moments));
            runs += 1;
            let junit = place.junit();
            assert_eq!(junit.len(), TRIALS);
            assert!(junit.values().all(|outcome| outcome == "passed"), "{junit:?}");
            let csv = place.csv();
            assert_eq!(csv.len(), TRIALS);
            assert!(csv.values().all(|rows| *rows == 3), "{csv:?}");
        }
        (kills, runs)
    };
    let counts = std::thread::scope(|scope| {
        let one_thread = &one_thread;
        let threads: Vec<_> = (0..threads).map(|i| scope.spawn(move || one_thread(i))).collect();
        let counts = threads.into_iter().map(|thread| thread.join().expect("a thread"));
        counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    let (kills, runs) = counts;
    println!(
        "seed {seed}: {kills} kills in {runs} runs of {TRIALS} trials, {:.0} s: each trial once in CSV and JUnit",
        begin.elapsed().as_secs_f64()
    );
}

fn trtllm_perf(place: &Place, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
    command.current_dir(place.0.path()).args(arguments).output().expect("start")
}

#[test]
fn status_tells_from_outside_what_a_run_is_doing() {
    let place = Place::new(3);
    place.write("slow", "1");
    let mut run = start(&place, &[]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let seen = loop {
        let output = trtllm_perf(&place, &["status", "perf-output"]);
        let text = stdout(&output);
        // The label holds the step's name, too.
        let in_bench = |line: &str| {
            line.trim_start().starts_with("case ") && line.contains(" of 3, bench 0:0")
        };
        if text.lines().any(in_bench) {
            break text;
        }
        assert!(Instant::now() < deadline, "the step is not told: {text}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(seen.contains("of 3 tests have a result"), "{seen}");
    assert!(seen.contains("running  perf/test_perf.py::test_perf["), "{seen}");
    run.wait().expect("wait");
    let output = trtllm_perf(&place, &["status", "perf-output"]);
    assert!(
        stdout(&output).contains("3 of 3 tests have a result: 3 passed"),
        "{}",
        stdout(&output)
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn prune_keeps_the_newest_runs_and_the_blessed_ones() {
    let place = Place::new(1);
    for _ in 0..4 {
        assert_eq!(place.run(&[]).status.code(), Some(0));
    }
    let runs = || {
        let entries = fs::read_dir(place.path("perf-output/runs"))
            .expect("runs")
            .map(|entry| entry.expect("entry"));
        let folders = entries.filter(|entry| entry.file_type().expect("type").is_dir());
        let mut names: Vec<_> =
            folders.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    };
    let all = runs();
    let started = |name: &String| {
        let text =
            fs::read(place.path(&format!("perf-output/runs/{name}/run.json"))).expect("run.json");
        serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")["started"]
            .as_str()
            .expect("time")
            .to_owned()
    };
    let mut by_age = all.clone();
    by_age.sort_by_key(started);
    fs::write(
        place.path(&format!("perf-output/runs/{}/blessed", by_age[0])),
        "level of release 1.1\n",
    )
    .expect("bless");
    let output = trtllm_perf(&place, &["prune", "perf-output", "--keep", "1", "--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    assert_eq!(runs(), all, "a dry run removes nothing");
    trtllm_perf(&place, &["prune", "perf-output", "--keep", "1"]);
    let mut kept = vec![by_age[0].clone(), by_age[3].clone()];
    kept.sort();
    assert_eq!(runs(), kept);
}
