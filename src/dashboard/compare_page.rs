//! The page of a comparison: one file, without scripts. Askama escapes whatever it is given.

use askama::Template;

use crate::compare::{
    Absent, Change, Comparison, Difference, Row, text_means, text_summary, words,
};

/// What the template reads.
#[derive(Template)]
#[template(path = "compare.html")]
struct Page<'a> {
    comparison: &'a Comparison,
    summary: String,
    sides: [(&'static str, String); 2],
    single_variable: String,
    unknown: Option<String>,
    means: Vec<(String, [String; 2])>,
    sections: Vec<Section<'a>>,
}

/// What has one verdict.
struct Section<'a> {
    change: Change,
    title: &'static str,
    rows: Vec<&'a Row>,
    absent: &'a [Absent],
    /// What all rows have in common.
    cause: Option<String>,
}

/// The page as HTML.
///
/// # Errors
/// Never in practice: the template is compiled in and writes to memory.
pub fn compare_page(comparison: &Comparison) -> Result<String, askama::Error> {
    let section = |change| {
        let absent: &[Absent] = match change {
            Change::Missing => &comparison.missing,
            Change::New => &comparison.new,
            Change::NotComparable => &comparison.apart,
            _ => &[],
        };
        Section {
            change,
            title: change.word(),
            rows: comparison.rows_of(change).collect(),
            absent,
            cause: comparison.common_cause(change).map(|cause| cause.sentence()),
        }
    };
    let sections = Change::ALL.map(section).into_iter();
    let page = Page {
        comparison,
        summary: text_summary(comparison),
        sides: [
            ("base", words::side(&comparison.base)),
            ("candidate", words::side(&comparison.candidate)),
        ],
        single_variable: words::single_variable(comparison),
        unknown: words::unknown(comparison),
        means: text_means(comparison),
        sections: sections.filter(|it| !it.rows.is_empty() || !it.absent.is_empty()).collect(),
    };
    page.render()
}

impl Section<'_> {
    /// How many there are.
    fn count(&self) -> usize {
        self.rows.len() + self.absent.len()
    }

    /// The class that gives its colour.
    fn class(&self) -> String {
        self.title.replace(' ', "-")
    }

    /// Whether it is open when the page opens.
    fn open(&self) -> bool {
        self.change != Change::Same
    }

    fn change(&self, row: &Row) -> String {
        row.worse_pct.map(words::change).unwrap_or_default()
    }

    fn interval(&self, row: &Row) -> String {
        row.interval_pct.map(words::interval).unwrap_or_default()
    }

    /// What is said of a row beside its numbers.
    fn notes(&self, row: &Row) -> String {
        let differs: Vec<_> = row.differs.iter().map(|aspect| aspect.word()).collect();
        let differs = match &differs[..] {
            [] => None,
            differs => Some(format!("differs for this case: {}", differs.join(", "))),
        };
        let cause = row.cause.as_ref().filter(|_| self.cause.is_none());
        let cause = cause.map(|cause| format!("cause: {}", cause.sentence()));
        let left_out = row.base.not_counted + row.candidate.not_counted;
        let left_out = match left_out {
            0 => None,
            count => Some(format!("{count} not counted")),
        };
        let since = row.since.iter().map(|since| Some(since.words()));
        let notes = [row.reason.clone(), left_out, cause.or(differs)].into_iter().chain(since);
        notes.flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Page<'_> {
    /// The values of one side of a difference.
    fn values(&self, values: &Option<Vec<String>>) -> String {
        values.as_ref().map_or_else(|| "several".to_owned(), |values| values.join(" | "))
    }

    fn kind(&self, difference: &Difference) -> &'static str {
        words::kind(difference.kind)
    }
}
