//! The history in a SQLite file: the suite, versions of the schema, and what happens to writers.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use trtllm_perf::history::{HistoryError, Mode, Place, Store};

use crate::harness::{TRTLLM_PERF, Work, command};
use crate::small_disk::Disk;
use crate::suite::{Factory, store_suite};
use crate::support::*;

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
    fn path(&self) -> PathBuf {
        self.0.path().join("history.sqlite")
    }

    fn place(&self) -> Place {
        Place::File(self.path())
    }

    fn sql(&self, statements: &str) {
        let connection = Connection::open(self.path()).expect("a file");
        connection.execute_batch(statements).expect("statements");
    }

    fn refused(&self) -> String {
        match self.place().open(Mode::Create) {
            Ok(_) => panic!("{} was opened", self.path().display()),
            Err(error) => error.to_string(),
        }
    }
}

store_suite!(File);

/// The first version of the schema, as its release wrote it.
const FIRST: &str = include_str!("../../src/history/sql/migrations/0001-samples.sql");
/// Its SHA-256, first 32 digits. A migration that was released is never edited.
const FIRST_CHECKSUM: &str = "67f2582aec3fe9c71fe05857fc4aced2";

#[test]
fn a_history_of_an_older_schema_is_brought_up_to_date_with_all_that_it_holds() {
    let (file, newest) = (File::new(), File::new());
    add(newest.open().as_mut(), nights(1..=2, "1.2.0"));
    // The same rows in the older schema.
    file.sql(&format!(
        "{FIRST} CREATE TABLE migration (version INTEGER PRIMARY KEY, checksum TEXT NOT NULL, applied INTEGER NOT NULL) STRICT;
         INSERT INTO migration VALUES (1, '{FIRST_CHECKSUM}', 0);
         PRAGMA application_id = 1416777832; PRAGMA user_version = 1;
         ATTACH '{}' AS n;",
        newest.path().display()
    ));
    let tables = [
        "facts",
        "run",
        "perf_case",
        "platform",
        "test",
        "attempt",
        "certificate",
        "series",
        "metric_limits",
        "sample",
    ];
    for table in tables {
        file.sql(&format!(
            "ATTACH '{}' AS n; INSERT INTO {table} SELECT * FROM n.{table};",
            newest.path().display()
        ));
    }
    let mut store = file.open();
    assert_eq!(content(store.as_mut()), nights(1..=2, "1.2.0"));
    assert_eq!(store.entries().expect("entries").aliases, []);
    let versions = Connection::open(file.path()).and_then(|it| {
        it.query_row("SELECT count(*), max(version) FROM migration", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
    });
    assert_eq!(versions.expect("versions"), (3, 3));
}

#[test]
fn a_history_of_a_newer_schema_is_refused_and_left_alone() {
    let file = File::new();
    add(file.open().as_mut(), nights(1..=1, "1.2.0"));
    file.sql("PRAGMA user_version = 99");
    let error = file.refused();
    assert!(
        error.contains("a newer trtllm-perf wrote it (schema 99, this one knows 3)"),
        "{error}"
    );
    file.sql("PRAGMA user_version = 3");
    assert_eq!(content(file.open().as_mut()).len(), 1);
}

#[test]
fn a_migration_that_was_edited_is_noticed() {
    let file = File::new();
    drop(file.open());
    file.sql("UPDATE migration SET checksum = 'other' WHERE version = 1");
    let error = file.refused();
    assert!(
        error.contains("its schema 1 is not the one of this trtllm-perf (checksum other"),
        "{error}"
    );
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let file = File::new();
    file.sql("CREATE TABLE mine (x INTEGER)");
    let bytes = fs::read(file.path()).expect("a file");
    let error = file.refused();
    assert!(
        error.contains("it is no history of trtllm-perf (a SQLite file of another program"),
        "{error}"
    );
    assert_eq!(fs::read(file.path()).expect("a file"), bytes);
    fs::write(file.path(), "no database at all, but long enough to be read as one")
        .expect("written");
    let error = file.refused();
    assert!(error.contains("no SQLite file"), "{error}");
}

#[test]
fn what_is_only_read_is_not_made() {
    let file = File::new();
    let error = file.place().open(Mode::Existing).err().expect("no such file");
    assert!(matches!(error, HistoryError::Absent { .. }), "{error}");
    assert!(!file.path().exists());
}

/// An output directory with `count` runs of one real case, copied from one.
fn runs(work: &Work, count: usize) {
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:2";
    work.run(&["--case", label, "--history", "none"]).exits(0);
    let runs = work.path("perf-output/runs");
    let latest = fs::canonicalize(runs.join("latest")).expect("a run");
    let id = latest.file_name().expect("a name").to_string_lossy().into_owned();
    for number in 0..count {
        let copy = format!("copy-{number}");
        let ran =
            command("cp", work.folder()).arg("-r").args([&latest, &runs.join(&copy)]).status();
        assert!(ran.expect("cp").success());
        for file in files(&runs.join(&copy)) {
            let text = fs::read_to_string(&file).unwrap_or_default();
            fs::write(&file, text.replace(&id, &copy)).expect("written");
        }
    }
}

/// The JSON files below a folder.
fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.extend(path.extension().is_some_and(|it| it == "json").then_some(path)),
        }
    }
    found
}

