//! What people say: read as a whole, added to.

use super::super::entry::{
    About, Alias, Annotation, Blessing, Entries, Entry, Invalidation, Made, SelfCheck,
};
use super::super::error::HistoryError;
use super::super::identity::CaseIdentity;
use super::content::Reader;
use super::keys::next;
use super::{Cell, Row, Sql};
use crate::verdict::selfcheck::Tally;

/// All of it, in the order in which it was said.
pub(super) fn entries(sql: &mut impl Sql) -> Result<Entries, HistoryError> {
    let place = sql.place().to_owned();
    let place = place.as_str();
    let mut entries = Entries::default();
    let query = "SELECT made, made_by, about_time, about_run, about_release, case_pattern, words FROM annotation
        ORDER BY entry";
    sql.select(query, &[], &mut |row| {
        let reader = Reader { place, row };
        let about = match (reader.time_or_null(2)?, row.text_or_null(3)?, row.text_or_null(4)?) {
            (Some(time), ..) => About::Time(time),
            (_, Some(run), _) => About::Run(run),
            (.., release) => About::Release(release.unwrap_or_default()),
        };
        entries.annotations.push(Annotation {
            made: made(place, row)?,
            about,
            case: row.text_or_null(5)?,
            text: row.text(6)?,
        });
        Ok(())
    })?;
    let query =
        "SELECT made, made_by, run_id, case_pattern, metric, reason, taken_back FROM invalidation
        ORDER BY entry";
    sql.select(query, &[], &mut |row| {
        let metric = row.text_or_null(4)?.map(|_| Reader { place, row }.metric(4)).transpose()?;
        entries.invalidations.push(Invalidation {
            made: made(place, row)?,
            run_id: row.text(2)?,
            case: row.text_or_null(3)?,
            metric,
            reason: row.text(5)?,
            taken_back: row.integer(6)? != 0,
        });
        Ok(())
    })?;
    let query =
        "SELECT made, made_by, label, fields, metric, machine_class, engine, level, release, reason
        FROM blessing ORDER BY entry";
    sql.select(query, &[], &mut |row| {
        entries.blessings.push(Blessing {
            made: made(place, row)?,
            case: CaseIdentity { label: row.text(2)?, fields: row.text(3)? },
            metric: Reader { place, row }.metric(4)?,
            machine_class: row.text(5)?,
            engine: row.text(6)?,
            level: row.real(7)?,
            release: row.text_or_null(8)?,
            reason: row.text(9)?,
        });
        Ok(())
    })?;
    let query = "SELECT made, made_by, old_label, old_fields, new_label, new_fields FROM alias ORDER BY entry";
    sql.select(query, &[], &mut |row| {
        entries.aliases.push(Alias {
            made: made(place, row)?,
            old: CaseIdentity { label: row.text(2)?, fields: row.text(3)? },
            new: CaseIdentity { label: row.text(4)?, fields: row.text(5)? },
        });
        Ok(())
    })?;
    let query = "SELECT made, made_by, machine_class, engine, harness, passed, improved, regressed, inconclusive, invalid
        FROM self_check ORDER BY entry";
    sql.select(query, &[], &mut |row| {
        let count = |column| Ok::<u64, HistoryError>(row.integer(column)?.max(0).unsigned_abs());
        entries.self_checks.push(SelfCheck {
            made: made(place, row)?,
            machine_class: row.text(2)?,
            engine: row.text(3)?,
            harness: row.text(4)?,
            tally: Tally {
                pass: count(5)?,
                improved: count(6)?,
                regress: count(7)?,
                inconclusive: count(8)?,
                invalid: count(9)?,
            },
        });
        Ok(())
    })?;
    Ok(entries)
}

fn made(place: &str, row: &dyn Row) -> Result<Made, HistoryError> {
    Ok(Made { at: Reader { place, row }.time(0)?, by: row.text(1)? })
}

