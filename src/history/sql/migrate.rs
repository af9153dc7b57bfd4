//! The schema, version by version. A migration that was released is never edited; a checksum holds us to it.

use jiff::Timestamp;

use super::super::error::HistoryError;
use super::content::digest;
use super::{Cell, Sql};

/// All migrations, from version 1. They are written for SQLite; other databases translate the few words.
const MIGRATIONS: [&str; 3] = [
    include_str!("migrations/0001-samples.sql"),
    include_str!("migrations/0002-entries.sql"),
    include_str!("migrations/0003-self-checks.sql"),
];

/// What a database holds before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Schema {
    Empty,
    /// A history of this version.
    Version(i64),
    /// Something else.
    Foreign(String),
}

const LATEST: i64 = MIGRATIONS.len() as i64;

/// Brings a database up to the newest schema, in one transaction: after a failure it is as it was.
pub(in super::super) fn migrate(sql: &mut impl Sql) -> Result<(), HistoryError> {
    if version(sql)? == LATEST {
        return check(sql, LATEST);
    }
    sql.begin()?;
    let done = upgrade(sql).and_then(|()| sql.commit());
    if done.is_err() {
        sql.rollback();
    }
    done
}

fn upgrade(sql: &mut impl Sql) -> Result<(), HistoryError> {
    // Another process may have done it while this one waited.
    let from = version(sql)?;
    if from > 0 {
        check(sql, from)?;
    } else {
        sql.apply(
            "CREATE TABLE migration (version INTEGER PRIMARY KEY, checksum TEXT NOT NULL, applied INTEGER NOT NULL) STRICT;",
        )?;
    }
    for (version, statements) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        sql.apply(statements)?;
        let now = Timestamp::now().as_microsecond();
        let row: [Cell; 3] = [version.into(), digest(statements).into(), now.into()];
        sql.execute("INSERT INTO migration VALUES ($1, $2, $3)", &row)?;
    }
    sql.set_schema(LATEST)
}

/// The version of a database; 0 of an empty one.
fn version(sql: &mut impl Sql) -> Result<i64, HistoryError> {
    let place = sql.place().to_owned();
    match sql.schema()? {
        Schema::Empty => Ok(0),
        Schema::Foreign(found) => Err(HistoryError::Foreign { place, found }),
        Schema::Version(found) if found > LATEST => {
            Err(HistoryError::Newer { place, found, known: LATEST })
        }
        Schema::Version(version) => Ok(version),
    }
}

/// Whether the migrations that made it are ours.
fn check(sql: &mut impl Sql, version: i64) -> Result<(), HistoryError> {
    let mut found = Vec::new();
    sql.select("SELECT version, checksum FROM migration ORDER BY version", &[], &mut |row| {
        found.push((row.integer(0)?, row.text(1)?));
        Ok(())
    })?;
    let place = sql.place();
    for (number, statements) in (1..=version).zip(MIGRATIONS) {
        let known = digest(statements);
        let found = found.iter().find(|(version, _)| *version == number);
        let found = found.map_or("none", |(_, checksum)| checksum);
        if found != known {
            return Err(HistoryError::Checksum {
                place: place.to_owned(),
                version: number,
                found: found.to_owned(),
                known,
            });
        }
    }
    Ok(())
}
