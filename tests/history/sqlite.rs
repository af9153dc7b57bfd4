//! The history in a SQLite file.

use tempfile::TempDir;
use trtllm_perf::history::{Mode, Place, Store};

use crate::suite::{Factory, store_suite};

/// A file that goes when the test ends.
pub struct File(TempDir);

impl Factory for File {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn open(&self) -> Box<dyn Store> {
        self.place().open(Mode::Create).expect("opened")
    }
}

impl File {
    fn place(&self) -> Place {
        Place::File(self.0.path().join("history.sqlite"))
    }
}

store_suite!(File);
