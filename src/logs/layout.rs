//! The skeleton of a text report: headings, rulers, breakdown rows, the rows of the data-set table.
//!
//! Nothing here reads a number; it tells where in a report a line stands, and so where the report ends.

use super::prefix;

/// A section of a report, named by its heading `= NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// `PYTORCH BACKEND`, `PyTorch backend`, `REFBENCH BACKEND` (the word before) or `ENGINE DETAILS` (`TRT`).
    Backend(String),
    Machine,
    Request,
    World,
    /// `PERFORMANCE OVERVIEW`; `STATISTICS` in 0.12.
    Performance,
    /// `STREAMING STATISTICS` of 0.16/0.17.
    Streaming,
    Decoding,
    Dataset,
    /// `============ Serving Benchmark Result ============`.
    Serving,
}

/// What a line is to the skeleton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Heading(Section),
    /// A line of `=` alone.
    Ruler,
    /// `-- … Breakdown (…) …`: seven rows follow.
    Breakdown,
    /// `[TPOT] P50    : …` and its like.
    BreakdownRow,
    /// `MIN:` to `P99:` of the data-set table; whether it is the last one.
    TableRow {
        last: bool,
    },
    /// Blank, dashes, column titles.
    Filler,
    /// None of these.
    Text,
}

/// Substrings of which every heading has one: what the scan of a whole log looks for.
pub const HEADING_NEEDLES: &[&[u8]] = &[
    b" BACKEND",
    b"PyTorch backend",
    b" DETAILS",
    b"RUNTIME INFORMATION",
    b"PERFORMANCE OVERVIEW",
    b"= STATISTICS",
    b"STREAMING STATISTICS",
    b"Serving Benchmark",
];

/// A ruler cut shorter than this is not yet one.
const RULER: usize = 40;

/// The shape of a line (launcher tag and escape sequences already removed).
pub fn shape(line: &[u8]) -> Shape {
    let text = line.trim_ascii();
    if text.is_empty() {
        return Shape::Filler;
    }
    if let Some(section) = heading(text) {
        return Shape::Heading(section);
    }
    let run = text.iter().rev().take_while(|b| **b == b'=').count();
    if run >= RULER && prefix::ends_like_prefix(&text[..text.len() - run]) {
        return Shape::Ruler;
    }
    if text.starts_with(b"-- ") {
        let title = memchr::memmem::find(text, b"Breakdown").is_some()
            || memchr::memmem::find(text, b"Details ---").is_some();
        return if title { Shape::Breakdown } else { Shape::Filler };
    }
    if text.iter().all(|b| *b == b'-') || text.starts_with(b"Input   ") {
        return Shape::Filler;
    }
    if BREAKDOWN_KEYS.iter().any(|key| leads(text, key)) && text.contains(&b':') {
        return Shape::BreakdownRow;
    }
    if leads(text, b"P99:  ") {
        return Shape::TableRow { last: true };
    }
    match TABLE_ROWS.iter().any(|name| leads(text, name)) {
        true => Shape::TableRow { last: false },
        false => Shape::Text,
    }
}

const BREAKDOWN_KEYS: [&[u8]; 9] = [
    b"[TPOT] ",
    b"[TTFT] ",
    b"[GTPS] ",
    b"[Latency] ",
    b"[DT] ",
    b"[ADT] ",
    b"[DAR] ",
    b"[AL] ",
    b"[AR] ",
];
const TABLE_ROWS: [&[u8]; 6] = [b"MIN:  ", b"MAX:  ", b"AVG:  ", b"P50:  ", b"P90:  ", b"P95:  "];

/// Whether `word` is the first thing on the line after its prefix.
fn leads(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some_and(|at| prefix::ends_like_prefix(&text[..at]))
}

