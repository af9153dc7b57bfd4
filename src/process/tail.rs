//! Reads what is new in a growing log, line by line, in bounded memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A longer line is handed over in its first bytes.
const LINE_CAP: usize = 64 * 1024;
/// Most that one call reads, so that a flood of output does not keep the limits from being looked at.
const CALL_CAP: u64 = 64 * 1024 * 1024;

/// The end of a log file as read so far.
pub(super) struct Tail {
    file: File,
    offset: u64,
    /// Beginning of the line that has no end yet.
    partial: Vec<u8>,
    last_line: Vec<u8>,
}

impl Tail {
    /// Follows `path` from `offset`.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { file, offset, partial: Vec::new(), last_line: Vec::new() })
    }

    /// Hands every new, complete, non-empty line to `on_line`. Both `\n` and `\r` end a line.
    pub(super) fn advance(&mut self, on_line: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        // The length is asked first: a device in the log's place (`/dev/full`) can be read for ever.
        let until = self.file.metadata()?.len().min(self.offset + CALL_CAP);
        let mut buffer = vec![0; 64 * 1024];
        while self.offset < until {
            let wanted = buffer.len().min((until - self.offset) as usize);
            let read = self.file.read_at(&mut buffer[..wanted], self.offset)?;
            if read == 0 {
                break;
            }
            self.offset += read as u64;
            self.take(&buffer[..read], on_line);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ended) = match piece {
                [text @ .., b'\n' | b'\r'] => (text, true),
                text => (text, false),
            };
            let room = LINE_CAP - self.partial.len();
            self.partial.extend_from_slice(&text[..text.len().min(room)]);
            if ended && !self.partial.is_empty() {
                on_line(&self.partial);
                std::mem::swap(&mut self.last_line, &mut self.partial);
                self.partial.clear();
            }
        }
    }

    /// The last complete line.
    pub(super) fn last_line(&self) -> &[u8] {
        &self.last_line
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let mut keep = |line: &[u8]| lines.push(String::from_utf8_lossy(line).into_owned());
        tail.advance(&mut keep).expect("read");
        lines
    }

    #[test]
    fn only_new_and_complete_lines_are_seen_once() {
        let mut log = tempfile::NamedTempFile::new().expect("file");
        log.write_all(b"old\n").expect("write");
        let mut tail = Tail::open(log.path(), 4).expect("open");
        log.write_all(b"one\r\n10%\r20%\rha").expect("write");
        assert_eq!(lines(&mut tail), ["one", "10%", "20%"]);
        assert_eq!(tail.last_line(), b"20%");
        log.write_all(b"lf\n\n").expect("write");
        assert_eq!(lines(&mut tail), ["half"]);
        assert_eq!(lines(&mut tail), Vec::<String>::new());
    }

    #[test]
    fn a_huge_line_is_cut_and_the_next_one_is_whole() {
        let mut log = tempfile::NamedTempFile::new().expect("file");
        let mut tail = Tail::open(log.path(), 0).expect("open");
        log.write_all(&vec![b'x'; 3_000_000]).expect("write");
        assert_eq!(lines(&mut tail), Vec::<String>::new());
        log.write_all(b"\nnext\n").expect("write");
        let seen = lines(&mut tail);
        assert_eq!((seen[0].len(), seen[1].as_str()), (LINE_CAP, "next"));
    }
}
