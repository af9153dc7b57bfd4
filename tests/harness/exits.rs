//! Exit codes: 0, 101 a trial failed, 2 usage, 3 can't run, 4 nothing ran, 130 interrupted.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::*;

/// A machine file that satisfies every condition of the GPU lists.
fn h100() -> String {
    fixture("machines/h100-x8.yml")
}

#[test]
fn passing_trials_are_0_and_one_failing_trial_is_101() {
    let work = Work::new();
    work.run_case(PYTORCH, "good", &[]).exits(0);
    let ended = work.run_case(PYTORCH, "silent", &[]).exits(101);
    assert!(ended.out.contains("test result: FAILED. 0 passed; 1 failed"), "{}", ended.out);
}

#[test]
fn a_command_line_that_means_nothing_is_2_and_names_the_option() {
    let work = Work::new();
    for (words, told) in [
        (&["--test-threads", "0"][..], "--test-threads 0 would never run anything"),
        (&["--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["--executor", "slurm"], "unexpected argument '--executor'"),
        (&["-o", "log_cli=true"], "-o log_cli=true is not known; accepted: -o junit_logging="),
        (&["-o", "junit_logging=some"], "unknown value `some`; accepted: no, system-out"),
        (&["-R", "("], "read --regexp: "),
        (
            &["--perf-log-formats", "xml"],
            "--perf-log-formats: unknown value `xml`; accepted: csv, yaml",
        ),
        (&["--test-list", ""], "invalid value '' for '--test-list <FILE>': it is empty"),
        (&["--splits", "2"], "--group"),
        (&["--splits", "2", "--group", "3"], "--group 3 is not within 1 and --splits 2"),
        (&["--flow", "v9"], "invalid value 'v9' for '--flow"),
        (&["--test-list", "no-such.yml"], "read no-such.yml: "),
        (&["--waives-file", "no-such.txt"], "read no-such.txt: "),
        (&["--machine-facts", "no-such.yml"], "read no-such.yml: "),
        (&["--config", "no-such.toml"], "read no-such.toml: "),
        (&["--tables", "no-such-folder", "--list"], "read no-such-folder: No such file"),
        (&["--tables", "no-such-folder", "--explain", "x"], "read no-such-folder: No such file"),
        (&["--tables", &fixture("lists/template.txt")], "template.txt: not a directory"),
        (&["--explain", "perf/test_perf.py::test_perf[x]"], "no list names it"),
    ] {
        work.run(words).exits(2).says(told);
    }
    assert_eq!(work.files(), [""; 0], "nothing is written");
}

#[test]
fn a_list_that_cannot_be_read_is_2_with_the_place() {
    let work = Work::new();
    for (list, place) in [
        ("unknown-key.yml", "unknown-key.yml:5:5: "),
        ("malformed.yml", "malformed.yml:4:"),
        ("template.txt", "template.txt:2:1: "),
        ("bad-until.txt", "bad-until.txt:1:104: "),
    ] {
        work.run(&["-F", &fixture(&format!("lists/{list}"))]).exits(2).says(place);
    }
    assert_eq!(work.files(), [""; 0]);
}

#[test]
fn a_label_that_means_nothing_is_one_failing_trial_with_its_place_and_the_others_run() {
    let work = Work::new();
    let list = fixture("lists/one-bad-label.yml");
    let ended = work.run(&["-F", &list, "--bench-bin", &bench("good")]).exits(101);
    assert!(ended.out.contains("2 passed; 1 failed"), "{}", ended.out);
    let place = format!("{list}:5:68: ");
    assert!(ended.out.contains(&place), "no {place} in {}", ended.out);
    assert!(ended.out.contains("^^^^^^^^"), "the field is underlined:\n{}", ended.out);
    let junit = work.junit();
    assert_eq!(junit.kinds(), ["passed", "error", "passed"]);
    assert_eq!(junit.cases[1].word, "bad_option");
    assert!(junit.cases[1].message.contains("bfloat17"), "{:?}", junit.cases[1]);

    // With upstream's option for corrections the same list is refused as a whole.
    let other = Work::new();
    other.run(&["-F", &list, "-C", "--bench-bin", &bench("good")]).exits(2).says(&place);
    assert_eq!(other.files(), [""; 0]);
}

#[test]
fn a_bare_filter_without_a_match_is_0_and_makes_no_folder_but_4_when_nextest_names_the_test() {
    let work = Work::new();
    work.run(&["no_such_test"])
        .exits(0)
        .says("no test of the embedded list matches `no_such_test`");
    let mut command = work.harness(&["--exact", "no_such_test", "--nocapture"]);
    let ended = run(command.env("NEXTEST", "1")).exits(4);
    assert!(ended.err.contains("12  filter `no_such_test` does not match"), "{}", ended.err);
    assert_eq!(work.files(), [""; 0]);
}

#[test]
fn a_selection_of_which_nothing_ran_is_4_with_the_counts_and_0_when_that_is_allowed() {
    let work = Work::new();
    let list = work.list("list.txt", &[PYTORCH, STREAMING, TENSORRT]);
    let waives = work.write(
        "waives.txt",
        format!("{} SKIP (slow)\n{} SKIP (slow)\n", id(PYTORCH), id(STREAMING)),
    );
    let good = bench("good");
    let words = ["-F", &list, "-S", &waives, "-R", "pytorch", "--bench-bin", &good];
    let ended = work.run(&words).exits(4);
    assert!(ended.err.contains("no test ran, of 3 lines"), "{}", ended.err);
    assert!(ended.err.contains("    2  waived: slow"), "{}", ended.err);
    assert!(ended.err.contains("    1  --regexp does not match"), "{}", ended.err);
    assert_eq!(work.junit().kinds(), ["skipped", "skipped"]);
    work.run(&[&words[..], &["--allow-empty"]].concat()).exits(0);
    work.run(&["-F", &list, "nowhere"]).exits(4).says("    3  filter `nowhere` does not match");
}

#[test]
fn conditions_that_no_machine_meets_are_4_with_what_they_want() {
    let work = Work::new();
    let words = ["-F", "trt_llm_perf_cluster_test.yml", "--bench-bin", &bench("good")];
    let no_gpu = ["--machine-facts", &fixture("machines/no-gpu.yml")];
    let ended = work.run(&[&words[..], &no_gpu].concat()).exits(4);
    assert!(
        ended.err.contains("condition not met: system_gpu_count is 0, needs >= "),
        "{}",
        ended.err
    );
}

#[test]
fn a_model_that_is_not_on_disk_is_ignored_with_the_reason_and_nothing_ran() {
    let work = Work::new();
    let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
    let reason = "model directory /no/models/llama-3.1-model/Meta-Llama-3.1-8B does not exist \
                  (models root: /no/models; set --models-root or LLM_MODELS_ROOT)";
    let more = ["--models-root", "/no/models"];
    work.run_case(label, "good", &more).exits(4).says(&format!("    1  {reason}"));
    let junit = work.junit();
    assert_eq!((junit.case().kind.as_str(), junit.case().message.as_str()), ("skipped", reason));
}

#[test]
fn a_missing_program_is_3_says_what_to_do_and_leaves_one_junit_error() {
    let work = Work::new();
    let facts = h100();
    let words = [
        &["-F", "trt_llm_release_perf_sanity.yml", "--machine-facts", &facts][..],
        &["--models-root", "/no/models", "llama_v3.1_8b"],
    ]
    .concat();
    let ended = run(work.harness(&words).env("PATH", "/nowhere")).exits(3);
    for told in
        ["`trtllm-bench`: not in PATH (/nowhere)", "pip install tensorrt_llm", "--bench-bin"]
    {
        assert!(ended.err.contains(told), "no {told} in {}", ended.err);
    }
    assert!(!ended.out.contains("running"), "before any trial: {}", ended.out);
    let junit = work.junit();
    assert_eq!((junit.case().kind.as_str(), junit.case().word.as_str()), ("error", "infra"));
    assert!(junit.case().text.contains("pip install tensorrt_llm"), "{:?}", junit.case());
    // Names and plans need no program.
    run(work.harness(&[&words[..], &["--list"]].concat()).env("PATH", "/nowhere")).exits(0);
    run(work.harness(&[&words[..], &["--dry-run"]].concat()).env("PATH", "/nowhere")).exits(0);
}

#[test]
fn a_gpu_list_without_the_program_is_3_also_on_a_machine_that_has_no_gpu() {
    let work = Work::new();
    let words = ["--test-prefix=H100_80GB_HBM3", "llama_v3.3_70b_instruct_fp8"];
    let facts = ["--machine-facts", &fixture("machines/no-gpu.yml")];
    let words = [&words[..], &facts].concat();
    run(work.harness(&words).env("PATH", "/nowhere")).exits(3).says("pip install tensorrt_llm");
    assert_eq!(work.junit().case().word, "infra");
    // With the program there, it is the conditions that say why nothing ran.
    let path = work.path("bin");
    fs::create_dir(&path).expect("a folder");
    std::os::unix::fs::symlink(bench("good"), path.join("trtllm-bench")).expect("a link");
    run(work.harness(&words).env("PATH", &path)).exits(4).says("condition not met: ");
}

#[test]
fn a_run_whose_program_was_missing_is_gone_on_with_and_forgets_that() {
    let work = Work::new();
    let missing = ["--case", PYTORCH, "--bench-bin", "/nowhere/bench"];
    work.run(&missing).exits(3);
    assert_eq!(work.junit().kinds(), ["error"]);
    work.run_case(PYTORCH, "good", &["--resume"]).exits(0).says("going on with run");
    assert_eq!(work.junit().kinds(), ["passed"]);
}

#[test]
fn a_test_that_cannot_run_here_is_in_junit_also_when_ignored_ones_are_asked_for() {
    let work = Work::new();
    let absent = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:64,32-reqs:48";
    let words = ["--case", absent, "--models-root", "/nowhere", "--include-ignored"];
    work.run_case(PYTORCH, "good", &words).exits(0);
    assert_eq!(work.junit().kinds(), ["passed", "skipped"]);
}

#[test]
fn ctrl_c_while_another_run_is_waited_for_is_130() {
    let work = Work::new();
    let mut first = work.harness(&["--case", PYTORCH, "--bench-bin", &bench("hangs")]);
    first.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut first = first.spawn().expect("the harness starts");
    wait_for("the first run", || work.path("perf-output/runs/latest").exists().then_some(()));
    let mut second = work.harness(&["--case", PYTORCH, "--bench-bin", &bench("good")]);
    let log = work.path("second.log");
    second.stdout(std::process::Stdio::null()).stderr(fs::File::create(&log).expect("a log"));
    let mut second = second.spawn().expect("the harness starts");
    let waits = || fs::read_to_string(&log).ok().filter(|text| text.contains("waiting: "));
    wait_for("the second run to wait", waits);
    kill(Pid::from_raw(second.id() as i32), Signal::SIGINT).expect("interrupted");
    assert_eq!(second.wait().expect("ends").code(), Some(130));
    kill(Pid::from_raw(first.id() as i32), Signal::SIGTERM).expect("interrupted");
    first.wait().expect("ends");
}

#[test]
fn an_output_directory_that_cannot_be_made_is_3_and_named() {
    let work = Work::new();
    work.write("taken", "a file");
    let ended = work.run_case(PYTORCH, "good", &["-O", "taken/below"]).exits(3);
    assert!(ended.err.contains("taken/below"), "{}", ended.err);
}

#[test]
fn ctrl_c_is_130_ends_the_whole_tree_and_keeps_what_was_done() {
    let work = Work::new();
    let list = work.list("list.txt", &[PYTORCH, STREAMING]);
    let mut harness = work.harness(&["-F", &list, "--bench-bin", &bench("hangs")]);
    harness.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let harness = harness.spawn().expect("the harness starts");
    let pids: Vec<i32> = wait_for("the scripted program", || {
        let run = fs::read_dir(work.path("perf-output/runs/latest")).ok()?;
        let logs = run.map(|trial| trial.expect("an entry").path().join("attempt-1/bench.log"));
        let text =
            logs.filter_map(|log| fs::read_to_string(log).ok()).find(|it| it.ends_with('\n'))?;
        Some(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
    });
    assert!(pids.len() == 2 && pids.iter().all(|&pid| is_alive(pid)), "{pids:?}");
    kill(Pid::from_raw(harness.id() as i32), Signal::SIGINT).expect("interrupted");
    let ended = Ended::of(harness.wait_with_output().expect("ends")).exits(130);
    assert!(ended.err.contains("interrupted; results so far are in perf-output"), "{}", ended.err);
    assert!(pids.iter().all(|&pid| !is_alive(pid)), "nothing is left of {pids:?}");
    // The second case never started, and the first has no result, so that it can be gone on with.
    assert!(ended.out.contains("infra: bench interrupted"), "{}", ended.out);
    let [folder] = &work.attempts()[..] else { panic!("{:?}", work.attempts()) };
    assert!(folder.join("plan.json").is_file() && !folder.join("result.json").exists());
    assert_eq!(work.junit().kinds(), ["error"]);
    assert_eq!(work.rows().len(), 0);
}

#[test]
fn ctrl_c_ends_the_making_of_a_data_set_and_leaves_none_of_it() {
    let work = Work::new();
    let list = work.list("list.txt", &[ENDLESS]);
    let mut harness = work.harness(&["-F", &list, "--bench-bin", &bench("good")]);
    harness.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let harness = harness.spawn().expect("the harness starts");
    let sizes = || -> Vec<u64> {
        let items = fs::read_dir(work.path("perf-output/datasets")).into_iter().flatten();
        items.filter_map(|item| Some(item.ok()?.metadata().ok()?.len())).collect()
    };
    wait_for("the data set", || sizes().iter().any(|&size| size > 0).then_some(()));
    kill(Pid::from_raw(harness.id() as i32), Signal::SIGINT).expect("interrupted");
    let ended = Ended::of(harness.wait_with_output().expect("ends")).exits(130);
    assert!(ended.out.contains("dataset interrupted"), "{}", ended.out);
    assert!(!work.attempts()[0].join("result.json").exists(), "it runs again with --resume");
    assert!(sizes().iter().all(|&size| size == 0), "the lock alone is left");
}
