//! The files of a split in a local folder, by the names that local data sets use.

use std::fs;
use std::path::{Path, PathBuf};

use super::RealError;

const ENDINGS: [&str; 3] = ["jsonl", "json", "parquet"];
/// Files that describe a data set and hold no records.
const NOT_DATA: [&str; 3] = ["dataset_info.json", "dataset_infos.json", "config.json"];
/// How deep below the folder files are looked for: `DIR/data/train-00000.parquet`, `DIR/CONFIG/train/0.jsonl`.
const DEPTH: usize = 3;
/// How many file names an error lists.
const NAMED: usize = 10;
/// Words in names of files and folders that tell the split.
const SPLITS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// The files of `split`, sorted by path: a file that is named itself, else the shards `SPLIT-00000-of-00002…`, else files and
/// files in folders whose name has the split as a word (`my-train_v1.jsonl`, `dev/0.jsonl` for `validation`); files without any
/// such word are `train`. With a configuration only below the folder of that name.
pub fn files(source: &Path, config: Option<&str>, split: &str) -> Result<Vec<PathBuf>, RealError> {
    if source.is_file() {
        return Ok(vec![source.to_owned()]);
    }
    if !source.is_dir() {
        return Err(RealError::NoSource(source.to_owned()));
    }
    let directory = config.map_or_else(|| source.to_owned(), |config| source.join(config));
    let mut all = Vec::new();
    if directory.is_dir() {
        collect(&directory, DEPTH, &mut all)?;
    }
    all.sort();
    let shards: Vec<_> = all.iter().filter(|file| is_shard(file, split)).cloned().collect();
    if !shards.is_empty() {
        return Ok(shards);
    }
    let named = |file: &&PathBuf| split_of(file.strip_prefix(&directory).unwrap_or(file), split);
    let of_split: Vec<_> = all.iter().filter(named).cloned().collect();
    if of_split.is_empty() {
        let name =
            |file: &PathBuf| file.strip_prefix(&directory).unwrap_or(file).display().to_string();
        let found = all.iter().take(NAMED).map(name).collect();
        return Err(RealError::NoSplit { split: split.to_owned(), directory, found });
    }
    Ok(of_split)
}

fn collect(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), RealError> {
    let unreadable = |source| RealError::Read { path: directory.to_owned(), source };
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.starts_with("__") || NOT_DATA.contains(&name.as_ref()) {
            continue;
        }
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, found)?;
            }
        } else if path
            .extension()
            .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// `train-00000-of-00002`, with anything behind it.
fn is_shard(file: &Path, split: &str) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let rest = stem.strip_prefix(split).and_then(|rest| rest.strip_prefix('-'));
    let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.and_then(|rest| rest.split_once("-of-"))
        .is_some_and(|(shard, count)| number(shard) && count.get(..5).is_some_and(number))
}

/// Whether a path below the data set names this split.
fn split_of(below: &Path, split: &str) -> bool {
    let text = below.with_extension("").to_string_lossy().into_owned();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let known = SPLITS.iter().find(|(name, _)| *name == split);
    let keys = known.map_or(std::slice::from_ref(&split), |(_, keys)| keys);
    let has = |keys: &[&str]| words.iter().any(|word| keys.contains(word));
    let labelled = SPLITS.iter().any(|(_, keys)| has(keys));
    has(keys)
        || (known.is_none() && text.split('/').any(|part| part == split))
        || (split == "train" && !labelled)
}
