//! Which lines of the lists are for this machine, in the user's order.

use std::collections::HashMap;
use std::fmt;

use jiff::civil::Date;

use super::condition::Verdict;
use super::entry::Entry;
use super::facts::Facts;
use super::id;
use super::marker::Markers;
use super::test_list::TestList;

/// A line of a list and whether it is to run. Every line of every list has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<'a> {
    /// The list the line stands in.
    pub list: &'a TestList,
    /// The line.
    pub entry: &'a Entry,
    /// The full test name, `[PREFIX/]ID`.
    pub name: String,
    /// The markers that count: the line's own, or those of its last duplicate that has any in force.
    pub markers: &'a Markers,
    /// Why it does not run; `None` when it does.
    pub reason: Option<Unselected<'a>>,
}

/// Why a line is not selected.
#[derive(Debug, Clone, PartialEq)]
pub enum Unselected<'a> {
    /// The line names another kind of test.
    NotPerf,
    /// A `full:` line of another platform.
    OtherPlatform(&'a str),
    /// The block's condition does not fit the machine.
    Condition(Verdict),
    /// The name stands before, and a name runs once.
    DuplicateOf(&'a Entry),
}

/// Judges every line of `lists`, in order, for a machine with these `facts` and a run with this `prefix` on `today`.
///
/// A name that is listed twice runs once, at its first place that fits the machine.
pub fn select<'a>(
    lists: &'a [TestList],
    facts: &Facts,
    prefix: Option<&str>,
    today: Date,
) -> Vec<Selected<'a>> {
    let mut lines: Vec<Selected<'a>> = Vec::new();
    let mut first_by_name: HashMap<String, usize> = HashMap::new();
    for list in lists {
        let verdicts: Vec<Verdict> =
            list.blocks.iter().map(|block| block.condition.check(facts)).collect();
        for entry in &list.entries {
            let name = entry.name(prefix);
            let verdict = entry.block.map(|index| &verdicts[index]);
            let mut reason = unfit(entry, prefix, verdict);
            if reason.is_none() {
                match first_by_name.get(&name) {
                    Some(&first) => {
                        reason = Some(Unselected::DuplicateOf(lines[first].entry));
                        if !entry.markers.in_force(today).is_empty() {
                            lines[first].markers = &entry.markers;
                        }
                    }
                    None => {
                        first_by_name.insert(name.clone(), lines.len());
                    }
                }
            }
            lines.push(Selected { list, entry, name, markers: &entry.markers, reason });
        }
    }
    lines
}

/// Why the line alone, without regard to others, does not run here.
fn unfit<'a>(
    entry: &'a Entry,
    prefix: Option<&str>,
    verdict: Option<&Verdict>,
) -> Option<Unselected<'a>> {
    if entry.label().is_none() {
        return Some(Unselected::NotPerf);
    }
    if !id::is_for(&entry.id, prefix) {
        return id::full(&entry.id).map(|(platform, _)| Unselected::OtherPlatform(platform));
    }
    verdict.filter(|verdict| !verdict.holds()).cloned().map(Unselected::Condition)
}

impl fmt::Display for Unselected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPerf => f.write_str("not a perf test"),
            Self::OtherPlatform(platform) => {
                write!(f, "for {platform} only, and --test-prefix names another platform or none")
            }
            Self::Condition(verdict) => verdict.fmt(f),
            Self::DuplicateOf(first) => write!(f, "duplicate of {first}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::time::Duration;

    const TODAY: Date = date(2026, 6, 30);

    fn list(file: &str, text: &str) -> TestList {
        TestList::parse(file, text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn reasons(lines: &[Selected<'_>]) -> Vec<String> {
        let text =
            |line: &Selected<'_>| line.reason.as_ref().map_or("ok".into(), ToString::to_string);
        lines.iter().map(text).collect()
    }

    #[test]
    fn lists_are_read_in_the_users_order_and_a_name_runs_once() {
        let lists = [
            list(
                "b.txt",
                "perf/test_perf.py::test_perf[x]\nperf/test_perf.py::test_perf[y] TIMEOUT (1)\n",
            ),
            list(
                "a.txt",
                "perf/test_perf.py::test_perf[y] SKIP (slow)\nother.py::t\n\
                           perf/test_perf.py::test_perf[y]\n",
            ),
        ];
        let lines = select(&lists, &Facts::default(), Some("P"), TODAY);
        assert_eq!(
            reasons(&lines),
            ["ok", "ok", "duplicate of b.txt:2", "not a perf test", "duplicate of b.txt:2"]
        );
        assert_eq!(lines[0].name, "P/perf/test_perf.py::test_perf[x]");
        // The last line that has markers gives them, all of them.
        assert_eq!(lines[1].markers, &lists[1].entries[0].markers);
        assert_eq!(lines[1].entry.markers.timeout, Some(Duration::from_mins(1)));
        assert_eq!(lines[3].list.file(), std::path::Path::new("a.txt"));
    }

    #[test]
    fn a_name_whose_first_block_does_not_fit_runs_in_the_later_block() {
        let text = "\
c:
- condition: {ranges: {system_gpu_count: {gte: 8}}}
  tests: ['perf/test_perf.py::test_perf[x]']
- tests: ['perf/test_perf.py::test_perf[x]']
";
        let lists = [list("a.yml", text)];
        let mut facts = Facts::default();
        facts.set("system_gpu_count", 4);
        assert_eq!(
            reasons(&select(&lists, &facts, None, TODAY)),
            ["condition not met: system_gpu_count is 4, needs >= 8", "ok"]
        );
        facts.set("system_gpu_count", 8);
        assert_eq!(reasons(&select(&lists, &facts, None, TODAY)), ["ok", "duplicate of a.yml:3"]);
    }

    #[test]
    fn a_duplicate_whose_markers_have_expired_takes_none_of_the_others_away() {
        let id = "perf/test_perf.py::test_perf[x]";
        let text = format!("{id} SKIP (broken)\n{id} XFAIL (old until=2026-06-29)\n");
        let lists = [list("a.txt", &text)];
        let lines = select(&lists, &Facts::default(), None, TODAY);
        assert_eq!(lines[0].markers, &lists[0].entries[0].markers);
    }

    #[test]
    fn a_full_line_runs_under_its_own_platforms_prefix_only() {
        let lists = [list(
            "a.txt",
            "full:H20-3e/perf/test_perf.py::test_perf[x]\n\
                                    full:B200/perf/test_perf.py::test_perf[x]\n",
        )];
        let lines = select(&lists, &Facts::default(), Some("B200-PyTorch-1"), TODAY);
        assert!(matches!(lines[0].reason, Some(Unselected::OtherPlatform("H20-3e"))));
        assert_eq!(lines[1].reason, None);
        assert_eq!(lines[1].name, "B200-PyTorch-1/perf/test_perf.py::test_perf[x]");
        let lines = select(&lists, &Facts::default(), Some("H20-3e"), TODAY);
        assert_eq!(lines[0].reason, None);
    }
}