/// Adds an entry within the transaction of the caller.
pub(super) fn add(sql: &mut impl Sql, entry: &Entry) -> Result<(), HistoryError> {
    match entry {
        Entry::SelfCheck(check) => {
            let tally = check.tally;
            let counts =
                [tally.pass, tally.improved, tally.regress, tally.inconclusive, tally.invalid];
            let texts = [&check.machine_class, &check.engine, &check.harness];
            let texts = texts.map(|text| Cell::from(text.as_str()));
            // No gate ever gives so many verdicts.
            let counts = counts.map(|count| Cell::from(i64::try_from(count).unwrap_or(i64::MAX)));
            put(sql, "self_check", &check.made, texts.into_iter().chain(counts).collect())
        }
        Entry::Annotation(annotation) => {
            let mut about: [Cell; 3] = [Cell::Null, Cell::Null, Cell::Null];
            match &annotation.about {
                About::Time(time) => about[0] = time.as_microsecond().into(),
                About::Run(run) => {
                    must_have_run(sql, run)?;
                    about[1] = run.as_str().into();
                }
                About::Release(release) => about[2] = release.as_str().into(),
            }
            let rest = [annotation.case.as_deref().into(), annotation.text.as_str().into()];
            let cells: Vec<_> = about.into_iter().chain(rest).collect();
            put(sql, "annotation", &annotation.made, cells)
        }
        Entry::Invalidation(invalidation) => {
            must_have_run(sql, &invalidation.run_id)?;
            if invalidation.taken_back {
                must_take_back(sql, invalidation)?;
            }
            let cells = vec![
                invalidation.run_id.as_str().into(),
                invalidation.case.as_deref().into(),
                invalidation.metric.map(|metric| metric.wire_name()).into(),
                invalidation.reason.as_str().into(),
                i64::from(invalidation.taken_back).into(),
            ];
            put(sql, "invalidation", &invalidation.made, cells)
        }
        Entry::Blessing(blessing) => {
            let cells = vec![
                blessing.case.label.as_str().into(),
                blessing.case.fields.as_str().into(),
                blessing.metric.wire_name().into(),
                blessing.machine_class.as_str().into(),
                blessing.engine.as_str().into(),
                blessing.level.into(),
                blessing.release.as_deref().into(),
                blessing.reason.as_str().into(),
            ];
            put(sql, "blessing", &blessing.made, cells)
        }
        Entry::Alias(alias) => {
            let known = entries(sql)?;
            let leads_back = known
                .renamed(&alias.new.fields)
                .is_some_and(|identity| identity.fields == alias.old.fields);
            if leads_back && alias.old.fields != alias.new.fields {
                return Err(HistoryError::Entry(format!(
                    "make {} an alias: {} goes on as that case already; take that back first (history alias NAME NAME)",
                    alias.old.label, alias.new.label
                )));
            }
            let cells = vec![
                alias.old.label.as_str().into(),
                alias.old.fields.as_str().into(),
                alias.new.label.as_str().into(),
                alias.new.fields.as_str().into(),
            ];
            put(sql, "alias", &alias.made, cells)
        }
    }
}

fn put(
    sql: &mut impl Sql,
    table: &str,
    made: &Made,
    cells: Vec<Cell<'_>>,
) -> Result<(), HistoryError> {
    let key = next(sql, table, "entry")?;
    let front = [key.into(), made.at.as_microsecond().into(), made.by.as_str().into()];
    let row: Vec<_> = front.into_iter().chain(cells).collect();
    let places: Vec<_> = (1..=row.len()).map(|place| format!("${place}")).collect();
    sql.execute(&format!("INSERT INTO {table} VALUES ({})", places.join(", ")), &row)
}

fn must_have_run(sql: &mut impl Sql, run_id: &str) -> Result<(), HistoryError> {
    let mut there = false;
    let query = "SELECT run_key FROM run WHERE run_id = $1";
    sql.select(query, &[run_id.into()], &mut |_| {
        there = true;
        Ok(())
    })?;
    if there {
        return Ok(());
    }
    let place = sql.place();
    Err(HistoryError::Entry(format!(
        "find run {run_id} in {place}: there is none; `history list` names them"
    )))
}

fn must_take_back(sql: &mut impl Sql, entry: &Invalidation) -> Result<(), HistoryError> {
    let known = entries(sql)?;
    let same = known.invalidations.iter().rev().find(|known| {
        (&known.run_id, &known.case, known.metric) == (&entry.run_id, &entry.case, entry.metric)
    });
    match same {
        Some(same) if !same.taken_back => Ok(()),
        _ => Err(HistoryError::Entry(format!(
            "take back the invalidation of run {}: there is none of just these --case and --metric; `history show {}` has them",
            entry.run_id, entry.run_id
        ))),
    }
}
