//! CSV files of `gate --pairs` and `trend`: named columns, rows kept together by `series`, faults with their line.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use csv::{ReaderBuilder, StringRecord, Trim};

/// The rows of one series, in the order of the file.
pub(super) struct Rows<R> {
    /// The text of the column `series`; `None` in a file without it.
    pub series: Option<String>,
    pub rows: Vec<R>,
}

/// The cells of one row, by the names of the columns.
pub(super) struct Cells<'a> {
    columns: &'a [&'static str],
    places: &'a [Option<usize>],
    record: &'a StringRecord,
    /// Line of the file, from 1.
    pub line: u64,
}

impl Cells<'_> {
    /// The text of a column; `None` where the file has no such column or the cell is empty.
    pub fn text(&self, column: &'static str) -> Option<&str> {
        let known = self.columns.iter().position(|name| *name == column);
        let place = self.places[known.expect("one of the columns that were asked for")]?;
        self.record.get(place).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The number of a column; `None` for an empty cell. `nan` and `inf` are numbers here: whether they are measurements
    /// is for the verdict to say.
    ///
    /// # Errors
    /// When the cell holds something else.
    pub fn number(&self, column: &'static str) -> anyhow::Result<Option<f64>> {
        let parse = |text: &str| {
            text.parse().ok().with_context(|| format!("read `{text}` as {column}: not a number"))
        };
        self.text(column).map(parse).transpose()
    }
}

/// Reads `path`, which must have the `required` columns and may have `series` and the `optional` ones; others are passed
/// over. `row` makes a row of its cells.
///
/// # Errors
/// When the file cannot be read, a column is missing or there twice, a row has another number of cells than the header, `row` refuses
/// one, or there is none. All but the first name the line.
pub(super) fn read<R>(
    path: &Path,
    required: &[&'static str],
    optional: &[&'static str],
    row: impl FnMut(&Cells<'_>) -> anyhow::Result<R>,
) -> anyhow::Result<Vec<Rows<R>>> {
    let text = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    from(&text, &path.display().to_string(), required, optional, row)
}

fn from<R>(
    text: &[u8],
    name: &str,
    required: &[&'static str],
    optional: &[&'static str],
    mut row: impl FnMut(&Cells<'_>) -> anyhow::Result<R>,
) -> anyhow::Result<Vec<Rows<R>>> {
    let mut reader = ReaderBuilder::new().trim(Trim::Headers).flexible(true).from_reader(text);
    let header = reader.headers().with_context(|| format!("read {name}"))?.clone();
    let columns = [required, &["series"], optional].concat();
    let places = columns
        .iter()
        .map(|column| place(&header, column, required.contains(column), name))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut found: Vec<Rows<R>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    let has_series = places[required.len()].is_some();
    let mut last = usize::MAX;
    let mut record = StringRecord::new();
    loop {
        let more = reader.read_record(&mut record).map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            anyhow::anyhow!("{name}:{line}: read the row: not UTF-8")
        });
        if !more? {
            break;
        }
        let line = line(text, &record);
        if record.len() != header.len() {
            let (cells, columns) = (record.len(), header.len());
            bail!("{name}:{line}: read the row: {cells} cells under {columns} columns");
        }
        let cells = Cells { columns: &columns, places: &places, record: &record, line };
        let value = row(&cells).map_err(|error| anyhow::anyhow!("{name}:{line}: {error:#}"))?;
        let series = has_series.then(|| cells.text("series").unwrap_or_default());
        // Rows of a series mostly follow each other.
        if found.get(last).is_none_or(|rows| rows.series.as_deref() != series) {
            let series = series.map(str::to_owned);
            last = *known.entry(series.clone()).or_insert_with(|| {
                found.push(Rows { series, rows: Vec::new() });
                found.len() - 1
            });
        }
        found[last].rows.push(value);
    }
    if found.is_empty() {
        bail!("{name}:1: find a row below the header: there is none");
    }
    Ok(found)
}

/// The line of a record. Its position is that of the end of the record before, so blank lines between the two count.
fn line(text: &[u8], record: &StringRecord) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let before = text.get(position.byte() as usize..).unwrap_or_default();
    let blank = before.iter().take_while(|byte| b"\r\n".contains(byte));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

/// Where a column stands.
fn place(
    header: &StringRecord,
    column: &str,
    required: bool,
    name: &str,
) -> anyhow::Result<Option<usize>> {
    let mut places = header.iter().enumerate().filter(|(_, it)| *it == column);
    let first = places.next().map(|(place, _)| place);
    if places.next().is_some() {
        bail!("{name}:1: find the column `{column}`: it is there twice");
    }
    if first.is_none() && required {
        let there: Vec<_> = header.iter().map(|it| format!("`{it}`")).collect();
        bail!(
            "{name}:1: find the column `{column}`: the header has {}; name it so",
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        );
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (u64, Option<f64>);

    fn read(text: &str) -> Result<Vec<Rows<Row>>, String> {
        from(text.as_bytes(), "a.csv", &["value"], &["time"], |cells| {
            Ok((cells.line, cells.number("value")?))
        })
        .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn rows_of_a_series_are_kept_together_in_the_order_of_the_file() {
        let text = "x,series, value\n,a,1\n,b,2\n\n,a,\n,,nan\n";
        let found = read(text).expect("rows");
        let names: Vec<_> = found.iter().map(|rows| rows.series.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("b"), Some("")]);
        assert_eq!(found[0].rows, [(2, Some(1.0)), (5, None)]);
        assert!(found[2].rows[0].1.expect("a number").is_nan());
        assert_eq!(read("value\n1e3\n").expect("rows")[0].series, None);
    }

    #[test]
    fn faults_name_their_line_and_what_to_change() {
        for (text, expected) in [
            ("", "a.csv:1: find the column `value`: the header has none; name it so"),
            ("a,b\n1,2\n", "a.csv:1: find the column `value`: the header has `a`, `b`; name it so"),
            ("value,value\n1,2\n", "a.csv:1: find the column `value`: it is there twice"),
            ("value\n", "a.csv:1: find a row below the header: there is none"),
            ("value\n1\n2 ms\n", "a.csv:3: read `2 ms` as value: not a number"),
            ("value,time\n1\n", "a.csv:2: read the row: 1 cells under 2 columns"),
            ("value\n\"1\n2\"\n3,4\n", "a.csv:2: read `1\n2` as value: not a number"),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(expected));
        }
        let latin = from(b"value\n1\n\xe9\n", "a.csv", &["value"], &[], |_| Ok(()));
        let error = latin.err().expect("no text").to_string();
        assert_eq!(error, "a.csv:3: read the row: not UTF-8");
    }
}
