//! The programs end to end: a run of the embedded engine, and what the commands tell of it.

use serde_json::Value;

use crate::harness::{Ended, TRTLLM_PERF, Work, command, json_lines, run};

const TINY: &str = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:2";

/// `trtllm-perf history` with these words.
fn history(work: &Work, words: &[&str]) -> Ended {
    run(command(TRTLLM_PERF, work.folder()).arg("history").args(words))
}

fn json(work: &Work, words: &[&str]) -> Vec<Value> {
    json_lines(&history(work, words).exits(0).out)
}

#[test]
fn a_run_is_in_the_history_at_its_end_with_who_how_and_on_what() {
    let work = Work::new();
    let list = work.list("list.txt", &[TINY]);
    let mut harness = work.harness(&["-F", &list, "--release", "1.2.0rc3", "--commit", "abc123"]);
    // A secret in a variable of ours: an URL with a password.
    harness.env("TRTLLM_PERF_DURATIONS_PATH", "https://ann:s3cret@host/durations?token=t0ken");
    run(&mut harness).exits(0).says("history: perf-history.sqlite (3 more samples)");
    let [run] = &json(&work, &["list", "--json"])[..] else { panic!("one run") };
    assert_eq!(run["release"], "1.2.0rc3");
    assert_eq!((&run["passed"], &run["samples"]), (&1.into(), &3.into()));
    let facts = &run["facts"];
    assert_eq!(facts["engine_commit"], "abc123");
    assert_eq!(facts["list"], list);
    assert_eq!(facts["harness"], env!("CARGO_PKG_VERSION"));
    assert!(facts["who"].as_str().is_some_and(|who| !who.is_empty()), "{facts}");
    let flags = facts["flags"].as_str().expect("flags");
    assert!(flags.starts_with("run -F "), "{flags}");
    assert!(
        flags.contains("TRTLLM_PERF_DURATIONS_PATH=https://***@host/durations?token=***"),
        "{flags}"
    );
    let text =
        work.read(&format!("perf-output/runs/{}/run.json", run["run_id"].as_str().expect("id")));
    assert!(!text.contains("s3cret") && !text.contains("t0ken"), "{text}");
}

#[test]
fn list_and_show_tell_of_runs_and_series() {
    let work = Work::new();
    work.run(&["--case", TINY]).exits(0);
    work.run(&["--case", TINY]).exits(0);
    let listed = history(&work, &["list"]).exits(0).out;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.starts_with("started (UTC)"), "{listed}");
    let runs = json(&work, &["list", "--json"]);
    let id = runs[0]["run_id"].as_str().expect("an id");
    let shown = history(&work, &["show", id]).exits(0).out;
    assert!(shown.contains("TOKEN_THROUGHPUT"), "{shown}");
    let attempts = json(&work, &["show", id, "--json"]);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["outcome"], "passed");
    assert_eq!(attempts[0]["samples"].as_array().expect("samples").len(), 3);
    assert_eq!(attempts[0]["engine"], "refbench");
    // A label in another spelling is the same case.
    let points = json(&work, &["show", TINY, "--metric", "token_throughput", "--json"]);
    assert_eq!(points.len(), 2);
    assert!(points.iter().all(|point| point["value"].as_f64().is_some_and(|value| value > 0.0)));
    assert_eq!(points[0]["run_id"], id);
    let page = json(&work, &["show", "refbench*", "--last", "1", "--json"]);
    assert_eq!(page.len(), 3, "one point of each of three series");
    assert_eq!(json(&work, &["list", "--series", "--json"]).len(), 3);
    let near = TINY.replace("tiny", "tyni");
    history(&work, &["show", &near]).exits(2).says("no run and no series");
    history(&work, &["list", "--metric", "SPEED"]).exits(2).says("accepted: BUILD_TIME");
    history(&work, &["list", "--since", "yesterday"])
        .exits(2)
        .says("read --since: `yesterday` is no moment");
}

