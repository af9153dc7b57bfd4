//! Station 1 from outside: files in, entries, conditions, selections and located errors out.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::Value;
use trtllm_perf::list::{
    Condition, Fact, Facts, ListError, Range, Rule, Selected, Silence, TestList, Waives, Word,
    select,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/list").join(name)
}

fn load(path: &Path) -> TestList {
    TestList::load(path).unwrap_or_else(|error| panic!("{error}"))
}

fn own_lists() -> Vec<TestList> {
    ["trt_llm_release_perf_test", "trt_llm_perf_cluster_test", "trt_llm_release_perf_sanity"]
        .iter()
        .map(|name| load(&root().join(format!("test-lists/{name}.yml"))))
        .collect()
}

/// The rules of a condition by section and key, as golden data in the shape of the YAML file has them.
fn golden_rules(condition: &Value) -> BTreeMap<(&str, &str), Rule> {
    let mut rules = BTreeMap::new();
    for (section, keys) in condition.as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().expect("a section") {
            let bound = |name: &str| value.get(name).and_then(Value::as_f64);
            let patterns = match value {
                Value::Array(patterns) => patterns.clone(),
                lone => vec![lone.clone()],
            };
            let rule = match section.as_str() {
                "ranges" => Rule::Range(Range {
                    gte: bound("gte"),
                    lte: bound("lte"),
                    gt: bound("gt"),
                    lt: bound("lt"),
                }),
                "wildcards" => Rule::Wildcards(
                    patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                ),
                _ => Rule::Term(match value {
                    Value::Bool(value) => Fact::Bool(*value),
                    other => Fact::from(other.as_str().expect("a text")),
                }),
            };
            rules.insert((section.as_str(), key.as_str()), rule);
        }
    }
    rules
}

/// The same of a condition as it was read.
fn rules(condition: Option<&Condition>) -> BTreeMap<(&str, &str), Rule> {
    let section = |rule: &Rule| match rule {
        Rule::Range(_) => "ranges",
        Rule::Wildcards(_) => "wildcards",
        Rule::Term(_) => "terms",
    };
    let all = condition.into_iter().flat_map(|condition| &condition.requirements);
    all.map(|it| ((section(&it.rule), it.key.as_str()), it.rule.clone())).collect()
}

/// Holds a list against its golden lines; how many were compared.
fn assert_golden(list: &Path, golden: &Path) -> usize {
    let list = load(list);
    let golden = fs::read_to_string(golden).expect("golden lines");
    let lines: Vec<Value> =
        golden.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(list.entries.len(), lines.len(), "{}", list.file().display());
    for (entry, line) in list.entries.iter().zip(&lines) {
        let id = line["id"].as_str().expect("an id");
        assert_eq!(entry.id, id);
        assert_eq!(entry.block, line["block"].as_u64().map(|block| block as usize), "{id}");
        assert_eq!(rules(list.condition(entry)), golden_rules(&line["condition"]), "{id}");
        assert_eq!(entry.label().is_none(), line.get("not_perf").is_some(), "{id}");
        assert!(entry.source_line().contains(id.trim_matches('"')), "{entry}");
        if let Some(place) = line.get("line") {
            assert_eq!(
                (entry.line, entry.column),
                (as_usize(place), as_usize(&line["column"])),
                "{id}"
            );
        }
        let markers = &entry.markers;
        match line["markers"].as_str() {
            None => assert!(markers.is_empty(), "{id}"),
            Some(text) if text.starts_with("TIMEOUT") => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let minutes = digits.parse().expect("minutes");
                assert_eq!(markers.timeout, Some(Duration::from_mins(minutes)), "{id}");
                assert_eq!(markers.words().collect::<Vec<_>>(), [Word::Timeout]);
            }
            Some(text) => {
                let reason = markers.reason(Word::Skip).expect("a skip");
                assert_eq!(format!("SKIP ({reason})"), text);
            }
        }
    }
    lines.len()
}

fn as_usize(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}

#[test]
fn every_shape_of_a_yaml_list_is_read_with_its_blocks_markers_and_places() {
    assert_eq!(assert_golden(&fixture("shapes.yml"), &fixture("shapes.jsonl")), 8);
    let list = load(&fixture("shapes.yml"));
    let contexts: Vec<_> = list.blocks.iter().map(|block| block.context.as_str()).collect();
    assert_eq!(contexts, ["first", "first", "second"]);
    assert_eq!(list.blocks[1].line, 26);
}

/// The published lists are no part of the repository; where they lie beside it, all are read.
#[test]
fn the_published_lists_are_read_line_by_line_as_their_golden_data_says() {
    let data = root().join("../shared/data");
    let Ok(lists) = fs::read_dir(data.join("lists")) else { return };
    for list in lists {
        let list = list.expect("a list").path();
        let golden =
            data.join("golden").join(list.with_extension("jsonl").file_name().expect("name"));
        if golden.exists() {
            assert!(assert_golden(&list, &golden) > 0);
        } else {
            assert!(!load(&list).entries.is_empty());
        }
    }
}

