//! The history for other programs: one flat row a sample.

mod opensearch;
#[cfg(feature = "parquet")]
mod parquet;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::Entries;
use super::error::HistoryError;
use super::filter::Filter;
use super::model::{Aspect, AttemptRecord, Facts, RunRecord, SampleRecord};
use super::store::Store;

/// In what form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// With a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// One file of one table; with the feature `parquet`.
    Parquet,
    /// Bulk requests of OpenSearch: an action and a document a line.
    Opensearch,
}

/// What of a run and an attempt goes with each of its numbers. The order is that of the columns.
#[derive(Debug, Clone, Serialize)]
struct ExportRow {
    run_id: String,
    origin: super::model::Origin,
    release: Option<String>,
    prefix: Option<String>,
    /// RFC 3339, in UTC.
    run_started: String,
    case: String,
    model: String,
    precision: Option<String>,
    gpus: Option<u64>,
    test: String,
    attempt: u32,
    start: String,
    end: String,
    outcome: String,
    machine_class: String,
    engine: String,
    metric: &'static str,
    unit: &'static str,
    value: f64,
    threshold: f64,
    absolute_threshold: f64,
    state: &'static str,
    /// Why somebody marked it as invalid.
    invalidated: Option<String>,
    certificate: Option<&'static str>,
    /// By the words of [`Aspect`]; in tables a column each.
    #[serde(skip)]
    facts: Facts,
}

impl ExportRow {
    fn new(
        run: &RunRecord,
        attempt: &AttemptRecord,
        sample: &SampleRecord,
        entries: &Entries,
    ) -> Self {
        let label = &attempt.case.label;
        let marked = entries.invalid(&run.id, label, sample.metric);
        Self {
            run_id: run.id.clone(),
            origin: run.origin,
            release: run.release.clone(),
            prefix: run.prefix.clone(),
            run_started: run.started.to_string(),
            case: label.clone(),
            model: attempt.case.model(),
            precision: attempt.case.precision(),
            gpus: attempt.case.gpus(),
            test: attempt.test_name.clone(),
            attempt: attempt.number,
            start: attempt.start.to_string(),
            end: attempt.end.to_string(),
            outcome: attempt.ended.word().to_owned(),
            machine_class: attempt.machine_class.clone(),
            engine: attempt.engine.clone(),
            metric: sample.metric.wire_name(),
            unit: sample.metric.unit(),
            value: sample.value,
            threshold: sample.limits.threshold,
            absolute_threshold: sample.limits.absolute_threshold,
            state: marked.map_or(sample.state.word(), |_| "invalid"),
            invalidated: marked.map(|entry| entry.reason.clone()),
            certificate: attempt.certificate.as_ref().map(|it| it.standing().word()),
            facts: run.facts_of(attempt),
        }
    }

    /// The columns with their values, facts last; a fact that is not known is null.
    fn columns(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut columns)) = serde_json::to_value(self) else {
            unreachable!("a row of texts and finite numbers is a JSON object")
        };
        for aspect in Aspect::ALL {
            let fact = self.facts.get(&aspect).map(|fact| Value::from(fact.as_str()));
            columns.insert(aspect.word().to_owned(), fact.unwrap_or_default());
        }
        columns
    }
}

/// Names of the columns, in order.
const COLUMNS: [&str; 24] = [
    "run_id",
    "origin",
    "release",
    "prefix",
    "run_started",
    "case",
    "model",
    "precision",
    "gpus",
    "test",
    "attempt",
    "start",
    "end",
    "outcome",
    "machine_class",
    "engine",
    "metric",
    "unit",
    "value",
    "threshold",
    "absolute_threshold",
    "state",
    "invalidated",
    "certificate",
];

/// All columns, facts last.
fn columns() -> Vec<&'static str> {
    COLUMNS.into_iter().chain(Aspect::ALL.map(Aspect::word)).collect()
}