#[test]
fn two_processes_that_write_at_once_both_get_all_of_it_in() {
    let work = Work::new();
    runs(&work, 40);
    let import = || {
        let mut command = command(TRTLLM_PERF, work.folder());
        command.args(["history", "import", "perf-output"]).stderr(Stdio::piped()).spawn()
    };
    let writers: Vec<_> = (0..3).map(|_| import().expect("a writer")).collect();
    let mut added = 0;
    for writer in writers {
        let ended = writer.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{said}");
        let runs = said.split("added ").nth(1).and_then(|it| it.split(' ').next());
        added += runs.expect("a count").parse::<usize>().expect("a number");
    }
    assert_eq!(added, 41, "each run was added by one of them");
    let mut store =
        Place::File(work.path("perf-history.sqlite")).open(Mode::Existing).expect("opened");
    let runs = content(store.as_mut());
    assert_eq!(runs.len(), 41);
    assert!(runs.iter().all(|run| run.attempts.len() == 1 && run.attempts[0].samples.len() == 3));
}

#[test]
fn a_writer_that_is_killed_leaves_all_of_its_import_or_nothing() {
    let work = Work::new();
    runs(&work, 60);
    let place = Place::File(work.path("perf-history.sqlite"));
    add(place.open(Mode::Create).expect("made").as_mut(), nights(1..=1, "1.2.0"));
    for wait in [2, 10, 20, 40, 80, 160] {
        let mut writer = command(TRTLLM_PERF, work.folder())
            .args(["history", "import", "perf-output"])
            .stderr(Stdio::null())
            .spawn()
            .expect("a writer");
        thread::sleep(Duration::from_millis(wait));
        // SIGKILL: nothing is tidied up.
        writer.kill().expect("killed");
        writer.wait().expect("an end");
        let mut store = place.open(Mode::Existing).expect("opened again");
        let runs = content(store.as_mut());
        assert!(runs.len() == 1 || runs.len() == 62, "{} runs after {wait} ms", runs.len());
        assert_eq!(runs.iter().find(|run| run.id == "night-1"), nights(1..=1, "1.2.0").first());
    }
    let ended =
        command(TRTLLM_PERF, work.folder()).args(["history", "import", "perf-output"]).status();
    assert!(ended.expect("an end").success());
    assert_eq!(content(place.open(Mode::Existing).expect("opened").as_mut()).len(), 62);
}

#[test]
fn a_full_disk_is_told_and_what_was_there_stays() {
    let work = Work::new();
    let Some(disk) = Disk::mount(work.path("disk"), "size=1m") else { return };
    let place = Place::File(disk.path().join("history.sqlite"));
    let mut store = place.open(Mode::Create).expect("opened");
    add(store.as_mut(), nights(1..=2, "1.2.0"));
    let error = store.append(&mut nights(3..=3_000, "1.2.0").into_iter()).expect_err("full");
    let text = error.to_string();
    assert!(text.contains("history.sqlite: disk full"), "{text}");
    assert_eq!(content(store.as_mut()), nights(1..=2, "1.2.0"), "also on the same connection");
    drop(store);
    let mut store = place.open(Mode::Existing).expect("opened again");
    assert_eq!(content(store.as_mut()), nights(1..=2, "1.2.0"));
    add(store.as_mut(), nights(3..=4, "1.2.0"));
    assert_eq!(all_runs(store.as_mut()).len(), 4);
}

#[test]
fn a_harness_whose_history_lies_on_a_full_disk_passes_and_says_what_to_do() {
    let work = Work::new();
    let Some(disk) = Disk::mount(work.path("disk"), "size=64k") else { return };
    fs::write(disk.path().join("filler"), vec![0; 1 << 20]).expect_err("full");
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:2";
    let words = ["--case", label, "--history", "disk/history.sqlite"];
    let ended = work.run(&words).exits(0).says("note: the run is not in the history: ");
    assert!(ended.err.contains("disk full"), "{}", ended.err);
    assert!(ended.err.contains("history import perf-output"), "{}", ended.err);
    fs::remove_file(disk.path().join("filler")).expect("removed");
    drop(disk);
    work.run(&words).exits(0).says("history: 1 earlier runs that it lacked are in it now");
}
