//! Lists, waives and machine facts: nothing panics, every fault can be shown at its place, and what was read
//! can be selected from.
#![no_main]

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use libfuzzer_sys::fuzz_target;
use trtllm_perf::list::{Facts, ListError, TestList, Waives, select};

const TODAY: Date = date(2026, 6, 30);
const PREFIX: Option<&str> = Some("H100-PyTorch-1");

static MACHINE: LazyLock<Facts> = LazyLock::new(|| {
    let text = include_str!("../../tests/fixtures/list/machines/h100-x2.yml");
    Facts::parse("h100-x2.yml", text).expect("our facts parse")
});

fuzz_target!(|text: &str| {
    for file in ["list.yml", "list.txt"] {
        match TestList::parse(file, text) {
            Ok(list) => selected(&list),
            Err(error) => shown(&error),
        }
    }
    match Waives::parse("waives.txt", text, PREFIX) {
        Ok(waives) => waived(&waives),
        Err(error) => shown(&error),
    }
    match Facts::parse("facts.yml", text) {
        Ok(facts) => written_and_read_again(&facts),
        Err(error) => shown(&error),
    }
});

fn selected(list: &TestList) {
    let lists = std::slice::from_ref(list);
    for line in select(lists, &MACHINE, PREFIX, TODAY) {
        let id = &line.entry.id;
        assert!(!id.is_empty() && id.trim() == id, "{id:?}");
        assert!(line.name.ends_with(id.split_once('/').map_or(id.as_str(), |(_, rest)| rest)));
        if let Some(reason) = &line.reason {
            assert!(!reason.to_string().is_empty());
        }
        if let Some(label) = line.entry.label() {
            let fault = line.entry.fault(0..label.len(), "fault");
            assert!(fault.render().contains("fault"));
        }
        for note in &line.entry.notes {
            assert!(!note.to_string().is_empty());
        }
    }
}

fn waived(waives: &Waives) {
    let names: Vec<String> = waives.entries().iter().map(|entry| entry.name(PREFIX)).collect();
    for (name, entry) in names.iter().zip(waives.entries()) {
        let found = waives.find(name).expect("every line is found by its name");
        assert_eq!(found.name(PREFIX), *name);
        let laid = waives.laid_over(name, &entry.markers, TODAY);
        assert_eq!(laid, laid.in_force(TODAY));
    }
    waives.unused(names.iter().map(String::as_str));
}

fn written_and_read_again(facts: &Facts) {
    // YAML, as which JSON is read, ends a key at 1024 characters.
    if facts.iter().any(|(key, _)| key.len() > 500) {
        return;
    }
    let json = serde_json::to_string(facts).expect("facts are plain JSON");
    let again = Facts::parse("facts.json", &json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(&again, facts, "{json}");
}

fn shown(error: &ListError) {
    assert!(!error.to_string().is_empty());
    if let ListError::At(fault) = error {
        assert!(fault.line >= 1 && fault.column >= 1);
        assert!(!fault.render().is_empty());
    }
}
