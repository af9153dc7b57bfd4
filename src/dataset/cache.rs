//! Data sets by content: made once, linked to wherever they are wanted.

use std::fs;
use std::path::{Path, PathBuf};

use super::digest::{Fingerprint, sha256_of_text};
use super::entry::Entry;
use super::evict::evict;
use super::{DatasetError, Spec, Stop, TokenizerFacts, native_argv};

/// The size of a cache unless another is asked for: 20 GiB.
pub const DEFAULT_CACHE_LIMIT: u64 = 20 << 30;

/// Raised when the bytes of a spec change, so that files of an older version are not taken for them.
const FORMAT: u32 = 1;

/// A directory of data sets, each under the digest of all that determines its bytes. Several processes
/// may share it.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
    limit: u64,
}

/// A data set that has been put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Whether it was made now, and not found in the cache.
    pub made: bool,
}

impl Cache {
    /// The cache in `directory`, which is made when it is first used.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), limit: DEFAULT_CACHE_LIMIT }
    }

    /// Another limit, in bytes. It is kept to after a data set was made, by removing those used longest
    /// ago; data sets still linked to from elsewhere stay, and may exceed it.
    #[must_use]
    pub fn limit(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// Puts the JSON lines of `spec` at `target`, as a read-only hard link into the cache where the file
    /// systems allow it, else as a copy. What is found in the cache is read again and compared with its
    /// digest, so that a truncated or altered file is noticed and made anew.
    ///
    /// # Errors
    /// When the spec cannot be met, a file cannot be written, or `stop` said so; nothing half-written is at `target`
    /// then.
    pub fn materialize(
        &self,
        spec: &Spec,
        tokenizer: &TokenizerFacts,
        target: &Path,
        stop: Stop<'_>,
    ) -> Result<Placed, DatasetError> {
        spec.check(tokenizer)?;
        fs::create_dir_all(&self.directory).map_err(|source| DatasetError::MakeDirectory {
            path: self.directory.clone(),
            source,
        })?;
        let entry = Entry::new(&self.directory, &key(spec, tokenizer));
        let _made_once = entry.lock(stop)?;
        self.place(&entry, spec, tokenizer, target, stop)
    }

    /// Correct without the lock as well: several makers replace the entry by equal bytes.
    fn place(
        &self,
        entry: &Entry,
        spec: &Spec,
        tokenizer: &TokenizerFacts,
        target: &Path,
        stop: Stop<'_>,
    ) -> Result<Placed, DatasetError> {
        if let Some(Fingerprint { bytes, sha256 }) = entry.reuse(target, stop)? {
            return Ok(Placed { bytes, sha256, made: false });
        }
        let Fingerprint { bytes, sha256 } = entry.make(spec, tokenizer, target, stop)?;
        evict(&self.directory, self.limit, entry)
            .map_err(|source| DatasetError::Cache { path: self.directory.clone(), source })?;
        Ok(Placed { bytes, sha256, made: true })
    }
}

/// The name of a data set in the cache. Which tokenizer it was does not matter, its facts do.
fn key(spec: &Spec, tokenizer: &TokenizerFacts) -> String {
    let TokenizerFacts { vocab_size, eos_id } = tokenizer;
    let options = native_argv(spec, Path::new("")).join("\0");
    sha256_of_text(&format!("jsonl {FORMAT}\0{options}\0vocabulary {vocab_size}\0eos {eos_id}"))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::dataset::{Lengths, TaskIds, Uniform};

    #[test]
    fn makers_that_no_lock_keeps_apart_all_get_the_whole_data_set() {
        let dir = tempfile::tempdir().expect("a directory");
        let lengths = Uniform { low: 1, high: 90 };
        let spec = Spec {
            requests: 500,
            lengths: Lengths::Uniform { input: lengths, output: lengths },
            seed: 1,
            task_ids: TaskIds::None,
            lora_dir: None,
        };
        let tokenizer = TokenizerFacts { vocab_size: 1000, eos_id: 3 };
        let entry = Entry::new(dir.path(), &key(&spec, &tokenizer));
        let cache = Cache::new(dir.path());
        let mut expected = Vec::new();
        crate::dataset::write_jsonl(&spec, &tokenizer, &mut expected).expect("lines");
        thread::scope(|scope| {
            for maker in 0..6 {
                let (cache, entry, spec, expected) = (&cache, &entry, &spec, &expected);
                scope.spawn(move || {
                    for round in 0..20 {
                        let target = cache.directory.join(format!("{maker}/{round}"));
                        cache.place(entry, spec, &tokenizer, &target, &|| false).expect("placed");
                        assert!(fs::read(&target).expect("the target") == *expected);
                        if round % 3 == maker % 3 {
                            // Another process's eviction, which does not know of us.
                            let files = ["sum", "jsonl"]
                                .map(|ending| format!("{}.{ending}", key(spec, &tokenizer)));
                            for file in files {
                                let _ = fs::remove_file(cache.directory.join(file));
                            }
                        }
                    }
                });
            }
        });
    }
}
