//! Which tests a run is about: lists, cases, filters, prefixes, conditions, and why a line is out.

use crate::support::*;

/// The names that a listing prints.
fn listed(work: &Work, words: &[&str]) -> Vec<String> {
    let out = work.run(&[&["--list"], words].concat()).exits(0).out;
    let name = |line: &str| line.strip_suffix(": test").expect("a list line").to_owned();
    out.lines().map(name).collect()
}

fn ids<const N: usize>(labels: [&str; N]) -> Vec<String> {
    labels.map(id).to_vec()
}

#[test]
fn lists_and_cases_come_in_the_users_order_and_a_name_runs_once() {
    let work = Work::new();
    let first = work.list("z.txt", &["b", "a"]);
    let second = work.list("a.txt", &["c", "a"]);
    let ended =
        work.run(&["--list", "-F", &first, "-F", &second, "--case", "d", "--case", "b"]).exits(0);
    let names: Vec<&str> = ended.out.lines().map(|line| line.trim_end_matches(": test")).collect();
    assert_eq!(names, ids(["b", "a", "c", "d"]));
    assert!(
        ended.err.contains(&format!("note: {second}:2: duplicate of {first}:2; it runs once")),
        "{}",
        ended.err
    );
    let without = work.run(&["--list", "-F", &first, "-F", &second, "-R", "c"]).exits(0);
    assert!(!without.err.contains("duplicate"), "it does not run at all: {}", without.err);
    assert_eq!(listed(&work, &["-F", &second, "-F", &first]), ids(["c", "a", "b"]));
    assert_eq!(listed(&work, &["--case", "x\ny"]), ids(["x", "y"]));
}

#[test]
fn the_embedded_list_is_the_default_and_prefix_or_pattern_mean_the_release_list() {
    let work = Work::new();
    let facts = fixture("machines/h100-x8.yml");
    assert_eq!(listed(&work, &[]).len(), 12);
    assert_eq!(listed(&work, &["gqa"]).len(), 1);
    let release =
        listed(&work, &["-F", "trt_llm_release_perf_test.yml", "--machine-facts", &facts]);
    assert!(release.len() > 50, "{}", release.len());
    assert_eq!(listed(&work, &["-R", ".", "--machine-facts", &facts]), release);
    let prefixed = listed(&work, &["--test-prefix", "H100_80GB_HBM3", "--machine-facts", &facts]);
    let expected: Vec<_> = release.iter().map(|name| format!("H100_80GB_HBM3/{name}")).collect();
    assert_eq!(prefixed, expected);
}

#[test]
fn a_pattern_searches_the_prefixed_name_and_suites_the_id() {
    let work = Work::new();
    let list = work.list("list.txt", &["llama-1", "qwen-1", "qwen-2"]);
    let from = ["-F", list.as_str(), "-P", "H200"];
    let with = |more: &[&str]| listed(&work, &[&from[..], more].concat()).len();
    assert_eq!(
        (with(&["-R", "^H200/.*qwen"]), with(&["-R=qwen-[2-9]"]), with(&["-R", "^perf"])),
        (2, 1, 0)
    );
    assert_eq!(
        (with(&["--test-model-suites", "llama; 2"]), with(&["--test-model-suites", "H200"])),
        (2, 0)
    );
}

