//! A comparison as Markdown, for a comment on a change.
//!
//! Labels and messages come from outside. Each stands in `<code>` with every character that could mean something to
//! Markdown, HTML, or a forge (mentions, references, links) written as a character reference.

use std::fmt::Write as _;

use super::row::{Change, Row};
use super::text::{mean_table, summary};
use super::{Absent, Comparison, words};
use crate::logs::shown;

/// Largest comment, in bytes: GitHub takes 65,536 characters, and whoever posts it may add some.
pub const MARKDOWN_LIMIT: usize = 60_000;
/// What is kept back for the parts after a table, and for the words that tell of a cut.
const RESERVE: usize = 300;

/// The comparison, the important parts first, in at most [`MARKDOWN_LIMIT`] bytes.
pub fn markdown(comparison: &Comparison) -> String {
    let mut out = Page::default();
    let mark = match (comparison.count(Change::Regress), comparison.count(Change::Missing)) {
        (0, 0) => "",
        _ => "⚠️ ",
    };
    out.always(&format!("### {mark}Performance: {}\n\n", summary(comparison)));
    for side in [("base", &comparison.base), ("candidate", &comparison.candidate)] {
        out.always(&format!("- {}: {}\n", side.0, code(&words::elided(&words::side(side.1), 400))));
    }
    let single = words::single_variable(comparison);
    out.always(&format!("- single-variable: {single}\n"));
    let shown_warnings = comparison.warnings.iter().take(10);
    for warning in shown_warnings {
        out.always(&format!("- **warning:** {}\n", code(&words::elided(warning, 400))));
    }
    if comparison.warnings.len() > 10 {
        out.always(&format!("- **warning:** and {} more\n", comparison.warnings.len() - 10));
    }
    let table = |out: &mut Page, change: Change, folded: bool| {
        rows(out, comparison, change, folded);
    };
    table(&mut out, Change::Regress, false);
    absent(&mut out, "missing cases", &comparison.missing, false);
    table(&mut out, Change::Improved, false);
    provenance(&mut out, comparison);
    means(&mut out, comparison);
    failed(&mut out, comparison);
    for change in [Change::Missing, Change::NotComparable, Change::Inconclusive, Change::New] {
        table(&mut out, change, true);
    }
    absent(&mut out, "not comparable cases", &comparison.apart, true);
    absent(&mut out, "new cases", &comparison.new, true);
    table(&mut out, Change::Same, true);
    out.text
}

/// `text` as inline code in which nothing has a meaning.
pub fn code(text: &str) -> String {
    let text = shown(text).replace('\n', " ");
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::from("<code>");
    for (index, &c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| chars.get(index));
        let after = chars.get(index + 1);
        let inside = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let plain = match c {
            ' ' | ',' | '/' | '+' | '%' | '=' | '-' | ';' => true,
            // Emphasis begins and ends at a word's edge only.
            '_' => inside(before) && inside(after),
            // `http://` and `www.` become links by themselves.
            ':' => after.is_none_or(|after| *after != '/'),
            '.' => before.is_none_or(|before| !before.eq_ignore_ascii_case(&'w')),
            c => c.is_alphanumeric(),
        };
        match plain {
            true => out.push(c),
            false => write!(out, "&#{};", u32::from(c)).expect("a string takes any text"),
        }
    }
    out + "</code>"
}

/// A page that is cut before it is too long.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// What is short and must be there.
    fn always(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// A section of lines. Those for which there is no room are counted instead.
    fn section(&mut self, title: &str, head: &str, lines: &[String], folded: bool) {
        if lines.is_empty() {
            return;
        }
        let title = format!("{title} ({})", lines.len());
        let (open, close) = match folded {
            true => (format!("\n<details><summary>{title}</summary>\n\n{head}"), "\n</details>\n"),
            false => (format!("\n**{title}**\n\n{head}"), ""),
        };
        let fits = |page: &Self, more: usize| page.text.len() + more + RESERVE <= MARKDOWN_LIMIT;
        if !fits(self, open.len() + lines[0].len()) {
            if self.text.len() + title.len() + 60 <= MARKDOWN_LIMIT {
                self.text.push_str(&format!("\n{title}: no room here; `--json` has all\n"));
            }
            return;
        }
        self.text.push_str(&open);
        let mut told = 0;
        while told < lines.len() && fits(self, lines[told].len()) {
            self.text.push_str(&lines[told]);
            told += 1;
        }
        if told < lines.len() {
            let left = lines.len() - told;
            self.text.push_str(&format!("\n… and {left} more, cut here; `--json` has all\n"));
        }
        self.text.push_str(close);
    }
}

