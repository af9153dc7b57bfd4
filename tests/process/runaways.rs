//! Seven kinds of runaway, the harness's own death, and interrupts: nothing survives.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::{Harness, Mode, cgroup_folders, field, modes, tagged, wait_until};

const LIMIT: Duration = Duration::from_millis(700);
const GRACE: Duration = Duration::from_millis(300);

/// Runs a runaway into its limit in every mode, and looks for survivors.
fn nothing_survives(kind: &str, ended: &str, leftovers: &str) {
    for mode in modes() {
        let script = ["FOLDER/runaway.sh", kind, "FOLDER/beat"];
        let harness = Harness::start(mode, &script, Some(LIMIT), GRACE);
        let tag = harness.tag.clone();
        let (folder, report) = harness.report();
        let beat = || fs::metadata(folder.path().join("beat")).map(|file| file.len()).ok();
        let last_beat = beat();
        assert_eq!(tagged(&tag), [0; 0], "{kind} {mode:?}\n{report}");
        assert_eq!(field(&report, "ended"), ended, "{kind} {mode:?}");
        assert_eq!(field(&report, "survivors"), "0", "{kind} {mode:?}");
        assert_eq!(field(&report, "leftovers"), leftovers, "{kind} {mode:?}");
        let in_cgroup = field(&report, "in_cgroup") == "true";
        assert!(mode == Mode::Cgroup || !in_cgroup, "{mode:?}");
        let allowed = GRACE + Duration::from_secs(if in_cgroup { 2 } else { 10 });
        let extra = field(&report, "extra_ms").parse().expect("number");
        assert!(Duration::from_millis(extra) <= allowed, "{kind} {mode:?}: {extra} ms");
        if kind == "storm" {
            assert!(last_beat > Some(3), "the storm never began");
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(beat(), last_beat, "{mode:?}: the storm goes on");
        }
    }
}

#[test]
fn a_child_in_its_own_session_does_not_survive() {
    nothing_survives("setsid", "timed out after 0.7 s", "0");
}

#[test]
fn a_child_in_its_own_process_group_does_not_survive() {
    nothing_survives("setpgid", "timed out after 0.7 s", "0");
}

#[test]
fn a_program_that_ignores_term_does_not_survive() {
    nothing_survives("ignores-term", "timed out after 0.7 s", "0");
}

#[test]
fn a_double_forked_daemon_does_not_survive() {
    nothing_survives("daemon", "timed out after 0.7 s", "0");
}

#[test]
fn a_fork_storm_does_not_survive() {
    nothing_survives("storm", "timed out after 0.7 s", "0");
}

#[test]
fn a_stopped_process_does_not_survive() {
    nothing_survives("stopped", "timed out after 0.7 s", "0");
}

#[test]
fn a_child_that_holds_the_output_open_neither_survives_nor_delays_a_successful_end() {
    nothing_survives("holds-pipe", "exit 0", "1");
}

#[test]
fn the_tree_of_a_killed_harness_is_gone_within_five_seconds() {
    for mode in modes() {
        for kind in ["daemon", "ignores-term"] {
            let script = ["FOLDER/runaway.sh", kind];
            let mut harness = Harness::start(mode, &script, None, Duration::from_secs(60));
            wait_until("the runaway runs", || {
                // Harness, supervisor, script and at least one child.
                harness.log().contains("is ready") && tagged(&harness.tag).len() >= 4
            });
            harness.signal(Signal::SIGKILL);
            let killed = Instant::now();
            harness.wait();
            while !tagged(&harness.tag).is_empty() {
                let survivors = tagged(&harness.tag);
                assert!(
                    killed.elapsed() < Duration::from_secs(5),
                    "{kind} {mode:?}: {survivors:?}"
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

#[test]
fn a_cgroup_is_removed_after_the_step_also_when_the_harness_was_killed() {
    let print = "sed -n s/^0::.*trtllm-perf/trtllm-perf/p /proc/self/cgroup";
    let script = format!("{print}; echo is ready; sleep 600");
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut harness = Harness::start(Mode::Cgroup, &["-c", &script], None, GRACE);
        wait_until("the script runs", || harness.log().contains("is ready\n"));
        let log = harness.log();
        let name = log.lines().next().filter(|line| line.starts_with("trtllm-perf"));
        let there = || name.is_some_and(|name| !cgroup_folders(name).is_empty());
        let held = there();
        harness.signal(signal);
        harness.wait();
        if name.is_none() {
            eprintln!("no cgroup can be made here: this test is skipped");
            return;
        }
        assert!(held, "no {name:?} while the step ran");
        wait_until("the cgroup is removed", || !there());
    }
}

#[test]
fn one_interrupt_ends_the_step_in_order() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let script =
            "trap 'echo cleaning up; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let harness = Harness::start(Mode::Cgroup, &["-c", script], None, Duration::from_secs(60));
        wait_until("the script runs", || harness.log().contains("ready"));
        harness.signal(signal);
        let (folder, report) = harness.report();
        assert_eq!(field(&report, "ended"), "interrupted");
        let log = fs::read_to_string(folder.path().join("step.log")).expect("log");
        assert!(log.ends_with("cleaning up\n"), "{log}");
    }
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_grace() {
    let script = ["FOLDER/runaway.sh", "ignores-term"];
    let harness = Harness::start(Mode::Cgroup, &script, None, Duration::from_secs(600));
    let tag = harness.tag.clone();
    wait_until("the runaway runs", || {
        harness.log().contains("is ready") && tagged(&tag).len() >= 4
    });
    harness.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(500));
    assert!(tagged(&tag).len() >= 4, "one interrupt leaves the grace");
    harness.signal(Signal::SIGINT);
    let (_folder, report) = harness.report();
    assert_eq!(field(&report, "ended"), "interrupted");
    assert_eq!(tagged(&tag), [0; 0]);
}
