//! Output directories in trouble: full, read-only, wanted by two runs, left by a killed harness.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::small_disk::Disk;
use crate::support::*;

/// Waits for the first line of a log of the newest run.
fn wait_for_log(work: &Work) {
    wait_for("a bench log", || {
        let run = fs::read_dir(work.path("perf-output/runs/latest")).ok()?;
        run.filter_map(|trial| fs::metadata(trial.ok()?.path().join("attempt-1/bench.log")).ok())
            .find(|log| log.len() > 0)
    });
}

#[test]
fn a_disk_that_fills_up_is_named_and_ends_the_program() {
    let work = Work::new();
    let Some(_disk) = Disk::mount(work.path("perf-output"), "size=4m") else { return };
    let ended = work.run_case(PYTORCH, "floods", &[]);
    assert_ne!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let all = ended.out + &ended.err;
    assert!(all.contains("disk full"), "{all}");
    assert!(all.contains("free disk space, or name another --output-dir"), "{all}");
    assert!(all.contains("bench ended: the log failed: No space left on device"), "{all}");
    assert!(!all.contains("panicked"), "{all}");
}

#[test]
fn a_disk_that_is_full_from_the_start_is_3_before_any_trial() {
    let work = Work::new();
    let Some(disk) = Disk::mount(work.path("perf-output"), "size=64k") else { return };
    let filler = disk.path().join("filler");
    // Until nothing fits any more.
    fs::write(&filler, vec![0; 1 << 20]).expect_err("full");
    let ended = work.run_case(PYTORCH, "good", &[]).exits(3);
    assert!(ended.err.contains("disk full"), "{}", ended.err);
    assert!(!ended.out.contains("running"), "{}", ended.out);
}

#[test]
fn an_output_directory_that_is_read_only_is_3_before_any_trial() {
    let work = Work::new();
    let Some(disk) = Disk::mount(work.path("perf-output"), "size=4m") else { return };
    disk.make_read_only();
    let ended = work.run_case(PYTORCH, "good", &[]).exits(3);
    assert!(ended.err.contains("read-only file system"), "{}", ended.err);
    assert!(!ended.out.contains("running"), "{}", ended.out);
}

#[test]
fn a_workspace_that_cannot_be_written_is_one_failed_trial() {
    let work = Work::new();
    work.write("taken", "a file");
    work.run_case(PYTORCH, "good", &["--workspace", "taken"]).exits(101);
    assert_eq!(work.failure()["kind"], "io");
    assert!(text(&work.failure()["message"]).contains("taken"), "{}", work.failure());
}

#[test]
fn an_output_directory_that_vanishes_fails_the_test_under_way_and_the_views_show_all() {
    let work = Work::new();
    // Gone once, while the second test runs.
    let program = work.write(
        "bench.sh",
        format!(
            "#!/bin/sh\nif [ -e {0}/done ]; then exec {1} \"$@\"; fi\n\
             if [ -e {0}/first ]; then touch {0}/done; rm -rf {0}/perf-output; exec sleep 600; fi\n\
             touch {0}/first\nexec {1} \"$@\"\n",
            work.folder().display(),
            bench("good")
        ),
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).expect("executable");
    let list = work.list("list.txt", &[PYTORCH, STREAMING, &format!("{PYTORCH}-con:2")]);
    let ended = work.run(&["-F", &list, "--bench-bin", &program]).exits(101);
    assert!(ended.out.contains("io: bench ended: the log failed"), "{}", ended.out);
    assert!(ended.out.contains("2 passed; 1 failed"), "{}", ended.out);
    assert_eq!(work.junit().kinds(), ["passed", "error", "passed"]);
    assert_eq!(work.rows().len(), 3 + 3);
}

#[test]
fn a_view_that_cannot_be_written_fails_no_trial_and_is_exit_3_in_the_end() {
    let work = Work::new();
    // The folder of the copy goes while the first test runs.
    let program = work.write(
        "bench.sh",
        format!("#!/bin/sh\nrm -rf {}\nexec {} \"$@\"\n", work.word("copies"), bench("good")),
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).expect("executable");
    let words = ["--case", PYTORCH, "--case", STREAMING, "--bench-bin", &program];
    let copy = ["--junit-xml", "copies/junit.xml"];
    let ended = work.run(&[&words[..], &copy].concat()).exits(3).says("copies/junit.xml");
    assert!(ended.out.contains("2 passed; 0 failed"), "{}", ended.out);
    assert_eq!(work.junit().kinds(), ["passed", "passed"], "the other views are whole");
    assert_eq!(work.rows().len(), 3 + 5);
}

