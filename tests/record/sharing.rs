//! Several processes and threads on one output directory.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use trtllm_perf::record::result::Outcome;
use trtllm_perf::record::{
    Busy, Copies, HeldOutput, OutputDir, Patience, RecordError, Recorder, RunId, RunInfo,
    ViewOptions, rebuild,
};

use crate::support::*;

const ROLE: &str = "TRTLLM_PERF_TEST_RECORD_ROLE";

/// Starts this test program again as another process that records `count` trials from `first` on into run `run`.
fn other_process(output: &OutputDir, run: &str, first: usize, count: usize) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "sharing::the_other_process", "--ignored", "--nocapture"])
        .env(ROLE, format!("{}\n{run}\n{first}\n{count}", output.path().display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("another process")
}

#[test]
#[ignore = "started by the other tests of this file as a process of its own"]
fn the_other_process() {
    let role = std::env::var(ROLE).expect("a role");
    let [path, run, first, count] = role.split('\n').collect::<Vec<_>>()[..] else {
        panic!("a role has four lines: {role:?}");
    };
    let (first, count): (usize, usize) = (first.parse().expect("n"), count.parse().expect("n"));
    let run_id = RunId::given(run).expect("a run id");
    let info = RunInfo::new(
        &run_id,
        time("08:15:02"),
        Some(PREFIX.into()),
        ViewOptions::default(),
        session(),
    );
    let mut wait = |_: &Busy| Patience::Wait;
    let held = HeldOutput::take(&OutputDir::new(path), &run_id, Some(run), &mut wait);
    let (recorder, _) =
        Recorder::begin(held.expect("its turn"), info, Copies::default()).expect("begin");
    for ordinal in first..first + count {
        let mut result = trial(ordinal, Outcome::Passed);
        result.run_id = run.into();
        recorder.attempt_dir(&result.name, 1).expect("folder");
        recorder.finish(&result).expect("finish");
    }
    recorder.end().expect("views");
}

fn rows(output: &Output) -> usize {
    output.read("perf_script_test_results.csv").lines().count() - 1
}

#[test]
fn processes_of_one_run_work_side_by_side_and_every_trial_is_in_the_views_once() {
    let output = Output::new();
    let processes: Vec<Child> = (0..4).map(|n| other_process(&output.out, RUN, n * 5, 5)).collect();
    for mut process in processes {
        assert!(process.wait().expect("wait").success());
    }
    assert_eq!(rows(&output), 3 * 20);
    let junit = output.read("junit.xml");
    assert!(junit.contains("tests=\"20\""), "{junit}");
    for ordinal in 0..20 {
        let name = format!("name=\"test_perf[trial_{ordinal}]\"");
        assert_eq!(junit.matches(&name).count(), 1, "{name}");
    }
    rebuild(&output.out, None, &Copies::default()).expect("rebuild");
    assert_eq!(output.read("junit.xml"), junit);
}

#[test]
fn another_run_waits_for_its_turn_and_nothing_is_lost() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let mut waiting = other_process(&output.out, "second", 0, 2);
    for ordinal in 0..5 {
        record(&recorder, &trial(ordinal, Outcome::Passed), b"");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(rows(&output), 15, "the views show the run that holds the directory");
    assert!(waiting.try_wait().expect("poll").is_none(), "the other one waits");
    drop(recorder);
    assert!(waiting.wait().expect("wait").success());
    assert_eq!(rows(&output), 6, "the newest run");
    rebuild(&output.out, Some(RUN), &Copies::default()).expect("rebuild");
    assert_eq!(rows(&output), 15, "the older run is whole");
}

#[test]
fn a_run_that_will_not_wait_is_told_who_holds_the_directory() {
    let output = Output::new();
    let _recorder = output.begin(ViewOptions::default());
    let run_id = RunId::given("second").expect("a run id");
    let error = HeldOutput::take(&output.out, &run_id, None, &mut refuse).expect_err("busy");
    let RecordError::Busy(busy) = &error else { panic!("{error}") };
    let holder = busy.holder.as_ref().expect("signed");
    assert_eq!((holder.pid, holder.run_id.as_str()), (std::process::id(), RUN));
    assert!(error.to_string().contains(&format!("run {RUN} (pid {}", holder.pid)), "{error}");
}

#[test]
fn a_view_of_a_busy_directory_is_rebuilt_for_the_same_run_only() {
    let output = Output::new();
    drop(output.begin_as("old", ViewOptions::default(), Copies::default()));
    let recorder = output.begin(ViewOptions::default());
    record(&recorder, &passed(), b"");
    rebuild(&output.out, None, &Copies::default()).expect("the run that is going on");
    let error = rebuild(&output.out, Some("old"), &Copies::default()).expect_err("busy");
    assert!(matches!(error, RecordError::Busy(_)), "{error}");
    assert_eq!(rows(&output), 3);
}

#[test]
fn threads_may_share_a_recorder() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    thread::scope(|scope| {
        for first in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                for ordinal in first * 10..first * 10 + 10 {
                    record(recorder, &trial(ordinal, Outcome::Passed), b"log\n");
                }
            });
        }
    });
    assert_eq!(rows(&output), 120);
    let order: Vec<String> = output
        .read("perf_script_test_results.csv")
        .lines()
        .skip(1)
        .step_by(3)
        .map(|row| row.split("test_perf[trial_").nth(1).expect("a trial")[..2].replace(']', ""))
        .collect();
    assert_eq!(order, (0..40).map(|n| n.to_string()).collect::<Vec<_>>(), "in the run's order");
}

#[test]
fn a_killed_process_leaves_the_directory_free_and_its_results_whole() {
    let output = Output::new();
    let mut process = other_process(&output.out, RUN, 0, 100_000);
    while !output.path("perf_script_test_results.csv").exists() || rows(&output) < 9 {
        thread::sleep(Duration::from_millis(5));
        assert!(process.try_wait().expect("poll").is_none(), "it runs until it is killed");
    }
    process.kill().expect("kill -9");
    process.wait().expect("wait");
    let seen = rows(&output);
    let (recorder, problems) = output.begin_as(RUN, ViewOptions::default(), Copies::default());
    assert_eq!(problems, []);
    drop(recorder);
    assert!(rows(&output) >= seen, "what a view showed is in the journal");
    assert_eq!(rows(&output) % 3, 0);
}
