//! The journal: what lies where, what survives a crash, and folding again.

use std::fs;

use clap::{CommandFactory, Parser};
use trtllm_perf::commands::rebuild::RebuildArgs;
use trtllm_perf::record::result::{FailureKind, Outcome};
use trtllm_perf::record::{
    BLESSED, Copies, JunitLogging, Keep, OutputDir, RecordError, Recorder, RunId, RunInfo, Started,
    ViewOptions, prunable, rebuild, status, trial_folder,
};

use crate::support::*;

const VIEWS: [&str; 6] = [
    "junit.xml",
    "perf_script_test_results.csv",
    "perf_script_test_results.yaml",
    "session_properties.csv",
    "session_data.yml",
    "gpu_monitoring.csv",
];

fn everything() -> ViewOptions {
    ViewOptions { yaml: true, junit_logging: JunitLogging::All, ..Default::default() }
}

fn started() -> Started {
    Started::of(&passed(), serde_json::json!({"steps": []}))
}

#[test]
fn results_lie_under_run_trial_and_attempt_and_latest_links_the_run() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let folder = recorder.attempt_dir(&passed().name, 1).expect("folder");
    let expected = format!("runs/{RUN}/{}/attempt-1", trial_folder(&passed().name));
    assert_eq!(folder, output.path(&expected));
    recorder.start(started()).expect("plan");
    assert!(folder.join("plan.json").exists() && !folder.join("result.json").exists());
    recorder.finish(&passed()).expect("result");
    let text = fs::read(folder.join("result.json")).expect("result.json");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")["run_id"], RUN);
    assert_eq!(fs::read_link(output.path("runs/latest")).expect("link").as_os_str(), RUN);
}

#[test]
fn status_shows_the_last_line_of_a_log_or_why_there_is_none() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let folder = recorder.attempt_dir(&passed().name, 1).expect("folder");
    recorder.start(started()).expect("plan");
    let last_line = || {
        let seen = status(&output.out).expect("status");
        assert_eq!(seen.holder.map(|holder| holder.pid), Some(std::process::id()));
        seen.open.into_iter().next().expect("an open test").last_line
    };
    assert_eq!(last_line(), None);
    let log = folder.join("bench.log");
    fs::write(&log, "one\r\ntwo\n\n").expect("log");
    assert_eq!(last_line().as_deref(), Some("two"));
    fs::remove_file(&log).expect("remove");
    fs::create_dir(&log).expect("no file");
    let told = last_line().expect("a reason");
    assert!(told.contains("bench.log cannot be read: Is a directory"), "{told}");
}

#[test]
fn neither_the_newest_run_nor_one_that_is_going_on_nor_a_blessed_one_may_go() {
    let output = Output::new();
    for run in ["a", "b", "c", "d", "e"] {
        drop(output.begin_as(run, ViewOptions::default(), Copies::default()));
    }
    fs::write(output.path("runs/b").join(BLESSED), "").expect("bless");
    let goes = |keep| -> Vec<String> {
        let runs = prunable(&output.out, keep).expect("runs");
        let names = runs.iter().map(|run| run.path().file_name().expect("a name"));
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    };
    assert_eq!(goes(Keep::Newest(0)), ["a", "c", "d"]);
    assert_eq!(goes(Keep::Newest(2)), ["a", "c"]);
    let going_on = output.begin_as("a", ViewOptions::default(), Copies::default());
    assert_eq!(goes(Keep::Newest(1)), ["c", "d"], "the newest is the one that was gone on with");
    // A link may be lost, as when the folder was copied.
    fs::remove_file(output.path("runs/latest")).expect("unlink");
    assert_eq!(goes(Keep::Newest(0)), ["c", "d"], "`a` is held, `e` began last");
    drop(going_on);
    assert_eq!(goes(Keep::Since("9999-01-01T00:00:00Z".parse().expect("time"))), ["a", "c", "d"]);
    assert_eq!(goes(Keep::Newest(5)), [""; 0]);
}

