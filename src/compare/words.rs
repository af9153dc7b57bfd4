//! Numbers and names as people read them; the same in all forms of a comparison.

use super::row::Row;
use super::{Comparison, SideNote};
use crate::history::Kind;
use crate::logs::shown;

/// A number with its noun.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A value with five significant digits, and all before the point.
pub fn value(value: f64) -> String {
    let digits = match value.abs() {
        abs if abs >= 10_000.0 => 0,
        abs if abs >= 1_000.0 => 1,
        abs if abs >= 100.0 => 2,
        abs if abs >= 10.0 => 3,
        _ => 4,
    };
    format!("{value:.digits$}")
}

/// A change in %, without a sign: `worse` and `better` have it.
pub fn change(worse_pct: f64) -> String {
    match worse_pct {
        pct if pct.abs() < 0.05 => "0.0 %".to_owned(),
        pct if pct > 0.0 => format!("{} % worse", pct_text(pct)),
        pct => format!("{} % better", pct_text(-pct)),
    }
}

fn pct_text(pct: f64) -> String {
    if pct < 1e4 { format!("{pct:.1}") } else { "> 9999".to_owned() }
}

/// The interval of a change in %, worse being positive.
pub fn interval([low, high]: [f64; 2]) -> String {
    let text = |pct: f64| match pct {
        pct if pct.abs() >= 1e4 => format!("{}9999", if pct > 0.0 { ">+" } else { "<-" }),
        pct if pct.abs() < 0.05 => "0.0".to_owned(),
        pct => format!("{pct:+.1}"),
    };
    format!("{} to {}", text(low), text(high))
}

/// Medians of both sides, e.g. `8093.6 → 7000.1 tokens/s/GPU`.
pub fn medians(row: &Row) -> String {
    let text = |median: Option<f64>| median.map_or_else(|| "none".to_owned(), value);
    format!("{} → {} {}", text(row.base.median), text(row.candidate.median), row.unit)
}

/// The metric, with the pair of lengths where it is not the first.
pub fn metric(row: &Row) -> String {
    match row.point {
        1 => row.metric.to_string(),
        point => format!("{} (pair {point})", row.metric),
    }
}

/// The part of the world in words.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Code => "code",
        Kind::Settings => "settings",
        Kind::Hardware => "hardware",
        Kind::Dependency => "dependencies",
        Kind::Dataset => "data set",
        Kind::Harness => "harness",
    }
}

/// What a side is, in a line.
pub fn side(side: &SideNote) -> String {
    let runs = match &side.runs[..] {
        [run] => {
            let started = run.started.strftime("%Y-%m-%d %H:%M UTC");
            let release = run.release.as_ref().map(|it| format!(", release {it}"));
            format!("run {} of {started}{}", run.id, release.unwrap_or_default())
        }
        runs => {
            let first = runs.iter().map(|run| run.started).min();
            let last = runs.iter().map(|run| run.started).max();
            let day = |at: Option<jiff::Timestamp>| {
                at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
            };
            format!("{} runs, {} to {}", runs.len(), day(first), day(last))
        }
    };
    let cases = count(side.cases, "case", "cases");
    let samples = count(side.samples, "number", "numbers");
    let more = match side.not_counted {
        0 => String::new(),
        not_counted => format!(", {not_counted} more that cannot be trusted"),
    };
    shown(&format!("{}: {runs}; {cases}, {samples}{more}", side.name))
}

/// Whether it is single-variable, in a sentence.
pub fn single_variable(comparison: &Comparison) -> String {
    let single = &comparison.provenance.single_variable;
    let kinds = single.kinds.iter().map(|it| kind(*it)).collect::<Vec<_>>().join(", ");
    match (single.answer, single.kinds.len()) {
        _ if comparison.provenance.cases == 0 => "not known: no case is compared".to_owned(),
        (Some(true), _) => format!("yes: only {kinds} differs"),
        (Some(false), 0) => "nothing differs: the same thing was measured again".to_owned(),
        (Some(false), _) => format!("no: {kinds} differ"),
        (None, 0) => "not known: nothing that is known differs".to_owned(),
        (None, _) => format!("not known: of what is known only {kinds} differs"),
    }
}

