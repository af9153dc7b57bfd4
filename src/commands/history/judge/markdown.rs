//! The verdicts of a night as Markdown.

use std::fmt::Write as _;

use super::Judged;
use super::text::{cells, commands, ends, head, reasons};
use crate::compare::code;
use crate::trend::night::CaseNight;
use crate::verdict::Verdict;

/// A heading with the counts, a table of all cases with their reasons, and the commands that would confirm.
pub(super) fn markdown(judged: &Judged) -> String {
    let mut text = String::new();
    let mut add = |line: &str| writeln!(text, "{line}").expect("a string");
    let slower = judged.cases.iter().filter(|case| case.verdict == Verdict::Regress).count();
    let mark = if slower > 0 { "⚠️ " } else { "" };
    add(&format!(
        "### {mark}Night against history: {slower} of {} cases slower\n",
        judged.cases.len()
    ));
    add(&format!("{}\n", code(&head(judged))));
    add(
        "| verdict | change | seen from | earlier | value | metric | machine class | case | reason |",
    );
    add("|---|--:|--:|--:|--:|---|---|---|---|");
    for case in &judged.cases {
        add(&row(case, judged.budget));
    }
    add("");
    for line in ends(judged) {
        add(&format!("- {}", code(&line)));
    }
    for (what, command) in commands(judged) {
        add(&format!("\n{what}:\n\n{}", code(&command)));
    }
    text
}

fn row(case: &CaseNight, budget: f64) -> String {
    let reasons: Vec<String> = reasons(case, budget).iter().map(|it| code(it)).collect();
    let mut cells: Vec<String> = cells(case).iter().map(|it| code(it)).collect();
    cells.extend([code(&case.machine_class), code(&case.case.label), reasons.join("<br>")]);
    format!("| {} |", cells.join(" | "))
}
