//! What a run can be read from.

mod run_folder;

pub use run_folder::{read_run_folder, read_tests_of_run_folder};
