//! `junit.xml`, read back by an independent parser.

use std::fs;

use trtllm_perf::record::result::{FailureKind, Outcome};
use trtllm_perf::record::{
    Copies, JunitFamily, JunitLogging, Recorder, RunId, RunInfo, ViewOptions, rebuild,
};

use crate::support::*;

/// Checks a document against the rules of the Jenkins xUnit plugin's schema (junit-10): which elements and
/// attributes there may be, and how times look. The attribute `file` of a case is the legacy family's.
pub fn check_schema(text: &str, family: JunitFamily) {
    let document = roxmltree::Document::parse(text).expect("well-formed");
    let time = regex::Regex::new(r"^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?$")
        .expect("pattern");
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let tag = node.tag_name().name();
        let (children, attributes): (&[&str], &[&str]) = match tag {
            "testsuites" => (&["testsuite"], &["name", "time", "tests", "failures", "errors"]),
            "properties" => (&["property"], &[]),
            "property" => (&[], &["name", "value"]),
            "testsuite" => (
                &["properties", "testcase"],
                &[
                    "name",
                    "tests",
                    "failures",
                    "errors",
                    "skipped",
                    "time",
                    "timestamp",
                    "hostname",
                ],
            ),
            "testcase" => (
                &["skipped", "error", "failure", "system-out", "system-err"],
                &["name", "time", "classname", "file"],
            ),
            "skipped" | "error" | "failure" => (&[], &["type", "message"]),
            "system-out" | "system-err" => (&[], &[]),
            other => panic!("element {other}"),
        };
        for child in node.children().filter(roxmltree::Node::is_element) {
            assert!(
                children.contains(&child.tag_name().name()),
                "{} in {tag}",
                child.tag_name().name()
            );
        }
        for attribute in node.attributes() {
            assert!(attributes.contains(&attribute.name()), "{} of {tag}", attribute.name());
            assert!(
                attribute.name() != "time" || time.is_match(attribute.value()),
                "{attribute:?}"
            );
            assert!(!attribute.value().contains('\n'), "{attribute:?}");
        }
        assert_eq!(
            node.has_attribute("file"),
            tag == "testcase" && family == JunitFamily::Legacy,
            "file of {tag}"
        );
        let text: usize = node.children().filter_map(|child| child.text()).map(str::len).sum();
        assert!(text < 1_000_000, "{tag} has {text} bytes");
    }
    xmllint(text, family);
}

/// The schema itself, where it and xmllint are at hand.
fn xmllint(text: &str, family: JunitFamily) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = root.join("../shared/data/junit/junit-10.xsd");
    let there = std::process::Command::new("xmllint").arg("--version").output().is_ok();
    if family == JunitFamily::Legacy || !schema.exists() || !there {
        return;
    }
    assert_cmd::Command::new("xmllint")
        .args(["--noout", "--huge", "--schema"])
        .args([schema.as_os_str(), "-".as_ref()])
        .write_stdin(text)
        .assert()
        .success();
}

fn views(junit_family: JunitFamily, junit_logging: JunitLogging) -> ViewOptions {
    ViewOptions { junit_family, junit_logging, ..Default::default() }
}

/// One case of each outcome; the last one passed on its second attempt.
fn every_outcome(output: &Output, views: ViewOptions) {
    let recorder = output.begin(views);
    record(&recorder, &passed(), b"Total Latency (ms): 4801.1234\n");
    record(&recorder, &trial(1, failure(FailureKind::Regression)), b"slow\n");
    record(&recorder, &trial(2, failure(FailureKind::GpuOom)), b"CUDA out of memory\n");
    record(&recorder, &trial(3, Outcome::Skipped("https://nvbugs/1".into())), b"");
    let mut retried = trial(4, failure(FailureKind::Timeout));
    record(&recorder, &retried, b"first try\n");
    (retried.attempt, retried.outcome) = (2, Outcome::Passed);
    (retried.start, retried.end) = (time("10:00:00"), time("10:00:01.0009"));
    record(&recorder, &retried, b"second try\n");
}

