//! Records of a file, one after the other: JSON lines, a JSON array, or Parquet.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use super::RealError;

/// Hands each record of `path` with its line or row (from 1) to `take`, until that says stop.
pub fn read(
    path: &Path,
    take: &mut dyn FnMut(u64, Map<String, Value>) -> Result<Flow, RealError>,
) -> Result<Flow, RealError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("parquet") => rows(path, take),
        _ => json(path, take),
    }
}

/// Whether more records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    More,
    Enough,
}

fn json(
    path: &Path,
    take: &mut dyn FnMut(u64, Map<String, Value>) -> Result<Flow, RealError>,
) -> Result<Flow, RealError> {
    let read = |source| RealError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(read)?);
    if first_byte(&mut reader).map_err(read)? == Some(b'[') {
        let records: Vec<Map<String, Value>> = serde_json::from_reader(reader)
            .map_err(|error| fault(path, error.line() as u64, error))?;
        for (i, record) in records.into_iter().enumerate() {
            if take(i as u64 + 1, record)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        return Ok(Flow::More);
    }
    for (i, line) in reader.lines().enumerate() {
        let (row, line) = (i as u64 + 1, line.map_err(read)?);
        if line.trim().is_empty() {
            continue;
        }
        let record = serde_json::from_str(&line).map_err(|error| fault(path, row, error))?;
        if take(row, record)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}

/// The first byte that is no white space, left in place.
fn first_byte(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) => return Ok(Some(buffer[at])),
            None => {
                let all = buffer.len();
                reader.consume(all);
            }
        }
    }
}

fn rows(
    path: &Path,
    take: &mut dyn FnMut(u64, Map<String, Value>) -> Result<Flow, RealError>,
) -> Result<Flow, RealError> {
    let file =
        File::open(path).map_err(|source| RealError::Read { path: path.to_owned(), source })?;
    let reader = SerializedFileReader::new(file).map_err(|error| fault(path, 1, error))?;
    let rows = reader.get_row_iter(None).map_err(|error| fault(path, 1, error))?;
    for (i, row) in rows.enumerate() {
        let number = i as u64 + 1;
        let row = row.map_err(|error| fault(path, number, error))?;
        if take(number, record(&row))? == Flow::Enough {
            return Ok(Flow::Enough);
        }
    }
    Ok(Flow::More)
}

fn record(row: &Row) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// Text stays text. Of anything else only its kind counts: it is refused where text is wanted.
fn value(field: &Field) -> Value {
    let bytes = |bytes: &parquet::data_type::ByteArray| bytes.as_utf8().ok().map(Value::from);
    match field {
        Field::Null => Value::Null,
        Field::Str(text) => Value::from(text.as_str()),
        Field::Bytes(data) => bytes(data).unwrap_or_else(|| Value::Object(Map::new())),
        _ => Value::Object(Map::new()),
    }
}

fn fault(path: &Path, row: u64, error: impl std::fmt::Display) -> RealError {
    RealError::Record { path: path.to_owned(), row: row.max(1), message: error.to_string() }
}
