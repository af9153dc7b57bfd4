//! A bench that goes silent is ended as hung: after which time, and who says so.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::*;

/// Says one line and is silent for the rest of its life, idle or at work.
const IDLE: &str = "#!/bin/sh\necho begin\nsleep 600\n";
const BUSY: &str = "#!/bin/sh\necho begin\nwhile :; do :; done\n";

/// Runs a list whose one line is for a scripted bench; how the bench failed.
fn failure(
    script: &str,
    list: (&str, &str),
    toml: &str,
    twin: Option<&str>,
    words: &[&str],
) -> Value {
    let work = Work::new();
    let program = work.write("bench.sh", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    work.write("perf.toml", toml);
    let list = work.write(list.0, list.1);
    let mut command = work.harness(&[&["-F", &list, "--bench-bin", &program], words].concat());
    command.envs(twin.map(|value| ("TRTLLM_PERF_STALL", value)));
    run(&mut command).exits(101);
    work.attempt().1["outcome"]["failed"].clone()
}

fn text_list(markers: &str) -> (&'static str, String) {
    ("list.txt", format!("{}{markers}\n", id(PYTORCH)))
}

/// The seconds of silence in a failure's message.
#[track_caller]
fn silence(failure: &Value) -> f64 {
    assert_eq!(failure["kind"], "hang", "{failure}");
    let message = text(&failure["message"]);
    let seconds = message
        .strip_prefix("bench hung: log silent for ")
        .and_then(|rest| rest.strip_suffix(" s"));
    seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| panic!("{message}"))
}

#[test]
fn a_silent_idle_bench_is_a_hang_and_one_at_work_gets_the_longer_time() {
    let (name, list) = text_list("");
    let words = ["--stall", "1", "--stall-active", "3"];
    let idle = failure(IDLE, (name, &list), "", None, &words);
    assert!((1.0..3.0).contains(&silence(&idle)), "{idle}");
    assert!(text(&idle["hint"]).contains("--stall or a STALL marker"), "{idle}");
    let busy = failure(BUSY, (name, &list), "", None, &words);
    assert!(silence(&busy) >= 3.0, "{busy}");
}

#[test]
fn the_time_is_the_lines_then_the_options_then_the_files_and_0_is_no_watch() {
    let kind = |list: (&str, &str), toml: &str, twin: Option<&str>, words: &[&str]| {
        let words = [words, &["--timeout", "3"]].concat();
        text(&failure(IDLE, list, toml, twin, &words)["kind"])
    };
    let (name, plain) = text_list("");
    let (_, never) = text_list(" STALL (0)");
    let block = format!("c:\n- stall: 0\n  tests: ['{}']\n", id(PYTORCH));
    let whole = format!("stall: [0, 0]\nc:\n- tests: ['{}']\n", id(PYTORCH));
    let short = "[stall]\nbench = { idle = 1 }\n";
    for (list, toml, twin, words, expected) in [
        ((name, &plain), short, None, &[][..], "hang"),
        ((name, &plain), "[stall]\nbuild = { idle = 1 }\n", None, &[], "timeout"),
        ((name, &plain), short, Some("0"), &[], "timeout"),
        ((name, &plain), "", Some("1"), &[], "hang"),
        ((name, &plain), "", Some("0"), &["--stall", "1"], "hang"),
        ((name, &never), "", None, &["--stall", "1"], "timeout"),
        (("list.yml", &block), "", None, &["--stall", "1"], "timeout"),
        (("list.yml", &whole), "", None, &["--stall", "1"], "timeout"),
    ] {
        assert_eq!(
            kind((list.0, list.1), toml, twin, words),
            expected,
            "{list:?} {toml} {twin:?} {words:?}"
        );
    }
}

#[test]
fn times_that_do_not_fit_together_are_2_where_they_are_said() {
    let work = Work::new();
    let told = "a step at work would get less time (5 s) than an idle one (9 s)";
    work.run(&["--list", "--stall", "9", "--stall-active", "5"])
        .exits(2)
        .says(&format!("--stall and --stall-active: {told}"));
    work.write("perf.toml", "[stall]\nbench = { idle = 9, active = 5 }\n");
    work.run(&["--list"]).exits(2).says(&format!("perf.toml: stall.bench: {told}"));
    work.write("perf.toml", "[stall]\nbench = { silent = 9 }\n");
    work.run(&["--list"]).exits(2).says("unknown field `silent`");
    work.write("perf.toml", "stall = 5\n");
    work.run(&["--list"]).exits(2).says("expected a table by step, such as `[stall]`");
    fs::remove_file(work.path("perf.toml")).expect("gone");
    for flag in ["--stall", "--stall-active", "--timeout"] {
        let told = format!("'-5' for '{flag} <SECS>': it takes whole seconds, 0 or more");
        work.run(&["--list", flag, "-5"]).exits(2).says(&told);
    }
    let list = work.write("list.txt", format!("{} STALL (30, 10)\n", id(PYTORCH)));
    let ended = work.run(&["--list", "-F", &list]).exits(2);
    assert!(ended.err.contains("list.txt:1:"), "{}", ended.err);
    assert!(ended.err.contains("found `30, 10`"), "{}", ended.err);
    assert!(ended.err.contains("write STALL (10) or STALL (10, 30)"), "{}", ended.err);
}