#[test]
fn a_text_list_has_no_blocks_and_its_lines_keep_their_places() {
    let list = load(&fixture("plain.txt"));
    let places: Vec<_> = list.entries.iter().map(|it| (it.line, it.column, it.block)).collect();
    assert_eq!(places, [(3, 1, None), (4, 4, None), (5, 1, None), (6, 1, None)]);
    let second = &list.entries[1];
    assert_eq!(second.markers.words().collect::<Vec<_>>(), [Word::Timeout, Word::Isolation]);
    assert_eq!(second.notes.len(), 1, "upstream sees TIMEOUT alone: {:?}", second.notes);

    let lists = [list];
    let on = |day| select(&lists, &Facts::default(), None, day);
    let lines = on(date(2026, 6, 30));
    let reason = |line: &Selected<'_>| line.reason.as_ref().map(ToString::to_string);
    assert_eq!(reason(&lines[2]).as_deref(), Some("not a perf test"));
    let duplicate = format!("duplicate of {}:3", fixture("plain.txt").display());
    assert_eq!(reason(&lines[3]), Some(duplicate));
    // The duplicate's marker counts, until its day has passed.
    assert!(lines[0].markers.xfail.is_some());
    assert!(on(date(2026, 7, 1))[0].markers.is_empty());
}

