//! Adds runs: what is new of them, and nothing twice.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::super::error::HistoryError;
use super::super::model::{AttemptRecord, RunRecord, SampleRecord};
use super::super::store::Appended;
use super::content::{facts_text, fingerprint, origin_word, outcome};
use super::keys::next;
use super::{Cell, Sql, SqlStore, Table};
use crate::metric::Metric;
use crate::record::Problem;

const ATTEMPT: Table = Table {
    name: "attempt",
    columns: &[
        "attempt_key",
        "run_key",
        "test_key",
        "number",
        "case_key",
        "platform_key",
        "facts_key",
        "started",
        "ended",
        "outcome",
        "message",
        "standing",
        "digest",
    ],
};
const CERTIFICATE: Table = Table { name: "certificate", columns: &["attempt_key", "findings"] };
const SAMPLE: Table = Table {
    name: "sample",
    columns: &["series_key", "started", "attempt_key", "run_key", "value", "limits_key", "state"],
};

/// An attempt that is in the history.
struct Kept {
    key: i64,
    digest: i64,
    measured: bool,
}

/// Adds the runs within the transaction of the caller.
pub(super) fn append<S: Sql>(
    store: &mut SqlStore<S>,
    runs: &mut dyn Iterator<Item = RunRecord>,
) -> Result<Appended, HistoryError> {
    let mut done = Appended::default();
    let mut next_attempt = next(&mut store.sql, "attempt", "attempt_key")?;
    for run in runs {
        let (run_key, mut kept) = match find(&mut store.sql, &run)? {
            Some(key) => (key, attempts(&mut store.sql, key)?),
            None => {
                done.runs += 1;
                (add_run(store, &run)?, HashMap::new())
            }
        };
        add_attempts(store, &run, run_key, &mut kept, &mut next_attempt, &mut done)?;
    }
    Ok(done)
}

/// The key of a run that is there. What it lacks is filled in.
fn find(sql: &mut impl Sql, run: &RunRecord) -> Result<Option<i64>, HistoryError> {
    let mut found = None;
    let id: Cell = run.id.as_str().into();
    sql.select("SELECT run_key FROM run WHERE run_id = $1", &[id], &mut |row| {
        found = Some(row.integer(0)?);
        Ok(())
    })?;
    let Some(key) = found else { return Ok(None) };
    let ended: Cell = run.ended.map(|time| time.as_microsecond()).into();
    if ended != Cell::Null {
        let later =
            "UPDATE run SET ended = $1 WHERE run_key = $2 AND (ended IS NULL OR ended < $3)";
        sql.execute(later, &[ended.clone(), key.into(), ended])?;
    }
    if let Some(release) = &run.release {
        let lacking = "UPDATE run SET release = $1 WHERE run_key = $2 AND release IS NULL";
        sql.execute(lacking, &[release.as_str().into(), key.into()])?;
    }
    Ok(found)
}

fn add_run<S: Sql>(store: &mut SqlStore<S>, run: &RunRecord) -> Result<i64, HistoryError> {
    let key = next(&mut store.sql, "run", "run_key")?;
    let facts = store.keys.facts(&mut store.sql, &facts_text(&run.facts))?;
    let row: [Cell; 8] = [
        key.into(),
        run.id.as_str().into(),
        origin_word(run.origin).into(),
        run.started.as_microsecond().into(),
        run.ended.map(|time| time.as_microsecond()).into(),
        run.prefix.as_deref().into(),
        run.release.as_deref().into(),
        facts.into(),
    ];
    store.sql.execute("INSERT INTO run VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", &row)?;
    Ok(key)
}

/// The attempts of a run that are there, by test and number.
fn attempts(sql: &mut impl Sql, run: i64) -> Result<HashMap<(i64, u32), Kept>, HistoryError> {
    let mut kept = HashMap::new();
    let query = "SELECT a.test_key, a.number, a.attempt_key, a.digest, CASE WHEN EXISTS (
            SELECT 1 FROM series s JOIN sample p ON p.series_key = s.series_key AND p.started = a.started
                AND p.attempt_key = a.attempt_key
            WHERE s.case_key = a.case_key AND s.platform_key = a.platform_key) THEN 1 ELSE 0 END
        FROM attempt a WHERE a.run_key = $1";
    sql.select(query, &[run.into()], &mut |row| {
        let number = u32::try_from(row.integer(1)?).unwrap_or_default();
        let attempt =
            Kept { key: row.integer(2)?, digest: row.integer(3)?, measured: row.integer(4)? != 0 };
        kept.insert((row.integer(0)?, number), attempt);
        Ok(())
    })?;
    Ok(kept)
}

