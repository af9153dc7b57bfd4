//! The history in SQL: one text of every statement, over the few things in which databases differ ([`Sql`]).

mod append;
mod content;
mod entries;
mod keys;
mod migrate;
mod runs;
mod series;

use std::borrow::Cow;

pub(super) use migrate::{Schema, migrate};

use super::entry::{Entries, Entry};
use super::error::HistoryError;
use super::filter::Filter;
use super::model::RunRecord;
use super::store::{Appended, Counts, Point, RunSummary, Series, Store};
use keys::Keys;

/// A database, as far as the history uses it. Parameters are `$1`, `$2` … and stand in this order in each statement.
pub(super) trait Sql {
    /// Where it is, for people; without a password.
    fn place(&self) -> &str;

    /// Begins a transaction that writes; waits until no other does.
    fn begin(&mut self) -> Result<(), HistoryError>;
    fn commit(&mut self) -> Result<(), HistoryError>;
    /// Undoes the transaction. What cannot be undone is so by itself when the connection ends.
    fn rollback(&mut self);

    /// Runs one statement that gives no rows.
    fn execute(&mut self, sql: &str, cells: &[Cell<'_>]) -> Result<(), HistoryError>;

    /// Runs a query.
    fn select(
        &mut self,
        sql: &str,
        cells: &[Cell<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError>;

    /// Adds rows to a table, in the fastest way there is.
    fn insert(&mut self, table: &Table, rows: &[Vec<Cell<'_>>]) -> Result<(), HistoryError>;

    /// What is there.
    fn schema(&mut self) -> Result<Schema, HistoryError>;
    /// Runs the statements of a migration, written for SQLite, within a transaction.
    fn apply(&mut self, statements: &str) -> Result<(), HistoryError>;
    /// Notes which schema it has now, where others look for it.
    fn set_schema(&mut self, version: i64) -> Result<(), HistoryError>;
}

/// A table and the columns that a row has.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// One value of a row or parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
}

/// One row of a result.
pub(super) trait Row {
    /// Where it is from, for people.
    fn place(&self) -> &str;

    /// What a column holds.
    fn cell(&self, column: usize) -> Result<Cell<'_>, HistoryError>;

    fn integer(&self, column: usize) -> Result<i64, HistoryError> {
        self.integer_or_null(column)?.ok_or_else(|| self.no("number", column))
    }

    fn integer_or_null(&self, column: usize) -> Result<Option<i64>, HistoryError> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Integer(value) => Ok(Some(value)),
            Cell::Real(_) | Cell::Text(_) => Err(self.no("whole number", column)),
        }
    }

    fn real(&self, column: usize) -> Result<f64, HistoryError> {
        match self.cell(column)? {
            Cell::Real(value) => Ok(value),
            Cell::Null | Cell::Integer(_) | Cell::Text(_) => Err(self.no("number", column)),
        }
    }

    fn text(&self, column: usize) -> Result<String, HistoryError> {
        self.text_or_null(column)?.ok_or_else(|| self.no("text", column))
    }

    fn text_or_null(&self, column: usize) -> Result<Option<String>, HistoryError> {
        match self.cell(column)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text.into_owned())),
            Cell::Integer(_) | Cell::Real(_) => Err(self.no("text", column)),
        }
    }

    /// The error of a column that holds something else.
    fn no(&self, what: &str, column: usize) -> HistoryError {
        let what = format!("column {column}, which is no {what},");
        HistoryError::Content { place: self.place().to_owned(), what }
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Cell<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The history in a database.
pub(super) struct SqlStore<S> {
    sql: S,
    keys: Keys,
}

impl<S: Sql> SqlStore<S> {
    /// The history in `sql`, whose schema is brought up to date.
    pub fn new(mut sql: S) -> Result<Self, HistoryError> {
        migrate(&mut sql)?;
        Ok(Self { sql, keys: Keys::default() })
    }

    /// Does all of `work` or nothing.
    fn whole<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        self.sql.begin()?;
        let done = work(self).and_then(|done| self.sql.commit().map(|()| done));
        if done.is_err() {
            self.sql.rollback();
            // Keys that were given to rows which are gone.
            self.keys = Keys::default();
        }
        done
    }
}

impl<S: Sql> Store for SqlStore<S> {
    fn place(&self) -> &str {
        self.sql.place()
    }

    fn append(
        &mut self,
        runs: &mut dyn Iterator<Item = RunRecord>,
    ) -> Result<Appended, HistoryError> {
        self.whole(|store| append::append(store, runs))
    }

    fn runs(&mut self, filter: &Filter) -> Result<Vec<RunSummary>, HistoryError> {
        runs::runs(&mut self.sql, filter)
    }

    fn counts(&mut self, run: &RunSummary) -> Result<Counts, HistoryError> {
        runs::counts(&mut self.sql, run)
    }

    fn run(&mut self, run: &RunSummary) -> Result<RunRecord, HistoryError> {
        runs::run(&mut self.sql, run)
    }

    fn series(&mut self) -> Result<Vec<Series>, HistoryError> {
        series::series(&mut self.sql)
    }

    fn points(
        &mut self,
        series: &Series,
        filter: &Filter,
        last: Option<usize>,
    ) -> Result<Vec<Point>, HistoryError> {
        series::points(&mut self.sql, series, filter, last)
    }

    fn values(&mut self, filter: &Filter) -> Result<Vec<(Series, Vec<f64>)>, HistoryError> {
        series::values(&mut self.sql, filter)
    }

    fn entries(&mut self) -> Result<Entries, HistoryError> {
        entries::entries(&mut self.sql)
    }

    fn add(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        self.whole(|store| entries::add(&mut store.sql, entry))
    }
}
