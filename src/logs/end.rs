//! The end of a log of any size.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last `bytes` of a log, or all of a shorter one; the rest is not read.
///
/// # Errors
/// When the log can't be opened or read.
pub fn end_of(log: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut end = Vec::new();
    // A log may grow meanwhile.
    file.take(bytes).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_gives_its_end_and_a_short_one_everything() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(log.path(), "begin end").expect("write");
        assert_eq!(end_of(log.path(), 3).expect("read"), b"end");
        assert_eq!(end_of(log.path(), 100).expect("read"), b"begin end");
    }
}
