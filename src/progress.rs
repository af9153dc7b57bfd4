//! What is going on, for a person at a terminal: a line that lives for each running test, on stderr and only there.
//!
//! Trials tell the [`Board`] what they do; where stderr is no terminal it keeps still. Whatever the harness says on stderr
//! while trials run goes through the board, too, so that it and the lines never mix. Owns `indicatif` and `console`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::logs;
use crate::process::Progress;
use crate::record::Expected;

mod below;
mod text;

use below::Below;
use text::Facts;
pub use text::{gpu_text, left, step_text};

/// How often a second a line is drawn at most.
const DRAWS: u8 = 8;
/// libtest says how a test ended when its thread is back; with several threads nothing is drawn meanwhile.
const LIBTEST: Duration = Duration::from_millis(100);

/// How libtest's own text stands on the terminal while a test runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Announced {
    /// Columns of `test NAME ... `, when that was printed before the test and on a terminal.
    pub columns: Option<usize>,
    /// Whether several tests run at a time.
    pub several: bool,
}

/// Where trials tell what they do. Its clones are the same.
#[derive(Debug, Clone)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bars: MultiProgress,
    /// The terminal that the lines are drawn on.
    below: Option<Below>,
    announced: Announced,
    run: Mutex<Run>,
}

#[derive(Debug, Default)]
struct Run {
    selected: usize,
    /// How many tests have had their turn.
    begun: usize,
    names: BTreeSet<String>,
    expected: Expected,
    /// Nothing is drawn before this.
    hold: Option<Instant>,
}

impl Default for Board {
    /// A board that nobody sees.
    fn default() -> Self {
        Self::new(None, Announced::default(), Run::default())
    }
}

impl Board {
    /// The board of a run of `selected` tests, `done` of which have their outcome before it begins; drawn on stderr if that
    /// is a terminal.
    pub fn stderr(announced: Announced, selected: usize, done: usize, expected: Expected) -> Self {
        let run = Run { selected, begun: done, expected, ..Run::default() };
        Self::new(Below::stderr(), announced, run)
    }

    fn new(below: Option<Below>, announced: Announced, run: Run) -> Self {
        let target = match below.clone() {
            Some(below) => ProgressDrawTarget::term_like_with_hz(Box::new(below), DRAWS),
            None => ProgressDrawTarget::hidden(),
        };
        let bars = MultiProgress::with_draw_target(target);
        Self(Arc::new(Inner { bars, below, announced, run: Mutex::new(run) }))
    }

    /// A test begins. Its line stays until [`Live::end`], or until nobody holds it any more.
    pub fn begin(&self, name: &str) -> Live {
        let mut run = self.0.run();
        run.begun += 1;
        run.names.insert(name.to_owned());
        let place = (run.begun, run.selected.max(run.begun));
        drop(run);
        if let (Some(below), Some(columns)) = (&self.0.below, self.0.announced.columns) {
            below.is_behind(columns);
        }
        let style = ProgressStyle::with_template("{wide_msg}");
        let bar = ProgressBar::hidden()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        let shown = self.0.announced.columns.is_some();
        let facts = Facts { place, name: (!shown).then(|| name.to_owned()), ..Facts::default() };
        let line = Line {
            board: self.clone(),
            name: name.to_owned(),
            bar: self.0.bars.add(bar),
            told: Mutex::new(Told { facts, since: Instant::now(), ended: false }),
        };
        let live = Live(Arc::new(line));
        live.0.draw();
        live
    }

    /// A test had its turn and started nothing.
    pub fn pass_over(&self) {
        self.0.run().begun += 1;
    }

    /// A line on stderr, above the lines that live.
    pub fn say(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    /// Whole lines on stderr, as they are.
    pub fn write(&self, lines: &[u8]) {
        self.0.bars.suspend(|| {
            let mut stderr = io::stderr().lock();
            let behind = self.0.below.as_ref().is_some_and(Below::leave_line);
            let start: &[u8] = if behind { b"\n" } else { b"" };
            // Whoever cannot be told loses a remark, not a result.
            let _ = stderr.write_all(start).and_then(|()| stderr.write_all(lines));
        });
    }

    /// Whether lines are drawn at all.
    pub fn is_live(&self) -> bool {
        self.0.below.is_some()
    }
}

impl Inner {
    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line of a running test. Its clones are the same line, for other threads to tell what they see.
#[derive(Debug, Clone)]
pub struct Live(Arc<Line>);

#[derive(Debug)]
struct Line {
    board: Board,
    name: String,
    bar: ProgressBar,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    facts: Facts,
    /// When the attempt began.
    since: Instant,
    ended: bool,
}

impl Live {
    /// An attempt begins; what was said of an earlier one does not hold any more.
    pub fn attempt(&self) {
        self.0.tell(|told| {
            let (place, name) = (told.facts.place, told.facts.name.take());
            told.facts = Facts { place, name, ..Facts::default() };
            told.since = Instant::now();
        });
    }

    /// A step begins.
    pub fn step(&self, kind: &str, limit: Option<Duration>) {
        self.0.tell(|told| {
            told.facts.step = Some(kind.to_owned());
            told.facts.elapsed = Duration::ZERO;
            told.facts.limit = limit;
            told.facts.last_line.clear();
        });
    }

    /// The step goes on.
    pub fn tick(&self, progress: &Progress<'_>) {
        if !self.0.board.is_live() {
            return;
        }
        self.0.tell(|told| {
            told.facts.elapsed = progress.elapsed;
            told.facts.last_line = logs::shown(progress.last_line).trim_start().to_owned();
        });
    }

    /// What the test's GPUs do, as [`gpu_text`] has it; `None` when that is not known any more.
    pub fn set_gpu(&self, gpu: Option<String>) {
        self.0.tell(|told| told.facts.gpu = gpu);
    }

    /// The test is over: its line goes, before libtest says how it ended.
    pub fn end(&self) {
        self.0.end();
    }
}

impl Line {
    fn tell(&self, change: impl FnOnce(&mut Told)) {
        if self.board.is_live() {
            change(&mut self.told());
            self.draw();
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let several = self.board.0.announced.several;
        let (expected, rest) = {
            let run = self.board.0.run();
            if run.hold.is_some_and(|until| Instant::now() < until) {
                return;
            }
            // How tests share the time that is left is known of one at a time only.
            let rest = run.expected.rest(|name, _| run.names.contains(name));
            (run.expected.test(&self.name), rest.filter(|_| !several))
        };
        let mut told = self.told();
        if told.ended || !self.board.is_live() {
            return;
        }
        told.facts.left = left(expected, told.since.elapsed(), rest);
        self.bar.set_message(told.facts.line());
    }

    fn end(&self) {
        let mut told = self.told();
        if std::mem::replace(&mut told.ended, true) || !self.board.is_live() {
            return;
        }
        let several = self.board.0.announced.several;
        if several {
            self.board.0.run().hold = Some(Instant::now() + LIBTEST);
            self.board.0.below.iter().for_each(|below| below.hold(LIBTEST));
        }
        self.bar.finish_and_clear();
        self.board.0.bars.remove(&self.bar);
        if several {
            // What cannot be cleared cannot be drawn either.
            let _ = self.board.0.bars.clear();
        }
        if let Some(below) = &self.board.0.below {
            below.leave_line();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}
