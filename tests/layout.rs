//! The layout of the project: which station may name which, who owns an outside crate, and that embedded files, tables
//! and lists belong together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex::Regex;
use trtllm_perf::case::{Backend, Case, DataType, Engine};
use trtllm_perf::list::TestList;
use trtllm_perf::tables::{Tables, own_list, place_refbench_models};

/// The page that gives every module its place.
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";

/// Outside crates that only their owners name.
const OWNERS: [(&str, &[&str]); 28] = [
    ("aho_corasick", &["logs"]),
    ("annotate_snippets", &["error"]),
    ("anyhow", &["commands", "main"]),
    ("askama", &["dashboard"]),
    ("console", &["progress"]),
    ("csv", &["baseline", "commands", "history", "record"]),
    ("duct", &["process"]),
    ("indicatif", &["progress"]),
    ("junit_report", &["record"]),
    ("libtest_mimic", &["cli", "run"]),
    ("matrixmultiply", &["refbench"]),
    ("md5", &["history"]),
    ("memchr", &["logs"]),
    ("nix", &["machine", "process", "record"]),
    ("nvml_wrapper", &["gpu"]),
    ("parquet", &["dataset", "history"]),
    ("postgres", &["history"]),
    ("rand_mt", &["dataset", "verdict"]),
    ("rayon", &["refbench"]),
    ("rusqlite", &["history"]),
    ("serde_saphyr", &["list"]),
    ("sha2", &["dashboard", "dataset", "history", "record"]),
    ("signal_hook", &["process"]),
    ("similar", &["baseline"]),
    ("statrs", &["verdict"]),
    ("strsim", &["list"]),
    ("tokenizers", &["dataset"]),
    ("toml", &["settings"]),
];

