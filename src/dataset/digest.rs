//! SHA-256 of what is written and read. The only user of `sha2` in this station.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Stop;

/// Size and SHA-256 of a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) bytes: u64,
    /// 64 lower-case hexadecimal digits.
    pub(super) sha256: String,
}

/// A writer that takes the fingerprint of what passes through it.
pub(super) struct Fingerprinting<W> {
    out: W,
    bytes: u64,
    hash: Sha256,
}

impl<W: Write> Fingerprinting<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, bytes: 0, hash: Sha256::new() }
    }

    pub(super) fn fingerprint(self) -> Fingerprint {
        Fingerprint { bytes: self.bytes, sha256: hex(&self.hash.finalize()) }
    }
}

impl<W: Write> Write for Fingerprinting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// SHA-256 of a text, as 64 hexadecimal digits.
pub(super) fn sha256_of_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Whether the file still has these bytes. A wrong size is found without reading. What is not read to its end, since it
/// was stopped, does not match.
pub(super) fn file_matches(
    path: &Path,
    expected: &Fingerprint,
    stop: Stop<'_>,
) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() != expected.bytes {
        return Ok(false);
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    while !stop() {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize()) == expected.sha256),
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(false)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
