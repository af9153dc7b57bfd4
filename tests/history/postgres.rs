//! The history in PostgreSQL, on a real server: `.ci/postgres` starts one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use trtllm_perf::history::{Mode, Place, Store};

use crate::harness::{TRTLLM_PERF, Work, command, json_lines, run};
use crate::suite::{Factory, store_suite};
use crate::support::*;

/// A database of its own for each test; it goes with the server.
pub struct Database(String);

fn server() -> String {
    std::env::var("TRTLLM_PERF_TEST_POSTGRES").expect(
        "a server in TRTLLM_PERF_TEST_POSTGRES: bash .ci/postgres cargo test --features postgres --test history",
    )
}

impl Factory for Database {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("test_{}_{number}", std::process::id());
        let server = server();
        let mut client =
            postgres::Client::connect(&server, postgres::NoTls).expect("the server answers");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database");
        let (front, _) = server.rsplit_once('/').expect("a URL with a database");
        Self(format!("{front}/{name}"))
    }

    fn open(&self) -> Box<dyn Store> {
        self.place().open(Mode::Create).expect("opened")
    }
}

impl Database {
    fn place(&self) -> Place {
        self.0.parse().expect("a URL")
    }

    fn client(&self) -> postgres::Client {
        let mut client = postgres::Client::connect(&self.0, postgres::NoTls).expect("connected");
        client.batch_execute("SET search_path = trtllm_perf_history").expect("a schema");
        client
    }
}

store_suite!(Database);

#[test]
fn writers_at_once_make_one_schema_and_get_all_of_it_in() {
    let database = Database::new();
    thread::scope(|scope| {
        for writer in 0..4_i64 {
            let database = &database;
            scope.spawn(move || {
                let mut store = database.open();
                for day in 1..=10 {
                    let day = 10 * writer + day;
                    add(store.as_mut(), nights(day..=day, "1.2.0"));
                }
            });
        }
    });
    let runs = content(database.open().as_mut());
    let mut expected = nights(1..=40, "1.2.0");
    expected.sort_by_key(|run| run.started);
    assert_eq!(runs, expected);
}

#[test]
fn a_schema_that_is_newer_is_refused() {
    let database = Database::new();
    add(database.open().as_mut(), nights(1..=1, "1.2.0"));
    let newer = "INSERT INTO migration VALUES (99, 'x', 0)";
    database.client().batch_execute(newer).expect("a newer migration");
    let error = database.place().open(Mode::Existing).err().expect("newer").to_string();
    assert!(error.contains("a newer trtllm-perf wrote it (schema 99"), "{error}");
}

#[test]
fn a_connection_that_breaks_in_the_middle_leaves_nothing_of_it() {
    let database = Database::new();
    let mut store = database.open();
    add(store.as_mut(), nights(1..=1, "1.2.0"));
    // The server ends the session between two runs of one append.
    let mut runs = nights(2..=3, "1.2.0").into_iter().inspect(|run| {
        if run.id == "night-3" {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            database.client().execute(end, &[]).expect("ended");
        }
    });
    let error = store.append(&mut runs).expect_err("the session is over").to_string();
    assert!(error.contains(" postgres://***@"), "{error}");
    assert!(error.contains("the server cannot be reached: terminating connection"), "{error}");
    assert_eq!(content(database.open().as_mut()), nights(1..=1, "1.2.0"));
}

#[test]
fn the_program_keeps_its_run_in_the_database_and_one_that_cannot_be_reached_is_a_note() {
    let database = Database::new();
    let work = Work::new();
    let label = "refbench_tiny_llama-bench-pytorch-float32-input_output_len:16,8-reqs:2";
    let away = "postgres://ann:s3cret@127.0.0.1:1/perf";
    let ended = work.run(&["--case", label, "--history", away]).exits(0);
    assert!(ended.err.contains("note: the run is not in the history: open postgres://***@127.0.0.1:1/perf: the server cannot be reached"), "{}", ended.err);
    assert!(!ended.err.contains("s3cret"), "{}", ended.err);
    work.run(&["--case", label, "--history", &database.0]).exits(0).says("(3 more samples)");
    let mut list = command(TRTLLM_PERF, work.folder());
    list.args(["history", "list", "--json", "--history", &database.0]);
    assert_eq!(json_lines(&run(&mut list).exits(0).out).len(), 1);
    assert!(!work.path("perf-history.sqlite").exists());
}
