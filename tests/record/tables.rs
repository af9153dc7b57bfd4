//! CSV and YAML: the columns, order and text that tools outside read.

use std::fs;

use trtllm_perf::metric::Metric;
use trtllm_perf::record::result::{FailureKind, Outcome};
use trtllm_perf::record::{
    Copies, HeldOutput, OutputDir, RecordError, Recorder, RunId, RunInfo, ViewOptions,
};

use crate::support::*;

const CSV: &str = "perf_script_test_results.csv";
const YAML: &str = "perf_script_test_results.yaml";

fn with_subtype() -> ViewOptions {
    ViewOptions { device_subtype: true, ..Default::default() }
}

#[test]
fn the_perf_csv_has_upstreams_columns_quoting_and_line_ends() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    assert_eq!(output.read(CSV), fixture("header.csv"), "a run begins with a header");
    record(&recorder, &passed(), b"");
    assert_eq!(output.read(CSV), fixture("perf_script_test_results.csv"));
}

#[test]
fn the_newest_flow_has_the_device_subtype_too() {
    let output = Output::new();
    record(&output.begin(with_subtype()), &passed(), b"");
    assert_eq!(output.read(CSV), fixture("perf_script_test_results-v1.2.csv"));
}

#[test]
fn without_a_gpu_the_gpu_columns_are_empty() {
    let output = Output::new();
    let mut result = passed();
    result.metrics.truncate(1);
    result.steps[1].gpu = Default::default();
    record(&output.begin(with_subtype()), &result, b"");
    let text = output.read(CSV);
    let row = text.lines().nth(1).expect("a row");
    assert!(row.contains(&format!("[{LABEL}]\",,,,,\"{PREFIX}/perf/")), "{row}");
}

#[test]
fn every_command_carries_its_run_time_once() {
    let output = Output::new();
    let mut result = passed();
    let mut later = result.steps[1].clone();
    (later.start, later.end) = (time("09:16:00"), time("09:16:00.25"));
    result.steps.push(later);
    result.metrics.insert(0, result.metrics[0].clone());
    result.metrics[0].metric = Metric::BuildTime;
    result.metrics[3].step = 2;
    record(&output.begin(ViewOptions::default()), &result, b"");
    let mut reader = csv::Reader::from_path(output.path(CSV)).expect("read");
    let times: Vec<_> = reader
        .records()
        .map(|row| {
            row.expect("a row").iter().skip(9).take(3).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let (end, later) = ("2026-11-24 09:15:37", "2026-11-24 09:16:00");
    assert_eq!(
        times,
        [
            ["95.417223", "2026-11-24 09:14:02", end],
            ["0", end, end],
            ["0", end, end],
            ["0.25", later, later]
        ]
    );
}

#[test]
fn only_the_last_attempt_has_rows_and_a_step_without_a_number_to_trust_has_none() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let mut first = passed();
    first.outcome = failure(FailureKind::Timeout);
    first.metrics[0].value = 1.0;
    record(&recorder, &first, b"");
    let rows = |output: &Output| output.read(CSV).lines().count() - 1;
    assert_eq!(rows(&output), 3, "what was measured before a failure stays");
    let mut second = passed();
    second.attempt = 2;
    record(&recorder, &second, b"");
    assert_eq!(output.read(CSV), fixture("perf_script_test_results.csv"));
    let mut third = passed();
    third.attempt = 3;
    third.outcome = Outcome::Skipped("unstable: flaky".into());
    third.metrics[0].step = 0;
    third.steps[1].unmeasurable = true;
    record(&recorder, &third, b"");
    assert_eq!(rows(&output), 1, "the row of the other step stays");
}

#[test]
fn a_value_that_is_no_number_is_a_problem_and_no_row() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions {
        junit_logging: trtllm_perf::record::JunitLogging::SystemErr,
        ..Default::default()
    });
    let mut result = passed();
    result.metrics[1].value = f64::NAN;
    result.metrics[2].value = f64::INFINITY;
    record(&recorder, &result, b"");
    assert_eq!(output.read(CSV).lines().count(), 2);
    assert!(output.read("junit.xml").contains("TOKEN_THROUGHPUT is NaN: not recorded"));
}

#[test]
fn appending_keeps_what_is_there_and_adds_this_run() {
    let output = Output::new();
    fs::create_dir_all(output.out.path()).expect("directory");
    let before = fixture("perf_script_test_results.csv");
    fs::write(output.path(CSV), &before).expect("upstream's file");
    let views = ViewOptions { append: true, ..Default::default() };
    let recorder = output.begin(views.clone());
    assert_eq!(output.read(CSV), before, "nothing is lost when the run begins");
    record(&recorder, &passed(), b"");
    record(&recorder, &trial(1, Outcome::Passed), b"");
    let rows = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let after = output.read(CSV);
    assert!(after.starts_with(&before));
    assert_eq!(rows(&after).len(), 9);
    drop(recorder);

    let (next, _) = output.begin_as("second", views, Copies::default());
    let mut result = passed();
    result.run_id = "second".into();
    record(&next, &result, b"");
    assert_eq!(output.read(CSV), after + &rows(&before).join("\r\n") + "\r\n");
}

