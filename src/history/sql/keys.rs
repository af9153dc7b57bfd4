//! Keys of what many rows name: looked up once, made where there is none yet.

use std::collections::HashMap;

use super::super::error::HistoryError;
use super::super::identity::CaseIdentity;
use super::content::digest;
use super::{Cell, Sql};
use crate::metric::{Limits, Metric};

/// What was looked up. Rows never go away, so that a key stays good.
#[derive(Debug, Default)]
pub(super) struct Keys {
    facts: HashMap<String, i64>,
    cases: HashMap<String, i64>,
    tests: HashMap<String, i64>,
    platforms: HashMap<(String, String), i64>,
    series: HashMap<(i64, i64, Metric), i64>,
    limits: HashMap<(u64, u64), i64>,
}

impl Keys {
    pub fn facts(&mut self, sql: &mut impl Sql, facts: &str) -> Result<i64, HistoryError> {
        if let Some(&key) = self.facts.get(facts) {
            return Ok(key);
        }
        let key = of_text(sql, "facts", "facts_key", facts, &[facts.into()])?;
        self.facts.insert(facts.to_owned(), key);
        Ok(key)
    }

    pub fn case(&mut self, sql: &mut impl Sql, case: &CaseIdentity) -> Result<i64, HistoryError> {
        if let Some(&key) = self.cases.get(&case.fields) {
            return Ok(key);
        }
        let cells = [case.label.as_str().into(), case.fields.as_str().into()];
        let key = of_text(sql, "perf_case", "case_key", &case.fields, &cells)?;
        self.cases.insert(case.fields.clone(), key);
        Ok(key)
    }

    pub fn test(&mut self, sql: &mut impl Sql, name: &str) -> Result<i64, HistoryError> {
        if let Some(&key) = self.tests.get(name) {
            return Ok(key);
        }
        let key = of_text(sql, "test", "test_key", name, &[name.into()])?;
        self.tests.insert(name.to_owned(), key);
        Ok(key)
    }

    pub fn platform(
        &mut self,
        sql: &mut impl Sql,
        machine_class: &str,
        engine: &str,
    ) -> Result<i64, HistoryError> {
        let known = (machine_class.to_owned(), engine.to_owned());
        if let Some(&key) = self.platforms.get(&known) {
            return Ok(key);
        }
        let cells = [machine_class.into(), engine.into()];
        let find = "SELECT platform_key FROM platform WHERE machine_class = $1 AND engine = $2";
        let key = found_or_made(sql, "platform", "platform_key", find, &cells, &cells)?;
        self.platforms.insert(known, key);
        Ok(key)
    }

    pub fn series(
        &mut self,
        sql: &mut impl Sql,
        case: i64,
        platform: i64,
        metric: Metric,
    ) -> Result<i64, HistoryError> {
        if let Some(&key) = self.series.get(&(case, platform, metric)) {
            return Ok(key);
        }
        let cells = [case.into(), platform.into(), metric.wire_name().into()];
        let find = "SELECT series_key FROM series WHERE case_key = $1 AND platform_key = $2 AND metric = $3";
        let key = found_or_made(sql, "series", "series_key", find, &cells, &cells)?;
        self.series.insert((case, platform, metric), key);
        Ok(key)
    }

    pub fn limits(&mut self, sql: &mut impl Sql, limits: Limits) -> Result<i64, HistoryError> {
        let known = (limits.threshold.to_bits(), limits.absolute_threshold.to_bits());
        if let Some(&key) = self.limits.get(&known) {
            return Ok(key);
        }
        let cells = [limits.threshold.into(), limits.absolute_threshold.into()];
        let find =
            "SELECT limits_key FROM metric_limits WHERE threshold = $1 AND absolute_threshold = $2";
        let key = found_or_made(sql, "metric_limits", "limits_key", find, &cells, &cells)?;
        self.limits.insert(known, key);
        Ok(key)
    }
}

/// The next free key of a table. Only within a transaction, which no other writer shares.
pub(super) fn next(sql: &mut impl Sql, table: &str, key: &str) -> Result<i64, HistoryError> {
    let mut next = 1;
    let query = format!("SELECT coalesce(max({key}), 0) + 1 FROM {table}");
    sql.select(&query, &[], &mut |row| {
        next = row.integer(0)?;
        Ok(())
    })?;
    Ok(next)
}

/// The key of the row whose text has this digest; its columns are key, digest and `cells`.
fn of_text(
    sql: &mut impl Sql,
    table: &str,
    key: &str,
    text: &str,
    cells: &[Cell<'_>],
) -> Result<i64, HistoryError> {
    let digest: Cell = digest(text).into();
    let find = format!("SELECT {key} FROM {table} WHERE digest = $1");
    let row: Vec<_> = [digest.clone()].into_iter().chain(cells.iter().cloned()).collect();
    found_or_made(sql, table, key, &find, &[digest], &row)
}

fn found_or_made(
    sql: &mut impl Sql,
    table: &str,
    key: &str,
    find: &str,
    by: &[Cell<'_>],
    row: &[Cell<'_>],
) -> Result<i64, HistoryError> {
    let mut found = None;
    sql.select(find, by, &mut |row| {
        found = Some(row.integer(0)?);
        Ok(())
    })?;
    if let Some(found) = found {
        return Ok(found);
    }
    let new = next(sql, table, key)?;
    let row: Vec<_> = [new.into()].into_iter().chain(row.iter().cloned()).collect();
    let places: Vec<_> = (1..=row.len()).map(|place| format!("${place}")).collect();
    sql.execute(&format!("INSERT INTO {table} VALUES ({})", places.join(", ")), &row)?;
    Ok(new)
}
