//! `perf_script_test_results.yaml`: one entry a metric, keyed by its test name.

use serde_yaml::{Mapping, Value};

use super::cell::{Cell, mapping};
use super::perf_row::{PerfRow, description_width};

/// The entry of one row in block style, with the content of column `key` as its key; entries may follow one
/// another.
pub(super) fn entry(
    row: &PerfRow,
    key: &str,
    device_subtype: bool,
) -> Result<String, serde_yaml::Error> {
    let (description, result) = row.split_at(description_width(device_subtype));
    let monitor = ["cpu", "os", "gpu"].map(|part| (Value::from(part), Value::Sequence(Vec::new())));
    let parts: Mapping = [
        ("monitor_data", Mapping::from_iter(monitor)),
        ("test_description", mapping(description)),
        ("test_result", mapping(result)),
    ]
    .into_iter()
    .map(|(name, part)| (Value::from(name), Value::Mapping(part)))
    .collect();
    let key = Value::from(column(row, key));
    serde_yaml::to_string(&Mapping::from_iter([(key, Value::Mapping(parts))]))
}

/// The text of a column, empty when there is none.
pub(super) fn column(row: &PerfRow, wanted: &str) -> String {
    let cell = row.iter().find(|(name, _)| *name == wanted);
    cell.map(|(_, cell): &(_, Cell)| cell.to_string()).unwrap_or_default()
}
