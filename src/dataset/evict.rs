//! Keeps the cache of data sets below its size.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::entry::{Entry, Usage};
use super::save::UNFINISHED;

/// When an unfinished file is taken for left behind by a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Removes the entries used longest ago until the rest has at most `limit` bytes. Entries that a run
/// folder links to, that someone is working on, or that are not ours to remove are passed over, as is `keep`.
///
/// # Errors
/// When the directory cannot be listed.
pub(super) fn evict(cache: &Path, limit: u64, keep: &Entry) -> io::Result<()> {
    let mut entries: Vec<(Entry, Usage)> = Vec::new();
    for item in fs::read_dir(cache)? {
        let item = item?;
        if item.file_name().to_string_lossy().starts_with(UNFINISHED) {
            remove_if_abandoned(&item);
        } else if let Some(entry) = Entry::of_data(&item.path())
            && let Ok(usage) = entry.usage()
        {
            entries.push((entry, usage));
        }
    }
    let mut total: u64 = entries.iter().map(|(_, usage)| usage.bytes).sum();
    entries.retain(|(entry, usage)| !usage.linked && !entry.is(keep));
    entries.sort_by_key(|(_, usage)| usage.last_used);
    for (entry, usage) in entries {
        if total <= limit {
            break;
        }
        if let Ok(true) = entry.remove() {
            total -= usage.bytes;
        }
    }
    Ok(())
}

fn remove_if_abandoned(item: &fs::DirEntry) {
    let age = item
        .metadata()
        .and_then(|file| file.modified())
        .map(|time| SystemTime::now().duration_since(time));
    if let Ok(Ok(age)) = age
        && age > ABANDONED_AFTER
    {
        // Another process may be quicker, or the file someone else's.
        let _ = fs::remove_file(item.path());
    }
}
