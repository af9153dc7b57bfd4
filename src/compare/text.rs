//! A comparison for a terminal: at most 100 columns.

use std::fmt::Write as _;

use super::means::Family;
use super::row::{Change, Row};
use super::{Absent, Comparison, words};
use crate::logs::shown;

/// Columns.
const WIDTH: usize = 100;

/// The comparison as text; rows that are the same only with `all`.
pub fn text(comparison: &Comparison, all: bool) -> String {
    let mut out = String::new();
    line(&mut out, &format!("base       {}", words::side(&comparison.base)));
    line(&mut out, &format!("candidate  {}", words::side(&comparison.candidate)));
    for warning in &comparison.warnings {
        line(&mut out, &format!("warning: {}", shown(warning)));
    }
    provenance(&mut out, comparison);
    out.push('\n');
    line(&mut out, &summary(comparison));
    if comparison.rows.iter().any(|row| row.interval_pct.is_some()) {
        line(
            &mut out,
            "in brackets: confidence interval at 95 %, in % of the base, worse being positive",
        );
    }
    for change in Change::ALL {
        if change != Change::Same || all {
            section(&mut out, comparison, change);
        }
    }
    failed(&mut out, comparison);
    means(&mut out, comparison);
    out
}

/// The counts in a line.
pub fn summary(comparison: &Comparison) -> String {
    let counts = Change::ALL.map(|change| (comparison.count(change), change.word()));
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let failed = comparison.newly_failed().count();
    let failed = match failed {
        0 => String::new(),
        count => format!("; {} only in the candidate", words::count(count, "failure", "failures")),
    };
    let cases = words::count(comparison.provenance.cases, "case", "cases");
    let metrics = words::count(comparison.rows.len(), "metric", "metrics");
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    format!("{cases}, {metrics} compared{counts}{failed}")
}

fn line(out: &mut String, text: &str) {
    wrap(out, text, "  ");
}

/// Writes `text`, broken at blanks, the further lines set in.
fn wrap(out: &mut String, text: &str, indent: &str) {
    let mut width = 0;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if word.is_empty() && width >= WIDTH {
            continue;
        }
        if index > 0 && width + 1 + length > WIDTH && !word.is_empty() {
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        } else if index > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}

fn provenance(out: &mut String, comparison: &Comparison) {
    let provenance = &comparison.provenance;
    if provenance.cases == 0 {
        return;
    }
    out.push_str("\nwhat differs\n");
    for difference in &provenance.differs {
        let name = difference.aspect.word();
        let kind = words::kind(difference.kind);
        let of = match difference.cases == provenance.cases {
            true => String::new(),
            false => format!("  ({} of {} cases)", difference.cases, provenance.cases),
        };
        let room = WIDTH.saturating_sub(32 + of.chars().count());
        let what = match (&difference.base, &difference.candidate) {
            (Some(base), Some(candidate)) => {
                let [base, candidate] = [base, candidate].map(|values| shown(&values.join(" | ")));
                match base.chars().count() + candidate.chars().count() + 3 {
                    whole if whole <= room => format!("{base} → {candidate}"),
                    _ => words::apart([&base, &candidate], (room - 3) / 2).join(" → "),
                }
            }
            _ => "in several ways".to_owned(),
        };
        writeln!(out, "  {name:<15}  {kind:<12} {what}{of}").expect("a string takes any text");
    }
    if provenance.differs.is_empty() {
        out.push_str("  nothing that is known\n");
    }
    if !provenance.varies.is_empty() {
        let names: Vec<_> = provenance.varies.iter().map(|it| it.word()).collect();
        wrap(out, &format!("  varies on both sides: {}", names.join(", ")), "    ");
    }
    if let Some(unknown) = words::unknown(comparison) {
        wrap(out, &format!("  not known: {unknown}"), "    ");
    }
    line(out, &format!("single-variable: {}", words::single_variable(comparison)));
}