#[test]
fn a_fault_in_a_list_is_told_with_file_line_column_and_what_to_write() {
    let head = "version: 0.0.1\nc:\n";
    for (text, expected) in [
        ("- tests: [a\n", "3:10: malformed YAML: unclosed bracket"),
        (
            "- tests:\n  - a\n  tests:\n  - b\n",
            "5:3: malformed YAML: duplicate mapping key `tests`",
        ),
        ("- test:\n  - a\n", "3:3: unknown key of a block `test`; did you mean `tests`?"),
        (
            "- condition:\n    range:\n      gpu: x\n  tests: [a]\n",
            "4:5: unknown section of a condition `range`; did you mean `ranges`?",
        ),
        (
            "- condition:\n    ranges:\n      system_gpu_cuont:\n        gte: 1\n  tests: [a]\n",
            "5:7: unknown condition key `system_gpu_cuont`; did you mean `system_gpu_count`?",
        ),
        (
            "- condition:\n    ranges:\n      gpu_memory: {gte: 1, lt: 2, max: 3}\n  tests: [a]\n",
            "5:35: unknown bound of a range `max`; accepted: gte, lte, gt, lt",
        ),
        (
            "- condition:\n    ranges:\n      gpu_memory: {gte: much}\n  tests: [a]\n",
            "5:25: bound `gte` must be a number",
        ),
        (
            "- condition:\n    ranges:\n      gpu_memory: 80000\n  tests: [a]\n",
            "5:19: a range must be a mapping, found a number",
        ),
        (
            "- condition:\n    wildcards:\n      gpu:\n      - *h100*\n  tests: [a]\n",
            "6:9: malformed YAML: reference to unknown value; put a text that begins with `*` in quotes",
        ),
        (
            "- condition:\n    wildcards:\n      gpu: []\n  tests: [a]\n",
            "5:12: expected a pattern or a list of patterns, found a list; put patterns in quotes: '*h100*'",
        ),
        ("- condition:\n    terms:\n      stage:\n  tests: [a]\n", "a term needs a value"),
        ("- condition: {}\n", "3:3: block has no `tests`"),
        (
            "- tests:\n  - unittest/a.py -k \"a: b\"\n",
            "4:5: a test must be a line of text, found a mapping; put the line in quotes when it holds `: ` or ` #`",
        ),
        ("- tests:\n  - |\n    a\n    b\n", "a test must be one line"),
        (
            "- stall: soon\n  tests: [a]\n",
            "3:10: `stall` needs whole minutes: of silence, and of silence at work, which are not fewer; found `soon`; \
             write stall: 10 or stall: [10, 30]",
        ),
        ("- stall: [30, 10]\n  tests: [a]\n", "which are not fewer; found `[30, 10]`"),
        ("- stall: [1, 2, 3]\n  tests: [a]\n", "which are not fewer; found `[1, 2, 3]`"),
        ("- stall: 1.5\n  tests: [a]\n", "which are not fewer; found `1.5`"),
        ("- stall: -1\n  tests: [a]\n", "which are not fewer; found `-1`"),
        (
            "- tests:\n  - t[x] STALL (soon)\n",
            "4:10: STALL needs whole minutes in parentheses: of silence, and of silence at work, \
             which are not fewer; found `soon`; write STALL (10) or STALL (10, 30)",
        ),
        (
            "- tests:\n  - t[x] TIMEOUT (1.5)\n",
            "4:10: TIMEOUT needs whole minutes in parentheses; write TIMEOUT (90)",
        ),
        (
            "- tests:\n  - 't[x] SKIP (a until=2026-13-01)'\n",
            "4:25: `until` needs a date that exists; write until=YYYY-MM-DD",
        ),
        (
            "- tests:\n  - t[${x}]\n",
            "4:7: `${` is a template expression, and lists are not rendered here; \
             write the lines out, or use a single `#` for a comment",
        ),
        ("  tests: [a]\n", "2:1: context `c` must be a list of blocks, found a mapping"),
    ] {
        let error = TestList::parse("lists/a.yml", &format!("{head}{text}")).expect_err(text);
        assert!(matches!(error, ListError::At(_)), "{error}");
        let shown = error.to_string();
        assert!(shown.starts_with("lists/a.yml:") && shown.contains(expected), "{text}\n{shown}");
    }
    for (text, expected) in [
        (
            "verison: 0.0.1\nc: []\n",
            "a.yml:1:1: context `verison` must be a list of blocks, found a text; did you mean `version`?",
        ),
        ("stall:\nc: []\n", "a.yml:1:"),
        ("version: 2\nc: []\n", "a.yml:1:10: unknown list version; write version: 0.0.1"),
        ("- a\n", "a.yml:1:1: a list file must be a mapping, found a list"),
        (&format!("c: {}", "[".repeat(100_000)), "a.yml:1:"),
    ] {
        let error = TestList::parse("a.yml", text).expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_silence_is_the_lines_then_the_blocks_then_the_lists() {
    let minutes = Duration::from_mins;
    let text = "stall: 20\nc:\n- stall: [5, 15]\n  tests:\n  - t[a]\n  - t[b] TIMEOUT (9), STALL (1)\n- tests: ['t[c]']\n";
    let list = TestList::parse("a.yml", text).expect("a list");
    let silences: Vec<_> =
        list.entries.iter().map(|entry| (entry.markers.stall, entry.stall)).collect();
    let own = Some(Silence { idle: minutes(1), active: None });
    let block = Some(Silence { idle: minutes(5), active: Some(minutes(15)) });
    let whole = Some(Silence { idle: minutes(20), active: None });
    assert_eq!(silences, [(None, block), (own, block), (None, whole)]);
    // It is no marker: a line that is listed again takes none of an earlier line's markers away by it.
    assert!(list.entries[0].markers.is_empty());
}

#[test]
fn a_file_that_cannot_be_a_list_is_refused_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("latin1.txt"), b"a\nb \xe9\n").expect("a file");
    for (name, text) in
        [("empty.txt", "# nothing\n"), ("empty.yml", ""), ("blocks.yml", "c:\n- tests:\n")]
    {
        fs::write(path(name), text).expect("a file");
        let error = TestList::load(&path(name)).expect_err(name).to_string();
        assert_eq!(error, format!("read {}: it lists no test", path(name).display()));
    }
    let error = |name: &str| TestList::load(&path(name)).expect_err(name).to_string();
    assert_eq!(
        error("latin1.txt"),
        format!("read {}: line 2 is not UTF-8", path("latin1.txt").display())
    );
    assert!(error("missing.yml").ends_with("missing.yml: No such file or directory (os error 2)"));
    assert!(error("").ends_with("is a directory"), "{}", error(""));
}

#[test]
fn a_fault_in_a_label_is_pointed_at_within_the_users_line() {
    let list = load(&fixture("shapes.yml"));
    let entry = &list.entries[1];
    let label = entry.label().expect("a perf test");
    let at = label.find("maxbs").expect("in the label");
    let error = entry.fault(at..at + 5, "no");
    assert_eq!((error.line, error.column), (21, 5 + 29 + at));
    assert!(error.render().contains("^^^^^"), "{}", error.render());
}

/// How often each trait occurs among the ids of a list.
fn traits(list: &TestList) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for entry in &list.entries {
        let label = entry.label().expect("our lists hold perf tests only");
        let fields: Vec<&str> = label.split('-').collect();
        let has = |field: &str| fields.contains(&field);
        let number = |name: &str| {
            let field = fields.iter().find_map(|it| it.strip_prefix(name))?;
            field.parse::<u32>().ok()
        };
        let lengths = fields.iter().find_map(|it| it.strip_prefix("input_output_len:"));
        let longest = lengths.and_then(|it| it.split(',').filter_map(|n| n.parse().ok()).max());
        let gpus = number("gpus:").or(number("tp:")).or(number("pp:")).unwrap_or(1);
        for (name, present) in [
            ("1 GPU", gpus == 1),
            ("2 GPUs", gpus == 2),
            ("4 GPUs", gpus == 4),
            ("8 GPUs", gpus == 8),
            ("PyTorch", has("pytorch")),
            ("TensorRT", !has("pytorch")),
            ("streaming", has("streaming")),
            ("BF16", has("bfloat16")),
            ("FP8", has("float8") || has("quant:fp8")),
            ("FP4", has("float4") || has("quant:nvfp4")),
            ("LoRA", number("loras:").is_some()),
            ("concurrency 1", number("con:") == Some(1)),
            ("high concurrency", number("con:") >= Some(200)),
            ("short", longest.is_some_and(|longest: u32| longest <= 128)),
            ("long", longest >= Some(5000)),
        ] {
            *counts.entry(name).or_default() += usize::from(present);
        }
    }
    counts
}

