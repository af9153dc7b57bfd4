//! Time limit, stall watch, fatal lines, progress.

use std::time::Duration;

use trtllm_perf::process::{Ended, Fatal, Interrupt, Stall, Supervisor, Watch, run};

use crate::support::{Bench, supervisor};

const SILENCE: Duration = Duration::from_secs(1);
const ACTIVE_SILENCE: Duration = Duration::from_millis(2500);

/// The end of `script` under a stall watch, with and without a cgroup to read the CPU time from.
fn ends_under_a_stall_watch(script: &str, gpu_active: bool) -> [Ended; 2] {
    [true, false].map(|cgroups| {
        let gpu_active = &|| gpu_active;
        let stall = Stall { silence: SILENCE, active_silence: ACTIVE_SILENCE, gpu_active };
        let watch = Watch { stall: Some(stall), ..Watch::default() };
        let supervisor = Supervisor { cgroups, ..supervisor() };
        let bench = Bench::sh(script);
        run(&bench.step, watch, &supervisor, &Interrupt::default()).expect("run").ended
    })
}

fn silent_time(ended: Ended) -> Duration {
    match ended {
        Ended::Hang { silent } => silent,
        other => panic!("no hang: {other}"),
    }
}

#[test]
fn a_silent_idle_step_is_a_hang() {
    for ended in ends_under_a_stall_watch("echo begin; sleep 600", false) {
        let silent = silent_time(ended);
        assert!(silent >= SILENCE && silent < ACTIVE_SILENCE, "{silent:?}");
    }
}

#[test]
fn a_silent_step_that_computes_gets_more_time_but_not_for_ever() {
    for ended in ends_under_a_stall_watch("echo begin; while :; do :; done", false) {
        assert!(silent_time(ended) >= ACTIVE_SILENCE);
    }
}

#[test]
fn a_silent_step_whose_gpu_is_busy_gets_more_time_but_not_for_ever() {
    for ended in ends_under_a_stall_watch("echo begin; sleep 600", true) {
        assert!(silent_time(ended) >= ACTIVE_SILENCE);
    }
}

#[test]
fn a_step_that_keeps_talking_is_no_hang() {
    let script = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done";
    assert_eq!(ends_under_a_stall_watch(script, false), [Ended::Success, Ended::Success]);
}

fn end_with_fatal_line(script: &str) -> Ended {
    let is_fatal = &mut |line: &[u8]| line.starts_with(b"CUDA error");
    let fatal = Fatal { is_fatal, grace: Duration::from_millis(500) };
    let watch = Watch { fatal: Some(fatal), ..Watch::default() };
    let bench = Bench::sh(script);
    run(&bench.step, watch, &supervisor(), &Interrupt::default()).expect("run").ended
}

#[test]
fn a_fatal_line_ends_the_step_after_its_grace() {
    let script = "echo load; echo 'CUDA error: out of memory'; echo more; sleep 600";
    let line = "CUDA error: out of memory".to_owned();
    assert_eq!(end_with_fatal_line(script), Ended::FatalLine { line });
}

#[test]
fn a_program_that_ends_by_itself_after_a_fatal_line_keeps_its_exit_code() {
    assert_eq!(end_with_fatal_line("echo 'CUDA error'; exit 7"), Ended::Failed(7));
}

#[test]
fn a_step_at_its_limit_may_clean_up_after_term() {
    let script = "trap 'echo cleaning up; exit 0' TERM; echo begin; while :; do sleep 0.05; done";
    let mut bench = Bench::sh(script).limit(Duration::from_millis(600));
    bench.step.grace = Duration::from_secs(60);
    let end = bench.run();
    assert_eq!(end.ended, Ended::TimedOut { limit: Duration::from_millis(600) });
    let log = bench.log();
    // In between the shell may say that TERM also ended its `sleep`.
    assert!(log.starts_with("begin\n") && log.ends_with("cleaning up\n"), "{log}");
    assert!(end.wall >= Duration::from_millis(550) && end.wall < Duration::from_secs(30));
}

#[test]
fn a_step_at_its_limit_that_ignores_term_is_killed_after_the_grace() {
    let bench = Bench::sh("trap '' TERM; echo begin; while :; do sleep 0.05; done");
    let bench = bench.limit(Duration::from_millis(600));
    let end = bench.run();
    assert_eq!(end.ended, Ended::TimedOut { limit: Duration::from_millis(600) });
    assert!(end.wall >= Duration::from_millis(550) + bench.step.grace, "{:?}", end.wall);
}

#[test]
fn no_limit_is_no_limit() {
    let mut bench = Bench::sh("sleep 0.3");
    bench.step.limit = None;
    assert_eq!(bench.run().ended, Ended::Success);
}

#[test]
fn progress_tells_the_time_and_the_last_line() {
    let mut seen = Vec::new();
    let mut progress = |now: &trtllm_perf::process::Progress<'_>| {
        seen.push((now.elapsed, now.last_line.to_owned()));
    };
    let watch = Watch { progress: Some(&mut progress), ..Watch::default() };
    let bench = Bench::sh("echo one; sleep 0.5; printf '5%%\\r10%%\\n'; sleep 0.5");
    run(&bench.step, watch, &supervisor(), &Interrupt::default()).expect("run");
    assert!(seen.is_sorted_by_key(|(elapsed, _)| *elapsed));
    seen.dedup_by_key(|(_, line)| line.clone());
    let mut lines: Vec<_> = seen.into_iter().map(|(_, line)| line).collect();
    lines.retain(|line| !line.is_empty());
    assert_eq!(lines, ["one", "10%"]);
}
