//! Reading a log of any size in bounded memory, with results that don't depend on how the bytes arrive.
//!
//! A log is a row of *segments*, ended by a line feed or a carriage return (progress bars redraw with the latter);
//! line numbers count line feeds. The window hands whole segments to its readers. A segment longer than
//! [`LONG`] is handed over in parts: a reader then handles what begins before the part's limit, and always finds
//! [`REACH`] bytes of context on both sides, so that a text on a border is seen once and whole.

use std::io::{self, Read};

use memchr::{memchr_iter, memchr2, memrchr2};

/// Context kept on both sides of any place, bytes.
pub const REACH: usize = 2 * 1024;
/// Longest segment handed over in one piece.
const LONG: usize = 128 * 1024;
/// What was handled stays readable this far back (a record's first line may tell what its later lines mean).
pub const LOOK_BACK: usize = 16 * 1024;
/// Bytes asked of the source at a time. Small enough for the cache of one core, so that three searches over it
/// cost one trip to memory.
const CHUNK: usize = 256 * 1024;

/// A stretch of the log to be handled.
#[derive(Debug, Clone, Copy)]
pub struct Region<'a> {
    /// All bytes at hand, with context on both sides of `start..limit`.
    pub bytes: &'a [u8],
    /// What begins in `start..limit` is to be handled now.
    pub start: usize,
    pub limit: usize,
    /// Line number at `start`, from 1.
    pub line: u64,
    /// The log ends with these bytes.
    pub last: bool,
}

/// A part of the log around one place.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub text: &'a [u8],
    /// Where the text begins within the region's bytes.
    pub begin: usize,
    /// Whether a line end follows, i.e. the text isn't cut by the end of the log.
    pub ended: bool,
}

impl<'a> Region<'a> {
    /// The segment around `at`, cut to [`REACH`] bytes on each side.
    pub fn segment(&self, at: usize) -> Segment<'a> {
        let floor = at.saturating_sub(REACH);
        let begin =
            memrchr2(b'\n', b'\r', &self.bytes[floor..at]).map_or(floor, |found| floor + found + 1);
        let ceiling = self.bytes.len().min(at + REACH);
        let end = memchr2(b'\n', b'\r', &self.bytes[at..ceiling]).map(|found| at + found);
        let ended = end.is_some() || ceiling < self.bytes.len() || !self.last;
        Segment { text: &self.bytes[begin..end.unwrap_or(ceiling)], begin, ended }
    }

    /// Where the next segment begins after `at`; `None` when this one goes on beyond the limit.
    pub fn next_segment(&self, at: usize) -> Option<usize> {
        memchr2(b'\n', b'\r', &self.bytes[at..self.limit]).map(|found| at + found + 1)
    }

    /// Line feeds in `from..to`.
    pub fn lines(&self, from: usize, to: usize) -> u64 {
        memchr_iter(b'\n', &self.bytes[from..to]).count() as u64
    }
}

/// Hands a source over, region by region.
///
/// # Errors
/// What the source gives.
pub fn read(mut source: impl Read, mut handle: impl FnMut(Region<'_>)) -> io::Result<()> {
    let mut buffer = vec![0; LOOK_BACK + LONG + CHUNK];
    let mut filled = 0;
    let mut start = 0;
    let mut line = 1;
    loop {
        let room = buffer.len() - filled;
        let count = match source.read(&mut buffer[filled..filled + room.min(CHUNK)]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let fresh = filled;
        filled += count;
        let last = count == 0;
        let limit = if last {
            filled
        } else if let Some(end) = memrchr2(b'\n', b'\r', &buffer[fresh..filled]) {
            fresh + end + 1
        } else if filled - start >= LONG {
            filled - REACH
        } else {
            start
        };
        if limit > start {
            let region = Region { bytes: &buffer[..filled], start, limit, line, last };
            handle(region);
            line += region.lines(start, limit);
            start = limit;
        }
        if last {
            return Ok(());
        }
        let dropped = start.saturating_sub(LOOK_BACK);
        buffer.copy_within(dropped..filled, 0);
        filled -= dropped;
        start -= dropped;
    }
}
