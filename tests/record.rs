//! Station 9, records: the journal of the run folder and the views folded from it, on real files.

#[path = "record/support.rs"]
mod support;

#[path = "record/expected.rs"]
mod expected;
#[path = "record/hostile.rs"]
mod hostile;
#[path = "record/journal.rs"]
mod journal;
#[path = "record/junit.rs"]
mod junit;
#[path = "record/sharing.rs"]
mod sharing;
#[path = "record/tables.rs"]
mod tables;