#[test]
fn a_second_run_into_one_directory_waits_and_nothing_of_either_is_lost() {
    let work = Work::new();
    let go_on = work.word("go-on");
    let first = ["--case", PYTORCH, "--bench-bin", &bench("waits")];
    let mut first = work.harness(&first);
    let first = first.env("GO_ON", &go_on).stdout(Stdio::piped()).stderr(Stdio::piped());
    let first = first.spawn().expect("starts");
    wait_for_log(&work);

    let said = fs::File::create(work.path("said")).expect("a file");
    let mut second = work.harness(&["--case", STREAMING, "--bench-bin", &bench("good")]);
    let mut second = second.stdout(Stdio::null()).stderr(said).spawn().expect("starts");
    wait_for("the second run's word", || {
        work.read("said").contains("waiting: output directory").then_some(())
    });
    assert_eq!(second.try_wait().expect("a state"), None, "it waits");
    assert!(
        work.read("said").contains(&format!("(pid {} on ", first.id())),
        "{}",
        work.read("said")
    );

    fs::write(&go_on, "").expect("a file");
    Ended::of(first.wait_with_output().expect("ends")).exits(0);
    assert_eq!(second.wait().expect("ends").code(), Some(0), "{}", work.read("said"));
    let runs = fs::read_dir(work.path("perf-output/runs")).expect("runs");
    let runs: Vec<_> =
        runs.map(|run| run.expect("a run").path()).filter(|run| !run.is_symlink()).collect();
    assert_eq!(runs.len(), 2);
    // The views show the newest run; the other one's are folded again from its results.
    assert_eq!(work.rows().len(), 5);
    let newest = fs::canonicalize(work.path("perf-output/runs/latest")).expect("a run");
    let older = runs.iter().find(|run| **run != newest).expect("the first run");
    let name = older.file_name().expect("a name").to_string_lossy().into_owned();
    run(command(TRTLLM_PERF, work.folder()).args(["rebuild", "perf-output", "--run", &name]))
        .exits(0);
    assert_eq!(work.rows().len(), 3);
}

#[test]
fn a_killed_harness_leaves_its_results_its_traces_and_no_process() {
    let work = Work::new();
    let list = work.list("list.txt", &[PYTORCH, TENSORRT]);
    // The first case passes, the second never ends.
    let program = work.write(
        "program.sh",
        format!(
            "#!/bin/sh\ncase \"$*\" in *' build '*) exec {} \"$@\" ;; esac\nexec {} \"$@\"\n",
            bench("hangs"),
            bench("good")
        ),
    );
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).expect("executable");
    let mut harness = work.harness(&["-F", &list, "--bench-bin", &program]);
    let mut harness = harness.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let pids: Vec<i32> = wait_for("the second case", || {
        let run = fs::read_dir(work.path("perf-output/runs/latest")).ok()?;
        let logs = run.map(|trial| trial.expect("an entry").path().join("attempt-1/build.log"));
        let text =
            logs.filter_map(|log| fs::read_to_string(log).ok()).find(|it| it.ends_with('\n'))?;
        Some(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
    });
    kill(Pid::from_raw(harness.id() as i32), Signal::SIGKILL).expect("killed");
    harness.wait().expect("ends");
    wait_for("the program's end", || pids.iter().all(|&pid| !is_alive(pid)).then_some(()));

    // The views were whole after each trial; once more from the results, with the trial that was cut off.
    assert_eq!(work.rows().len(), 3);
    assert_eq!(work.junit().cases[0].kind, "passed");
    for view in ["junit.xml", "perf_script_test_results.csv"] {
        fs::remove_file(work.path("perf-output").join(view)).expect("a view");
    }
    let rebuild =
        run(command(TRTLLM_PERF, work.folder()).args(["rebuild", "perf-output"])).exits(0);
    assert!(rebuild.err.contains("rebuilt the views of"), "{}", rebuild.err);
    assert_eq!(work.rows().len(), 3);
    let junit = work.junit();
    assert_eq!(junit.kinds(), ["passed", "error"]);
    assert!(
        junit.cases[1].message.contains("test terminated unexpectedly"),
        "{:?}",
        junit.cases[1]
    );
    // The directory is free again, and the next run says what was left of this one.
    work.run_case(STREAMING, "good", &[]).exits(0).says("was cut short: 1 of its tests began");
    let ended = work.run_case(PYTORCH, "good", &[]).exits(0);
    assert!(!ended.err.contains("cut short"), "{}", ended.err);
}
