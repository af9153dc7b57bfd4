//! The rows below the place where a terminal's next text goes.
//!
//! libtest prints `test NAME ... ` and, when the test is over, its outcome behind that; with several threads it prints
//! whole lines at any time. So the cursor always rests where the next text goes, and the live lines stand below it: a draw
//! clears everything below the cursor, writes the rows and goes back.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};
use indicatif::TermLike;

/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal on stderr, with its live rows.
#[derive(Debug, Clone)]
pub(super) struct Below {
    term: Term,
    place: Arc<Mutex<Place>>,
}

#[derive(Debug, Default)]
struct Place {
    /// How many columns of text stand before the cursor, over all rows that they are wrapped to.
    before: usize,
    /// The rows being put together, and the width of the last one.
    rows: Vec<String>,
    width: usize,
    /// The rows on the screen.
    drawn: Vec<String>,
    /// Until then there are no rows, and the cursor is not moved: somebody else is writing a line.
    hold: Option<Instant>,
}

impl Below {
    /// stderr, when that is a terminal that can move its cursor.
    pub(super) fn stderr() -> Option<Self> {
        let term = Term::buffered_stderr();
        let able = term.is_term() && !console::is_dumb();
        able.then(|| Self { term, place: Arc::default() })
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Text of so many columns has been written since the last line end.
    pub(super) fn is_behind(&self, columns: usize) {
        self.place().before = columns;
    }

    /// Takes the rows away and leaves the cursor alone for a while.
    pub(super) fn hold(&self, time: Duration) {
        self.place().hold = Some(Instant::now() + time);
    }

    /// Whether the cursor stands behind text; from now on it does not.
    pub(super) fn leave_line(&self) -> bool {
        mem::take(&mut self.place().before) > 0
    }
}

impl TermLike for Below {
    /// A column less than there is, so that no row ever wraps.
    fn width(&self) -> u16 {
        self.term.size().1.saturating_sub(1).max(1)
    }

    /// A row less: the cursor has one of its own.
    fn height(&self) -> u16 {
        self.term.size().0.saturating_sub(1).max(1)
    }

    // Moves and clearing are indicatif's way from one drawing to the next; each is drawn afresh here.
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.place().width = usize::MAX;
        Ok(())
    }

    /// indicatif fills each row up to the width and has the terminal wrap it.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let full = usize::from(self.width());
        let mut place = self.place();
        if text.is_empty() {
            return Ok(());
        }
        if place.rows.is_empty() || place.width >= full {
            place.rows.push(String::new());
            place.width = 0;
        }
        place.width += measure_text_width(text);
        if let Some(row) = place.rows.last_mut() {
            row.push_str(text);
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut place = self.place();
        let mut rows = mem::take(&mut place.rows);
        if place.hold.is_some_and(|until| Instant::now() < until) {
            rows.clear();
        }
        rows.iter_mut().for_each(|row| row.truncate(row.trim_end().len()));
        if rows == place.drawn {
            return Ok(());
        }
        let width = usize::from(self.term.size().1).max(1);
        self.term.write_str(&drawing(&rows, place.before, width))?;
        place.drawn = rows;
        self.term.flush()
    }
}

/// The bytes that put `rows` below a cursor that stands behind `before` columns of text.
fn drawing(rows: &[String], before: usize, width: usize) -> String {
    let mut text = CLEAR_BELOW.to_owned();
    if rows.is_empty() {
        // The cursor has not moved; where it is, somebody else may know better.
        return text;
    }
    for row in rows {
        text.push_str("\r\n");
        text.push_str(row);
    }
    text.push_str(&format!("\x1b[{}A", rows.len()));
    match before % width {
        _ if before == 0 => text.push('\r'),
        // The text fills its row; only writing its last column, a blank, again has the next text wrap.
        0 => text.push_str(&format!("\x1b[{width}G ")),
        column => text.push_str(&format!("\x1b[{}G", column + 1)),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_goes_back_to_where_the_next_text_goes() {
        let rows = ["one".to_owned(), "two".to_owned()];
        assert_eq!(drawing(&rows, 0, 80), "\x1b[J\r\none\r\ntwo\x1b[2A\r");
        assert_eq!(drawing(&rows[..1], 100, 80), "\x1b[J\r\none\x1b[1A\x1b[21G");
        assert_eq!(drawing(&rows[..1], 160, 80), "\x1b[J\r\none\x1b[1A\x1b[80G ");
        assert_eq!(drawing(&[], 7, 80), "\x1b[J", "it is not moved without need");
    }
}
