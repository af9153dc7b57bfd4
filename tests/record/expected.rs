//! How long the tests of a run will take, from what they took in the runs before.

use std::fs;
use std::time::Duration;

use trtllm_perf::record::result::{AttemptResult, FailureKind, Outcome};
use trtllm_perf::record::{Copies, Expected, RunId, RunInfo, ViewOptions, status};

use crate::support::{Output, PREFIX, failure, record, session, time, trial};

/// Records a run that began at `hour` o'clock, with these results.
fn run(output: &Output, hour: u32, results: &[AttemptResult]) {
    let id = format!("run-{hour}");
    let run_id = RunId::given(&id).expect("a run id");
    let started = time(&format!("{hour:02}:00:00"));
    let info =
        RunInfo::new(&run_id, started, Some(PREFIX.into()), ViewOptions::default(), session());
    let held = output.held(&run_id);
    let (recorder, _) =
        trtllm_perf::record::Recorder::begin(held, info, Copies::default()).expect("begin");
    for result in results {
        record(&recorder, &AttemptResult { run_id: id.clone(), ..result.clone() }, b"");
    }
    recorder.end().expect("end");
}

/// A pass of that trial that took so many seconds.
fn took(ordinal: usize, seconds: i64) -> AttemptResult {
    let passed = trial(ordinal, Outcome::Passed);
    let end = passed.start + jiff::SignedDuration::from_secs(seconds);
    AttemptResult { end, ..passed }
}

#[test]
fn a_test_takes_what_its_newest_pass_in_an_earlier_run_took() {
    let output = Output::new();
    run(&output, 1, &[took(0, 100), took(1, 10)]);
    run(&output, 2, &[took(0, 200), trial(1, failure(FailureKind::Hang))]);
    run(&output, 3, &[trial(2, Outcome::Skipped("waived".into()))]);
    // The run itself, and a folder that is none.
    run(&output, 4, &[took(0, 400)]);
    fs::create_dir(output.path("runs/odd")).expect("a folder");
    let names = [0, 1, 2].map(|ordinal| trial(ordinal, Outcome::Passed).name);
    let names = names.iter().map(String::as_str);
    let expected = Expected::from_earlier(&output.out, "run-4", names.clone(), time("04:00:00"));
    let tests: Vec<_> = names.clone().map(|name| expected.test(name)).collect();
    assert_eq!(tests, [Some(Duration::from_secs(200)), Some(Duration::from_secs(10)), None]);
    assert!(expected.is_known());
    assert_eq!(expected.rest(|_, _| false), None, "one of them is not known");
    let begun = |name: &str, _| name.contains("trial_2");
    assert_eq!(expected.rest(begun), Some(Duration::from_secs(210)));
    assert_eq!(expected.test("another"), None);
    let first =
        Expected::from_earlier(&output.out, "run-1", ["another"].into_iter(), time("04:00:00"));
    assert!(!first.is_known());
}

#[test]
fn an_earlier_run_that_cannot_be_read_tells_nothing() {
    let output = Output::new();
    let name = took(0, 1).name;
    let known = |output: &Output| {
        let names = [name.as_str()].into_iter();
        Expected::from_earlier(&output.out, "run-9", names, time("09:00:00")).is_known()
    };
    assert!(!known(&output), "no runs at all");
    run(&output, 1, &[took(0, 100)]);
    assert!(known(&output));
    let run = output.out.newest_run().expect("a run");
    fs::write(run.attempt(&name, 1).join("result.json"), "{").expect("written");
    assert!(!known(&output));
}

#[test]
fn status_reads_the_rest_of_a_run_and_what_began_before_is_not_of_it() {
    let output = Output::new();
    run(&output, 1, &[took(0, 100), took(1, 10)]);
    run(&output, 2, &[took(0, 1)]);
    let names = [0, 1].map(|ordinal| took(ordinal, 1).name);
    let rest = |since: &str| {
        let names = names.iter().map(String::as_str);
        let expected = Expected::from_earlier(&output.out, "run-2", names, time(since));
        let run = output.out.newest_run().expect("a run");
        run.write_expected(&expected).expect("written");
        status(&output.out).expect("status").rest.map(|rest| rest.as_secs())
    };
    // The results begin at 09:14:01.
    assert_eq!(rest("02:00:00"), Some(10));
    assert_eq!(rest("10:00:00"), Some(110));
}