#[test]
fn appending_to_other_columns_is_refused_and_changes_nothing() {
    let output = Output::new();
    fs::create_dir_all(output.out.path()).expect("directory");
    let before = fixture("perf_script_test_results-v1.2.csv");
    fs::write(output.path(CSV), &before).expect("a file of another flow");
    let run_id = RunId::given(RUN).expect("a run id");
    let views = ViewOptions { append: true, ..Default::default() };
    let info = RunInfo::new(&run_id, time("08:15:02"), None, views, session());
    let error =
        Recorder::begin(output.held(&run_id), info, Copies::default()).expect_err("other columns");
    assert!(matches!(error, RecordError::AppendColumns { .. }), "{error}");
    assert!(error.to_string().contains("use another --output-dir"), "{error}");
    assert_eq!(output.read(CSV), before);
}

#[test]
fn files_of_another_program_and_views_that_this_run_does_not_write_are_kept_aside() {
    let output = Output::new();
    fs::create_dir_all(output.out.path()).expect("directory");
    fs::write(output.path(CSV), "from elsewhere").expect("write");
    drop(output.begin(ViewOptions { yaml: true, ..Default::default() }));
    let kept = |run: &str, name: &str| output.path(&format!("runs/{run}/before/{name}"));
    assert_eq!(fs::read_to_string(kept(RUN, CSV)).expect("kept"), "from elsewhere");
    assert!(output.path(YAML).exists());

    drop(output.begin_as("second", ViewOptions::default(), Copies::default()));
    assert!(!output.path(YAML).exists(), "it would show an older run");
    assert!(kept("second", YAML).exists());
    assert!(!kept("second", CSV).exists(), "our own view can be rebuilt");
}

#[test]
fn the_yaml_has_an_entry_a_metric_in_upstreams_layout() {
    let output = Output::new();
    let views = ViewOptions { csv: false, yaml: true, ..Default::default() };
    let recorder = output.begin(views);
    let mut result = passed();
    result.metrics.truncate(1);
    record(&recorder, &result, b"");
    assert_eq!(output.read(YAML), fixture("perf_script_test_results.yaml"));
    assert_eq!(output.read("session_data.yml"), fixture("session_data.yml"));
    assert!(!output.path(CSV).exists(), "only what was asked for is written");
}

#[test]
fn equal_test_names_of_two_cases_both_stay_in_the_yaml() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions { yaml: true, ..Default::default() });
    let mut other = passed();
    other.name = format!("{PREFIX}/llm/{ID}");
    other.ordinal = 1;
    record(&recorder, &passed(), b"");
    record(&recorder, &other, b"");
    let yaml: serde_yaml::Mapping = serde_yaml::from_str(&output.read(YAML)).expect("one mapping");
    assert_eq!(yaml.len(), 6);
}

#[test]
fn the_session_files_tell_where_the_run_took_place() {
    let output = Output::new();
    record(&output.begin(ViewOptions::default()), &passed(), b"");
    assert_eq!(output.read("session_properties.csv"), fixture("session_properties.csv"));
    assert_eq!(output.read("gpu_monitoring.csv"), fixture("gpu_monitoring.csv"));
    for (name, text) in [
        ("gpu.txt", "NVIDIA H100 80GB HBM3\n"),
        ("cpu.txt", "A CPU\n"),
        ("driver.txt", "570.124.06\n"),
        ("trtllm_version.txt", "1.2.0\n"),
    ] {
        assert_eq!(output.read(name), text, "{name}");
    }
}

#[test]
fn the_pytest_csv_has_the_plugins_columns() {
    let output = Output::new();
    let file = output.dir.path().join("new/report.csv");
    let copies = Copies { pytest_csv: Some(file.clone()), junit_xml: None };
    let (recorder, _) = output.begin_as(RUN, ViewOptions::default(), copies);
    record(&recorder, &passed(), b"");
    for (ordinal, outcome) in [
        failure(FailureKind::Regression),
        failure(FailureKind::GpuOom),
        Outcome::Skipped("https://nvbugs/1".into()),
    ]
    .into_iter()
    .enumerate()
    {
        record(&recorder, &trial(ordinal + 1, outcome), b"");
    }
    assert_eq!(fs::read_to_string(file).expect("the file"), fixture("pytest.csv"));
}

#[test]
fn an_output_directory_that_cannot_be_made_is_named() {
    let output = Output::new();
    let file = output.dir.path().join("file");
    fs::write(&file, "").expect("write");
    let run_id = RunId::given(RUN).expect("a run id");
    let below = OutputDir::new(file.join("out"));
    let error =
        HeldOutput::take(&below, &run_id, None, &mut refuse).expect_err("a file is in the way");
    assert!(error.to_string().starts_with("create "), "{error}");
    assert!(error.to_string().contains("file/out"), "{error}");
}
