//! What a run says on stderr besides its tests, and what it says when there were none.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use jiff::civil::Date;
use libtest_mimic::Arguments;

use super::prepare::{self, Prepared};
use crate::cli::Splitting;
use crate::failure::Exit;
use crate::gpu;
use crate::list::{Entry, Facts, KEYS, Waives, nearest};
use crate::selection::{self, Durations, Fate, Line, Split};
use crate::settings::Settings;

/// How many waives without a test are named before the rest is only counted.
const UNUSED_WAIVES: usize = 10;

/// Prints remarks on the command line, the lists, the waives and the prefix.
pub fn print(settings: &Settings, lines: &[Line<'_>], waives: &Waives, facts: &Facts, today: Date) {
    for note in &settings.notes {
        eprintln!("note: {note}");
    }
    for line in lines {
        if let Fate::Duplicate(reason) = &line.fate {
            eprintln!("note: {}: {reason}; it runs once", line.entry);
        }
        for note in &line.entry.notes {
            eprintln!("note: {}: {note}", line.entry);
        }
    }
    for entry in lines.iter().map(|line| line.entry).chain(waives.entries()) {
        for (word, reason) in entry.markers.expired(today) {
            eprintln!(
                "note: {entry}: {word} has expired and no longer counts ({reason}): {}",
                entry.id
            );
        }
    }
    if let Some(file) = &settings.machine_facts {
        say_unknown(file, facts);
    }
    say_unused(waives, lines, settings.prefix.as_deref());
    warn_of_prefix(settings.prefix.as_deref(), facts);
}

/// A fact under a slip of its name is not stated, and so restricts nothing.
fn say_unknown(file: &Path, facts: &Facts) {
    for (key, _) in facts.iter().filter(|(key, _)| !KEYS.contains(key)) {
        let near = nearest(key, KEYS).map(|near| format!("; did you mean `{near}`?"));
        let near = near.unwrap_or_default();
        eprintln!("note: {}: no condition can ask for `{key}`{near}", file.display());
    }
}

/// Waives that hide nothing are a slip or have outlived their test. Upstream's file waives thousands of tests of other
/// kinds and platforms, which are none of our business.
fn say_unused(waives: &Waives, lines: &[Line<'_>], prefix: Option<&str>) {
    let ours = |waive: &&Entry| {
        let name = waive.name(prefix);
        waive.label().is_some()
            && prefix.is_none_or(|prefix| name.starts_with(prefix))
            && (prefix.is_some() || name == waive.id)
    };
    let unused = waives.unused(lines.iter().map(|line| line.name.as_str()));
    let unused: Vec<_> = unused.into_iter().filter(ours).collect();
    for waive in unused.iter().take(UNUSED_WAIVES) {
        eprintln!("note: {waive}: waives no test of this run: {}", waive.id);
    }
    if unused.len() > UNUSED_WAIVES {
        eprintln!("note: {} more waives are for no test of this run", unused.len() - UNUSED_WAIVES);
    }
}

/// Results under the prefix of another GPU would be compared with that GPU's.
fn warn_of_prefix(prefix: Option<&str>, facts: &Facts) {
    let gpu = facts.get("gpu").map(ToString::to_string);
    if let (Some(prefix), Some(gpu)) = (prefix, gpu)
        && !gpu::prefix_matches(prefix, &gpu)
    {
        eprintln!(
            "warning: --test-prefix {prefix}, but this machine's GPU is {gpu}: its results would be kept under {}",
            gpu::expected_prefix(&gpu)
        );
    }
}

/// The group of `--splits`, with its durations read.
///
/// # Errors
/// [`Exit::Usage`] when the file of durations cannot be read.
pub fn split(settings: &Settings) -> Result<Option<Split>, Exit> {
    let Some(asked) = &settings.split else { return Ok(None) };
    let durations = match &asked.durations {
        None => Durations::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            let read = text
                .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
            read.map_err(|error| {
                Exit::usage(format!("read --durations-path {}: {error}", path.display()))
            })?
        }
    };
    let chunks = asked.algorithm == Splitting::DurationBasedChunks;
    Ok(Some(Split { groups: asked.groups, group: asked.group, chunks, durations }))
}

/// Why tests did not run, with how many each reason kept out.
pub struct KeptOut {
    lines: usize,
    reasons: BTreeMap<String, usize>,
}

/// Collects the reasons, before the tests are handed over to libtest.
pub fn kept_out(lines: &[Line<'_>], prepared: &[Prepared], libtest: &Arguments) -> KeptOut {
    let mut reasons = selection::counts(lines);
    for trial in prepared {
        if let Some(reason) = trial.cannot_run() {
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }
    let filtered = lines
        .iter()
        .filter(|line| line.fate == Fate::Runs && !prepare::passes(&line.name, libtest));
    let filtered = filtered.count();
    if filtered > 0 {
        let reason = match &libtest.filter {
            Some(filter) => format!("filter `{filter}` does not match"),
            None => "--skip leaves it out".to_owned(),
        };
        reasons.insert(reason, filtered);
    }
    KeptOut { lines: lines.len(), reasons }
}

/// The end of a run in which nothing ran: green only when nothing in particular was asked for.
///
/// # Errors
/// [`Exit::NothingRan`] with the counts of what kept the tests out.
pub fn nothing_ran(
    kept_out: &KeptOut,
    libtest: &Arguments,
    selects: bool,
) -> Result<ExitCode, Exit> {
    let named_by_nextest = libtest.exact && std::env::var_os("NEXTEST").is_some();
    if !selects && !named_by_nextest {
        let filter = libtest.filter.as_deref().unwrap_or_default();
        eprintln!(
            "note: no test of the embedded list matches `{filter}`; a list is chosen with --test-list or --test-prefix"
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut message = format!("no test ran, of {} lines", kept_out.lines);
    for (reason, count) in &kept_out.reasons {
        message.push_str(&format!("\n  {count:>5}  {reason}"));
    }
    message.push_str("\n  --allow-empty makes this exit 0; --explain ID says why a test is out");
    Err(Exit::NothingRan(message))
}