#[test]
fn what_starts_nothing_touches_no_history() {
    let work = Work::new();
    for words in [&["--list"][..], &["--dry-run"], &["--explain", "x"], &["no_such_test"]] {
        work.run(words);
        assert!(!work.path("perf-history.sqlite").exists(), "{words:?}");
    }
    work.run(&["--case", TINY, "--history", "none"]).exits(0);
    assert!(!work.path("perf-history.sqlite").exists());
    history(&work, &["list"]).exits(2).says("there is no such file; a run of the harness makes it");
    work.run(&["--case", TINY, "--history", "mysql://x"])
        .exits(2)
        .says("`mysql` is no kind of store");
}

#[test]
fn a_run_that_is_gone_on_with_is_one_run_and_the_settings_file_says_where() {
    let work = Work::new();
    work.write("perf.toml", "history = \"kept.sqlite\"\n");
    let list = work.list("list.txt", &[TINY]);
    work.run(&["-F", &list]).exits(0);
    work.list("list.txt", &[TINY, &TINY.replace("reqs:2", "reqs:3")]);
    work.run(&["-F", &list, "--resume"]).exits(0).says("history: kept.sqlite (3 more samples)");
    let runs = json(&work, &["list", "--json"]);
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!((&runs[0]["passed"], &runs[0]["samples"]), (&2.into(), &6.into()));
    assert!(!work.path("perf-history.sqlite").exists());
}

#[test]
fn a_run_whose_harness_was_killed_is_added_by_the_next_one() {
    let work = Work::new();
    // What a harness leaves that is killed when its tests have ended.
    work.run(&["--case", TINY, "--history", "none"]).exits(0);
    let latest = std::fs::canonicalize(work.path("perf-output/runs/latest")).expect("a run");
    std::fs::write(latest.join("history.pending"), "perf-history.sqlite\n").expect("a mark");
    work.run(&["--case", TINY]).exits(0).says("1 earlier runs that it lacked are in it now");
    assert_eq!(json(&work, &["list", "--json"]).len(), 2);
    assert!(!latest.join("history.pending").exists());
    let newest = std::fs::canonicalize(work.path("perf-output/runs/latest")).expect("a run");
    assert!(!newest.join("history.pending").exists());
}

#[test]
fn a_history_that_cannot_be_written_changes_no_exit_code_and_is_made_good_by_import() {
    let work = Work::new();
    let words = ["--case", TINY, "--history", "no/such/folder/history.sqlite"];
    work.run(&words).exits(0).says("note: the run is not in the history: open no/such/folder/");
    history(&work, &["import", "perf-output"]).exits(0).says("added 1 run: 1 attempt, 3 samples");
    history(&work, &["import", "perf-output"])
        .exits(0)
        .says("added 0 runs: 0 attempts, 0 samples; 1 attempt known already");
    history(&work, &["import", "no-such"]).exits(2).says("no-such");
}

#[test]
fn query_reckons_over_a_series_without_what_was_marked_as_invalid() {
    let work = Work::new();
    for _ in 0..3 {
        work.run(&["--case", TINY, "--release", "1.0"]).exits(0);
    }
    let words = ["query", "--metric", "TOKEN_THROUGHPUT", "--json", "--percentiles", "0,50"];
    let [all] = &json(&work, &words)[..] else { panic!("one series") };
    let points = json(&work, &["show", TINY, "--metric", "TOKEN_THROUGHPUT", "--json"]);
    let mut values: Vec<f64> =
        points.iter().map(|it| it["value"].as_f64().expect("a number")).collect();
    let mean = values.iter().sum::<f64>() / 3.0;
    let first = values[0];
    values.sort_by(f64::total_cmp);
    assert_eq!((&all["count"], all["mean"].as_f64()), (&3.into(), Some(mean)));
    assert_eq!((all["median"].as_f64(), all["min"].as_f64()), (Some(values[1]), Some(values[0])));
    assert_eq!(all["percentiles"]["p50"].as_f64(), Some(values[1]));
    assert_eq!(json(&work, &["query", "--release", "2*", "--json"]).len(), 0);
    let id = points[0]["run_id"].as_str().expect("an id");
    history(&work, &["invalidate", "--run", id, "--reason", "throttled"]).exits(0);
    let [rest] = &json(&work, &words)[..] else { panic!("one series") };
    assert_eq!(rest["count"], 2);
    let shown = json(&work, &["show", TINY, "--metric", "TOKEN_THROUGHPUT", "--json"]);
    assert_eq!(
        (&shown[0]["state"], &shown[0]["invalidated"]),
        (&"invalid".into(), &"throttled".into())
    );
    assert_eq!(shown[0]["value"].as_f64(), Some(first), "it is still there");
    history(&work, &["invalidate", "--run", id, "--reason", "it was not", "--undo"]).exits(0);
    assert_eq!(json(&work, &words)[0]["count"], 3);
    history(&work, &["invalidate", "--run", "no-such", "--reason", "x"])
        .exits(2)
        .says("there is none");
    let text = history(&work, &["query"]).exits(0).out;
    assert!(
        text.starts_with("metric") && text.contains("TOKEN_THROUGHPUT") && text.contains(" %"),
        "{text}"
    );
}

