//! Reads series: which there are, their points, their numbers.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::super::entry::Entries;
use super::super::error::HistoryError;
use super::super::filter::Filter;
use super::super::identity::CaseIdentity;
use super::super::model::Facts;
use super::super::store::{Point, Series};
use super::content::Reader;
use super::{Cell, Sql, entries, runs};
use crate::metric::Limits;
use crate::record::result::State;

/// Every series; those of a renamed case are one.
pub(super) fn series(sql: &mut impl Sql) -> Result<Vec<Series>, HistoryError> {
    let entries = entries::entries(sql)?;
    all(sql, &entries)
}

fn all(sql: &mut impl Sql, entries: &Entries) -> Result<Vec<Series>, HistoryError> {
    let place = sql.place().to_owned();
    let mut found: BTreeMap<_, Series> = BTreeMap::new();
    let query = "SELECT s.series_key, c.label, c.fields, s.metric, p.machine_class, p.engine
        FROM series s JOIN perf_case c ON c.case_key = s.case_key JOIN platform p ON p.platform_key = s.platform_key
        ORDER BY s.series_key";
    sql.select(query, &[], &mut |row| {
        let reader = Reader { place: &place, row };
        let case = CaseIdentity { label: row.text(1)?, fields: row.text(2)? };
        let case = entries.renamed(&case.fields).cloned().unwrap_or(case);
        let (metric, machine_class, engine) = (reader.metric(3)?, row.text(4)?, row.text(5)?);
        // The label first, since that is the order in which they are told.
        let order = (
            case.label.clone(),
            metric,
            machine_class.clone(),
            engine.clone(),
            case.fields.clone(),
        );
        let key = row.integer(0)?;
        let empty = Series { case, metric, machine_class, engine, keys: Vec::new() };
        found.entry(order).or_insert(empty).keys.push(key);
        Ok(())
    })?;
    Ok(found.into_values().collect())
}

/// The points of a series.
pub(super) fn points(
    sql: &mut impl Sql,
    series: &Series,
    filter: &Filter,
    last: Option<usize>,
) -> Result<Vec<Point>, HistoryError> {
    let entries = entries::entries(sql)?;
    let place = sql.place().to_owned();
    // Without a page of its own the database sorts nothing: samples lie in this order.
    let query = "SELECT p.started, p.value, l.threshold, l.absolute_threshold, p.state, r.run_id, r.release, r.origin,
            a.number, a.standing, r.facts_key, a.facts_key, f.facts, g.facts
        FROM sample p JOIN metric_limits l ON l.limits_key = p.limits_key JOIN run r ON r.run_key = p.run_key
        JOIN attempt a ON a.attempt_key = p.attempt_key
        JOIN facts f ON f.facts_key = r.facts_key JOIN facts g ON g.facts_key = a.facts_key
        WHERE p.series_key = $1 AND p.started >= $2 AND p.started < $3
        ORDER BY p.started DESC, p.attempt_key DESC LIMIT $4";
    let wanted_runs = wanted_runs(sql, filter)?;
    // Which runs are wanted is known here alone.
    let limit = last.filter(|_| wanted_runs.is_none()).map_or(i64::MAX, |last| last as i64);
    let mut points = Vec::new();
    let mut facts: HashMap<(i64, i64), Arc<Facts>> = HashMap::new();
    for &key in &series.keys {
        let cells: [Cell; 4] = [key.into(), since(filter), until(filter), limit.into()];
        sql.select(query, &cells, &mut |row| {
            let reader = Reader { place: &place, row };
            let run_id = row.text(5)?;
            if wanted_runs.as_ref().is_some_and(|runs| !runs.ids.contains(&run_id)) {
                return Ok(());
            }
            let invalid = entries.invalid(&run_id, &series.case.label, series.metric);
            let invalidated = invalid.map(|entry| entry.reason.clone());
            let facts = match facts.entry((row.integer(10)?, row.integer(11)?)) {
                Entry::Occupied(known) => Arc::clone(known.get()),
                Entry::Vacant(place) => {
                    let mut both = reader.facts(12)?;
                    both.extend(reader.facts(13)?);
                    Arc::clone(place.insert(Arc::new(both)))
                }
            };
            points.push(Point {
                time: reader.time(0)?,
                value: row.real(1)?,
                limits: Limits { threshold: row.real(2)?, absolute_threshold: row.real(3)? },
                state: if invalidated.is_some() { State::Invalid } else { reader.state(4)? },
                invalidated,
                release: row.text_or_null(6)?,
                origin: reader.origin(7)?,
                attempt: reader.number(8)?,
                standing: reader.standing(9)?,
                facts,
                run_id,
            });
            Ok(())
        })?;
    }
    points.sort_by_key(|point| std::cmp::Reverse((point.time, point.attempt)));
    points.truncate(last.unwrap_or(usize::MAX));
    points.reverse();
    Ok(points)
}