fn add_attempts<S: Sql>(
    store: &mut SqlStore<S>,
    run: &RunRecord,
    run_key: i64,
    kept: &mut HashMap<(i64, u32), Kept>,
    next_attempt: &mut i64,
    done: &mut Appended,
) -> Result<(), HistoryError> {
    let SqlStore { sql, keys } = store;
    let (mut rows, mut certificates, mut samples) = (Vec::new(), Vec::new(), Vec::new());
    for attempt in &run.attempts {
        let test = keys.test(sql, &attempt.test_name)?;
        let digest = fingerprint(attempt);
        let before = kept.get(&(test, attempt.number));
        let key = match before {
            Some(before) if before.digest == digest => {
                done.known += 1;
                continue;
            }
            Some(before) if before.measured => {
                done.problems.push(differs(run, attempt));
                continue;
            }
            Some(before) => before.key,
            None => {
                *next_attempt += 1;
                *next_attempt - 1
            }
        };
        let replaces = before.is_some();
        let measured = !attempt.samples.is_empty();
        kept.insert((test, attempt.number), Kept { key, digest, measured });
        let case = keys.case(sql, &attempt.case)?;
        let platform = keys.platform(sql, &attempt.machine_class, &attempt.engine)?;
        let facts = keys.facts(sql, &facts_text(&attempt.facts))?;
        let (word, message) = outcome(&attempt.ended);
        let started = attempt.start.as_microsecond();
        let row: Vec<Cell> = vec![
            key.into(),
            run_key.into(),
            test.into(),
            i64::from(attempt.number).into(),
            case.into(),
            platform.into(),
            facts.into(),
            started.into(),
            attempt.end.as_microsecond().into(),
            word.into(),
            message.into(),
            attempt.certificate.as_ref().map(|it| it.standing().word()).into(),
            digest.into(),
        ];
        if replaces {
            // What is not written yet could not be replaced.
            sql.insert(&ATTEMPT, &std::mem::take(&mut rows))?;
            sql.insert(&CERTIFICATE, &std::mem::take(&mut certificates))?;
            put_aside(sql, key)?;
            done.replaced += 1;
        } else {
            done.attempts += 1;
        }
        rows.push(row);
        if let Some(certificate) = &attempt.certificate {
            let findings = serde_json::to_string(certificate).expect("findings are JSON");
            certificates.push(vec![key.into(), findings.into()]);
        }
        let mut seen = HashSet::new();
        for sample in &attempt.samples {
            if !seen.insert(sample.metric) {
                done.problems.push(twice(run, attempt, sample.metric));
                continue;
            }
            if !sample.value.is_finite() {
                done.problems.push(no_number(run, attempt, sample));
                continue;
            }
            done.samples += 1;
            samples.push(vec![
                keys.series(sql, case, platform, sample.metric)?.into(),
                started.into(),
                key.into(),
                run_key.into(),
                sample.value.into(),
                keys.limits(sql, sample.limits)?.into(),
                sample.state.word().into(),
            ]);
        }
    }
    sql.insert(&ATTEMPT, &rows)?;
    sql.insert(&CERTIFICATE, &certificates)?;
    sql.insert(&SAMPLE, &samples)
}

/// Moves an attempt without numbers out of the way of one that has the same place.
fn put_aside(sql: &mut impl Sql, key: i64) -> Result<(), HistoryError> {
    let keep = "INSERT INTO attempt_before SELECT attempt_key, started, ended, outcome, message FROM attempt
        WHERE attempt_key = $1";
    sql.execute(keep, &[key.into()])?;
    sql.execute("DELETE FROM certificate WHERE attempt_key = $1", &[key.into()])?;
    sql.execute("DELETE FROM attempt WHERE attempt_key = $1", &[key.into()])
}

fn differs(run: &RunRecord, attempt: &AttemptRecord) -> Problem {
    problem(run, attempt, "is in the history with other numbers, which stay")
}

fn twice(run: &RunRecord, attempt: &AttemptRecord, metric: Metric) -> Problem {
    problem(run, attempt, &format!("has {metric} twice; the first is kept"))
}

fn no_number(run: &RunRecord, attempt: &AttemptRecord, sample: &SampleRecord) -> Problem {
    let SampleRecord { metric, value, .. } = sample;
    problem(run, attempt, &format!("has {metric} {value}, which is no number and is left out"))
}

fn problem(run: &RunRecord, attempt: &AttemptRecord, what: &str) -> Problem {
    let AttemptRecord { number, test_name, .. } = attempt;
    let message = format!("attempt {number} of {test_name} {what}");
    Problem { path: PathBuf::from(&run.id), line: None, message }
}
