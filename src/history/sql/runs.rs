//! Reads runs back.

use std::collections::HashMap;

use super::super::error::HistoryError;
use super::super::filter::Filter;
use super::super::identity::CaseIdentity;
use super::super::model::{AttemptRecord, RunRecord, SampleRecord};
use super::super::store::{Counts, RunSummary};
use super::content::{Reader, ended};
use super::{Cell, Sql};
use crate::metric::Limits;

/// The runs that are wanted, the oldest first.
pub(super) fn runs(sql: &mut impl Sql, filter: &Filter) -> Result<Vec<RunSummary>, HistoryError> {
    let place = sql.place().to_owned();
    let mut runs = Vec::new();
    let query =
        "SELECT r.run_key, r.run_id, r.origin, r.started, r.ended, r.prefix, r.release, f.facts
        FROM run r JOIN facts f ON f.facts_key = r.facts_key ORDER BY r.started, r.run_key";
    sql.select(query, &[], &mut |row| {
        let reader = Reader { place: &place, row };
        let run = RunSummary {
            key: row.integer(0)?,
            id: row.text(1)?,
            origin: reader.origin(2)?,
            started: reader.time(3)?,
            ended: reader.time_or_null(4)?,
            prefix: row.text_or_null(5)?,
            release: row.text_or_null(6)?,
            facts: reader.facts(7)?,
        };
        if filter.run(&run) && filter.time(run.started) {
            runs.push(run);
        }
        Ok(())
    })?;
    Ok(runs)
}

pub(super) fn counts(sql: &mut impl Sql, run: &RunSummary) -> Result<Counts, HistoryError> {
    let mut counts = Counts::default();
    let query = "SELECT outcome, count(*) FROM attempt WHERE run_key = $1 GROUP BY outcome";
    sql.select(query, &[run.key.into()], &mut |row| {
        let count = usize::try_from(row.integer(1)?).unwrap_or_default();
        match row.text(0)?.as_str() {
            "passed" => counts.passed += count,
            "flaky" => counts.flaky += count,
            "skipped" => counts.skipped += count,
            _ => counts.failed += count,
        }
        Ok(())
    })?;
    let query = format!("SELECT count(*) {OF_RUN}");
    sql.select(&query, &[run.key.into()], &mut |row| {
        counts.samples = usize::try_from(row.integer(0)?).unwrap_or_default();
        Ok(())
    })?;
    Ok(counts)
}

/// The samples of a run by way of its attempts: samples lie in the order of series, and have no index by run.
const OF_RUN: &str = "FROM attempt a JOIN series s ON s.case_key = a.case_key AND s.platform_key = a.platform_key
    JOIN sample p ON p.series_key = s.series_key AND p.started = a.started AND p.attempt_key = a.attempt_key
    WHERE a.run_key = $1";

/// A whole run.
pub(super) fn run(sql: &mut impl Sql, summary: &RunSummary) -> Result<RunRecord, HistoryError> {
    let place = sql.place().to_owned();
    let mut samples = samples(sql, &place, summary.key)?;
    let mut attempts = Vec::new();
    let query = "SELECT a.attempt_key, t.name, a.number, c.label, c.fields, p.machine_class, p.engine, f.facts,
            a.started, a.ended, a.outcome, a.message, z.findings
        FROM attempt a JOIN test t ON t.test_key = a.test_key JOIN perf_case c ON c.case_key = a.case_key
        JOIN platform p ON p.platform_key = a.platform_key JOIN facts f ON f.facts_key = a.facts_key
        LEFT JOIN certificate z ON z.attempt_key = a.attempt_key
        WHERE a.run_key = $1 ORDER BY a.attempt_key";
    sql.select(query, &[summary.key.into()], &mut |row| {
        let reader = Reader { place: &place, row };
        attempts.push(AttemptRecord {
            samples: samples.remove(&row.integer(0)?).unwrap_or_default(),
            test_name: row.text(1)?,
            number: reader.number(2)?,
            case: CaseIdentity { label: row.text(3)?, fields: row.text(4)? },
            machine_class: row.text(5)?,
            engine: row.text(6)?,
            facts: reader.facts(7)?,
            start: reader.time(8)?,
            end: reader.time(9)?,
            ended: ended(row.text(10)?, row.text_or_null(11)?),
            certificate: reader.certificate(12)?,
        });
        Ok(())
    })?;
    Ok(RunRecord {
        id: summary.id.clone(),
        origin: summary.origin,
        started: summary.started,
        ended: summary.ended,
        prefix: summary.prefix.clone(),
        release: summary.release.clone(),
        facts: summary.facts.clone(),
        attempts,
        problems: Vec::new(),
    })
}

/// The samples of a run by attempt, in the order of the metrics.
fn samples(
    sql: &mut impl Sql,
    place: &str,
    run: i64,
) -> Result<HashMap<i64, Vec<SampleRecord>>, HistoryError> {
    let mut limits = HashMap::new();
    let query = "SELECT limits_key, threshold, absolute_threshold FROM metric_limits";
    sql.select(query, &[], &mut |row| {
        let found = Limits { threshold: row.real(1)?, absolute_threshold: row.real(2)? };
        limits.insert(row.integer(0)?, found);
        Ok(())
    })?;
    let mut samples: HashMap<i64, Vec<SampleRecord>> = HashMap::new();
    let query = format!("SELECT a.attempt_key, s.metric, p.value, p.limits_key, p.state {OF_RUN}");
    let run: Cell = run.into();
    sql.select(&query, &[run], &mut |row| {
        let reader = Reader { place, row };
        samples.entry(row.integer(0)?).or_default().push(SampleRecord {
            metric: reader.metric(1)?,
            value: row.real(2)?,
            limits: *limits.get(&row.integer(3)?).ok_or_else(|| HistoryError::Content {
                place: place.to_owned(),
                what: "limits without a row".to_owned(),
            })?,
            state: reader.state(4)?,
        });
        Ok(())
    })?;
    samples.values_mut().for_each(|samples| samples.sort_by_key(|sample| sample.metric));
    Ok(samples)
}
