//! The line that lives on a terminal, looked at on a terminal, and what `status` tells of the same run from outside.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nix::pty::{Winsize, openpty};

use crate::support::{
    Ended, PYTORCH, STREAMING, TRTLLM_PERF, Work, bench, command, fixture, id, read_json, run,
    wait_for,
};

/// A program on a terminal of its own, which is kept as a person would see it.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Terminal {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        if self.reader.is_some() {
            // It may have ended already.
            let _ = self.child.kill();
        }
    }
}

impl Terminal {
    fn start(command: &mut Command, columns: u16) -> Self {
        let size = Winsize { ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let side = || Stdio::from(pty.slave.try_clone().expect("a second handle"));
        command.env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("the program starts");
        // The command holds the terminal, too; it ends for the reader when nobody does.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(pty.slave);
        let sides = [30, columns].map(|side| NonZero::new(side).expect("a side"));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(sides[0], sides[1], 0)));
        let mut master = File::from(pty.master);
        let seen = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal without programs is an error to read.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..count]);
            }
        });
        Self { screen, child, reader: Some(reader) }
    }

    /// What stands on the screen; a row that is wrapped is one line.
    fn text(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Waits until the screen has all of these.
    #[track_caller]
    fn shows(&self, texts: &[&str]) -> String {
        wait_for(&format!("{texts:?}"), || {
            let text = self.text();
            texts.iter().all(|wanted| text.contains(wanted)).then_some(text)
        })
    }

    /// The exit code, and what is left on the screen.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("ends").code();
        let reader = self.reader.take().expect("not ended before");
        reader.join().expect("read to the end");
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        (code, screen.screen().contents())
    }
}

/// `trtllm-perf run` of these labels with the program that waits for the file `go`.
fn waits(work: &Work, labels: &[&str], more: &[&str]) -> Command {
    let list = work.list("list.txt", labels);
    let mut command = work.harness(&["--test-list", &list, "--bench-bin", &bench("waits")]);
    command.args(more).env("GO_ON", work.path("go"));
    command
}

#[test]
fn the_line_stands_below_the_name_of_the_test_and_its_outcome_behind_the_name() {
    let announced = format!("test {} ... ", id(PYTORCH));
    let length = u16::try_from(announced.len()).expect("short");
    // Wrapped, ending with the row, and shorter than the row.
    for columns in [80, length / 2, length, length + 30] {
        let work = Work::new();
        let terminal = Terminal::start(&mut waits(&work, &[PYTORCH], &[]), columns);
        let text = terminal.shows(&["[1/1] bench 0:0"]);
        let lines: Vec<_> = text.lines().collect();
        let name = lines.iter().rposition(|line| line.ends_with(" ...") || line.ends_with(" ... "));
        let line = lines.iter().position(|line| line.starts_with("[1/1] bench"));
        assert!(line.is_some() && name.map(|row| row + 1) == line, "{columns}: {text}");
        work.write("go", "");
        let (code, text) = terminal.end();
        assert_eq!(code, Some(0), "{text}");
        let joined = text.replace('\n', "");
        assert!(joined.contains(&format!("{announced}ok")), "{columns}: {text}");
        assert!(!text.contains("[1/1]"), "{columns}: {text}");
        assert!(text.contains("test result: ok. 1 passed"), "{text}");
    }
}

