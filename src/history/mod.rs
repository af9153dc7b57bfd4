//! Station 11, the history: every sample of every run, kept.
//!
//! A run becomes a [`RunRecord`] whatever it was read from (`source`): our run folder, upstream's result CSV, a baseline.
//! What it says of a case is found again under the case's [`CaseIdentity`], not under the text of its label.
//!
//! A [`Place`] is where the user keeps the history; opened it is a [`Store`], which adds runs, tells series and keeps what
//! people say of them (`entry`). The statements stand in `sql`, once for all databases; `sqlite` and `postgres` run them.

mod entry;
mod error;
mod export;
mod filter;
mod identity;
mod model;
mod pending;
mod period;
mod place;
#[cfg(feature = "postgres")]
mod postgres;
pub mod source;
mod sql;
mod sqlite;
mod store;

pub use entry::{
    About, Alias, Annotation, Blessing, Entries, Entry, Invalidation, Made, SelfCheck,
};
pub use error::{Cause, HistoryError};
pub use export::{Format, export};
pub use filter::Filter;
pub use identity::CaseIdentity;
pub use model::{Aspect, AttemptRecord, Ended, Facts, Kind, Origin, RunRecord, SampleRecord};
pub use pending::{clear, mark, pending};
pub use period::{since, until};
pub use place::{DEFAULT_FILE, Mode, Place};
pub use store::{Appended, Counts, Point, RunSummary, Series, Store};
