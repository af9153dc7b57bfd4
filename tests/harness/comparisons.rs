//! `trtllm-perf compare` on what the harness left, and `metrics.txt` beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::*;

/// Two cases that the embedded engine does in a moment.
const SHORT: [&str; 2] = [
    "refbench_tiny_llama-bench-pytorch-float32-input_output_len:8,4-reqs:2",
    "refbench_tiny_llama-bench-pytorch-streaming-float32-input_output_len:8,4-reqs:2",
];

fn compare(work: &Work, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, work.folder()).arg("compare").args(words))
}

#[test]
fn two_runs_of_the_embedded_engine_are_compared_from_their_folders_and_from_their_csv() {
    let work = Work::new();
    for folder in ["a", "b"] {
        work.run(&["--case", SHORT[0], "--case", SHORT[1], "--output-dir", folder]).exits(0);
    }
    let ended = compare(&work, &["a", "b", "--json", "--html", "page.html"]).exits(0);
    let json: Value = serde_json::from_str(&ended.out).expect("one object");
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(8), "3 and 5 metrics: {json}");
    assert_eq!((&json["missing"], &json["new"], &json["apart"]), (&arr(), &arr(), &arr()));
    for row in json["rows"].as_array().expect("rows") {
        let values = ["base", "candidate"].map(|side| row[side]["median"].as_f64().expect("one"));
        let ratio = row["ratio"].as_f64().expect("a ratio");
        assert!((ratio - values[1] / values[0]).abs() < 1e-12, "{row}");
        assert!(text(&row["machine"]).ends_with("(refbench)"), "{row}");
    }
    assert_eq!(
        json["provenance"]["single_variable"]["answer"],
        Value::Null,
        "the commit is not known"
    );
    assert!(work.read("page.html").starts_with("<!DOCTYPE html>"));

    // Its newest run, the run folder itself, and both CSVs are the same run.
    let link = std::fs::read_link(work.path("a/runs/latest")).expect("a link");
    let folder = format!("a/runs/{}", link.display());
    for other in [&folder, "a/runs/latest", "a/perf_script_test_results.csv", "a/perf_samples.csv"]
    {
        let ended = compare(&work, &["a", other, "--all", "--fail-on", "regress,missing,new"]);
        let ended = ended.exits(0);
        assert!(
            ended.out.contains("2 cases, 8 metrics compared: 8 same"),
            "{other}: {}",
            ended.out
        );
    }

    // The folder of both is their repeats; each has a number of each.
    let ended = compare(&work, &["a", ".", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&ended.out).expect("one object");
    assert_eq!(json["candidate"]["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["rows"][0]["candidate"]["n"], 2);
    assert!(ended.err.contains("is on both sides"), "{}", ended.err);
}

#[test]
fn runs_of_the_history_are_compared_by_their_name_their_release_and_their_day() {
    let work = Work::new();
    for (release, folder) in [("1.1", "a"), ("1.2", "b"), ("1.2", "c")] {
        let words = ["--case", SHORT[0], "--output-dir", folder, "--release", release];
        work.run(&[&words[..], &["--history", "h.sqlite"]].concat()).exits(0);
    }
    let history = ["--history", "h.sqlite", "--json"];
    let compared = |words: &[&str]| {
        let ended = compare(&work, &[words, &history].concat()).exits(0);
        let json: Value = serde_json::from_str(&ended.out).expect("one object");
        let runs = ["base", "candidate"].map(|it| json[it]["runs"].as_array().map(Vec::len));
        (json["rows"].as_array().map(Vec::len), runs.map(Option::unwrap_or_default))
    };
    assert_eq!(compared(&["1.1", "1.2"]), (Some(3), [1, 2]));
    let link = std::fs::read_link(work.path("a/runs/latest")).expect("a link");
    let run_id = link.to_string_lossy().into_owned();
    assert_eq!(compared(&[&run_id, "c"]), (Some(3), [1, 1]), "a run of the history and a folder");
    let day = &run_id[..10];
    assert_eq!(compared(&["1.1", day]).1[0], 1);
    assert!(compared(&["1.1", day]).1[1] >= 1, "midnight may be between them");

    // What was marked afterwards does not count any more.
    let mut history = command(TRTLLM_PERF, work.folder());
    history.args(["history", "--history", "h.sqlite", "invalidate", "--run", &run_id]);
    run(history.args(["--reason", "a neighbour was on the GPU"])).exits(0);
    let ended = compare(&work, &["1.1", "1.2", "--history", "h.sqlite", "--json"]).exits(0);
    let json: Value = serde_json::from_str(&ended.out).expect("one object");
    assert_eq!((&json["base"]["samples"], &json["base"]["not_counted"]), (&0.into(), &3.into()));

    compare(&work, &["1.0", "1.2", "--history", "h.sqlite"])
        .exits(2)
        .says("and the history h.sqlite has no such run, release or day");
    compare(&work, &["1.1", "1.2"]).exits(2).says("there is no history perf-history.sqlite");
}

fn arr() -> Value {
    Value::Array(Vec::new())
}

#[test]
fn what_fails_the_command_is_what_was_asked_for() {
    let work = Work::new();
    work.run_case(STREAMING, "good", &["--output-dir", "a"]).exits(0);
    work.run_case(STREAMING, "gpu-oom", &["--output-dir", "b"]).exits(101);
    compare(&work, &["a", "b"]).exits(0);
    let ended = compare(&work, &["a", "b", "--fail-on", "missing,regress"]).exits(1);
    ended.says("exit 1: --fail-on missing holds");
    let ended = compare(&work, &["a", "b"]);
    assert!(ended.out.contains("failed as gpu_oom: "), "{}", ended.out);
    compare(&work, &["a", "b", "--fail-on", "failed"]).exits(1);
    compare(&work, &["a", "b", "--fail-on", "new,regress"]).exits(0);
    compare(&work, &["a", "a", "--fail-on", "any"]).exits(0);
    compare(&work, &["a", "b", "--fail-on", "any"]).exits(1);
    // The same results with a throughput a fifth lower.
    let rows = work
        .read("a/perf_script_test_results.csv")
        .replace(",512.0,", ",400.0,")
        .replace(",512,", ",400,");
    work.write("slow/perf_script_test_results.csv", &rows);
    for name in ["cpu.txt", "gpu.txt"] {
        work.write(&format!("slow/{name}"), work.read(&format!("a/{name}")));
    }
    let words = ["a/perf_script_test_results.csv", "slow", "--metric", "token_throughput"];
    let ended = compare(&work, &[&words[..], &["--fail-on", "regress"]].concat()).exits(1);
    assert!(ended.out.contains("21.9 % worse"), "{}", ended.out);
    compare(&work, &[&words[..], &["--fail-on", "regress", "--limit", "25%"]].concat()).exits(0);
}

#[test]
fn a_side_that_cannot_be_read_says_what_to_give() {
    let work = Work::new();
    work.run_case(PYTORCH, "good", &["--output-dir", "a"]).exits(0);
    work.write("empty/readme.txt", "nothing");
    for (other, words) in [
        ("none", "find none: there is no such file or folder, and "),
        ("empty", "find a run in empty: neither it nor a folder in it"),
        ("a/junit.xml", "a/junit.xml:1: no column"),
    ] {
        let ended = compare(&work, &["a", other]).exits(2).says(words);
        assert_eq!(ended.out, "", "{other}");
    }
    compare(&work, &["a", "a", "--case", "no*such"]).exits(2).says("no case of either side does");
    compare(&work, &["a", "a", "--limit", "3"]).exits(2).says("write it with %");
    compare(&work, &["a", "a", "--metric", "TPS"]).exits(2).says("FIRST_TOKEN_TIME");
    compare(&work, &["a", "a", "--alias", "x"]).exits(2).says("write it as OLD=NEW");
}

/// A sample: its name, labels and value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads OpenMetrics text as strictly as the specification is, as far as gauges and infos go.
fn open_metrics(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("the end mark is last");
    let mut samples: Vec<Sample> = Vec::new();
    let mut families = BTreeSet::new();
    let (mut family, mut kind) = (String::new(), String::new());
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let mut word = || words.next().expect("three words");
            match (word(), word(), word()) {
                ("TYPE", name, of) => {
                    assert!(families.insert(name.to_owned()), "{name} begins twice");
                    (family, kind) = (name.to_owned(), of.to_owned());
                    assert!(["gauge", "info"].contains(&of), "{line}");
                }
                ("UNIT", name, unit) => {
                    assert_eq!(name, family);
                    assert!(name.ends_with(&format!("_{unit}")), "{line}");
                }
                ("HELP", name, _) => assert_eq!(name, family),
                _ => panic!("no such line: {line}"),
            }
            continue;
        }
        let (name, rest) = line.split_once('{').expect("labels");
        let suffix = if kind == "info" { "_info" } else { "" };
        assert_eq!(name, format!("{family}{suffix}"), "a family stands together");
        let (labels, rest) = labels(rest);
        let value: f64 = rest.strip_prefix(' ').expect("a blank").parse().expect("a number");
        assert!(
            samples.iter().all(|it| (&it.0, &it.1) != (&name.to_owned(), &labels)),
            "twice: {line}"
        );
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

/// The labels up to the closing brace, and what follows it.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once("=\"").expect("a label");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match chars.next().expect("an escape").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    other => panic!("no such escape: {other}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert!(found.insert(name.to_owned(), value).is_none(), "{name} twice");
        rest = &after[end + 1..];
        match rest.split_at(1) {
            (",", more) => rest = more,
            ("}", more) => return (found, more),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn metrics_txt_is_strict_open_metrics_with_the_numbers_of_the_perf_csv() {
    let work = Work::new();
    let list = work.list("list.txt", &[STREAMING, PYTORCH]);
    let program = bench("good");
    work.run(&["--test-list", &list, "--bench-bin", &program, "--test-prefix", "A\\B"]).exits(0);
    let samples = open_metrics(&work.read("perf-output/metrics.txt"));
    let numbers: Vec<_> = samples.iter().filter(|it| !it.0.ends_with("_info")).collect();
    let mut left: BTreeSet<(String, String)> = work
        .rows()
        .iter()
        .map(|row| (row["original_test_name"].clone(), row["metric_type"].to_lowercase()))
        .collect();
    assert_eq!(numbers.len(), left.len());
    for (name, labels, value) in numbers {
        let rows = work.rows();
        let row = rows.iter().find(|row| {
            let front = format!("trtllm_perf_{}_", row["metric_type"].to_lowercase());
            row["original_test_name"] == labels["test"] && name.starts_with(&front)
        });
        let row = row.unwrap_or_else(|| panic!("no row for {name} {labels:?}"));
        assert_eq!(row["perf_metric"].parse::<f64>().expect("a number"), *value);
        left.remove(&(row["original_test_name"].clone(), row["metric_type"].to_lowercase()));
    }
    assert!(left.is_empty(), "{left:?}");
    let infos = samples.iter().filter(|it| it.0 == "trtllm_perf_test_info");
    assert!(infos.clone().all(|it| it.1["outcome"] == "passed" && it.2 == 1.0));
    assert_eq!(infos.count(), 2);
}

#[test]
fn metrics_txt_has_no_number_of_a_test_that_gave_none() {
    let work = Work::new();
    work.run_case(PYTORCH, "two-reports", &[]).exits(101);
    let samples = open_metrics(&work.read("perf-output/metrics.txt"));
    let [(name, labels, _)] = &samples[..] else { panic!("{samples:?}") };
    assert_eq!(
        (name.as_str(), labels["outcome"].as_str()),
        ("trtllm_perf_test_info", "unmeasurable")
    );
}
