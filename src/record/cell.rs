//! A value of a record: one cell of a CSV, one value of a YAML mapping. The only user of `csv`.

use std::fmt;

use jiff::Timestamp;
use serde_yaml::{Mapping, Value};

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Integer(u32),
    Number(f64),
    /// Names and values in order; in a CSV it is one cell with Python's text of a dictionary.
    Mapping(Vec<(&'static str, Cell)>),
}

impl Cell {
    /// The text, or an empty cell.
    pub fn text(text: &Option<String>) -> Self {
        text.as_ref().map_or(Self::Empty, |text| Self::Text(text.clone()))
    }

    /// A moment in UTC, to the second.
    pub fn time(time: Timestamp) -> Self {
        Self::Text(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn python(&self) -> String {
        match self {
            Self::Empty => "None".to_owned(),
            Self::Text(text) => python_string(text),
            Self::Integer(number) => number.to_string(),
            // Python writes `2400.0` for a float.
            Self::Number(number) => format!("{number:?}"),
            Self::Mapping(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(name, cell)| format!("{}: {}", python_string(name), cell.python()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn yaml(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => Value::from(text.as_str()),
            Self::Integer(number) => Value::from(*number),
            Self::Number(number) => Value::from(*number),
            Self::Mapping(entries) => Value::Mapping(mapping(entries)),
        }
    }
}

/// The text of a CSV cell. Numbers are the shortest decimals that read back as the same number: `0.1`, `50`.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Mapping(_) => f.write_str(&self.python()),
        }
    }
}

/// One line of a CSV as Python's `csv` writes it: quotes only where needed, CRLF at the end.
pub fn csv_line<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    writer
        .write_record(fields)
        .expect("writing to memory cannot fail, and lines may differ in length");
    writer.into_inner().expect("flushing to memory cannot fail")
}

/// A YAML mapping in the order given.
pub(super) fn mapping(entries: &[(&'static str, Cell)]) -> Mapping {
    entries.iter().map(|(name, cell)| (Value::from(*name), cell.yaml())).collect()
}

/// Python's `repr` of a string.
fn python_string(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_shortest_decimals_that_read_back() {
        for (number, text) in [
            (4801.1234, "4801.1234"),
            (50.0, "50"),
            (-0.1, "-0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-7, "0.0000001"),
        ] {
            assert_eq!(Cell::Number(number).to_string(), text);
            assert_eq!(text.parse::<f64>().expect("number"), number);
        }
    }

    #[test]
    fn a_mapping_in_a_csv_cell_is_a_python_dictionary() {
        let cell = Cell::Mapping(vec![
            ("os_name", Cell::Text("Linux".into())),
            ("count", Cell::Integer(16)),
            ("freq", Cell::Number(2400.0)),
            ("none", Cell::Empty),
            ("odd", Cell::Text("it's\\\n\u{1}".into())),
            ("both", Cell::Text("'\"".into())),
        ]);
        assert_eq!(
            cell.to_string(),
            r#"{'os_name': 'Linux', 'count': 16, 'freq': 2400.0, 'none': None, 'odd': "it's\\\n\x01", 'both': '\'"'}"#
        );
    }

    #[test]
    fn a_csv_line_is_quoted_only_where_needed() {
        let line = csv_line(["plain text", "a,b", "say \"x\"", "", "two\nlines"]);
        let expected = "plain text,\"a,b\",\"say \"\"x\"\"\",,\"two\nlines\"\r\n";
        assert_eq!(String::from_utf8(line).expect("UTF-8"), expected);
    }
}