#[test]
fn the_line_tells_limit_and_last_line_of_the_log_and_is_cut_to_the_terminal() {
    let work = Work::new();
    let terminal = Terminal::start(&mut waits(&work, &[PYTORCH], &["--timeout", "90"]), 200);
    terminal.shows(&["of 1:30 | waiting"]);
    work.write("go", "");
    assert_eq!(terminal.end().0, Some(0));

    let work = Work::new();
    let terminal = Terminal::start(&mut waits(&work, &[PYTORCH], &["--timeout", "90"]), 30);
    let text = terminal.shows(&["of 1:30"]);
    let line = text.lines().find(|line| line.starts_with("[1/1]")).expect("the line");
    assert!(line.len() < 30 && !line.ends_with("waiting"), "{line}");
    work.write("go", "");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn what_a_program_writes_to_its_log_cannot_steer_the_terminal() {
    let work = Work::new();
    let script = "#!/bin/sh\ncase \"$*\" in *--help*) exit 0 ;; esac\n\
                  printf '\\033[2J\\033[H\\033]0;title\\007\\302\\2332Jevil\\b\\n'\n\
                  while [ ! -e \"$GO_ON\" ]; do sleep 0.05; done\n";
    let program = work.write("bench.sh", script);
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("made executable");
    let mut harness = work.harness(&["--case", PYTORCH, "--bench-bin", &program]);
    let terminal = Terminal::start(harness.env("GO_ON", work.path("go")), 150);
    let text = terminal.shows(&["| 2Jevil"]);
    assert!(text.contains("running 1 test\ntest perf/"), "the screen was cleared: {text}");
    work.write("go", "");
    let (_, text) = terminal.end();
    assert!(text.contains("\n  hint: ") && text.contains(" ... FAILED\n"), "{text}");
}

#[test]
fn where_stderr_is_no_terminal_there_is_no_line() {
    let work = Work::new();
    let ended = work.run_case(PYTORCH, "good", &[]).exits(0);
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains('\x1b') && !text.contains("[1/1]"), "{text}");
    }
    let work = Work::new();
    work.write("go", "");
    let list = work.list("list.txt", &[PYTORCH]);
    // Only stdout is the terminal.
    let mut command = command("sh", work.folder());
    command.args(["-c", "exec \"$@\" 2>errors", "sh", TRTLLM_PERF, "run", "--test-list", &list]);
    command.args(["--bench-bin", &bench("waits")]).env("GO_ON", work.path("go"));
    let (code, text) = Terminal::start(&mut command, 80).end();
    assert_eq!(code, Some(0), "{text}");
    let errors = work.read("errors");
    assert!(!errors.contains('\x1b') && !errors.contains("[1/1]"), "{errors}");
}

#[test]
fn what_the_harness_says_stands_above_the_line_whole() {
    let work = Work::new();
    let terminal = Terminal::start(&mut waits(&work, &[PYTORCH], &["-v", "-s"]), 400);
    let text = terminal.shows(&["[1/1] bench 0:0", "\nwaiting\n"]);
    let place = |start: &str| text.lines().position(|line| line.starts_with(start));
    let (said, echo, live) = (place("  bench: "), place("waiting"), place("[1/1]"));
    assert!(said.is_some() && said < echo && echo < live, "{text}");
    work.write("go", "");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("[1/1]"), "{text}");
    assert!(text.lines().any(|line| line == "ok"), "{text}");
}

#[test]
fn with_several_threads_each_running_test_has_a_line_with_its_name() {
    let work = Work::new();
    let mut harness = waits(&work, &[PYTORCH, STREAMING], &["--test-threads", "2"]);
    let terminal = Terminal::start(&mut harness, 150);
    let text =
        terminal.shows(&["[1/2] refbench_tiny_llama", "[2/2] refbench_tiny_llama", "waiting"]);
    assert!(!text.contains("test perf/"), "{text}");
    work.write("go", "");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    for label in [PYTORCH, STREAMING] {
        let line = text.lines().find(|line| line.contains(&id(label))).expect("its line");
        assert!(line.starts_with("test perf/") && line.ends_with(" ... ok"), "{text}");
    }
    assert!(!text.contains("/2]"), "{text}");
}

/// Makes the results of the newest run say that each test took an hour.
fn took_an_hour(work: &Work) {
    for folder in work.attempts() {
        let path = folder.join("result.json");
        let mut result = read_json(&path);
        result["start"] = "2026-11-24T08:00:00Z".into();
        result["end"] = "2026-11-24T09:00:00Z".into();
        fs::write(&path, result.to_string()).expect("written");
    }
}