/// Writes what `filter` wants of the history; how many samples that were.
///
/// # Errors
/// When the history cannot be read or `out` not be written, and for Parquet without the feature.
pub fn export(
    store: &mut dyn Store,
    filter: &Filter,
    format: Format,
    out: &mut (dyn Write + Send),
) -> Result<usize, HistoryError> {
    match format {
        Format::Csv => csv(store, filter, out),
        Format::Jsonl => each_row(store, filter, &mut |row| {
            writeln!(out, "{}", Value::Object(row.columns())).map_err(written)
        }),
        Format::Opensearch => {
            each_row(store, filter, &mut |row| opensearch::write(&row, out).map_err(written))
        }
        #[cfg(feature = "parquet")]
        Format::Parquet => parquet::write(store, filter, out),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(HistoryError::Reader(
            "write Parquet: this build cannot; build with `--features parquet`, or use --format csv".to_owned(),
        )),
    }
}

fn written(error: io::Error) -> HistoryError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return HistoryError::Closed;
    }
    HistoryError::Reader(format!("write the export: {error}"))
}

/// Hands on every sample.
fn each_row(
    store: &mut dyn Store,
    filter: &Filter,
    each: &mut dyn FnMut(ExportRow) -> Result<(), HistoryError>,
) -> Result<usize, HistoryError> {
    let entries = store.entries()?;
    let mut count = 0;
    store.export(filter, &mut |run| {
        for attempt in &run.attempts {
            for sample in &attempt.samples {
                each(ExportRow::new(&run, attempt, sample, &entries))?;
                count += 1;
            }
        }
        Ok(())
    })?;
    Ok(count)
}

fn csv(store: &mut dyn Store, filter: &Filter, out: &mut dyn Write) -> Result<usize, HistoryError> {
    let mut writer = csv::Writer::from_writer(out);
    let refused = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => written(error),
        kind => HistoryError::Reader(format!("write the export: {kind:?}")),
    };
    writer.write_record(columns()).map_err(refused)?;
    let count = each_row(store, filter, &mut |row| {
        let values = row.columns();
        let cell = |name: &str| match &values[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        writer.write_record(columns().into_iter().map(cell)).map_err(refused)
    })?;
    writer.flush().map_err(written)?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{CaseIdentity, Ended, Origin};
    use crate::metric::{Limits, Metric};
    use crate::record::result::State;

    pub(super) fn row() -> ExportRow {
        let time: jiff::Timestamp = "2026-11-24T08:15:02Z".parse().expect("time");
        let sample = SampleRecord {
            metric: Metric::TokenThroughput,
            value: 3412.5,
            limits: Limits { threshold: -0.1, absolute_threshold: 10.0 },
            state: State::Valid,
        };
        let attempt = AttemptRecord {
            case: CaseIdentity { label: "x-bench".into(), fields: "{\"num_gpus\":2}".into() },
            test_name: "perf/test_perf.py::test_perf[x-bench]".into(),
            number: 1,
            start: time,
            end: time,
            ended: Ended::Passed,
            machine_class: "H100_PCIe".into(),
            engine: "tensorrt_llm".into(),
            facts: [(Aspect::Driver, "570".to_owned())].into(),
            samples: vec![sample.clone()],
            certificate: None,
        };
        let run = RunRecord {
            id: "r".into(),
            origin: Origin::RunFolder,
            started: time,
            ended: None,
            prefix: None,
            release: Some("1.2.0".into()),
            facts: Facts::new(),
            attempts: Vec::new(),
            problems: Vec::new(),
        };
        ExportRow::new(&run, &attempt, &sample, &Entries::default())
    }

    #[test]
    fn the_columns_are_all_fields_of_a_row() {
        let values = row().columns();
        let mut named: Vec<&str> = values.keys().map(String::as_str).collect();
        let mut expected = columns();
        named.sort_unstable();
        expected.sort_unstable();
        assert_eq!(named, expected);
        assert_eq!(values["driver"], "570");
        assert_eq!(values["cuda"], Value::Null);
        assert_eq!(values["gpus"], 2);
    }
}
