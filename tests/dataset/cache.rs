//! The cache: made once, found again, noticed when broken, kept below its size.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use trtllm_perf::dataset::{Cache, DatasetError, Placed, Spec, TaskIds};

use super::{FACTS, jsonl, names, small_spec};

/// A directory with a cache and room for targets.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn cache(&self) -> Cache {
        Cache::new(self.directory())
    }

    fn directory(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn target(&self, name: &str) -> PathBuf {
        self.0.path().join("runs").join(name).join("dataset.jsonl")
    }

    fn put(&self, spec: &Spec, name: &str) -> Placed {
        let target = self.target(name);
        let placed = self.cache().materialize(spec, &FACTS, &target, &|| false).expect("placed");
        assert_eq!(fs::read_to_string(&target).expect("the target"), jsonl(spec, &FACTS));
        assert_eq!(
            names(target.parent().expect("a parent")),
            ["dataset.jsonl"],
            "nothing else is left"
        );
        placed
    }

    /// The cache's files with this ending.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let names = names(&self.directory()).into_iter().filter(|name| name.ends_with(ending));
        names.map(|name| self.directory().join(name)).collect()
    }

    /// The only data file in the cache.
    fn only(&self) -> PathBuf {
        let [only] = <[PathBuf; 1]>::try_from(self.files(".jsonl")).expect("one data set");
        only
    }
}

fn seeded(seed: u64) -> Spec {
    Spec { seed, ..small_spec() }
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("a file").ino()
}

#[test]
fn the_second_run_links_to_what_the_first_has_made() {
    let place = Place::new();
    let first = place.put(&small_spec(), "a");
    let second = place.put(&small_spec(), "b");
    assert!(first.made && !second.made);
    assert_eq!((first.bytes, &first.sha256), (second.bytes, &second.sha256));
    assert_eq!(first.bytes, jsonl(&small_spec(), &FACTS).len() as u64);
    assert_eq!(inode(&place.target("a")), inode(&place.target("b")));
    assert_eq!(inode(&place.target("a")), inode(&place.only()));
}

#[test]
fn placing_over_an_older_file_or_over_itself_replaces_it() {
    let place = Place::new();
    place.put(&seeded(1), "a");
    place.put(&seeded(2), "a");
    place.put(&seeded(2), "a");
    assert_eq!(place.files(".jsonl").len(), 2);
}

#[test]
fn everything_that_determines_the_bytes_is_part_of_the_key() {
    let place = Place::new();
    place.put(&small_spec(), "a");
    place.put(&seeded(1), "b");
    place.put(&Spec { requests: 3, ..small_spec() }, "c");
    let lora = |dir: &str| Spec {
        task_ids: trtllm_perf::dataset::TaskIds::Fixed(1),
        lora_dir: Some(dir.to_owned()),
        ..small_spec()
    };
    place.put(&lora("x"), "d");
    place.put(&lora("y"), "e");
    let other = trtllm_perf::dataset::TokenizerFacts { eos_id: 3, ..FACTS };
    place
        .cache()
        .materialize(&small_spec(), &other, &place.target("f"), &|| false)
        .expect("placed");
    assert_eq!(place.files(".jsonl").len(), 6);
}

#[test]
fn a_truncated_altered_or_vanished_file_is_noticed_and_made_anew() {
    let place = Place::new();
    let breakages: [fn(&Path); 5] = [
        |data| fs::write(data, &fs::read(data).expect("data")[..9]).expect("truncated"),
        |data| {
            let mut bytes = fs::read(data).expect("data");
            bytes[40] ^= 1;
            fs::write(data, bytes).expect("altered");
        },
        |data| fs::remove_file(data).expect("vanished"),
        |data| fs::remove_file(data.with_extension("sum")).expect("vanished"),
        |data| fs::write(data.with_extension("sum"), "").expect("unfinished"),
    ];
    for (round, damage) in breakages.into_iter().enumerate() {
        place.put(&small_spec(), &format!("before-{round}"));
        let data = place.only();
        // Data sets are read-only, which only keeps those from damage who are not root.
        let mut permissions = fs::metadata(&data).expect("data").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
        fs::set_permissions(&data, permissions).expect("writable");
        damage(&data);
        assert!(place.put(&small_spec(), "after").made, "damage {round}");
        assert!(!place.put(&small_spec(), "again").made, "damage {round}");
    }
}

