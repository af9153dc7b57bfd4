//! What the cells of a row mean: test, outcome, state, what they tell of the machine.

use crate::baseline::Row;
use crate::history::source::points::label;
use crate::history::{Aspect, Ended, Facts};
use crate::record::result::State;

/// Places of columns that `perf_samples.csv` has and upstream's files have not.
pub(super) struct Own {
    run_id: Option<usize>,
    attempt: Option<usize>,
    outcome: Option<usize>,
    machine: Option<usize>,
    gpus: Option<usize>,
    notes: Option<usize>,
}

impl Own {
    /// Those of a header.
    pub fn of(names: &[String]) -> Self {
        let place = |name: &str| names.iter().position(|known| known == name);
        Self {
            run_id: place("run_id"),
            attempt: place("attempt"),
            outcome: place("outcome"),
            machine: place("machine"),
            gpus: place("gpus"),
            notes: place("certificate_notes"),
        }
    }

    /// The run and the number of the attempt, as the file has them.
    pub fn attempt<'a>(&self, row: &'a Row) -> Option<(&'a str, u32)> {
        let number = text(row, self.attempt)?.parse().ok()?;
        Some((text(row, self.run_id).unwrap_or_default(), number))
    }

    /// How the attempt ended, where the file tells.
    pub fn ended(&self, row: &Row) -> Option<Ended> {
        Some(match text(row, self.outcome)? {
            "passed" => Ended::Passed,
            "flaky" => Ended::Flaky,
            "skipped" => Ended::Skipped("excused".to_owned()),
            kind => {
                let message = text(row, self.notes).unwrap_or("its log tells more");
                Ended::Failed { kind: kind.to_owned(), message: message.to_owned() }
            }
        })
    }

    /// The machine class.
    pub fn machine<'a>(&self, row: &'a Row) -> Option<&'a str> {
        row.device_subtype().or_else(|| text(row, self.machine))
    }

    /// What a row knows of the GPUs.
    pub fn facts(&self, row: &Row) -> Facts {
        // Indices with commas between them, or titles with a comma and a blank.
        let gpus = row.gpu_idx().or_else(|| text(row, self.gpus));
        let known = [
            (Aspect::GpuVariant, row.device_subtype().map(str::to_owned)),
            (Aspect::GpuCount, gpus.map(|gpus| gpus.split(',').count().to_string())),
        ];
        known.into_iter().filter_map(|(aspect, text)| Some((aspect, text?))).collect()
    }
}

fn text(row: &Row, place: Option<usize>) -> Option<&str> {
    Some(row.raw(place?).trim()).filter(|text| !text.is_empty())
}

/// The label of the case.
pub(super) fn case_label(row: &Row) -> String {
    match row.network_name() {
        "" => label(&row.perf_case_name()).to_owned(),
        name => name.to_owned(),
    }
}

/// The name of the trial: as the row says, else of the metric's name with `test_perf` in place of its function.
pub(super) fn test_name(row: &Row, label: &str) -> String {
    if let Some(name) = row.original_test_name() {
        return name.to_owned();
    }
    let name = row.perf_case_name();
    match name.rsplit_once("::") {
        Some((domain, _)) => format!("{domain}::test_perf[{label}]"),
        None => format!("test_perf[{label}]"),
    }
}

/// The test prefix: what stands before the file of the test. It is the GPU on upstream's machines.
pub(super) fn prefix(test: &str) -> Option<&str> {
    let domain = test.rsplit_once("::").map_or("", |(domain, _)| domain);
    let (prefix, rest) = domain.split_once('/')?;
    (rest.contains('/') && !["", "llm"].contains(&prefix)).then_some(prefix)
}

/// What the number is worth.
pub(super) fn state(row: &Row) -> State {
    match row.state() {
        Some("flaky") => State::Flaky,
        Some("invalid") => State::Invalid,
        Some("unmeasurable") => State::Unmeasurable,
        _ => State::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_test_is_what_stands_before_its_file() {
        assert_eq!(prefix("H100_PCIe/perf/test_perf.py::test_perf[a/b]"), Some("H100_PCIe"));
        assert_eq!(prefix("perf/test_perf.py::test_perf[x]"), None);
        assert_eq!(prefix("llm/perf/test_perf.py::test_perf[x]"), None);
        assert_eq!(prefix("test_perf[x]"), None);
    }
}
