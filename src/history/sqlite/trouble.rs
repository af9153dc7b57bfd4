//! What SQLite's errors mean for a person.

use rusqlite::{Error, ErrorCode};

use super::super::error::{Cause, HistoryError};

/// The error of doing something to the file.
pub(super) fn of(doing: &'static str, place: &str, error: Error) -> HistoryError {
    let place = place.to_owned();
    let cause = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Cause::DiskFull,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Cause::Busy,
        Some(ErrorCode::ReadOnly) => Cause::ReadOnly,
        Some(ErrorCode::PermissionDenied) => Cause::Denied,
        Some(ErrorCode::DatabaseCorrupt) => Cause::Damaged(error.to_string()),
        Some(ErrorCode::NotADatabase) => {
            return HistoryError::Foreign { place, found: "no SQLite file".to_owned() };
        }
        Some(ErrorCode::CannotOpen) => Cause::Other(
            "SQLite cannot open it or make it; does its folder exist, and may you write there?"
                .to_owned(),
        ),
        _ => Cause::Other(error.to_string()),
    };
    HistoryError::Store { doing, place, cause }
}
