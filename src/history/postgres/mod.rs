//! The history in a PostgreSQL database, in a schema of its own. The only user of `postgres`.

use std::error::Error as _;
use std::io::Write;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use postgres::{Client, Config, Error, NoTls};

use super::error::{Cause, HistoryError};
use super::sql::{Cell, Row, Schema, Sql, Table};

/// Where the tables are: beside those of others.
const SCHEMA: &str = "trtllm_perf_history";
/// The advisory lock of those who write: "TrPh".
const LOCK: i64 = 0x5472_5068;
const CONNECT: Duration = Duration::from_secs(10);

/// A connection.
pub(super) struct Postgres {
    client: Client,
    place: String,
    /// Prepared once.
    statements: std::collections::HashMap<String, postgres::Statement>,
}

impl Postgres {
    /// Connects to the database of a URL. `place` is how it is shown.
    pub fn connect(url: &str, place: &str) -> Result<Self, HistoryError> {
        let failed = |error: Error| trouble("open", place, &error);
        let mut config: Config = url.parse().map_err(failed)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.application_name("trtllm-perf");
        let mut client = config.connect(NoTls).map_err(failed)?;
        // Two that begin at once must not both make the schema.
        client
            .batch_execute(&format!(
                "BEGIN; SELECT pg_advisory_xact_lock({LOCK}); SET LOCAL client_min_messages = warning;
                 CREATE SCHEMA IF NOT EXISTS {SCHEMA}; COMMIT; SET search_path = {SCHEMA}"
            ))
            .map_err(failed)?;
        Ok(Self { client, place: place.to_owned(), statements: Default::default() })
    }

    fn batch(&mut self, statements: &str) -> Result<(), HistoryError> {
        let done = self.client.batch_execute(statements);
        done.map_err(|error| trouble("write", &self.place, &error))
    }

    fn prepared(&mut self, sql: &str) -> Result<postgres::Statement, Error> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Sql for Postgres {
    fn place(&self) -> &str {
        &self.place
    }

    fn begin(&mut self) -> Result<(), HistoryError> {
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})"))
    }

    fn commit(&mut self) -> Result<(), HistoryError> {
        self.batch("COMMIT")
    }

    fn rollback(&mut self) {
        let _ = self.client.batch_execute("ROLLBACK");
    }

    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<(), HistoryError> {
        let run = |store: &mut Self| {
            let statement = store.prepared(sql)?;
            store.client.execute(&statement, &parameters(cells)).map(drop)
        };
        run(self).map_err(|error| trouble("write", &self.place, &error))
    }

    fn select(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let statement = self.prepared(sql).map_err(|error| trouble("read", &self.place, &error))?;
        let Self { client, place, .. } = self;
        let failed = |error: Error| trouble("read", place, &error);
        let mut rows = client.query_raw(&statement, parameters(cells)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(&PostgresRow { row, place })?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Cell<'_>>]) -> Result<(), HistoryError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = table.columns.join(", ");
        let copy = format!("COPY {} ({columns}) FROM STDIN", table.name);
        let mut text = Vec::new();
        for row in rows {
            for (index, cell) in row.iter().enumerate() {
                text.extend(if index == 0 { "".as_bytes() } else { b"\t" });
                copied(cell, &mut text);
            }
            text.push(b'\n');
        }
        let run = |client: &mut Client| {
            let mut writer = client.copy_in(&copy)?;
            // What the server refuses is told at the end.
            let _ = writer.write_all(&text);
            writer.finish().map(drop)
        };
        run(&mut self.client).map_err(|error| trouble("write", &self.place, &error))
    }

    fn schema(&mut self) -> Result<Schema, HistoryError> {
        let failed = |error: Error| trouble("open", &self.place, &error);
        let there =
            "SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND tablename = 'migration'";
        let row = self.client.query_one(there, &[&SCHEMA]).map_err(failed)?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(Schema::Empty);
        }
        let newest =
            self.client.query_one("SELECT max(version) FROM migration", &[]).map_err(failed)?;
        Ok(newest.get::<_, Option<i64>>(0).map_or(Schema::Empty, Schema::Version))
    }

    fn apply(&mut self, statements: &str) -> Result<(), HistoryError> {
        self.batch(&translated(statements))
    }

    fn set_schema(&mut self, _version: i64) -> Result<(), HistoryError> {
        // The table of migrations tells it.
        Ok(())
    }
}

/// Statements that were written for SQLite.
fn translated(statements: &str) -> String {
    statements
        .replace(") STRICT, WITHOUT ROWID;", ");")
        .replace(") STRICT;", ");")
        .replace(" INTEGER", " BIGINT")
        .replace(" REAL", " DOUBLE PRECISION")
}

fn parameters<'a>(cells: &'a [Cell<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    cells.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect()
}

/// A cell in the text format of COPY.
fn copied(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend(b"\\N"),
        Cell::Integer(value) => out.extend(value.to_string().bytes()),
        // The shortest text that is this number again.
        Cell::Real(value) => out.extend(value.to_string().bytes()),
        Cell::Text(text) => {
            for byte in kept(text).bytes() {
                match byte {
                    b'\\' => out.extend(b"\\\\"),
                    b'\t' => out.extend(b"\\t"),
                    b'\n' => out.extend(b"\\n"),
                    b'\r' => out.extend(b"\\r"),
                    other => out.push(other),
                }
            }
        }
    }
}

/// PostgreSQL has no zero in a text.
fn kept(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql(of, out),
            Self::Real(value) => value.to_sql(of, out),
            Self::Text(text) => kept(text).as_ref().to_sql(of, out),
        }
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT8, Type::FLOAT8, Type::TEXT].contains(of)
    }

    to_sql_checked!();
}

struct PostgresRow<'a> {
    row: postgres::Row,
    place: &'a str,
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(
        of: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *of {
            // `count(*)` and a CASE of literals are of other widths.
            Type::INT4 => Self::Integer(i32::from_sql(of, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(of, raw)?),
            Type::FLOAT8 => Self::Real(f64::from_sql(of, raw)?),
            _ => Self::Text(<&str>::from_sql(of, raw)?.into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::FLOAT8, Type::TEXT].contains(of)
    }
}

impl Row for PostgresRow<'_> {
    fn place(&self) -> &str {
        self.place
    }

    fn cell(&self, column: usize) -> Result<Cell<'_>, HistoryError> {
        self.row.try_get(column).map_err(|error| trouble("read", self.place, &error))
    }
}

/// What an error means for a person.
fn trouble(doing: &'static str, place: &str, error: &Error) -> HistoryError {
    let detail = |error: &Error| match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => {
            let source = error.source().map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        }
    };
    let cause = match error.code() {
        Some(&SqlState::DISK_FULL) => Cause::DiskFull,
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Cause::ReadOnly,
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Cause::Denied,
        Some(&(SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_DEADLOCK_DETECTED)) => Cause::Busy,
        Some(&(SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN)) => {
            Cause::Unreachable(detail(error))
        }
        Some(_) => Cause::Other(detail(error)),
        None => Cause::Unreachable(detail(error)),
    };
    HistoryError::Store { doing, place: place.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_copied_with_what_would_end_it_escaped() {
        let mut out = Vec::new();
        copied(&"a\tb\nc\\d\0é".into(), &mut out);
        assert_eq!(String::from_utf8(out).expect("text"), "a\\tb\\nc\\\\d\u{fffd}é");
    }
}
