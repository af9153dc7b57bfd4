//! Running steps for real: ends, logs, errors here; watches and runaways in their own files.

#[path = "process/runaways.rs"]
mod runaways;
#[path = "process/support.rs"]
mod support;
#[path = "process/watches.rs"]
mod watches;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Bench, lives, supervisor, wait_until};
use trtllm_perf::process::{Ended, Interrupt, ProcessError, Supervisor, Watch, run};

#[test]
fn a_step_ends_with_its_exit_code() {
    assert_eq!(Bench::sh("exit 0").run().ended, Ended::Success);
    assert_eq!(Bench::sh("exit 3").run().ended, Ended::Failed(3));
    assert_eq!(Bench::sh("exit 255").run().ended, Ended::Failed(255));
}

#[test]
fn a_step_that_is_killed_names_the_signal_also_one_without_a_name() {
    for signal in [9, 11, 15, 34] {
        let end = Bench::sh(&format!("kill -{signal} $$")).run();
        assert_eq!(end.ended, Ended::Signalled(signal));
    }
}

#[test]
fn a_step_has_its_directory_environment_and_name_and_an_empty_stdin() {
    let mut bench = Bench::sh("pwd -P; echo $GREETING; cat; echo $0");
    bench.step.env.push(("GREETING".into(), "hällo".into()));
    bench.step.argv.push("name".into());
    assert_eq!(bench.run().ended, Ended::Success);
    let folder = bench.folder.path().canonicalize().expect("folder");
    assert_eq!(bench.log(), format!("{}\nhällo\nname\n", folder.display()));
}

#[test]
fn the_log_has_stdout_and_stderr_in_the_order_of_writing_after_what_was_there() {
    let bench = Bench::sh("for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done");
    fs::write(&bench.step.log, "before\n").expect("write");
    assert_eq!(bench.run().ended, Ended::Success);
    let lines: String = (1..=9).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(bench.log(), format!("before\n{lines}"));
}

#[test]
fn a_stdout_file_takes_stdout_and_leaves_the_log_to_stderr() {
    let mut bench = Bench::sh("echo data; echo progress >&2");
    let file = bench.folder.path().join("data.json");
    fs::write(&file, "old and longer than the new").expect("write");
    bench.step.stdout = Some(file.clone());
    assert_eq!(bench.run().ended, Ended::Success);
    assert_eq!(fs::read_to_string(file).expect("read"), "data\n");
    assert_eq!(bench.log(), "progress\n");
}

#[test]
fn a_line_of_100_mb_reaches_the_log_whole() {
    let bench = Bench::sh("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo done");
    let mut longest = 0;
    let mut progress =
        |now: &trtllm_perf::process::Progress<'_>| longest = longest.max(now.last_line.len());
    let watch = Watch { progress: Some(&mut progress), ..Watch::default() };
    let end = run(&bench.step, watch, &supervisor(), &Interrupt::default()).expect("run");
    assert_eq!(end.ended, Ended::Success);
    let log = fs::read(&bench.step.log).expect("log");
    assert_eq!(log.len(), 100_000_000 + "\ndone\n".len());
    assert!(log.ends_with(b"xx\ndone\n"));
    assert!(longest <= 64 * 1024, "{longest}");
}

#[test]
fn a_full_disk_under_the_log_is_the_cause_of_the_end_whatever_the_program_does() {
    // `/dev/full` answers every write as a full disk does.
    for script in ["echo hello; sleep 600", "while :; do echo hello; done", "echo hello"] {
        let mut bench = Bench::sh(script);
        bench.step.log = "/dev/full".into();
        let error = "No space left on device (os error 28)".to_owned();
        assert_eq!(bench.run().ended, Ended::LogFailed { error }, "{script}");
    }
}

#[test]
fn what_cannot_be_started_is_named() {
    let message = |bench: &Bench| bench.try_run().expect_err("cannot start").to_string();

    let mut bench = Bench::sh("");
    bench.step.argv = vec!["trtllm-bemch".into()];
    bench.step.env.push(("PATH".into(), "/opt/a:/opt/b".into()));
    assert_eq!(message(&bench), "find the program `trtllm-bemch`: not in PATH (/opt/a:/opt/b)");
    assert!(!bench.step.log.exists());

    let script = bench.folder.path().join("bench");
    fs::write(&script, "#!/no/such/interpreter\n").expect("write");
    bench.step.argv = vec![script.display().to_string()];
    assert!(matches!(bench.try_run(), Err(ProcessError::NotExecutable { path }) if path == script));
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
    assert!(message(&bench).starts_with(&format!("start {}: No such file", script.display())));

    bench.step.argv.clear();
    assert!(matches!(bench.try_run(), Err(ProcessError::EmptyCommand)));
}

#[test]
fn a_place_that_cannot_be_used_is_named() {
    let mut bench = Bench::sh("");
    bench.step.cwd = bench.folder.path().join("missing");
    assert!(
        matches!(bench.try_run(), Err(ProcessError::WorkingDirectory { path, .. }) if path == bench.step.cwd)
    );
    bench.step.cwd = "/dev/null".into();
    assert!(matches!(bench.try_run(), Err(ProcessError::WorkingDirectory { .. })));

    let mut bench = Bench::sh("");
    bench.step.log = bench.folder.path().join("missing/step.log");
    assert!(
        matches!(bench.try_run(), Err(ProcessError::Log { path, .. }) if path == bench.step.log)
    );

    let mut bench = Bench::sh("");
    bench.step.stdout = Some(bench.folder.path().to_owned());
    assert!(matches!(bench.try_run(), Err(ProcessError::Stdout { .. })));
}

