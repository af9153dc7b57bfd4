//! What stands above the table: how many of what, what needs a look, and on what it was measured.

use std::collections::BTreeMap;

use super::data::{CaseData, Change, Outcome, ReportData, RunNote, SelfChecked, Way};
use super::row::{Sign, change_sign, outcome_sign, short_name};
use super::text::{day, minute, percent};
use crate::history::{Aspect, Origin};

/// No more entries than these in the list of what needs a look; the table has them all.
const SHOWN: usize = 40;

/// One number with its word.
#[derive(Debug)]
pub struct Tile {
    pub sign: Sign,
    pub count: usize,
    /// E.g. the causes of failures.
    pub detail: String,
}

/// A case that needs a look.
#[derive(Debug)]
pub struct Attention {
    pub id: usize,
    pub label: String,
    pub sign: Sign,
    pub text: String,
}

/// The counts, in a fixed order; zeros are left out but for passed and failed.
pub fn tiles(data: &ReportData) -> Vec<Tile> {
    let groups: [(&str, Outcome); 7] = [
        ("passed", Outcome::Passed),
        ("failed", Outcome::Failed { kind: String::new(), message: String::new() }),
        ("regressions", Outcome::Regression(String::new())),
        ("unmeasurable", Outcome::Unmeasurable(String::new())),
        ("flaky", Outcome::Flaky),
        ("not run", Outcome::Absent),
        ("skipped", Outcome::Skipped(String::new())),
    ];
    let tile = |(word, like): (&str, Outcome)| {
        let same =
            |outcome: &Outcome| std::mem::discriminant(outcome) == std::mem::discriminant(&like);
        let cases: Vec<&CaseData> = data.cases.iter().filter(|case| same(&case.outcome)).collect();
        let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
        if matches!(like, Outcome::Failed { .. }) {
            cases.iter().for_each(|case| *causes.entry(case.outcome.word()).or_default() += 1);
        }
        let detail = causes.iter().map(|(cause, count)| format!("{count} {cause}"));
        Tile {
            sign: Sign {
                word: word.to_owned(),
                class: if cases.is_empty() { "off" } else { outcome_sign(&like).class },
                ..outcome_sign(&like)
            },
            count: cases.len(),
            detail: detail.collect::<Vec<_>>().join(", "),
        }
    };
    let tiles = groups.into_iter().map(tile);
    tiles
        .filter(|it| it.count > 0 || ["passed", "failed"].contains(&it.sign.word.as_str()))
        .collect()
}

