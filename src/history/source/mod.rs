//! What a run can be read from.

mod attempt_facts;
mod csv_file;
mod points;
mod run_folder;

pub use attempt_facts::measured_on;
pub use csv_file::{CsvError, Said, read_csv};
pub use run_folder::{read_run_folder, read_tests_of_run_folder};