#[test]
fn processes_left_after_success_are_ended_and_reported() {
    let bench = Bench::sh("(setsid sleep 612 &); sleep 0.1; exit 0");
    let end = bench.run();
    assert_eq!(end.ended, Ended::Success);
    let commands: Vec<_> = end.leftovers.iter().map(|process| process.command.as_str()).collect();
    assert_eq!(commands, ["sleep 612"]);
    assert!(!lives(end.leftovers[0].pid));
    assert!(end.wall < Duration::from_secs(1), "the leftover is not the step: {:?}", end.wall);
}

/// Stands in for a process that cannot be ended: this one, which opens the step's output.
#[test]
fn a_process_that_cannot_be_ended_and_holds_the_output_does_not_spoil_a_success() {
    for floods in [false, true] {
        let bench = Bench::sh("echo $$ > pid; until [ -e held ]; do sleep 0.02; done; echo done");
        let at = |name: &str| bench.folder.path().join(name);
        let (pid, held) = (at("pid"), at("held"));
        let holder = std::thread::spawn(move || {
            let read = || fs::read_to_string(&pid).unwrap_or_default();
            wait_until("the step runs", || read().ends_with('\n'));
            let output = format!("/proc/{}/fd/1", read().trim());
            let mut output = fs::File::options().write(true).open(output).expect("its output");
            fs::write(held, "").expect("write");
            while floods && output.write_all(&[b'x'; 4096]).is_ok() {}
            output
        });
        let begin = Instant::now();
        let end = bench.run();
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert_eq!((end.ended, end.leftovers, end.survivors), (Ended::Success, vec![], vec![]));
        drop(holder.join().expect("the holder"));
        assert!(bench.log().contains("done\n"), "{floods}");
    }
}

#[test]
fn a_helper_that_follows_its_parent_is_no_leftover() {
    let end = Bench::sh("(setsid sh -c 'sleep 0.2; echo bye' &); exit 0").run();
    assert_eq!((end.ended, end.leftovers), (Ended::Success, Vec::new()));
}

#[test]
fn concurrent_steps_do_not_take_each_others_children() {
    for cgroups in [true, false] {
        let long = Bench::sh("(setsid sh -c 'sleep 2; echo orphan' &); sleep 2.5; exit 4");
        let short = Bench::sh("(setsid sleep 613 &); sleep 0.2; exit 3");
        let supervisor = Supervisor { cgroups, ..supervisor() };
        let go = |bench: &Bench| {
            run(&bench.step, Watch::default(), &supervisor, &Interrupt::default()).expect("run")
        };
        let (long_end, short_end) = std::thread::scope(|scope| {
            let long_end = scope.spawn(|| go(&long));
            let short_end = scope.spawn(|| go(&short));
            (long_end.join().expect("long"), short_end.join().expect("short"))
        });
        assert_eq!((long_end.ended, long_end.leftovers), (Ended::Failed(4), Vec::new()));
        assert_eq!((short_end.ended, short_end.leftovers.len()), (Ended::Failed(3), 1));
        assert_eq!(long.log(), "orphan\n");
    }
}

#[test]
fn after_an_interrupt_nothing_is_started() {
    let bench = Bench::sh("echo started");
    let interrupt = Interrupt::default();
    interrupt.raise();
    let end = run(&bench.step, Watch::default(), &supervisor(), &interrupt).expect("run");
    assert_eq!(end.ended, Ended::Interrupted);
    assert!(!bench.step.log.exists());
}

/// Runs a step that tells the numbers of its supervisor, itself and a child, and signals the supervisor.
fn signal_the_supervisor(signal: Signal, cgroups: bool) -> (Result<Ended, ProcessError>, Vec<i32>) {
    let bench = Bench::sh("sleep 600 & echo $PPID $$ $!; wait");
    let supervisor = Supervisor { cgroups, ..supervisor() };
    let go = || run(&bench.step, Watch::default(), &supervisor, &Interrupt::default());
    std::thread::scope(|scope| {
        let end = scope.spawn(|| go().map(|end| end.ended));
        wait_until("the step runs", || {
            fs::read_to_string(&bench.step.log).is_ok_and(|log| log.ends_with('\n'))
        });
        let log = bench.log();
        let mut pids = log.split_whitespace().map(|pid| pid.parse().expect("pid"));
        kill(Pid::from_raw(pids.next().expect("supervisor")), signal).expect("signal");
        (end.join().expect("join"), pids.collect())
    })
}

#[test]
fn a_killed_supervisor_is_an_error_and_its_group_does_not_survive() {
    for cgroups in [true, false] {
        let (end, step) = signal_the_supervisor(Signal::SIGKILL, cgroups);
        let message = end.expect_err("lost").to_string();
        assert!(message.starts_with("lose the step's supervisor"), "{message}");
        assert!(message.contains("signal: 9"), "{message}");
        wait_until("the step is dead", || !step.iter().any(|pid| lives(*pid)));
    }
}

#[test]
fn term_to_the_supervisor_as_from_a_batch_system_ends_the_step() {
    let (end, step) = signal_the_supervisor(Signal::SIGTERM, true);
    assert_eq!(end.expect("end"), Ended::Interrupted);
    assert!(!step.iter().any(|pid| lives(*pid)));
}

#[test]
fn an_executable_that_is_no_supervisor_is_said_to_be_lost() {
    let bench = Bench::sh("exit 0");
    let supervisor = Supervisor { program: "/bin/true".into(), cgroups: true };
    let end = run(&bench.step, Watch::default(), &supervisor, &Interrupt::default());
    assert!(matches!(end, Err(ProcessError::SupervisorLost { .. })), "{end:?}");
}