/// What needs a look, and how many entries there would be: failures first, then numbers that are worse beyond their
/// limit or their noise, the worst first, then what was not run, then flaky passes.
pub fn attention(data: &ReportData) -> (Vec<Attention>, usize) {
    let mut found: Vec<(u8, f64, Attention)> = Vec::new();
    for (id, case) in data.cases.iter().enumerate() {
        let entry = |sign, text| Attention { id, label: case.label.clone(), sign, text };
        let sign = outcome_sign(&case.outcome);
        match &case.outcome {
            Outcome::Absent => {
                let last = format!("last run {}", day(data.runs[case.run].started));
                found.push((3, 0.0, entry(sign, last)));
            }
            Outcome::Flaky => {
                let text = format!("passed on attempt {}", case.attempts);
                found.push((4, 0.0, entry(sign, text)));
            }
            other if other.is_bad() => {
                let rank = if matches!(other, Outcome::Regression(_)) { 0 } else { 1 };
                found.push((rank, 0.0, entry(sign, other.message().to_owned())));
            }
            _ => {}
        }
        let told = matches!(case.outcome, Outcome::Regression(_));
        for (place, series) in case.series.iter().enumerate() {
            let here = series.newest().is_some_and(|point| point.run == case.run);
            let outside = series.outside();
            // Of the metric that stands for the case, a loss that its limits would let pass is told, too.
            let told_of =
                |it: &Change| it.beyond || (place == 0 && outside && it.way == Way::Worse);
            let Some(change) = series.change().filter(|it| here && !told && told_of(it)) else {
                continue;
            };
            let outside = if outside { ", outside its noise" } else { "" };
            let text = format!("{} {}{outside}", short_name(series.metric), percent(change.share));
            let sign = Sign { word: "worse".to_owned(), ..change_sign(&change) };
            found.push((2, -change.share.abs(), entry(sign, text)));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let count = found.len();
    (found.into_iter().take(SHOWN).map(|(.., entry)| entry).collect(), count)
}

/// The line below the title.
pub fn lead(data: &ReportData) -> String {
    let mut parts = Vec::new();
    let newest: Vec<&RunNote> = data.runs.iter().filter(|run| run.newest).collect();
    if let Some(run) = newest.last() {
        parts.push(format!("newest run {} UTC", minute(run.started)));
        parts.extend(run.release.as_ref().map(|release| format!("release {release}")));
    }
    if newest.len() > 1 {
        parts.push(format!("{} runs of that night", newest.len()));
    }
    if let [first, _, ..] = &data.runs[..] {
        parts.push(format!("{} runs since {}", data.runs.len(), day(first.started)));
    }
    parts.push(format!("{} cases", data.cases.len()));
    parts.join(" · ")
}

/// What verdicts of the gate are worth, a line a machine class and engine.
#[derive(Debug)]
pub struct Worth {
    pub sign: Sign,
    pub place: String,
    pub text: String,
}

/// How often the gate was wrong where the cases were measured.
pub fn worth(data: &ReportData) -> Vec<Worth> {
    let line = |it: &SelfChecked| {
        let (class, sign, word) = match (it.tally.is_biased(), it.tally.is_advisory()) {
            (true, _) => ("bad", "!", "gate biased"),
            (_, true) => ("warn", "?", "gate advisory"),
            (..) => ("good", "✓", "gate checked"),
        };
        Worth {
            sign: Sign { class, sign, word: word.to_owned() },
            place: format!("{}, {}", it.machine, it.engine),
            text: it.tally.line(),
        }
    };
    data.self_checks.iter().map(line).collect()
}

/// Machine and provenance, a line a fact.
pub fn facts(data: &ReportData) -> Vec<(String, String)> {
    let newest: Vec<&RunNote> = data.runs.iter().filter(|run| run.newest).collect();
    let join = |texts: Vec<String>| texts.join(", ");
    let mut found = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            found.push((name.to_owned(), text));
        }
    };
    add("run", join(newest.iter().map(|run| run.id.clone()).collect()));
    add("read from", {
        let mut origins: Vec<_> = data.runs.iter().map(|run| origin(run.origin)).collect();
        origins.sort_unstable();
        origins.dedup();
        origins.join(", ")
    });
    let mut machines: Vec<&str> = data.cases.iter().map(|case| case.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    add("machine class", machines.join(", "));
    let mut engines: Vec<&str> = data.cases.iter().map(|case| case.engine.as_str()).collect();
    engines.sort_unstable();
    engines.dedup();
    add("engine", engines.join(", "));
    let mut lists: Vec<&str> = data
        .cases
        .iter()
        .filter_map(|case| case.evidence.as_ref()?.origin.as_deref())
        .filter_map(|origin| origin.rsplit_once(':').map(|(list, _)| list))
        .collect();
    lists.sort_unstable();
    lists.dedup();
    if !data.facts.iter().any(|(aspect, _)| *aspect == Aspect::List) {
        add("list", lists.join(", "));
    }
    for (aspect, texts) in &data.facts {
        add(&aspect.word().replace('_', " "), several(texts));
    }
    found
}

/// A few values, and how many more there are.
fn several(texts: &[String]) -> String {
    let (shown, left) = texts.split_at(texts.len().min(4));
    let more = if left.is_empty() { String::new() } else { format!(" and {} more", left.len()) };
    shown.join(", ") + &more
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::RunFolder => "run folders",
        Origin::PerfCsv => "perf CSVs",
        Origin::BaselineCsv => "baselines",
        Origin::Synthetic => "made by a script, SYNTHETIC",
    }
}
