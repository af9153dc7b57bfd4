//! Files are whole or absent.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use trtllm_perf::dataset::{Cache, Spec, save, write_jsonl};

use super::small_disk::Disk;
use super::{FACTS, jsonl, names, small_spec};

fn save_small(path: &Path) -> Result<(), String> {
    save(path, |file| write_jsonl(&small_spec(), &FACTS, file)).map_err(|error| error.to_string())
}

#[test]
fn parents_are_made_and_an_older_file_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a/b/set.jsonl");
    save_small(&path).expect("saved");
    fs::write(&path, "old").expect("an older file");
    save_small(&path).expect("saved again");
    assert_eq!(fs::read_to_string(&path).expect("the file"), jsonl(&small_spec(), &FACTS));
    assert_eq!(names(&dir.path().join("a/b")), ["set.jsonl"]);
}

#[test]
fn a_saved_file_has_the_permissions_of_any_new_file() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("any"), "").expect("a file");
    save_small(&dir.path().join("set")).expect("saved");
    let mode = |name| fs::metadata(dir.path().join(name)).expect("a file").mode();
    assert_eq!(mode("set"), mode("any"));
}

#[test]
fn a_link_to_a_file_stays_a_link() {
    let dir = tempfile::tempdir().expect("a directory");
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, "old").expect("a file");
    symlink("file", &link).expect("a link");
    save_small(&link).expect("saved");
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert_eq!(fs::read_to_string(&file).expect("the file"), jsonl(&small_spec(), &FACTS));
}

#[test]
fn a_failed_write_leaves_the_older_file_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("set.jsonl");
    fs::write(&path, "old").expect("an older file");
    let refused = Spec { seed: u64::MAX, ..small_spec() };
    save(&path, |file| write_jsonl(&refused, &FACTS, file)).expect_err("refused");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "old");
    assert_eq!(names(dir.path()), ["set.jsonl"]);
}

#[test]
fn what_cannot_be_written_to_is_named() {
    assert_eq!(
        save_small(Path::new("/dev/full")).expect_err("full"),
        "write the data set to /dev/full: No space left on device (os error 28)"
    );
    let dir = tempfile::tempdir().expect("a directory");
    let error = save_small(dir.path()).expect_err("a directory");
    assert_eq!(
        error,
        format!("write the data set to {}: Is a directory (os error 21)", dir.path().display())
    );
}

#[test]
fn a_full_disk_is_named_and_keeps_neither_a_half_file_nor_a_half_cache_entry() {
    let folder = tempfile::tempdir().expect("a directory");
    let Some(disk) = Disk::mount(folder.path(), "size=64k") else { return };
    let big = Spec { requests: 5_000, ..small_spec() };
    let path = disk.path().join("set.jsonl");
    let error = save(&path, |file| write_jsonl(&big, &FACTS, file)).expect_err("full").to_string();
    let expected =
        format!("write the data set to {}: No space left on device (os error 28)", path.display());
    assert_eq!(error, expected);
    assert_eq!(names(disk.path()), [""; 0]);

    let cache = Cache::new(disk.path().join("cache"));
    let elsewhere = tempfile::tempdir().expect("a directory");
    let target = elsewhere.path().join("set.jsonl");
    let error = cache.materialize(&big, &FACTS, &target, &|| false).expect_err("full").to_string();
    assert!(
        error.starts_with(&format!("write the data set to {}/cache/", disk.path().display())),
        "{error}"
    );
    assert!(error.ends_with(": No space left on device (os error 28)"), "{error}");
    assert_eq!(names(elsewhere.path()), [""; 0]);
    let left = names(&disk.path().join("cache"));
    assert!(left.iter().all(|name| name.ends_with(".lock")), "{left:?}");

    // The cache has room, the target has not: the copy is what fails.
    let cache = Cache::new(elsewhere.path().join("cache"));
    let error = cache.materialize(&big, &FACTS, &path, &|| false).expect_err("full").to_string();
    assert_eq!(error, expected);
    assert_eq!(names(disk.path()), ["cache"]);
}