#[test]
fn a_cached_data_set_is_read_only_and_readable_by_all() {
    let place = Place::new();
    place.put(&small_spec(), "a");
    assert_eq!(fs::metadata(place.only()).expect("data").mode() & 0o777, 0o444);
}

/// Threads of one process and several processes want the same data set at the same time.
#[test]
fn all_who_want_the_same_data_set_at_once_have_it_made_once() {
    let place = Place::new();
    let program = std::env::current_exe().expect("this test program");
    let children: Vec<_> = (0..4)
        .map(|i| {
            Command::new(&program)
                .args(["--exact", "cache::a_process_of_its_own", "--ignored", "--nocapture"])
                .env("DATASET_TEST_CACHE", place.directory())
                .env("DATASET_TEST_TARGET", place.target(&format!("process-{i}")))
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("started")
        })
        .collect();
    let by_threads = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let place = &place;
                scope.spawn(move || place.put(&big_spec(), &format!("thread-{i}")).made)
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| usize::from(thread.join().expect("no panic")))
            .sum::<usize>()
    });
    let mut by_processes = 0;
    for child in children {
        let output = child.wait_with_output().expect("ended");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("made: "), "the child has run: {text}");
        by_processes += usize::from(text.contains("made: true"));
    }
    assert_eq!(by_threads + by_processes, 1);
    for i in 0..4 {
        let text = fs::read_to_string(place.target(&format!("process-{i}"))).expect("the target");
        assert!(text == jsonl(&big_spec(), &FACTS));
    }
    assert!(place.files("").iter().all(|file| !file.to_string_lossy().contains(".unfinished-")));
}

/// Large enough for all to come while it is being made.
fn big_spec() -> Spec {
    Spec { requests: 20_000, ..small_spec() }
}

#[test]
#[ignore = "started by all_who_want_the_same_data_set_at_once_have_it_made_once"]
fn a_process_of_its_own() {
    let variable = |name| std::env::var_os(name).expect("set by the test that starts this one");
    let cache = Cache::new(variable("DATASET_TEST_CACHE"));
    let target = PathBuf::from(variable("DATASET_TEST_TARGET"));
    let placed = cache.materialize(&big_spec(), &FACTS, &target, &|| false).expect("placed");
    println!("made: {}", placed.made);
}

#[test]
fn the_data_set_used_longest_ago_is_evicted_first_and_a_linked_one_never() {
    let place = Place::new();
    let used_at = |data: &Path, seconds: u64| {
        let sum = File::options().write(true).open(data.with_extension("sum")).expect("a sum");
        sum.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
    };
    let mut files = Vec::new();
    for seed in 0..4 {
        place.put(&seeded(seed), &format!("{seed}"));
        let new = place.files(".jsonl").into_iter().find(|file| !files.contains(file));
        files.push(new.expect("a new data set"));
    }
    // 0 is the oldest but still linked; 1 was used after 2 and 3.
    for seed in 1..4 {
        fs::remove_file(place.target(&format!("{seed}"))).expect("a link");
    }
    for (seed, seconds) in [(0, 1), (1, 900), (2, 100), (3, 200)] {
        used_at(&files[seed], seconds);
    }
    let size = fs::metadata(&files[0]).expect("data").len();
    let limited = place.cache().limit(3 * size + size / 2);
    limited.materialize(&seeded(9), &FACTS, &place.target("9"), &|| false).expect("placed");
    let kept = |file: &PathBuf| (file.exists(), file.with_extension("sum").exists());
    assert_eq!(kept(&files[0]), (true, true), "linked");
    assert_eq!(kept(&files[1]), (true, true), "used of late");
    assert_eq!(kept(&files[2]), (false, false));
    assert_eq!(kept(&files[3]), (false, false));
    assert!(!place.put(&seeded(1), "1").made, "what is kept is whole");

    // Being used is what counts, not being made: 1 has just been, and is unlinked again.
    fs::remove_file(place.target("1")).expect("a link");
    let nothing = place.cache().limit(0);
    nothing.materialize(&seeded(10), &FACTS, &place.target("10"), &|| false).expect("placed");
    assert_eq!(kept(&files[1]), (false, false));
    assert_eq!(place.files(".jsonl").len(), 3, "0, 9 and 10 are linked");
}