#[test]
fn the_groups_of_a_split_cover_the_selection_once_and_follow_the_durations() {
    let work = Work::new();
    let list = work.list("list.txt", &["a", "b", "c", "d"]);
    let durations = serde_json::json!({ id("a"): 10.0, id("b"): 1.0, id("c"): 1.0, id("d"): 8.0 });
    let durations = work.write("durations.json", durations.to_string());
    let group = |splits: &str, group: &str, more: &[&str]| {
        let words = ["-F", &list, "-P", "H200", "--splits", splits, "--group", group];
        let names = listed(&work, &[&words[..], more].concat());
        names.concat().replace("H200/perf/test_perf.py::test_perf", "")
    };
    let timed = ["--durations-path", durations.as_str()];
    assert_eq!((group("2", "1", &[]), group("2", "2", &[])), ("[a][b]".into(), "[c][d]".into()));
    assert_eq!(
        (group("2", "1", &timed), group("2", "2", &timed)),
        ("[a]".into(), "[b][c][d]".into())
    );
    let least = [&timed[..], &["--splitting-algorithm", "least_duration"]].concat();
    assert_eq!(["1", "2", "3"].map(|k| group("3", k, &least)), ["[a]", "[d]", "[b][c]"]);
    let waives = work.write("waives.txt", format!("{} SKIP (slow)\n", id("b")));
    let waived = ["-S", waives.as_str()];
    assert_eq!(["1", "2"].map(|k| group("2", k, &waived)), ["[a][b]", "[c][d]"], "waived or not");
    work.write("durations.json", "[]");
    let words = ["--list", "--splits", "2", "--group", "1", "--durations-path", &durations];
    work.run(&words).exits(2).says(&format!("read --durations-path {durations}: "));
}

#[test]
fn a_prefix_stands_in_every_name_and_without_it_nowhere() {
    let work = Work::new();
    let prefix = ["--test-prefix", "H100_80GB_HBM3"];
    work.run_case(PYTORCH, "good", &prefix).exits(0);
    let junit = work.junit();
    assert_eq!(junit.name, "H100_80GB_HBM3");
    assert_eq!(junit.case().class, "H100_80GB_HBM3.perf.test_perf");
    assert_eq!(junit.case().name, format!("test_perf[{PYTORCH}]"));
    for row in work.rows() {
        assert_eq!(row["original_test_name"], format!("H100_80GB_HBM3/{}", id(PYTORCH)));
        assert_eq!(
            row["perf_case_name"],
            format!("H100_80GB_HBM3/perf/test_perf.py::{}", row["test_name"])
        );
        assert!(row["test_name"].starts_with("test_perf_metric_"), "{row:?}");
    }
}

#[test]
fn a_prefix_of_another_gpu_is_warned_of_and_both_spellings_of_the_right_one_are_not() {
    let work = Work::new();
    let facts = fixture("machines/h100-x8.yml");
    let said =
        |prefix: &str| work.run(&["--list", "-P", prefix, "--machine-facts", &facts]).exits(0).err;
    for right in ["H100_80GB_HBM3", "NVIDIA_H100_80GB_HBM3", "H100-PyTorch-1"] {
        assert_eq!(said(right), "", "{right}");
    }
    let warning = "warning: --test-prefix H100_PCIe, but this machine's GPU is H100 80GB HBM3: \
                   its results would be kept under H100_80GB_HBM3";
    assert_eq!(said("H100_PCIe").trim_end(), warning);
}

#[test]
fn a_fact_that_no_condition_can_ask_for_is_pointed_out() {
    let work = Work::new();
    let facts = work.write("facts.yml", "system_gpu_cuont: 0\ncolour: red\n");
    work.run(&["--list", "--machine-facts", &facts])
        .exits(0)
        .says(&format!(
            "note: {facts}: no condition can ask for `system_gpu_cuont`; did you mean `system_gpu_count`?\n"
        ))
        .says("`colour`\n");
}

#[test]
fn lines_of_another_platform_take_part_only_under_its_prefix() {
    let work = Work::new();
    let list = work.write("list.txt", format!("full:H20-3e/{}\nfull:B200/{}\n", id("a"), id("b")));
    assert_eq!(
        listed(&work, &["-F", &list, "-P", "B200-PyTorch-1"]),
        [format!("B200-PyTorch-1/{}", id("b"))]
    );
    assert_eq!(listed(&work, &["-F", &list, "-P", "H20-3e"]), [format!("H20-3e/{}", id("a"))]);
    work.run(&["-F", &list, "--bench-bin", &bench("good")]).exits(4).says("1  for B200 only");
}

