//! Documents as upstream's performance database has them: the first letters of a field's name say its type. `_id` is
//! the MD5 of the document's JSON with sorted keys and an indent of two, so that a document sent twice is one.

use std::io::{self, Write};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use super::ExportRow;

/// An action line and a document, for the bulk interface; the index is that of the request's address.
pub(super) fn write(row: &ExportRow, out: &mut dyn Write) -> io::Result<()> {
    let document = document(row);
    let id = id(&document);
    writeln!(out, "{}", json!({ "index": { "_id": id } }))?;
    writeln!(out, "{}", Value::Object(document))
}

/// The MD5 of what Python's `json.dumps(document, sort_keys=True, indent=2)` gives.
fn id(document: &Map<String, Value>) -> String {
    // Keys of a map are sorted; a pretty JSON text has an indent of two, as Python's. Python escapes what is not ASCII.
    let text = serde_json::to_string_pretty(document).expect("a document is JSON");
    let mut hash = Md5::new();
    for c in text.chars() {
        if c.is_ascii() {
            hash.update([c as u8]);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                hash.update(format!("\\u{unit:04x}"));
            }
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The row with prefixed names. What is not known is left out.
fn document(row: &ExportRow) -> Map<String, Value> {
    let mut document = Map::new();
    for (name, value) in row.columns() {
        let (prefix, value) = match (name.as_str(), value) {
            (_, Value::Null) => continue,
            ("start" | "end" | "run_started", Value::String(text)) => {
                let time: jiff::Timestamp = text.parse().expect("a time that we wrote");
                ("ts", Value::from(time.as_millisecond()))
            }
            ("value" | "threshold" | "absolute_threshold", value) => ("d", value),
            (_, value @ Value::Number(_)) => ("l", value),
            (_, value @ Value::Bool(_)) => ("b", value),
            (_, value) => ("s", value),
        };
        document.insert(format!("{prefix}_{name}"), value);
    }
    // The names that upstream's queries use.
    document.insert("s_gpu_type".to_owned(), row.machine_class.as_str().into());
    document.insert("s_model_name".to_owned(), row.model.as_str().into());
    document.insert("s_test_case_name".to_owned(), row.case.as_str().into());
    document.insert("b_is_valid".to_owned(), matches!(row.state, "valid" | "flaky").into());
    document.insert(
        "b_is_baseline".to_owned(),
        (row.origin == super::super::Origin::BaselineCsv).into(),
    );
    document.insert("ts_created".to_owned(), document.get("ts_start").cloned().unwrap_or_default());
    document
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn names_say_their_type_and_whole_numbers_of_decimals_stay_decimals() {
        let mut row = row();
        row.value = 64.0;
        let document = document(&row);
        assert_eq!(document["d_value"].to_string(), "64.0");
        assert_eq!(document["l_gpus"], 2);
        assert_eq!(document["ts_created"], 1_795_508_102_000_i64);
        assert_eq!(document["b_is_valid"], true);
        assert_eq!(document["s_metric"], "TOKEN_THROUGHPUT");
        assert!(!document.contains_key("s_cuda"), "what is not known is left out");
        let known = ["s_", "l_", "d_", "b_", "ts_"];
        assert!(document.keys().all(|name| known.iter().any(|prefix| name.starts_with(prefix))));
    }

    /// Python: `hashlib.md5(json.dumps({"s_b": "é", "d_a": 1.5, "l_c": 2}, sort_keys=True, indent=2).encode()).hexdigest()`
    #[test]
    fn the_id_is_what_python_makes_of_the_document() {
        let document = json!({ "s_b": "é", "d_a": 1.5, "l_c": 2 });
        let Value::Object(document) = document else { unreachable!("an object") };
        assert_eq!(id(&document), "bbb4ee53b7c59379a3bd02783020ea9a");
    }
}