#[test]
fn numbers_come_back_from_the_journal_exactly() {
    let output = Output::new();
    let mut result = passed();
    result.metrics[0].value = 2.0 / 3.0 * 1e3;
    result.metrics[1].value = 5e-324;
    result.metrics[2].value = 1.7976931348623157e308;
    record(&output.begin(ViewOptions::default()), &result, b"");
    let run = output.out.newest_run().expect("the run");
    let (attempts, problems) =
        trtllm_perf::record::read_attempts(&run, &Default::default()).expect("read");
    assert_eq!(problems, []);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].result, result);
}

#[test]
fn rebuilding_gives_the_bytes_that_the_run_wrote() {
    let output = Output::new();
    let recorder = output.begin(everything());
    record(&recorder, &trial(3, failure(FailureKind::Nccl)), b"NCCL WARN \x1b[31mred\x1b[0m\n");
    record(&recorder, &passed(), "log\n".repeat(50_000).as_bytes());
    let mut retried = trial(1, failure(FailureKind::Hang));
    record(&recorder, &retried, b"first\n");
    (retried.attempt, retried.outcome) = (2, Outcome::Passed);
    retried.metrics = passed().metrics;
    record(&recorder, &retried, b"second\n");
    record(&recorder, &trial(2, Outcome::Skipped("waived".into())), b"");
    drop(recorder);
    let written: Vec<String> = VIEWS.map(|name| output.read(name)).into();
    assert!(written[0].contains("flaky: passed on attempt 2"));

    for name in VIEWS {
        fs::remove_file(output.path(name)).expect("remove");
    }
    let copy = output.dir.path().join("copy.xml");
    let copies = Copies { junit_xml: Some(copy.clone()), pytest_csv: None };
    let rebuilt = rebuild(&output.out, None, &copies).expect("rebuild");
    assert_eq!((rebuilt.trials, rebuilt.problems.as_slice()), (4, [].as_slice()));
    for (name, text) in VIEWS.into_iter().zip(&written) {
        assert_eq!(&output.read(name), text, "{name}");
    }
    assert_eq!(fs::read_to_string(copy).expect("copy"), written[0]);
}

#[test]
fn an_older_run_can_be_shown_again_and_an_unknown_one_is_named() {
    let output = Output::new();
    record(&output.begin(ViewOptions::default()), &passed(), b"");
    let first = output.read("perf_script_test_results.csv");
    drop(output.begin_as("second", ViewOptions::default(), Copies::default()));
    assert_ne!(output.read("perf_script_test_results.csv"), first);
    assert_eq!(output.out.newest_run().expect("run").path(), output.path("runs/second"));
    rebuild(&output.out, Some(RUN), &Copies::default()).expect("rebuild");
    assert_eq!(output.read("perf_script_test_results.csv"), first);

    let error = rebuild(&output.out, Some("nope"), &Copies::default()).expect_err("unknown");
    assert!(error.to_string().ends_with("there is none named `nope`"), "{error}");
    let elsewhere = OutputDir::new(output.dir.path().join("empty"));
    let error = rebuild(&elsewhere, None, &Copies::default()).expect_err("no run at all");
    assert!(matches!(error, RecordError::NoRun { .. }), "{error}");
}

#[test]
fn without_the_link_the_newest_run_is_the_one_that_began_last() {
    let output = Output::new();
    let begin = |run: &str, time_of_day: &str| {
        let id = RunId::given(run).expect("a run id");
        let info = RunInfo::new(&id, time(time_of_day), None, everything(), session());
        let begun = Recorder::begin(output.held(&id), info, Copies::default());
        drop(begun.expect("begin"));
    };
    begin("z-older", "08:00:00");
    begin("a-newer", "09:00:00");
    fs::remove_file(output.path("runs/latest")).expect("remove");
    assert_eq!(output.out.newest_run().expect("run").path(), output.path("runs/a-newer"));
}