fn section(out: &mut String, comparison: &Comparison, change: Change) {
    let absent: &[Absent] = match change {
        Change::Missing => &comparison.missing,
        Change::New => &comparison.new,
        Change::NotComparable => &comparison.apart,
        _ => &[],
    };
    let rows: Vec<&Row> = comparison.rows_of(change).collect();
    if rows.is_empty() && absent.is_empty() {
        return;
    }
    let title = match change {
        Change::Missing => "missing: not in the candidate",
        Change::New => "new: not in the base",
        Change::Inconclusive => "inconclusive: neither a change nor its absence can be shown",
        _ => change.word(),
    };
    writeln!(out, "\n{title}").expect("a string takes any text");
    let common = comparison.common_cause(change);
    if let Some(common) = &common {
        wrap(out, &format!("  cause: {}", common.sentence()), "    ");
    }
    for (index, row) in rows.iter().enumerate() {
        // The place of a case is where its worst row is; its other rows of the section stand below that.
        let same = |other: &&&Row| other.case == row.case && other.machine == row.machine;
        if rows[..index].iter().any(|other| same(&other)) {
            continue;
        }
        case(out, &row.case, &row.machine);
        rows[index..].iter().filter(same).for_each(|row| metric(out, row));
        // All metrics of a case have the same.
        match row.cause.as_ref().filter(|_| common.is_none()) {
            Some(cause) => wrap(out, &format!("    cause: {}", cause.sentence()), "      "),
            None => differs(out, row),
        }
    }
    for absent in absent {
        case(out, &absent.case, &absent.machine);
        let reason = words::elided(&shown(&absent.reason), WIDTH - 4);
        writeln!(out, "    {reason}").expect("a string takes any text");
    }
}

/// The line of a case: its label, and where it was measured, at the right where there is room.
fn case(out: &mut String, label: &str, machine: &str) {
    let machine = words::elided(&shown(machine), 40);
    let room = WIDTH - 4 - machine.chars().count();
    let label = words::label(label, room);
    writeln!(out, "  {label}  {machine}").expect("a string takes any text");
}

fn metric(out: &mut String, row: &Row) {
    let name = words::metric(row);
    let medians = words::medians(row);
    let change = row.worse_pct.map(words::change).unwrap_or_default();
    let mut text = format!("    {name:<17} {medians:<34} {change:<13}");
    if let Some(interval) = row.interval_pct {
        write!(text, " [{}]", words::interval(interval)).expect("a string takes any text");
    }
    if (row.base.n, row.candidate.n) != (1, 1) {
        write!(text, "  n {}, {}", row.base.n, row.candidate.n).expect("a string takes any text");
    }
    let left_out = row.base.not_counted + row.candidate.not_counted;
    if left_out > 0 && row.reason.is_none() {
        write!(text, "  {left_out} not counted").expect("a string takes any text");
    }
    wrap(out, text.trim_end(), "      ");
    if let Some(reason) = &row.reason {
        wrap(out, &format!("      {}", shown(reason)), "        ");
    }
    for since in &row.since {
        wrap(out, &format!("      {}", since.words()), "        ");
    }
}

/// What differs for the case of a row alone.
fn differs(out: &mut String, row: &Row) {
    let differs: Vec<_> = row.differs.iter().map(|aspect| aspect.word()).collect();
    if !differs.is_empty() {
        wrap(out, &format!("    differs for this case: {}", differs.join(", ")), "      ");
    }
}

fn failed(out: &mut String, comparison: &Comparison) {
    if comparison.failed.is_empty() {
        return;
    }
    out.push_str("\nfailed\n");
    for failed in &comparison.failed {
        case(out, &failed.case, failed.side);
        let text = shown(&format!("{}: {} (run {})", failed.kind, failed.message, failed.run));
        writeln!(out, "    {}", words::elided(&text, WIDTH - 4)).expect("a string takes any text");
    }
}

fn means(out: &mut String, comparison: &Comparison) {
    if comparison.means.is_empty() {
        return;
    }
    out.push_str(
        "\ngeometric means of the ratios: above 1 the candidate is better; in brackets how many\n",
    );
    writeln!(out, "  {:<50} {:>16} {:>16}", "", "throughput", "latency")
        .expect("a string takes any text");
    for (group, cells) in mean_table(comparison) {
        let [throughput, latency] = cells;
        let group = words::elided(&shown(&group), 50);
        writeln!(out, "  {group:<50} {throughput:>16} {latency:>16}")
            .expect("a string takes any text");
    }
}

/// The means with a line for each group: throughput and latency.
pub fn mean_table(comparison: &Comparison) -> Vec<(String, [String; 2])> {
    let mut table: Vec<(String, [String; 2])> = Vec::new();
    for mean in &comparison.means {
        let group = mean.group();
        if table.last().is_none_or(|(last, _)| *last != group) {
            table.push((group, Default::default()));
        }
        let column = Family::ALL.iter().position(|it| *it == mean.family).expect("all are there");
        let cells = &mut table.last_mut().expect("it was pushed").1;
        cells[column] = format!("{:.3} ({})", mean.gain, mean.n);
    }
    table
}