#[test]
fn what_is_said_of_the_run_as_a_whole_are_properties_above_the_cases_whatever_they_hold() {
    let output = Output::new();
    let run_id = RunId::given(RUN).expect("a run id");
    let views = views(JunitFamily::Strict, JunitLogging::No);
    let mut info = RunInfo::new(&run_id, time("08:15:02"), None, views, session());
    let hostile = "a \"b\" <c>\n& \u{1b}[31m ü".to_owned();
    info.properties =
        vec![("self-check".to_owned(), "0 of 9".to_owned()), ("rule".to_owned(), hostile)];
    let begun = Recorder::begin(output.held(&run_id), info, Copies::default()).expect("begin");
    record(&begun.0, &passed(), b"");
    let text = output.read("junit.xml");
    check_schema(&text, JunitFamily::Strict);
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let of = |node: roxmltree::Node<'_, '_>| node.attribute("value").map(str::to_owned);
    let values: Vec<_> = document.descendants().filter(|it| it.has_tag_name("property")).collect();
    assert_eq!(of(values[0]).as_deref(), Some("0 of 9"));
    assert!(of(values[1]).is_some_and(|it| it.starts_with("a \"b\" <c>") && it.ends_with('ü')));
    rebuild(&output.out, None, &Copies::default()).expect("rebuilt");
    assert_eq!(output.read("junit.xml"), text);
}

#[test]
fn both_families_are_as_their_golden_files() {
    for (family, golden) in
        [(JunitFamily::Strict, "junit-strict.xml"), (JunitFamily::Legacy, "junit-legacy.xml")]
    {
        let output = Output::new();
        every_outcome(&output, views(family, JunitLogging::OutErr));
        let text = output.read("junit.xml");
        assert_eq!(text, fixture(golden), "{golden}");
        check_schema(&text, family);
    }
}

#[test]
fn a_run_without_results_is_a_valid_file_too() {
    let output = Output::new();
    drop(output.begin(ViewOptions::default()));
    let text = output.read("junit.xml");
    check_schema(&text, JunitFamily::Strict);
    assert!(text.contains("<testsuite name=\"H100_80GB_HBM3\" tests=\"0\""), "{text}");
}

#[test]
fn a_regression_is_a_failure_and_everything_else_an_error_of_its_kind() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let kinds = [
        FailureKind::Regression,
        FailureKind::Infra,
        FailureKind::Timeout,
        FailureKind::Hang,
        FailureKind::GpuOom,
        FailureKind::HostOom,
        FailureKind::Nccl,
        FailureKind::MpiLaunch,
        FailureKind::MissingEngine,
        FailureKind::MissingModel,
        FailureKind::BadOption,
        FailureKind::Assertion,
        FailureKind::Segfault,
        FailureKind::Unmeasurable,
        FailureKind::Io,
    ];
    for (ordinal, kind) in kinds.into_iter().enumerate() {
        record(&recorder, &trial(ordinal, failure(kind)), b"");
    }
    let text = output.read("junit.xml");
    check_schema(&text, JunitFamily::Strict);
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    for (case, kind) in cases.zip(kinds) {
        let child = case.first_element_child().expect("an outcome");
        let tag = if kind == FailureKind::Regression { "failure" } else { "error" };
        assert_eq!((child.tag_name().name(), child.attribute("type")), (tag, Some(kind.word())));
        let text = child.text().expect("a text");
        assert!(text.contains("\nhint: pass --thing\n"), "{text}");
        assert!(text.contains("cause, then the last log lines"), "{text}");
        assert_eq!(case.children().count(), 1, "no output unless it is asked for");
    }
    assert!(text.contains("tests=\"15\" failures=\"1\" errors=\"14\" skipped=\"0\""), "{text}");
}

/// The text of `tag` in the case `name`.
fn output_of(text: &str, name: &str, tag: &str) -> Option<String> {
    let document = roxmltree::Document::parse(text).expect("well-formed");
    let case = document
        .descendants()
        .find(|node| node.has_tag_name("testcase") && node.attribute("name") == Some(name))
        .expect("the case");
    let node = case.children().find(|node| node.has_tag_name(tag))?;
    Some(node.children().filter_map(|child| child.text()).collect())
}

#[test]
fn junit_logging_decides_what_a_case_carries() {
    let passed = "test_perf[llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:512,32]";
    for (logging, out, err) in [
        (JunitLogging::No, false, false),
        (JunitLogging::SystemOut, true, false),
        (JunitLogging::SystemErr, false, true),
        (JunitLogging::OutErr, true, true),
        (JunitLogging::All, true, true),
    ] {
        let output = Output::new();
        every_outcome(&output, views(JunitFamily::Strict, logging));
        let text = output.read("junit.xml");
        check_schema(&text, JunitFamily::Strict);
        let system_out = output_of(&text, passed, "system-out");
        assert_eq!(system_out.is_some(), out, "{logging:?}");
        if let Some(text) = system_out {
            assert!(
                text.starts_with("attempt=1\nlist=lists/a.yml:12\nengine.backend=pytorch\n"),
                "{text}"
            );
            assert!(text.contains("INFERENCE_TIME=4801.1234 ms (report)\n"), "{text}");
            assert!(text.contains("--- bench: bench.log (exit 0): trtllm-bench "), "{text}");
            assert!(text.ends_with("Total Latency (ms): 4801.1234\n"), "{text}");
        }
        let system_err = output_of(&text, passed, "system-err");
        assert_eq!(system_err.is_some(), err, "{logging:?}");
        let flaky = output_of(&text, "test_perf[trial_4]", "system-out").expect("said always");
        assert!(flaky.starts_with("flaky: passed on attempt 2\nattempt 1 timeout: "), "{flaky}");
        assert!(!flaky.contains("first try"), "the last attempt decides");
    }
}

