//! The verdicts of a night for people: a table, the reasons, the counts, and what to do next.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::table::{Column, number, table};
use super::Judged;
use crate::history::{Origin, RunRecord};
use crate::logs::shown;
use crate::trend::LeftOut;
use crate::trend::night::{CaseNight, Still};
use crate::verdict::Verdict;

/// Table, reasons of all but plain passes, counts, commands.
pub(super) fn text(judged: &Judged) -> String {
    let several = places(judged).len() > 1;
    let mut columns = vec![
        Column("verdict", false),
        Column("change", true),
        Column("seen from", true),
        Column("earlier", true),
        Column("value", true),
        Column("metric", false),
    ];
    columns.extend(several.then_some(Column("machine class", false)));
    columns.push(Column("case", false));
    let row = |case: &CaseNight| {
        let mut row = cells(case);
        row.extend(several.then(|| case.machine_class.clone()));
        row.push(case.case.label.clone());
        row
    };
    let mut text = table(&columns, &judged.cases.iter().map(row).collect::<Vec<_>>());
    for case in judged.cases.iter().filter(|case| is_telling(case)) {
        write!(text, "\n{}: {}\n", case.case.label, case.words()).expect("a string");
        for reason in reasons(case, judged.budget) {
            writeln!(text, "  {reason}").expect("a string");
        }
    }
    writeln!(text, "\n{}", head(judged)).expect("a string");
    for line in ends(judged) {
        writeln!(text, "{line}").expect("a string");
    }
    for (what, command) in commands(judged) {
        writeln!(text, "{what}:\n  {command}").expect("a string");
    }
    text
}

/// Verdict, change, the smallest loss that would be seen, earlier points, value and metric.
pub(super) fn cells(case: &CaseNight) -> Vec<String> {
    let dash = || "-".to_owned();
    let noise = case.judgement.noise();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let value = case.runs.iter().find(|run| run.repeats > 0).map(|run| number(run.value));
    vec![
        case.words(),
        case.judgement.ratio.map_or_else(dash, |ratio| format!("{:+.1} %", (ratio - 1.0) * 100.0)),
        noise.and_then(|it| it.resolution).map_or_else(dash, percent),
        noise.map_or_else(dash, |it| it.history.to_string()),
        value.unwrap_or_else(dash),
        case.metric.map_or_else(dash, |metric| metric.to_string()),
    ]
}

/// Whether there is more to say than that it passed.
fn is_telling(case: &CaseNight) -> bool {
    case.words() != "pass" || case.others.iter().any(|(_, other)| other.worse)
}

/// Why a case has its verdict, the deciding sentence first.
pub(super) fn reasons(case: &CaseNight, budget: f64) -> Vec<String> {
    let names: Vec<&str> = case.runs.iter().map(|run| run.name()).collect();
    let mut reasons = Vec::new();
    let mut drifts = Vec::new();
    for (still, drift) in &case.drifts {
        let sentence = drift.sentence(&standing(still), case.limit, budget);
        if drift.drifted == Some(true) { &mut reasons } else { &mut drifts }.push(sentence);
    }
    if case.verdict != Verdict::Invalid {
        reasons.push(case.judgement.sentence(case.limit, &names));
    }
    for run in &case.runs {
        if let Some(lacks) = &run.lacks {
            reasons.push(format!("run {}: {}", run.id, shown(lacks).replace('\n', " ")));
        }
    }
    for (metric, other) in case.others.iter().filter(|(_, other)| other.worse) {
        reasons.push(format!("worse in {metric} ×{:.4} (p {:.1e})", other.ratio, other.p));
    }
    if case.verdict == Verdict::Regress {
        reasons.push(format!("cause: {}", case.cause().sentence()));
    }
    reasons.extend(case.not_primary.clone());
    reasons.extend(case.notes.iter().cloned());
    reasons.extend(case.left_out.sentence());
    reasons.extend(drifts);
    reasons
}

fn standing(still: &Still) -> String {
    match still {
        Still::Blessed(blessing) => format!(
            "{} blessed by {} on {}",
            number(blessing.level),
            shown(&blessing.made.by),
            blessing.made.at.strftime("%Y-%m-%d")
        ),
        Still::Release(name) => format!("release {name}"),
    }
}