#[test]
fn a_killed_attempt_is_an_error_in_junit_until_it_has_a_result() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    recorder.attempt_dir(&passed().name, 1).expect("folder");
    recorder.start(started()).expect("plan");
    recorder.settle().expect("views");
    let killed = output.read("junit.xml");
    assert!(
        killed.contains("message=\"test terminated unexpectedly, or still running"),
        "{killed}"
    );
    assert!(killed.contains("errors=\"1\""), "{killed}");
    drop(recorder);
    rebuild(&output.out, None, &Copies::default()).expect("rebuild");
    assert_eq!(output.read("junit.xml"), killed);

    let (resumed, problems) = output.begin_as(RUN, ViewOptions::default(), Copies::default());
    assert_eq!(problems, []);
    assert_eq!(output.read("junit.xml"), killed);
    record(&resumed, &passed(), b"");
    let text = output.read("junit.xml");
    assert!(text.contains("tests=\"1\" failures=\"0\" errors=\"0\""), "{text}");
}

#[test]
fn what_a_killed_attempt_left_is_moved_aside_and_a_finished_one_is_not_run_over() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let folder = recorder.attempt_dir("a/b.py::t[x]", 1).expect("folder");
    fs::write(folder.join("report.json"), "stale").expect("write");
    let again = recorder.attempt_dir("a/b.py::t[x]", 1).expect("again");
    assert_eq!(again, folder);
    assert!(!folder.join("report.json").exists());
    let kept = folder.with_file_name("attempt-1.abandoned-1").join("report.json");
    assert_eq!(fs::read_to_string(kept).expect("kept"), "stale");

    recorder.finish(&passed()).expect("finish");
    let error = recorder.attempt_dir(&passed().name, 1).expect_err("finished");
    assert!(matches!(error, RecordError::AttemptExists { attempt: 1, .. }), "{error}");
}

#[test]
fn half_written_and_foreign_files_are_passed_over_with_their_place() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    record(&recorder, &passed(), b"");
    record(&recorder, &trial(1, Outcome::Passed), b"");
    let run = recorder.run().path().to_owned();
    drop(recorder);
    let whole = output.read("junit.xml");
    let attempt = run.join(trial_folder(&passed().name)).join("attempt-1");
    let result = fs::read_to_string(attempt.join("result.json")).expect("result.json");

    // A crash in the middle of a write leaves a temporary file, which nobody reads.
    fs::write(attempt.join(".trtllm-perf-tmp-x"), "{").expect("write");
    fs::write(output.path(".trtllm-perf-tmp-y"), "<testsuites").expect("write");
    // A power cut can leave half a result; copies and newer files do not count.
    let half = run.join("half/attempt-1");
    fs::create_dir_all(&half).expect("folder");
    fs::write(half.join("result.json"), &result[..result.len() / 2]).expect("write");
    let copied = attempt.with_file_name("attempt-2");
    fs::create_dir_all(&copied).expect("folder");
    fs::write(copied.join("result.json"), &result).expect("write");
    let newer = run.join(trial_folder("newer")).join("attempt-1");
    fs::create_dir_all(&newer).expect("folder");
    fs::write(newer.join("result.json"), result.replace("\"format\": 1", "\"format\": 99"))
        .expect("write");
    fs::create_dir_all(run.join("notes/by-hand")).expect("folder");
    fs::write(run.join("notes.txt"), "hello").expect("write");

    let rebuilt = rebuild(&output.out, None, &Copies::default()).expect("rebuild");
    assert_eq!(output.read("junit.xml"), whole);
    assert_eq!(rebuilt.trials, 2);
    let mut problems: Vec<String> = rebuilt.problems.iter().map(ToString::to_string).collect();
    problems.sort_by_key(|problem| problem.len());
    assert_eq!(problems.len(), 3, "{problems:?}");
    let one = |needle: &str| problems.iter().filter(|problem| problem.contains(needle)).count();
    assert_eq!(one("format 99 is newer than this version reads (1)"), 1, "{problems:?}");
    assert_eq!(one("it records attempt 1 of"), 1, "{problems:?}");
    let lines = result[..result.len() / 2].lines().count();
    assert_eq!(
        one(&format!("half/attempt-1/result.json:{lines}: passed over: EOF")),
        1,
        "{problems:?}"
    );

    drop(output.begin_as("next", ViewOptions::default(), Copies::default()));
    assert!(!output.path(".trtllm-perf-tmp-y").exists(), "the next run sweeps");
}