#[test]
fn unmatched_lines_are_shown_as_ignored_with_the_condition_when_asked_for() {
    let work = Work::new();
    let (list, facts) = (fixture("lists/by-machine.yml"), fixture("machines/no-gpu.yml"));
    let words = ["-F", &list, "--machine-facts", &facts, "--bench-bin", &bench("good")];
    let ended = work.run(&words).exits(0);
    assert!(ended.out.contains("1 passed; 0 failed; 0 ignored"), "{}", ended.out);
    assert_eq!(work.junit().cases.len(), 1);
    let ended = work.run(&[&words[..], &["--include-unmatched"]].concat()).exits(0);
    assert!(ended.out.contains("1 passed; 0 failed; 1 ignored"), "{}", ended.out);
    let junit = work.junit();
    assert_eq!(junit.kinds(), ["skipped", "passed"]);
    assert_eq!(junit.cases[0].message, "condition not met: system_gpu_count is 0, needs >= 8");
}

#[test]
fn explain_goes_through_the_condition_of_every_line_that_names_the_test() {
    let work = Work::new();
    let (list, facts) = (fixture("lists/by-machine.yml"), fixture("machines/no-gpu.yml"));
    let words = ["-F", &list, "--machine-facts", &facts];
    let explain = |name: &str| work.run(&[&words[..], &["--explain", name]].concat());
    let ended = explain(PYTORCH).exits(0);
    let shown: Vec<&str> = ended.out.lines().collect();
    assert_eq!(
        shown,
        [
            PYTORCH,
            &format!("  {list}:9"),
            "    system_gpu_count is 0, needs >= 8",
            "    supports_fp8 is not known, would need true",
            "    not selected: condition not met: system_gpu_count is 0, needs >= 8",
        ]
    );
    let ended = explain(&id(STREAMING)).exits(0);
    assert!(ended.out.contains(&format!("  {list}:11\n    selected\n")), "{}", ended.out);
    let nearly = STREAMING.replace("tiny", "tyni");
    explain(&nearly).exits(2).says(&format!("did you mean {STREAMING}?"));
    assert_eq!(work.files(), [""; 0]);
}

#[test]
fn the_command_lines_of_qa_and_ci_are_taken_as_they_are() {
    let work = Work::new();
    let list = work.list("perf_test.txt", &[PYTORCH]);
    let waives = work.write("waives.txt", "");
    let program = bench("good");
    let qa = [
        &["-v", "-s", "--test-prefix=H100_80GB_HBM3", "--test-list=perf_test.txt", "-R=pytorch"][..],
        &[
            "--output-dir=./output",
            "--perf",
            "--perf-log-formats=csv",
            "-o",
            "junit_logging=out-err",
        ],
    ];
    let runner = [
        &["-v", "--test-prefix=H100", "--test-list=perf_test.txt", "--waives-file=waives.txt"][..],
        &["--test-model-suites=refbench other", "--splits", "1", "--group", "1"],
        &["--junit-xml=out/results.xml", "--output-dir=out", "--perf", "--perf-log-formats=csv"],
        &["--timeout=3600", "-o", "junit_logging=out-err"],
    ];
    let ci = [
        &["-vv", "--timeout-method=thread", "--apply-test-list-correction", "--timeout=3600"][..],
        &[
            "--rootdir",
            "/src",
            "--test-prefix=H100-PyTorch-1",
            "-F",
            &list,
            "--waives-file",
            &waives,
        ],
        &["--output-dir", "ci", "--csv", "ci/report.csv", "-o", "junit_logging=out-err"],
        &["--periodic-junit", "--periodic-interval", "18000", "--periodic-batch-size", "10"],
        &["--periodic-junit-xmlpath", "ci/periodic.xml", "--perf"],
        &["--perf-log-formats", "csv", "--perf-log-formats", "yaml", "--enable-gpu-clock-lock"],
    ];
    for words in [qa.concat(), runner.concat(), ci.concat()] {
        work.run(&[&words[..], &["--bench-bin", &program]].concat()).exits(0);
    }
    for file in [
        "output/junit.xml",
        "out/results.xml",
        "ci/report.csv",
        "ci/periodic.xml",
        "ci/perf_script_test_results.yaml",
        "ci/perf_script_test_results.csv",
    ] {
        assert!(work.path(file).is_file(), "{file}");
    }
}