/// Machine classes and engines.
fn places(judged: &Judged) -> BTreeSet<(&str, &str)> {
    judged.cases.iter().map(|it| (it.machine_class.as_str(), it.engine.as_str())).collect()
}

/// Which runs, on what, and how many cases came to what.
pub(super) fn head(judged: &Judged) -> String {
    let run = |run: &RunRecord| {
        let release = run.release.as_ref().map(|name| format!(" (release {name})"));
        format!("{}{}", run.id, release.unwrap_or_default())
    };
    let runs: Vec<String> = judged.runs.iter().map(run).collect();
    let places: Vec<String> =
        places(judged).iter().map(|(machine, engine)| format!("{machine}, {engine}")).collect();
    let count = |wanted: &dyn Fn(&CaseNight) -> bool| {
        judged.cases.iter().filter(|case| wanted(case)).count()
    };
    let of = |verdict: Verdict| count(&|case| case.verdict == verdict);
    let improved = count(&is_improved);
    format!(
        "{}{}; on {}; {} {}: {} regress, {improved} improved, {} pass, {} inconclusive, {} invalid",
        if runs.len() == 1 { "run " } else { "runs " },
        runs.join(", "),
        places.join("; "),
        judged.cases.len(),
        if judged.cases.len() == 1 { "case" } else { "cases" },
        of(Verdict::Regress),
        of(Verdict::Pass) - improved,
        of(Verdict::Inconclusive),
        of(Verdict::Invalid),
    )
}

fn is_improved(case: &CaseNight) -> bool {
    case.verdict == Verdict::Pass && case.judgement.improved
}

/// What is to be said of all cases together.
pub(super) fn ends(judged: &Judged) -> Vec<String> {
    let mut lines = Vec::new();
    if judged.runs.iter().any(|run| run.origin == Origin::Synthetic) {
        lines.push(
            "SYNTHETIC: these numbers were made by a script, and only such were held against them"
                .to_owned(),
        );
    }
    let passed = judged.cases.iter().filter(|case| !is_telling(case));
    let all = passed.fold(LeftOut::default(), |sum, case| sum.and(&case.left_out));
    lines.extend(all.sentence().map(|sentence| format!("of the cases that passed, {sentence}")));
    let unblessed = judged.cases.iter().filter(|case| {
        let blessed = |(still, _): &(Still, _)| matches!(still, Still::Blessed(_));
        case.metric.is_some() && !case.drifts.iter().any(blessed)
    });
    let unblessed = unblessed.count();
    if unblessed > 0 {
        let cases = if unblessed == 1 { "case has" } else { "cases have" };
        lines.push(format!(
            "{unblessed} {cases} no blessed level to hold slow decline against: trtllm-perf history bless --reason TEXT"
        ));
    }
    lines
}

/// What would confirm the regressions of single runs, and what would find them out.
pub(super) fn commands(judged: &Judged) -> Vec<(&'static str, String)> {
    let slower = |case: &&CaseNight| case.verdict == Verdict::Regress;
    let cases: Vec<String> = judged
        .cases
        .iter()
        .filter(slower)
        .map(|case| format!("--case {}", quoted(&case.case.label)))
        .collect();
    if cases.is_empty() {
        return Vec::new();
    }
    let (cases, runs) = (cases.join(" "), &judged.runs);
    let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let place = quoted(&judged.place);
    vec![
        (
            "to confirm, on another node of the same machine class",
            format!(
                "trtllm-perf run {cases} --history {place} && trtllm-perf history judge {} NEW-RUN --history {place}",
                ids.join(" ")
            ),
        ),
        (
            "to find out whether it is the program, both beside each other",
            format!("trtllm-perf gate --base GOOD --candidate NEW {cases}"),
        ),
    ]
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", shown(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_more_into_it() {
        assert_eq!(quoted("perf-history.sqlite"), "perf-history.sqlite");
        assert_eq!(quoted("a:1,2"), "'a:1,2'");
        assert_eq!(quoted("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }
}