#[test]
fn the_expected_end_comes_from_the_run_before_and_status_tells_the_same() {
    let work = Work::new();
    work.write("go", "");
    run(&mut waits(&work, &[PYTORCH, STREAMING], &[])).exits(0);
    took_an_hour(&work);
    fs::remove_file(work.path("go")).expect("removed");
    let terminal = Terminal::start(&mut waits(&work, &[PYTORCH, STREAMING], &[]), 150);
    let end = "about 1 h left, 2 h of the run";
    terminal.shows(&["[1/2] bench 0:0", end, "| waiting"]);
    let attempts = work.attempts();
    let telemetry = "{\"format\":1}\n{\"at\":\"2026-11-24T08:00:00Z\",\"step\":0,\"gpus\":[{\"index\":0,\
                     \"utilization_pct\":97,\"power_mw\":640000}]}\n{\"at\":\"2026-11";
    fs::write(attempts[0].join("telemetry.jsonl"), telemetry).expect("written");
    let status =
        run(command(TRTLLM_PERF, work.folder()).args(["status", "perf-output"])).exits(0).out;
    let lines: Vec<_> = status.lines().map(str::trim).collect();
    assert_eq!(lines[1], "0 of 2 tests have a result", "{status}");
    assert_eq!(lines[2], format!("running  {}", id(PYTORCH)), "{status}");
    assert!(lines[3].starts_with("case 1 of 2, bench 0:"), "{status}");
    assert!(lines[3].ends_with(&format!(" of 1:00:00, {end}")), "{status}");
    assert_eq!(lines[4..], ["GPU 97 % 640 W", "waiting"], "{status}");
    work.write("go", "");
    assert_eq!(terminal.end().0, Some(0));
}

/// `status --watch` of the run in `folder`.
fn watch(folder: &Path) -> Command {
    let mut command = command(TRTLLM_PERF, folder);
    command.args(["status", "perf-output", "--watch", "--interval", "1"]);
    command
}

#[test]
fn a_watch_follows_a_run_to_its_end_and_prints_what_changes() {
    let work = Work::new();
    let mut harness = waits(&work, &[PYTORCH], &[]);
    let mut harness =
        harness.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the harness starts");
    let log = work.path("perf-output/runs/latest");
    wait_for("the bench", || {
        let trials = fs::read_dir(&log).ok()?.flatten();
        trials.into_iter().find(|trial| trial.path().join("attempt-1/bench.log").exists())
    });
    let output = File::create(work.path("watched")).expect("a file");
    let mut watching = watch(work.folder()).stdout(output).spawn().expect("the watch starts");
    let seen = || work.read("watched").contains("         waiting\n").then_some(());
    wait_for("the last line of the log", seen);
    let terminal = Terminal::start(&mut watch(work.folder()), 120);
    terminal.shows(&["0 of 1 tests", "case 1 of 1, bench 0:0", "waiting"]);
    work.write("go", "");
    assert!(harness.wait().expect("ends").success());
    assert_eq!(watching.wait().expect("ends").code(), Some(0));
    let watched = work.read("watched");
    let last = watched.rsplit("\n\n").next().expect("a block");
    assert!(last.contains(", over\n1 of 1 tests have a result: 1 passed\n"), "{watched}");
    assert!(!watched.contains('\x1b'), "{watched}");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(screen.trim_end().ends_with("1 of 1 tests have a result: 1 passed"), "{screen}");
    assert!(!screen.contains("waiting"), "{screen}");
}

#[test]
fn an_interval_without_a_watch_or_of_no_time_is_refused() {
    let work = Work::new();
    let status = |words: &[&str]| -> Ended { run(command(TRTLLM_PERF, work.folder()).args(words)) };
    status(&["status", &fixture(""), "--interval", "5"]).exits(2).says("--watch");
    status(&["status", &fixture(""), "--watch", "--interval", "0"]).exits(2).says("--interval");
}
