//! `junit.xml`. The only user of `junit-report`, which writes each case; the frame around them is written here,
//! since the crate has no counter of skipped cases, no attributes on the root, and times with an exponent of
//! floating point's choice.
//!
//! One trial is one case, whatever its attempts: readers use the first of equal cases and would show the failed
//! attempt of a trial that passed, or hide the failure of one that did not.

mod case;
mod clean;
mod excerpt;

pub(super) use case::{JunitCase, Kind, case, kind};
pub(super) use clean::clean_line;

use super::run_info::RunInfo;

/// Largest text of one element. GitLab and libxml2 refuse nodes of 10 MB, and cleaning can make five of one.
pub(super) const TEXT_LIMIT: usize = 64 << 10;
/// Largest file; GitLab takes 30 MB.
pub(super) const FILE_LIMIT: usize = 28_000_000;

/// The name of the suite: the prefix, else `perf`.
fn suite_name(info: &RunInfo) -> &str {
    info.prefix.as_deref().filter(|prefix| !prefix.is_empty()).unwrap_or("perf")
}

/// Seconds with three decimals.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// The whole file.
pub(super) fn document<'a>(
    info: &RunInfo,
    cases: impl Iterator<Item = &'a JunitCase> + Clone,
) -> String {
    let count = |kind: Kind| cases.clone().filter(|case| case.kind == kind).count();
    let counters = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        cases.clone().count(),
        count(Kind::Failure),
        count(Kind::Error)
    );
    let time = seconds(cases.clone().map(|case| case.millis).sum());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites name=\"perf\" {counters} time=\"{time}\">\n\
         <testsuite name=\"{}\" {counters} skipped=\"{}\" time=\"{time}\" timestamp=\"{}\" hostname=\"{}\">\n",
        attribute(suite_name(info)),
        count(Kind::Skipped),
        info.started.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        attribute(&info.session.hostname),
    );
    if !info.properties.is_empty() {
        let property = |(name, value): &(String, String)| {
            format!("<property name=\"{}\" value=\"{}\"/>", attribute(name), attribute(value))
        };
        text += "<properties>";
        text.extend(info.properties.iter().map(property));
        text += "</properties>\n";
    }
    for case in cases {
        text += &case.xml;
        text.push('\n');
    }
    text + "</testsuite>\n</testsuites>\n"
}

fn attribute(text: &str) -> String {
    clean_line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