#[test]
fn a_trial_that_failed_twice_is_one_case_that_names_both() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    let mut result = trial(0, failure(FailureKind::Hang));
    record(&recorder, &result, b"");
    (result.attempt, result.outcome) = (2, failure(FailureKind::Nccl));
    record(&recorder, &result, b"");
    let text = output.read("junit.xml");
    assert!(text.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{text}");
    assert!(text.contains("type=\"nccl\""), "{text}");
    assert!(text.contains("attempt 1 hang: what happened: hang"), "{text}");
}

#[test]
fn names_without_prefix_and_with_dots_in_it_have_classes_of_the_right_depth() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    for (ordinal, name) in
        ["perf/test_perf.py::test_perf[a]", "llm/perf/test_perf.py::test_perf[a]", "bare-label"]
            .into_iter()
            .enumerate()
    {
        let result = trtllm_perf::record::result::AttemptResult {
            name: name.into(),
            ..trial(ordinal, Outcome::Passed)
        };
        record(&recorder, &result, b"");
    }
    let text = output.read("junit.xml");
    for case in [
        "name=\"test_perf[a]\" time=\"97.000\" classname=\"perf.test_perf\"",
        "name=\"test_perf[a]\" time=\"97.000\" classname=\"llm.perf.test_perf\"",
        "name=\"bare-label\" time=\"97.000\" classname=\"H100_80GB_HBM3\"",
    ] {
        assert!(text.contains(case), "{case}\n{text}");
    }
}

#[test]
fn times_are_whole_milliseconds_and_add_up() {
    let output = Output::new();
    let recorder = output.begin(ViewOptions::default());
    for ordinal in 0..40 {
        let mut result = trial(ordinal, Outcome::Passed);
        let end = format!("09:14:{:02}.{:03}", 1 + ordinal, 1 + 17 * ordinal);
        result.end = time(&end);
        record(&recorder, &result, b"");
    }
    let mut backwards = trial(40, Outcome::Passed);
    backwards.end = time("09:00:00");
    record(&recorder, &backwards, b"");
    let text = output.read("junit.xml");
    check_schema(&text, JunitFamily::Strict);
    let document = roxmltree::Document::parse(&text).expect("well-formed");
    let millis = |node: roxmltree::Node| -> u64 {
        let time = node.attribute("time").expect("a time");
        let (whole, fraction) = time.split_once('.').expect("decimals");
        assert_eq!(fraction.len(), 3, "{time}");
        whole.parse::<u64>().expect("seconds") * 1000 + fraction.parse::<u64>().expect("millis")
    };
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("suite");
    let cases: Vec<u64> =
        suite.children().filter(roxmltree::Node::is_element).map(millis).collect();
    assert_eq!(cases[39], 39_664);
    assert_eq!(cases[40], 0, "a clock set back gives no negative time");
    assert_eq!(cases.iter().sum::<u64>(), millis(suite));
    assert_eq!(millis(suite), millis(document.root_element()));
}

#[test]
fn the_copy_is_the_same_file_and_its_folder_is_made() {
    let output = Output::new();
    let copy = output.dir.path().join("results/new/results.xml");
    let copies = Copies { junit_xml: Some(copy.clone()), pytest_csv: None };
    let (recorder, _) = output.begin_as(RUN, ViewOptions::default(), copies);
    record(&recorder, &passed(), b"");
    assert_eq!(fs::read_to_string(copy).expect("copy"), output.read("junit.xml"));
}

#[test]
fn a_log_that_is_gone_is_said_so() {
    let output = Output::new();
    let recorder = output.begin(views(JunitFamily::Strict, JunitLogging::SystemOut));
    record(&recorder, &passed(), b"x\n");
    let folder = recorder.run().attempt(&passed().name, 1);
    drop(recorder);
    fs::remove_file(folder.join("bench.log")).expect("remove");
    rebuild(&output.out, None, &Copies::default()).expect("rebuild");
    assert!(output.read("junit.xml").contains("bench.log cannot be read: No such file"));
}
