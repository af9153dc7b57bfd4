//! The history in a SQLite file.

mod trouble;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement};

use super::error::{Cause, HistoryError};
use super::sql::{Cell, Row, Schema, Sql, Table};
use crate::machine;

/// What marks a file as ours in its header: "TrPh".
const APPLICATION_ID: i64 = 0x5472_5068;
/// How long one waits for another writer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pages in memory, in KiB: those that many series are added to at a time.
const CACHE_KIB: i64 = 256 * 1024;

/// An open file.
pub(super) struct Sqlite {
    connection: Connection,
    place: String,
}

impl Sqlite {
    /// Opens the file, or makes it with `create`.
    pub fn open(path: &Path, create: bool) -> Result<Self, HistoryError> {
        let place = path.display().to_string();
        if !create && !path.exists() {
            return Err(HistoryError::Absent { place });
        }
        if let Some(kind) = machine::network_file_system(path) {
            return Err(HistoryError::Network { place, kind });
        }
        let begun = Instant::now();
        loop {
            match Self::connect(path, &place) {
                // While another process makes the file, or ends as its last user, SQLite does not wait by itself.
                Err(HistoryError::Store { cause: Cause::Busy, .. })
                    if begun.elapsed() < PATIENCE =>
                {
                    thread::sleep(Duration::from_millis(20));
                }
                opened => return opened,
            }
        }
    }

    fn connect(path: &Path, place: &str) -> Result<Self, HistoryError> {
        let failed = |error| trouble::of("open", place, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut store = Self { connection, place: place.to_owned() };
        // Nothing is changed in a file that is not ours.
        if let Schema::Foreign(found) = store.schema()? {
            return Err(HistoryError::Foreign { place: store.place, found });
        }
        let set = |name: &str, value: &dyn ToSql| {
            store.connection.pragma_update(None, name, value).map_err(failed)
        };
        set("journal_mode", &"WAL")?;
        // What was said to be added survives a power cut.
        set("synchronous", &"FULL")?;
        // Keys come from rows that are never removed; to look each up again would cost most of an import.
        set("foreign_keys", &false)?;
        set("cache_size", &-CACHE_KIB)?;
        Ok(store)
    }
}

impl Sql for Sqlite {
    fn place(&self) -> &str {
        &self.place
    }

    fn begin(&mut self) -> Result<(), HistoryError> {
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        begun.map_err(|error| trouble::of("write", &self.place, error))
    }

    fn commit(&mut self) -> Result<(), HistoryError> {
        let done = self.connection.execute_batch("COMMIT");
        done.map_err(|error| trouble::of("write", &self.place, error))
    }

    fn rollback(&mut self) {
        // A full disk makes SQLite do it by itself, and then there is nothing to undo.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<(), HistoryError> {
        let run = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            bind(&mut statement, cells)?;
            statement.raw_execute().map(drop)
        };
        run().map_err(|error| trouble::of("write", &self.place, error))
    }

    fn select(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let failed = |error| trouble::of("read", &self.place, error);
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        bind(&mut statement, cells).map_err(failed)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            each(&SqliteRow { row, place: &self.place })?;
        }
        Ok(())
    }

    fn insert(&mut self, table: &Table, rows: &[Vec<Cell<'_>>]) -> Result<(), HistoryError> {
        let places: Vec<_> = (1..=table.columns.len()).map(|place| format!("${place}")).collect();
        let columns = table.columns.join(", ");
        let sql = format!("INSERT INTO {} ({columns}) VALUES ({})", table.name, places.join(", "));
        let insert = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            for row in rows {
                bind(&mut statement, row)?;
                statement.raw_execute()?;
            }
            Ok(())
        };
        insert().map_err(|error| trouble::of("write", &self.place, error))
    }

    fn schema(&mut self) -> Result<Schema, HistoryError> {
        // In one statement, which sees the file at one moment: another process may be making it.
        let query = "SELECT (SELECT application_id FROM pragma_application_id),
            (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)";
        let read =
            self.connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let (application, version, tables): (i64, i64, i64) =
            read.map_err(|error| trouble::of("open", &self.place, error))?;
        if application == APPLICATION_ID {
            return Ok(Schema::Version(version));
        }
        Ok(match tables {
            0 if application == 0 => Schema::Empty,
            _ => Schema::Foreign(format!(
                "a SQLite file of another program, with {tables} tables and indices"
            )),
        })
    }

    fn apply(&mut self, statements: &str) -> Result<(), HistoryError> {
        let done = self.connection.execute_batch(statements);
        done.map_err(|error| trouble::of("write", &self.place, error))
    }

    fn set_schema(&mut self, version: i64) -> Result<(), HistoryError> {
        let set = |name, value| self.connection.pragma_update(None, name, value);
        let done =
            set("application_id", APPLICATION_ID).and_then(|()| set("user_version", version));
        done.map_err(|error| trouble::of("write", &self.place, error))
    }
}

fn bind(statement: &mut Statement<'_>, cells: &[Cell<'_>]) -> rusqlite::Result<()> {
    (1..).zip(cells).try_for_each(|(place, cell)| statement.raw_bind_parameter(place, cell))
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            Self::Real(value) => ToSqlOutput::Owned(Value::Real(*value)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

struct SqliteRow<'a> {
    row: &'a rusqlite::Row<'a>,
    place: &'a str,
}

impl Row for SqliteRow<'_> {
    fn place(&self) -> &str {
        self.place
    }

    fn cell(&self, column: usize) -> Result<Cell<'_>, HistoryError> {
        let failed = |error| trouble::of("read", self.place, error);
        Ok(match self.row.get_ref(column).map_err(failed)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text)),
            ValueRef::Blob(_) => return Err(self.no("number or text", column)),
        })
    }
}