/// Outside crates that are part of the language of the whole project.
const COMMON: [&str; 9] = [
    "clap",
    "jiff",
    "once_cell",
    "regex",
    "serde",
    "serde_json",
    "serde_yaml",
    "tempfile",
    "thiserror",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with this ending, or every file for none.
fn files(folder: &Path, ending: Option<&str>) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if ending.is_none_or(|ending| path.extension().is_some_and(|it| it == ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The sources by module, without comments: `src/list/line.rs` is of `list`, `src/bin/refbench/…` of `refbench`.
fn sources() -> Vec<(String, PathBuf, String)> {
    let source = |path: PathBuf| {
        let below = path.strip_prefix(root().join("src")).expect("below").with_extension("");
        let mut parts = below.iter().map(|part| part.to_string_lossy().into_owned());
        let first = parts.next().expect("a module");
        let module = if first == "bin" { parts.next().expect("a program") } else { first };
        let text = fs::read_to_string(&path).expect("UTF-8");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        (module, path, code)
    };
    files(&root().join("src"), Some("rs")).into_iter().map(source).collect()
}

/// The modules of our own that a source names: `crate::x…`, `trtllm_perf::x…`, and each of `crate::{x, y::…}`.
fn named_modules(code: &str) -> BTreeSet<String> {
    let names = Regex::new(r"\b(?:crate|trtllm_perf)::(?:(\w+)|\{((?:[^{}]|\{[^{}]*\})*)\})")
        .expect("a pattern");
    let of_group = Regex::new(r"(?:^|,)\s*(\w+)").expect("a pattern");
    let nested = Regex::new(r"\{[^{}]*\}").expect("a pattern");
    let mut found = BTreeSet::new();
    for name in names.captures_iter(code) {
        match (name.get(1), name.get(2)) {
            (Some(one), _) => drop(found.insert(one.as_str().to_owned())),
            (_, Some(group)) => {
                let flat = nested.replace_all(group.as_str(), "");
                found.extend(of_group.captures_iter(&flat).map(|it| it[1].to_owned()));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn modules_are_found_in_every_way_that_a_path_is_written() {
    let code = "use crate::list::{a, b};\nuse crate::{cli::Cli, process};\nfn f(x: crate::gpu::Gpu) {}\n\
                use trtllm_perf::commands::{dataset, parse};\nuse crate::{plan::{x, y}, case};";
    let expected = ["case", "cli", "commands", "gpu", "list", "plan", "process"];
    assert_eq!(named_modules(code), expected.map(str::to_owned).into());
}

/// The order of the modules: the words of the code block below that heading of the architecture.
fn order() -> Vec<String> {
    let text = fs::read_to_string(root().join(ARCHITECTURE)).expect("the architecture");
    let (_, after) = text.split_once("## Order of the modules").expect("the heading");
    let block = after.split("```").nth(1).expect("a code block");
    block.lines().skip(1).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn a_module_names_only_what_stands_before_it_in_the_architecture() {
    let order = order();
    let rank = |name: &str| {
        let place = order.iter().position(|known| known == name);
        place.unwrap_or_else(|| panic!("{ARCHITECTURE} gives `{name}` no place"))
    };
    let mut faults = Vec::new();
    for (module, path, code) in sources() {
        if ["lib", "main", "refbench"].contains(&module.as_str()) {
            continue;
        }
        for named in named_modules(&code) {
            if rank(&named) > rank(&module) {
                faults.push(format!("{} names `{named}`", path.display()));
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn the_embedded_engine_knows_nothing_of_the_harness() {
    for (module, path, code) in sources() {
        assert!(module != "refbench" || !code.contains("trtllm_perf::"), "{}", path.display());
    }
}

#[test]
fn an_outside_crate_is_named_by_its_owners_alone_and_every_one_has_an_owner_or_is_common() {
    let mut users: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let sources = sources();
    for (name, _) in OWNERS {
        let path = Regex::new(&format!(r"(?:^|[^\w:]){name}(?:::|;)")).expect("a pattern");
        let using = sources.iter().filter(|(.., code)| path.is_match(code));
        users.insert(name, using.map(|(module, ..)| module.clone()).collect());
    }
    for (name, owners) in OWNERS {
        assert_eq!(users[name], owners.iter().map(|owner| (*owner).to_owned()).collect(), "{name}");
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let listed: BTreeSet<String> = manifest["dependencies"]
        .as_table()
        .expect("a table")
        .keys()
        .map(|name| name.replace('-', "_"))
        .collect();
    let known = OWNERS.iter().map(|(name, _)| *name).chain(COMMON).map(str::to_owned).collect();
    assert_eq!(listed, known);
}

#[test]
fn only_the_station_for_it_starts_processes() {
    let starts = Regex::new(r"process::(?:Command\b|\{[^}]*\bCommand\b)").expect("a pattern");
    for (module, path, code) in sources() {
        assert!(module == "process" || !starts.is_match(&code), "{}", path.display());
    }
}

#[test]
fn the_models_in_the_executable_are_those_of_the_folder() {
    let folder = root().join("perf-tests/refbench-models");
    let placed = tempfile::tempdir().expect("a folder");
    place_refbench_models(placed.path()).expect("placed");
    let content = |folder: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let below = |path: PathBuf| {
            let bytes = fs::read(&path).expect("readable");
            (path.strip_prefix(folder).expect("below").to_owned(), bytes)
        };
        files(folder, None).into_iter().map(below).collect()
    };
    let mut expected = content(&folder);
    assert!(expected.remove(Path::new("README.md")).is_some(), "the folder says what it is for");
    assert_eq!(content(placed.path()), expected);
    let plain = placed.path().join("plain");
    fs::write(&plain, "").expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode();
    for file in files(placed.path(), None) {
        assert_eq!(mode(&file), mode(&plain), "others may use {}, too", file.display());
    }
}

#[test]
fn every_list_of_the_folder_is_in_the_executable() {
    for path in files(&root().join("test-lists"), Some("yml")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let embedded = own_list(&name, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        let on_disk = TestList::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let ids = |list: &TestList| -> Vec<String> {
            list.entries.iter().map(|entry| entry.id.clone()).collect()
        };
        assert_eq!(ids(&embedded), ids(&on_disk), "{name}");
    }
}

/// The cases of one of our lists, each of which must be valid and named once.
fn cases(name: &str) -> Vec<Case> {
    let tables = Tables::load(None).expect("our tables");
    let list = own_list(name, None).expect("our list");
    let mut seen = BTreeSet::new();
    let case = |entry: &trtllm_perf::list::Entry| {
        let label = entry.label().unwrap_or_else(|| panic!("{entry}: no perf test"));
        let case =
            Case::parse(label, &tables.models).unwrap_or_else(|error| panic!("{entry}: {error}"));
        assert!(seen.insert(case.to_string()), "{entry}: a second time");
        let model = tables
            .models
            .checkpoint(&case.model)
            .unwrap_or_else(|| panic!("{entry}: no checkpoint"));
        assert_eq!(model.engine == Engine::Refbench, name == "embedded.yml", "{entry}");
        assert_eq!(model.cannot_run, None, "{entry}");
        assert!(case.loras == 0 || model.lora.0.len() == case.loras as usize, "{entry}");
        case
    };
    list.entries.iter().map(case).collect()
}

/// A kind of case.
type Is = fn(&Case) -> bool;

#[test]
fn our_lists_hold_valid_cases_of_every_kind() {
    for (name, least) in [
        ("trt_llm_release_perf_test.yml", 150),
        ("trt_llm_perf_cluster_test.yml", 50),
        ("trt_llm_release_perf_sanity.yml", 40),
    ] {
        let cases = cases(name);
        assert!(cases.len() >= least, "{name}: {}", cases.len());
        let kinds: [(&str, Is); 15] = [
            ("1 GPU", |case| case.parallel.gpus == 1),
            ("2 GPUs", |case| case.parallel.gpus == 2),
            ("4 GPUs", |case| case.parallel.gpus == 4),
            ("8 GPUs", |case| case.parallel.gpus == 8),
            ("TensorRT", |case| case.backend == Backend::TensorRt),
            ("PyTorch", |case| case.backend == Backend::PyTorch),
            ("FP8", |case| case.data_type == DataType::Float8),
            ("FP4", |case| case.data_type == DataType::Float4),
            ("BF16", |case| case.data_type == DataType::Bfloat16),
            ("streaming", |case| case.streaming),
            ("LoRA", |case| case.loras > 0),
            ("one request at a time", |case| case.concurrency == Some(1)),
            ("many requests at a time", |case| case.concurrency.is_some_and(|limit| limit >= 200)),
            ("long", |case| case.lengths.inputs[0] >= 4000),
            ("short", |case| case.lengths.inputs[0] <= 128 && case.lengths.outputs[0] <= 128),
        ];
        let lacks: Vec<_> =
            kinds.iter().filter(|(_, is)| !cases.iter().any(is)).map(|(kind, _)| *kind).collect();
        assert_eq!(lacks, [""; 0], "{name}");
    }
    assert_eq!(cases("embedded.yml").len(), 12);
}