#[test]
fn remarks_and_aliases_are_kept_and_shown() {
    let work = Work::new();
    work.run(&["--case", TINY]).exits(0);
    let id = json(&work, &["list", "--json"])[0]["run_id"].as_str().expect("an id").to_owned();
    history(&work, &["annotate", "--run", &id, "new driver"]).exits(0);
    history(&work, &["annotate", "--at", "2026-11-24", "move", "--case", "refbench*"]).exits(0);
    history(&work, &["annotate", "nowhere"]).exits(2);
    let shown = history(&work, &["show", TINY]).exits(0).out;
    assert!(shown.contains("new driver"), "{shown}");
    let renamed = TINY.replace("reqs:2", "reqs:2-con:1");
    history(&work, &["alias", TINY, &renamed]).exits(0);
    let points = json(&work, &["show", &renamed, "--json"]);
    assert_eq!(points.len(), 3, "the history goes on under the new label");
    assert!(
        json(&work, &["list", "--series", "--json"])[0]["case"]
            .as_str()
            .is_some_and(|case| case.contains("-con:1"))
    );
    history(&work, &["alias", &renamed, TINY]).exits(2).says("goes on as that case already");
}

#[test]
fn an_export_has_each_sample_once_in_every_form() {
    let work = Work::new();
    work.run(&["--case", TINY, "--release", "1.0"]).exits(0);
    work.run(&["--case", TINY, "--release", "2.0"]).exits(0);
    let rows = json(&work, &["export", "--format", "jsonl"]);
    assert_eq!(rows.len(), 6);
    assert_eq!((&rows[0]["release"], &rows[0]["engine"]), (&"1.0".into(), &"refbench".into()));
    assert!(rows.iter().all(|row| row["value"].as_f64().is_some_and(|value| value > 0.0)));
    let file = work.word("out.csv");
    let words = ["export", "--release", "2.0", "--metric", "TOKEN_THROUGHPUT", "-o", &file];
    history(&work, &words).exits(0).says("out.csv: 1 samples");
    let table = crate::harness::read_csv(&work.path("out.csv"));
    assert_eq!((table.len(), table[0]["metric"].as_str()), (1, "TOKEN_THROUGHPUT"));
    assert_eq!(table[0]["value"].parse::<f64>().ok(), rows[4]["value"].as_f64());
    let bulk = json(&work, &["export", "--format", "opensearch"]);
    assert_eq!(bulk.len(), 12, "an action and a document each");
    assert_eq!(bulk[0]["index"]["_id"].as_str().map(str::len), Some(32));
    assert_eq!(bulk[1]["s_release"], "1.0");
    assert_eq!(
        bulk,
        json(&work, &["export", "--format", "opensearch"]),
        "sent twice it is the same"
    );
    let parquet =
        history(&work, &["export", "--format", "parquet", "-o", &work.word("out.parquet")]);
    if cfg!(feature = "parquet") {
        parquet.exits(0);
        let bytes = std::fs::read(work.path("out.parquet")).expect("a file");
        assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    } else {
        parquet.exits(2).says("build with `--features parquet`");
    }
}
