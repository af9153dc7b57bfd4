//! What people read of a fleet.

use std::fmt::Write as _;

use super::Fleet;
use crate::commands::history::table::{Column, table};
use crate::verdict::fleet::{Confirmation, Estimate, Month, Outlook, PROMISE, Source};
use crate::verdict::noise::Kind;
use crate::verdict::{one_point, stats};

/// The whole of it.
pub(super) fn text(fleet: &Fleet, month: Month) -> String {
    let Fleet { machine_class, engine, cases, mains, families, .. } = fleet;
    let mut text =
        format!("{machine_class}, {engine}: {cases} cases, {} series", fleet.members.len());
    if fleet.synthetic {
        text += "; SYNTHETIC, with numbers that a script made";
    }
    let cvs = fleet.cvs();
    let cv = |share| percent(stats::percentile(&cvs, share).unwrap_or(0.0), 1);
    writeln!(
        text,
        "\nCV of a run: median {}, nine in ten up to {}, at most {}",
        cv(0.5),
        cv(0.9),
        cv(1.0)
    )
    .expect("a string");
    writeln!(
        text,
        "{} nights: {} judgements, of {mains} main metrics and {families} families of others, each against {} earlier numbers;\n\
         a family counts as the sum of its metrics, which is the most it can come to\n",
        month.nights,
        fleet.judgements(month),
        month.history
    )
    .expect("a string");
    text += &rows(fleet, "false reds a month", |outlook| reds(outlook.reds));
    text.push('\n');
    text += &rows(fleet, "losses of 5 / 10 % seen", |outlook| {
        outlook.caught.map(|share| percent(share, 0)).join(" / ")
    });
    text.push('\n');
    text + &said(fleet, month)
}

/// A row for each noise, a column for each confirmation.
fn rows(fleet: &Fleet, title: &str, cell: impl Fn(&Outlook) -> String) -> String {
    let mut columns = vec![Column(title, false)];
    columns.extend(Confirmation::ALL.map(|it| Column(words(it), true)));
    let row = |(source, outlooks): &(Source, [Outlook; 4])| {
        let mut row = vec![noise(*source).to_owned()];
        row.extend(outlooks.iter().map(&cell));
        row
    };
    table(&columns, &fleet.outlooks.iter().map(row).collect::<Vec<_>>())
}

/// What follows from the table.
fn said(fleet: &Fleet, month: Month) -> String {
    let judgements = fleet.judgements(month);
    let expected = judgements as f64 * one_point::ALPHA;
    let more = worst(fleet, Confirmation::None).filter(|(_, worst)| worst.value > expected);
    let more =
        more.map(|(source, it)| format!(", and {} with {}", number(it.value), noise(source)));
    let mut lines = vec![format!(
        "Without confirmation {judgements} one-sided judgements at {} are up to {} false reds a month by normal noise{}.",
        percent(one_point::ALPHA, 1),
        (expected * 100.0).round() / 100.0,
        more.unwrap_or_default(),
    )];
    let needed = fleet.needed();
    for confirmation in Confirmation::ALL.into_iter().take_while(|it| Some(*it) != needed) {
        lines.extend(worst(fleet, confirmation).map(|(source, worst)| {
            let (reds, noise) = (number(worst.high), noise(source));
            format!("Not enough: {}, up to {reds} a month with {noise}.", words(confirmation))
        }));
    }
    lines.push(match needed {
        Some(Confirmation::None) => {
            format!("The promise of at most {PROMISE} a month is kept by one run.")
        }
        Some(it) => {
            format!("Needed for the promise of at most {PROMISE} a month: {}.", words(it))
        }
        None => format!(
            "Nothing here keeps the promise of at most {PROMISE} a month: measure with less noise, or judge fewer cases."
        ),
    });
    if let Some(own) = fleet.needed_by_own().flatten().filter(|own| Some(*own) != needed) {
        lines.push(format!("By the fleet's own numbers alone: {}.", words(own)));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The noise with the most false reds, by the upper end.
fn worst(fleet: &Fleet, confirmation: Confirmation) -> Option<(Source, Estimate)> {
    let of = |(source, outlooks): &(Source, [Outlook; 4])| {
        let it = outlooks.iter().find(|it| it.confirmation == confirmation)?;
        Some((*source, it.reds))
    };
    fleet.outlooks.iter().filter_map(of).max_by(|a, b| a.1.high.total_cmp(&b.1.high))
}

fn noise(source: Source) -> &'static str {
    match source {
        Source::Model(Kind::Normal) => "normal noise",
        Source::Model(Kind::Nodes) => "one node in five 10 % slower",
        Source::Model(Kind::Tail) => "a heavy tail",
        Source::Model(Kind::Drift) => "AR(1) 0.6",
        Source::Own => "the fleet's own numbers",
    }
}

fn words(confirmation: Confirmation) -> &'static str {
    match confirmation {
        Confirmation::None => "one run",
        Confirmation::SecondRun => "a second run, other node",
        Confirmation::TwoRuns => "two further runs, other nodes",
        Confirmation::Gate => "the paired gate",
    }
}

/// `9.0 (8.9 to 9.1)`.
fn reds(estimate: Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    format!("{} ({} to {})", number(value), number(low), number(high))
}

/// Two or three digits; what is next to nothing is said as that.
fn number(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value < 0.001 => "<0.001".to_owned(),
        _ if value < 0.1 => format!("{value:.3}"),
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn percent(share: f64, decimals: usize) -> String {
    format!("{:.decimals$} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell_one_from_three() {
        let shown = [0.0, 0.0004, 0.0123, 1.0, 3.456, 12.34, 2345.6].map(number);
        assert_eq!(shown, ["0", "<0.001", "0.012", "1.00", "3.46", "12.3", "2346"]);
    }
}