fn heading(text: &[u8]) -> Option<Section> {
    if memchr::memmem::find(text, b"= Serving Benchmark Result =").is_some() {
        return Some(Section::Serving);
    }
    // A heading is the whole line after its prefix: `= NAME`.
    let at =
        memchr::memmem::find_iter(text, b"= ").find(|at| prefix::ends_like_prefix(&text[..*at]))?;
    match text[at + 2..].trim_ascii() {
        b"ENGINE DETAILS" => Some(Section::Backend("TRT".to_owned())),
        b"MACHINE DETAILS" => Some(Section::Machine),
        b"REQUEST DETAILS" => Some(Section::Request),
        b"WORLD + RUNTIME INFORMATION" => Some(Section::World),
        b"PERFORMANCE OVERVIEW" | b"STATISTICS" => Some(Section::Performance),
        b"STREAMING STATISTICS" => Some(Section::Streaming),
        b"DATASET DETAILS" => Some(Section::Dataset),
        name if name.starts_with(b"DECODING STATISTICS") => Some(Section::Decoding),
        name => backend(name),
    }
}

/// `WORD BACKEND` in any case. `Pytorch` is how the report JSON spells it.
fn backend(name: &[u8]) -> Option<Section> {
    let word = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    let word = word.strip_suffix(" backend")?;
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let spelt = if word == "pytorch" { "Pytorch" } else { word };
    plain.then(|| Section::Backend(spelt.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_whole_lines_behind_any_prefix() {
        let section = |line: &str| match shape(line.as_bytes()) {
            Shape::Heading(section) => Some(section),
            _ => None,
        };
        assert_eq!(section("= PERFORMANCE OVERVIEW "), Some(Section::Performance));
        assert_eq!(section("[pod 1] = STATISTICS"), Some(Section::Performance));
        assert_eq!(section("= PyTorch backend"), Some(Section::Backend("Pytorch".to_owned())));
        assert_eq!(section("= REFBENCH BACKEND"), Some(Section::Backend("refbench".to_owned())));
        assert_eq!(
            section("============ Serving Benchmark Result ============"),
            Some(Section::Serving)
        );
        assert_eq!(section("mode = STATISTICS"), None);
        assert_eq!(section("= PERFORMANCE OVERVIEW of my script"), None);
        assert_eq!(section("= ENGINE CONFIGURATION DETAILS"), None);
    }

    #[test]
    fn every_heading_has_a_needle() {
        for line in [
            "= PYTORCH BACKEND",
            "= PyTorch backend",
            "= ENGINE DETAILS",
            "= MACHINE DETAILS ",
            "= REQUEST DETAILS ",
            "= WORLD + RUNTIME INFORMATION ",
            "= PERFORMANCE OVERVIEW ",
            "= STATISTICS",
            "= STREAMING STATISTICS",
            "= DATASET DETAILS",
            "============ Serving Benchmark Result ============",
        ] {
            assert!(matches!(shape(line.as_bytes()), Shape::Heading(_)), "{line}");
            let found = HEADING_NEEDLES
                .iter()
                .any(|needle| memchr::memmem::find(line.as_bytes(), needle).is_some());
            assert!(found, "{line}");
        }
    }

    #[test]
    fn rows_titles_and_rulers_are_told_apart() {
        assert_eq!(shape(&[b'='; 59]), Shape::Ruler);
        assert_eq!(shape(&[b'='; 12]), Shape::Text);
        assert_eq!(
            shape(b"-- Request Latency Breakdown (ms) -----------------------"),
            Shape::Breakdown
        );
        assert_eq!(shape(b"-- Percentiles statistics -----"), Shape::Filler);
        assert_eq!(shape(b"[Latency] P50    : 4837.5393"), Shape::BreakdownRow);
        assert_eq!(shape(b"P99:  1040.0000  522.0000"), Shape::TableRow { last: true });
        assert_eq!(shape(b"[n1] MIN:   960.0000"), Shape::TableRow { last: false });
        assert_eq!(shape(b"[BENCHMARK] x 1"), Shape::Text);
    }
}