#[test]
fn a_data_set_that_someone_holds_the_lock_of_is_not_evicted() {
    let place = Place::new();
    place.put(&seeded(1), "1");
    let data = place.only();
    fs::remove_file(place.target("1")).expect("a link");
    let lock = File::options().write(true).open(data.with_extension("lock")).expect("a lock file");
    lock.lock().expect("locked");
    let nothing = place.cache().limit(0);
    nothing.materialize(&seeded(2), &FACTS, &place.target("2"), &|| false).expect("placed");
    assert!(data.exists());
    drop(lock);
    nothing.materialize(&seeded(3), &FACTS, &place.target("3"), &|| false).expect("placed");
    assert!(!data.exists());
}

#[test]
fn what_a_killed_process_left_unfinished_is_removed_after_a_day() {
    let place = Place::new();
    place.put(&seeded(1), "1");
    let leave = |name: &str, age: u64| {
        let path = place.directory().join(name);
        let file = File::create(&path).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("a time");
        path
    };
    let (old, new) = (leave(".unfinished-old", 90_000), leave(".unfinished-new", 60));
    place.put(&seeded(2), "2");
    assert!(!old.exists() && new.exists());
}

#[test]
fn a_target_on_another_file_system_gets_a_copy() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    let place = Place::new();
    let device = |path: &Path| fs::metadata(path).expect("a directory").dev();
    if device(memory.path()) == device(place.0.path()) {
        return;
    }
    let target = memory.path().join("deep/dataset.jsonl");
    for made in [true, false] {
        let placed =
            place.cache().materialize(&small_spec(), &FACTS, &target, &|| false).expect("placed");
        assert_eq!(placed.made, made);
        assert_eq!(fs::read_to_string(&target).expect("a copy"), jsonl(&small_spec(), &FACTS));
        assert_eq!(names(&memory.path().join("deep")), ["dataset.jsonl"]);
    }
}

#[test]
fn a_cache_or_target_that_cannot_be_is_named() {
    let place = Place::new();
    let file = place.0.path().join("file");
    fs::write(&file, "").expect("a file");
    let error = Cache::new(file.join("cache")).materialize(
        &small_spec(),
        &FACTS,
        &place.target("a"),
        &|| false,
    );
    let error = error.expect_err("no cache").to_string();
    assert!(error.starts_with("make the directory ") && error.contains("file/cache: "), "{error}");
    let error =
        place.cache().materialize(&small_spec(), &FACTS, &file.join("dataset.jsonl"), &|| false);
    let error = error.expect_err("no target").to_string();
    assert!(error.starts_with("make the directory ") && error.contains("/file: "), "{error}");
    let error = place.cache().materialize(&small_spec(), &FACTS, place.0.path(), &|| false);
    let error = error.expect_err("a directory").to_string();
    assert!(error.starts_with("write the data set to "), "{error}");
    assert_eq!(names(place.0.path()), ["cache", "file"]);
}

#[test]
fn a_spec_that_cannot_be_met_leaves_no_trace() {
    let place = Place::new();
    let error = place.cache().materialize(&seeded(1 << 32), &FACTS, &place.target("a"), &|| false);
    assert!(error.expect_err("refused").to_string().contains("--random-seed"));
    assert_eq!(names(place.0.path()), [""; 0]);
}

#[test]
fn a_maker_that_is_stopped_leaves_nothing_half_written() {
    let place = Place::new();
    for task_ids in [TaskIds::None, TaskIds::Random { low: 0, high: 3 }] {
        let spec = Spec { task_ids, lora_dir: Some("loras".to_owned()), ..small_spec() };
        let looks = Cell::new(0);
        let stop = || looks.replace(looks.get() + 1) == 10;
        let error = place.cache().materialize(&spec, &FACTS, &place.target("a"), &stop);
        assert!(matches!(error, Err(DatasetError::Stopped)), "{error:?}");
        assert_eq!(looks.get(), 11, "it is asked before each request");
    }
    assert!(names(&place.directory()).iter().all(|name| name.ends_with(".lock")));
    assert!(!place.target("a").exists());
}

#[test]
fn a_maker_that_waits_for_another_or_checks_what_that_one_made_can_be_stopped() {
    let place = Place::new();
    place.put(&small_spec(), "a");
    let stopped = || {
        let target = place.target("b");
        let error = place.cache().materialize(&small_spec(), &FACTS, &target, &|| true);
        assert!(matches!(error, Err(DatasetError::Stopped)), "{error:?}");
        assert!(!target.exists());
    };
    stopped();
    let [lock] = &place.files(".lock")[..] else { panic!("one lock") };
    let held = File::open(lock).expect("the lock");
    held.lock().expect("held");
    stopped();
    drop(held);
    assert!(!place.put(&small_spec(), "c").made);
}
