//! Log records on stdout, in the form of the real tool's with a tag of our own.

use std::fmt;
use std::io::{self, Write};

use jiff::ZonedDateTime;

/// Our place in `[time] [tag] [level] message`.
const TAG: &str = "REFBENCH";

/// How important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    InternalError,
    Error,
    Warning,
    Info,
    Verbose,
}

/// Spellings of the levels on the command line, most important first.
pub const LEVELS: &[&str] = &["internal_error", "error", "warning", "info", "verbose"];

impl Level {
    /// The level spelt `name`.
    pub fn named(name: &str) -> Option<Self> {
        let levels = [Self::InternalError, Self::Error, Self::Warning, Self::Info, Self::Verbose];
        LEVELS.iter().position(|level| *level == name).map(|index| levels[index])
    }

    fn letter(self) -> char {
        match self {
            Self::InternalError => 'F',
            Self::Error => 'E',
            Self::Warning => 'W',
            Self::Info => 'I',
            Self::Verbose => 'V',
        }
    }
}

/// Writes records up to a level.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    level: Level,
}

impl Log {
    /// A log of records that are at least as important as `level`.
    pub fn new(level: Level) -> Self {
        Self { level }
    }

    /// Whether records of `level` are written.
    pub fn shows(&self, level: Level) -> bool {
        self.level >= level
    }

    /// What the run is doing.
    pub fn info(&self, message: impl fmt::Display) {
        self.record(Level::Info, message);
    }

    /// What may surprise.
    pub fn warn(&self, message: impl fmt::Display) {
        self.record(Level::Warning, message);
    }

    /// What ends the run.
    pub fn error(&self, message: impl fmt::Display) {
        self.record(Level::Error, message);
    }

    /// A line of the kind that the real tool's engine writes: no time, lower-case tag.
    pub fn engine(&self, message: impl fmt::Display) {
        if self.shows(Level::Info) {
            line(format_args!("[refbench][INFO] {message}"));
        }
    }

    fn record(&self, level: Level, message: impl fmt::Display) {
        if self.shows(level) {
            let time = ZonedDateTime::now().strftime("%m/%d/%Y-%H:%M:%S");
            line(format_args!("[{time}] [{TAG}] [{}] {message}", level.letter()));
        }
    }
}

/// Writes one line to stdout. Nobody being left to read the log ends the program, as it ends the real one.
pub fn line(text: fmt::Arguments) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        eprintln!("refbench: cannot write to standard output: {error}");
        std::process::exit(1);
    }
}
