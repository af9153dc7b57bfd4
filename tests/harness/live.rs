//! The line that lives on a terminal, looked at on a terminal.

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use nix::pty::{Winsize, openpty};

use crate::support::{PYTORCH, STREAMING, TRTLLM_PERF, Work, bench, command, id, wait_for};

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
