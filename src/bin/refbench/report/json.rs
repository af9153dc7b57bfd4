//! JSON as Python's `json.dump(..., indent=4)` writes it: its float notation, ASCII escapes, no final newline.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{Formatter, PrettyFormatter};

use super::python::repr;

/// The text of `value`.
///
/// # Errors
/// A map of `value` has keys that are no text.
pub fn to_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    let layout = Python { pretty: PrettyFormatter::with_indent(b"    ") };
    value.serialize(&mut Serializer::with_formatter(&mut out, layout))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

struct Python {
    pretty: PrettyFormatter<'static>,
}

impl Formatter for Python {
    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(repr(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for char in fragment.chars() {
            if char.is_ascii() {
                write!(out, "{char}")?;
                continue;
            }
            for unit in char.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        text: &'static str,
        none: Option<u8>,
        list: [f64; 2],
        empty: [u8; 0],
    }

    #[test]
    fn the_layout_is_pythons() {
        let sample = Sample { text: "a\"é\n😀", none: None, list: [1.0, 1e20], empty: [] };
        assert_eq!(
            to_json(&sample).expect("text keys"),
            "{\n    \"text\": \"a\\\"\\u00e9\\n\\ud83d\\ude00\",\n    \"none\": null,\n    \"list\": [\n        1.0,\n        1e+20\n    ],\n    \"empty\": []\n}"
        );
    }
}