/// The numbers of each series that is wanted.
pub(super) fn values(
    sql: &mut impl Sql,
    filter: &Filter,
) -> Result<Vec<(Series, Vec<f64>)>, HistoryError> {
    let entries = entries::entries(sql)?;
    let wanted = wanted_runs(sql, filter)?;
    let (from, to) = match &wanted {
        Some(runs) if runs.ids.is_empty() => return Ok(Vec::new()),
        Some(runs) => runs.period(sql, filter)?,
        None => (since(filter), until(filter)),
    };
    let marked = marked_runs(sql, &entries)?;
    let place = sql.place().to_owned();
    let query = "SELECT value, run_key, state FROM sample WHERE series_key = $1 AND started >= $2 AND started < $3";
    let mut found = Vec::new();
    for series in all(sql, &entries)?.into_iter().filter(|series| filter.series(series)) {
        let mut values = Vec::new();
        for &key in &series.keys {
            sql.select(query, &[key.into(), from.clone(), to.clone()], &mut |row| {
                let run = row.integer(1)?;
                if wanted.as_ref().is_some_and(|runs| !runs.keys.contains(&run)) {
                    return Ok(());
                }
                let invalid = marked.get(&run).is_some_and(|id| {
                    entries.invalid(id, &series.case.label, series.metric).is_some()
                });
                if !invalid && (Reader { place: &place, row }).state(2)?.counts() {
                    values.push(row.real(0)?);
                }
                Ok(())
            })?;
        }
        if !values.is_empty() {
            found.push((series, values));
        }
    }
    Ok(found)
}

fn since(filter: &Filter) -> Cell<'static> {
    filter.since.map_or(i64::MIN, |time| time.as_microsecond()).into()
}

fn until(filter: &Filter) -> Cell<'static> {
    filter.until.map_or(i64::MAX, |time| time.as_microsecond()).into()
}

/// The runs that a filter names.
struct Wanted {
    keys: HashSet<i64>,
    ids: HashSet<String>,
}

fn wanted_runs(sql: &mut impl Sql, filter: &Filter) -> Result<Option<Wanted>, HistoryError> {
    if !filter.names_runs() {
        return Ok(None);
    }
    let of_any_time = Filter { since: None, until: None, ..filter.clone() };
    let runs = runs::runs(sql, &of_any_time)?;
    Ok(Some(Wanted {
        keys: runs.iter().map(|run| run.key).collect(),
        ids: runs.into_iter().map(|run| run.id).collect(),
    }))
}

impl Wanted {
    /// The time within which their attempts began, as far as it is wanted: the part of each series to look at.
    fn period(
        &self,
        sql: &mut impl Sql,
        filter: &Filter,
    ) -> Result<(Cell<'static>, Cell<'static>), HistoryError> {
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        let query = "SELECT coalesce(min(started), 0), coalesce(max(started), 0) FROM attempt WHERE run_key = $1";
        for &key in &self.keys {
            sql.select(query, &[key.into()], &mut |row| {
                first = first.min(row.integer(0)?);
                last = last.max(row.integer(1)?);
                Ok(())
            })?;
        }
        let (Cell::Integer(since), Cell::Integer(until)) = (since(filter), until(filter)) else {
            unreachable!("both are integers")
        };
        Ok((first.max(since).into(), last.saturating_add(1).min(until).into()))
    }
}

/// The runs that somebody marked, by key.
fn marked_runs(
    sql: &mut impl Sql,
    entries: &Entries,
) -> Result<HashMap<i64, String>, HistoryError> {
    let mut marked = HashMap::new();
    for entry in &entries.invalidations {
        let id: Cell = entry.run_id.as_str().into();
        sql.select("SELECT run_key FROM run WHERE run_id = $1", &[id], &mut |row| {
            marked.insert(row.integer(0)?, entry.run_id.clone());
            Ok(())
        })?;
    }
    Ok(marked)
}