#[test]
fn a_run_json_that_cannot_be_understood_is_located() {
    let output = Output::new();
    drop(output.begin(ViewOptions::default()));
    let path = output.path(&format!("runs/{RUN}/run.json"));
    let text = fs::read_to_string(&path).expect("run.json");
    let read = |text: &str| {
        fs::write(&path, text).expect("write");
        rebuild(&output.out, Some(RUN), &Copies::default()).expect_err("not ours").to_string()
    };
    let error = read("{\n\"format\": \"x\"}");
    assert!(error.contains("run.json: invalid type"), "{error}");
    assert!(error.contains("at line 2"), "{error}");
    let error = read(&text.replace("\"format\": 1", "\"format\": 2"));
    assert!(error.ends_with("run.json: format 2 is newer than this version reads (1)"), "{error}");
}

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    rebuild: RebuildArgs,
}

#[test]
fn the_command_rebuilds_the_newest_run_and_copies_where_asked() {
    Cli::command().debug_assert();
    let output = Output::new();
    record(&output.begin(ViewOptions::default()), &passed(), b"");
    let written = output.read("junit.xml");
    fs::remove_file(output.path("junit.xml")).expect("remove");
    let copy = output.dir.path().join("results.xml");
    let dir = output.out.path().as_os_str();
    let cli = Cli::parse_from(["rebuild".as_ref(), dir, "--junitxml".as_ref(), copy.as_os_str()]);
    trtllm_perf::commands::rebuild::run(cli.rebuild).expect("rebuild");
    assert_eq!(output.read("junit.xml"), written);
    assert_eq!(fs::read_to_string(copy).expect("copy"), written);
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_earlier_results_stay_whole() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    record(&recorder, &passed(), b"");
    let before = output.read("perf_script_test_results.csv");
    let second = trial(1, Outcome::Passed);
    let folder = recorder.attempt_dir(&second.name, 1).expect("folder");
    // A folder in the way of the result: it cannot be written, whoever runs the test.
    fs::create_dir(folder.join("result.json")).expect("folder");
    fs::write(folder.join("result.json/x"), "").expect("fill");
    let error = recorder.finish(&second).expect_err("in the way");
    assert!(error.to_string().starts_with("write "), "{error}");
    assert!(error.to_string().contains("result.json: "), "{error}");
    assert_eq!(output.read("perf_script_test_results.csv"), before);
    let third = trial(2, Outcome::Passed);
    recorder.finish(&third).expect("the run goes on");
    let problems = recorder.settle().expect("views");
    assert!(problems[0].message.starts_with("passed over: Is a directory"), "{problems:?}");
    assert_eq!(output.read("perf_script_test_results.csv").lines().count(), 7);
    recorder.finish(&third).expect("again");
    assert_eq!(recorder.end().expect("views"), [], "a problem is told once");
}

#[test]
fn a_copy_onto_a_device_is_refused_by_name() {
    let copies = Copies { junit_xml: Some("/dev/null".into()), pytest_csv: None };
    let output = Output::new();
    let run_id = RunId::given(RUN).expect("a run id");
    let info = RunInfo::new(&run_id, time("08:15:02"), None, ViewOptions::default(), session());
    let error = Recorder::begin(output.held(&run_id), info, copies)
        .expect_err("a device cannot be replaced");
    assert_eq!(error.to_string(), "replace /dev/null: it is not a regular file");
}