#[test]
fn our_lists_cover_every_size_backend_format_and_load() {
    for (list, at_least) in own_lists().iter().zip([150, 50, 40]) {
        let name = list.file().display();
        assert!(list.entries.len() >= at_least, "{name} has {} ids", list.entries.len());
        for (what, count) in traits(list) {
            assert!(count > 0, "{name} has no case with {what}");
        }
        let ids: HashSet<_> = list.entries.iter().map(|entry| &entry.id).collect();
        assert_eq!(ids.len(), list.entries.len(), "{name} names a test twice");
        for entry in &list.entries {
            assert!(entry.notes.is_empty(), "{entry}: {:?}", entry.notes);
        }
    }
}

#[test]
fn each_machine_gets_the_cases_of_its_size_and_number_formats() {
    let lists = own_lists();
    let mut reached: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (machine, most_gpus, fp8, fp4) in [
        ("l40s-x1", 1, true, false),
        ("h100-x2", 2, true, false),
        ("a100-x8", 8, false, false),
        ("h200-x8", 8, true, false),
        ("gb200-x4", 4, true, true),
        ("b200-x8", 8, true, true),
    ] {
        let facts = Facts::load(&fixture(&format!("machines/{machine}.yml"))).expect("facts");
        // Each list alone: among several, a name runs in the first list that has it.
        let today = date(2026, 6, 30);
        let selected = |list| select(std::slice::from_ref(list), &facts, None, today);
        let lines = lists.iter().flat_map(selected);
        let selected: Vec<_> = lines.filter(|line| line.reason.is_none()).collect();
        let any = |text: &str| selected.iter().any(|line| line.name.contains(text));
        assert_eq!(any("-float8-"), fp8, "{machine}");
        assert_eq!(any("quant:fp8"), fp8, "{machine}");
        assert_eq!(any("-float4-"), fp4, "{machine}");
        for gpus in [2, 4, 8] {
            assert_eq!(any(&format!("-gpus:{gpus}]")), gpus <= most_gpus, "{gpus} on {machine}");
        }
        for line in selected {
            let index = lists.iter().position(|list| std::ptr::eq(list, line.list)).expect("ours");
            reached.insert((index, line.entry.block.expect("a YAML list")));
        }
    }
    let blocks = lists.iter().map(|list| list.blocks.len()).sum::<usize>();
    assert_eq!(reached.len(), blocks, "a block that no machine selects");
}

#[test]
fn our_waives_file_is_valid_and_waives_nothing_unknown() {
    let waives = Waives::load(&root().join("test-lists/waives.txt"), None).expect("our file");
    let lists = own_lists();
    let names = lists.iter().flat_map(|list| list.entries.iter().map(|entry| entry.name(None)));
    let names: Vec<String> = names.collect();
    assert!(waives.unused(names.iter().map(String::as_str)).is_empty());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_every_entry_is_where_it_says(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("version: 0.0.1\n"), Just("c:\n"), Just("- condition:\n"), Just("  tests:\n"),
                Just("  - "), Just("    ranges: {gpu: {gte: 1}}\n"), Just("a.py::t[x]"), Just(" SKIP (r)"),
                Just(" TIMEOUT (5)"), Just("\n"), Just(": "), Just("'"), Just("\""), Just("é"), Just("#"),
                Just("*"), Just("&a "), Just("<<: "), Just("["), Just("{"), Just("\t"), Just("\r\n"), Just("\0"),
            ],
            0..24,
        ),
    ) {
        let text = pieces.concat();
        for name in ["a.yml", "a.txt"] {
            if let Ok(list) = TestList::parse(name, &text) {
                for entry in &list.entries {
                    let first_word = entry.id.split_whitespace().next().unwrap_or_default();
                    prop_assert!(!first_word.is_empty());
                    if name == "a.txt" {
                        let rest: String = entry.source_line().chars().skip(entry.column - 1).collect();
                        prop_assert!(rest.starts_with(first_word), "{rest:?} {first_word:?}");
                    }
                }
            }
        }
    }
}