fn rows(out: &mut Page, comparison: &Comparison, change: Change, folded: bool) {
    let common = comparison.common_cause(change);
    let head = common
        .as_ref()
        .map(|cause| format!("cause: {}\n\n", code(&words::elided(&cause.sentence(), 400))));
    let head = head.unwrap_or_default()
        + "| case | metric | base → candidate | change | interval at 95 % | n |\n|---|---|---|---|---|---|\n";
    let line = |row: &Row| {
        let change = row.worse_pct.map(words::change).unwrap_or_default();
        let interval = row.interval_pct.map(words::interval).unwrap_or_default();
        let reason = row.reason.as_ref().map(|reason| format!(" {}", code(reason)));
        let since =
            row.since.iter().map(|it| format!("<br>{}", code(&words::elided(&it.words(), 300))));
        let since: String = since.collect();
        let n = format!("{}, {}", row.base.n, row.candidate.n);
        let cause = row.cause.as_ref().filter(|_| common.is_none());
        let cause = cause
            .map(|cause| format!("<br>cause: {}", code(&words::elided(&cause.sentence(), 400))));
        let place =
            format!("{}<br>{}{}", code(&row.case), code(&row.machine), cause.unwrap_or_default());
        format!(
            "| {place} | {} | {} | {change}{}{since} | {interval} | {n} |\n",
            code(&words::metric(row)),
            words::medians(row),
            reason.unwrap_or_default(),
        )
    };
    let lines: Vec<String> = comparison.rows_of(change).map(line).collect();
    out.section(change.word(), &head, &lines, folded);
}

fn absent(out: &mut Page, title: &str, absent: &[Absent], folded: bool) {
    let line = |it: &Absent| {
        let reason = words::elided(&it.reason, 300);
        format!("| {} | {} | {} |\n", code(&it.case), code(&it.machine), code(&reason))
    };
    let lines: Vec<String> = absent.iter().map(line).collect();
    out.section(title, "| case | machine | why |\n|---|---|---|\n", &lines, folded);
}

fn provenance(out: &mut Page, comparison: &Comparison) {
    let line = |it: &super::Difference| {
        let text = |values: &Option<Vec<String>>| match values {
            Some(values) => code(&words::elided(&values.join(" | "), 300)),
            None => "several".to_owned(),
        };
        let cases = format!("{} of {}", it.cases, comparison.provenance.cases);
        let (base, candidate) = (text(&it.base), text(&it.candidate));
        let kind = words::kind(it.kind);
        format!("| {} | {kind} | {base} | {candidate} | {cases} |\n", code(it.aspect.word()))
    };
    let lines: Vec<String> = comparison.provenance.differs.iter().map(line).collect();
    let head = "| what | kind | base | candidate | cases |\n|---|---|---|---|---|\n";
    out.section("what differs", head, &lines, true);
    if let Some(unknown) = words::unknown(comparison) {
        out.always(&format!("\nNot known: {}\n", code(&unknown)));
    }
}

fn means(out: &mut Page, comparison: &Comparison) {
    let line = |(group, [throughput, latency]): (String, [String; 2])| {
        format!("| {} | {throughput} | {latency} |\n", code(&group))
    };
    // The whole first, for it is the one that must not be cut.
    let mut lines: Vec<String> = mean_table(comparison).into_iter().map(line).collect();
    if let Some(all) = lines.pop() {
        lines.insert(0, all);
    }
    let head = "| above 1 the candidate is better | throughput | latency |\n|---|---|---|\n";
    out.section("geometric means of the ratios", head, &lines, true);
}

fn failed(out: &mut Page, comparison: &Comparison) {
    let line = |it: &super::Failed| {
        let message = words::elided(&it.message, 300);
        format!("| {} | {} | {} | {} |\n", code(&it.case), it.side, code(&it.kind), code(&message))
    };
    let lines: Vec<String> = comparison.failed.iter().map(line).collect();
    out.section("failed", "| case | side | kind | message |\n|---|---|---|---|\n", &lines, true);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_from_outside_means_nothing() {
        assert_eq!(code("a|b`c<i>"), "<code>a&#124;b&#96;c&#60;i&#62;</code>");
        assert_eq!(
            code("@all #1 http://x www.x"),
            "<code>&#64;all &#35;1 http&#58;//x www&#46;x</code>"
        );
        assert_eq!(
            code("input_output_len:1,2 _a_"),
            "<code>input_output_len:1,2 &#95;a&#95;</code>"
        );
        assert_eq!(code("a\nb\x1b[31m"), "<code>a b</code>");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text: String) {
            let coded = code(&text);
            let inner = coded.strip_prefix("<code>").and_then(|it| it.strip_suffix("</code>"));
            let inner = inner.expect("in its tags");
            prop_assert!(!inner.contains(['<', '>', '|', '`', '*', '[', ']', '\\', '@', '\n', '\r', '"', '~']));
        }
    }
}
