//! The head and the tail of a long text, with a note of what was left out between them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::clean::clean;
use crate::logs;

/// The cleaned text of a log, at most about `limit` bytes of the file; a longer one is never read whole.
pub(super) fn of_file(path: &Path, limit: usize) -> io::Result<String> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let whole = size <= limit as u64;
    let half = limit / 2;
    let mut head = Vec::new();
    // A log that still grows is read as far as it was when asked.
    file.take(if whole { size } else { half as u64 }).read_to_end(&mut head)?;
    if whole {
        return Ok(of_text(clean(&head), limit));
    }
    let tail = logs::end_of(path, half as u64)?;
    let note = note(size - 2 * half as u64);
    // Cleaning makes control bytes longer, so each half is cut again.
    let (head, tail) = (clean(&head), clean(&tail));
    Ok(format!("{}{note}{}", first(&head, half), last(&tail, half)))
}

/// The text itself when it fits into `limit` bytes, else its head and tail.
pub(super) fn of_text(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let (head, tail) = (first(&text, limit / 2), last(&text, limit / 2));
    format!("{head}{}{tail}", note((text.len() - head.len() - tail.len()) as u64))
}

/// As much of the beginning as fits into `limit` bytes.
pub(super) fn first(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn last(text: &str, limit: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(limit))..]
}

fn note(bytes: u64) -> String {
    format!("\n[... {bytes} bytes left out ...]\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_and_a_long_one_keeps_head_and_tail() {
        assert_eq!(of_text("short".into(), 10), "short");
        let long = of_text("é".repeat(100), 21);
        assert_eq!(long, "ééééé\n[... 180 bytes left out ...]\nééééé");
    }

    #[test]
    fn of_a_large_file_only_head_and_tail_are_read() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("bench.log");
        std::fs::write(&path, "head\n").expect("write");
        // A sparse file: reading it whole would need a terabyte.
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("open");
        file.set_len(1 << 40).expect("extend");
        let text = of_file(&path, 16).expect("read");
        assert_eq!(text, "head\n#x0\n[... 1099511627760 bytes left out ...]\n#x00#x00");
    }
}
