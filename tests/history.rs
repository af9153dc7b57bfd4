//! The history: one suite for every store, and what is particular to each.

#[path = "harness/support.rs"]
#[expect(dead_code, reason = "the tests of the harness use more of it")]
mod harness;
#[path = "harness/junit.rs"]
#[expect(dead_code, reason = "named by the harness's support")]
mod junit;
#[path = "harness/small_disk.rs"]
#[expect(dead_code, reason = "the tests of the harness use more of it")]
mod small_disk;

#[path = "history/binary.rs"]
mod binary;
#[path = "history/csv.rs"]
mod csv;
#[path = "history/fleet.rs"]
mod fleet;
#[path = "history/judge.rs"]
mod judge;
#[cfg(feature = "postgres")]
#[path = "history/postgres.rs"]
mod postgres;
#[path = "history/properties.rs"]
mod properties;
#[path = "history/sqlite.rs"]
mod sqlite;
#[path = "history/suite.rs"]
mod suite;
#[path = "history/support.rs"]
mod support;
