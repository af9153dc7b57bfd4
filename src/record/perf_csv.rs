//! `perf_script_test_results.csv`: the rows of a run, or with `--append` those of earlier runs too.

use std::fs;
use std::path::Path;

use super::cell::csv_line;
use super::error::RecordError;
use super::perf_row::{self, PerfRow};

/// The lines of some rows, without a header.
pub(super) fn lines(rows: &[PerfRow]) -> Vec<u8> {
    rows.iter().flat_map(|row| csv_line(row.iter().map(|(_, cell)| cell.to_string()))).collect()
}

/// What stands before the rows of this run: the header, or the file that is appended to.
///
/// # Errors
/// When that file has other columns.
pub(super) fn head(
    appended_to: Option<&Path>,
    device_subtype: bool,
) -> Result<Vec<u8>, RecordError> {
    let header = perf_row::header(device_subtype);
    let Some(path) = appended_to else { return Ok(header) };
    let mut head = match fs::read(path) {
        Ok(head) if head.is_empty() => return Ok(header),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(header),
        read => read.map_err(RecordError::file("read", path))?,
    };
    let first = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if first.trim_ascii_end() != header.trim_ascii_end() {
        return Err(RecordError::AppendColumns {
            path: path.to_owned(),
            found: String::from_utf8_lossy(first.trim_ascii_end()).into_owned(),
            expected: String::from_utf8_lossy(header.trim_ascii_end()).into_owned(),
        });
    }
    if !head.ends_with(b"\n") {
        head.extend(b"\r\n");
    }
    Ok(head)
}