/// The aspects that are not known, with the side, in a line; `None` when all are known.
pub fn unknown(comparison: &Comparison) -> Option<String> {
    let text = comparison.provenance.unknown.iter().map(|it| {
        let side = match (it.base, it.candidate) {
            (true, true) => "",
            (true, false) => " (base)",
            _ => " (candidate)",
        };
        format!("{}{side}", it.aspect.word())
    });
    let text = text.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// `text` in at most `width` characters, its middle left out: both ends of a label tell more.
pub fn elided(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let front = kept.div_ceil(2);
    let head: String = text.chars().take(front).collect();
    let tail: String = text.chars().skip(length - (kept - front)).collect();
    format!("{head}…{tail}")
}

/// Two texts in at most `width` characters each; where one is longer, the place at which they part, with what stands
/// before it.
pub fn apart(texts: [&str; 2], width: usize) -> [String; 2] {
    let [a, b] = texts.map(|text| text.chars().collect::<Vec<_>>());
    if a.len().max(b.len()) <= width {
        return texts.map(str::to_owned);
    }
    let alike = a.iter().zip(&b).take_while(|(one, other)| one == other).count();
    // Half of the room for what leads there.
    let start = alike.saturating_sub(width / 2);
    [a, b].map(|text| {
        let room = width - usize::from(start > 0);
        let rest = &text[start.min(text.len())..];
        let cut = rest.len() > room;
        let kept: String = rest.iter().take(room - usize::from(cut)).collect();
        format!("{}{kept}{}", if start > 0 { "…" } else { "" }, if cut { "…" } else { "" })
    })
}

/// A label without words that all labels have, in at most `width` characters.
pub fn label(label: &str, width: usize) -> String {
    let short = [("-bench-", "-"), ("-input_output_len:", "-io:"), ("-pytorch-", "-pt-")];
    let text = shown(label);
    if text.chars().count() <= width {
        return text;
    }
    let text = short.iter().fold(text, |text, (long, short)| text.replacen(long, short, 1));
    elided(&text, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell_something() {
        let texts = [129_555.827, 8093.6228, 512.0, 63.2314, 5.125, 0.5].map(value);
        assert_eq!(texts, ["129556", "8093.6", "512.00", "63.231", "5.1250", "0.5000"]);
        assert_eq!(
            [13.51, -4.0, 0.01, 1e6].map(change),
            ["13.5 % worse", "4.0 % better", "0.0 %", "> 9999 % worse"]
        );
        assert_eq!(interval([-1.04, 12.0]), "-1.0 to +12.0");
    }

    #[test]
    fn of_two_long_texts_the_place_where_they_part_is_kept() {
        assert_eq!(apart(["same 1", "same 2"], 10), ["same 1", "same 2"]);
        assert_eq!(apart(["0123456789abc x", "0123456789abd y"], 8), ["…89abc x", "…89abd y"]);
        assert_eq!(apart(["0123456789", "01234567890123456789"], 8), ["…6789", "…678901…"]);
        assert_eq!(apart(["", "0123456789"], 8), ["", "0123456…"]);
    }

    #[test]
    fn a_long_label_keeps_its_ends() {
        let long =
            "llama_v3.1_8b-bench-pytorch-float16-maxbs:512-input_output_len:128,128-reqs:8192";
        assert_eq!(label(long, 100), long);
        assert_eq!(label(long, 70), "llama_v3.1_8b-pt-float16-maxbs:512-io:128,128-reqs:8192");
        assert_eq!(label(long, 20), "llama_v3.1…reqs:8192");
        assert_eq!(elided("äöüäöü", 4), "äö…ü");
    }
}
