//! Names of tests as lists spell them: `perf/test_perf.py::test_perf[LABEL]`, with `full:PREFIX/` in front
//! where a line is for one platform only.

/// What a perf test's id begins with; the second form is as old lists have it.
const PERF: [&str; 2] = ["perf/test_perf.py::test_perf[", "llm/perf/test_perf.py::test_perf["];

/// The label between the brackets of a perf test's id, raw; `None` when the id is no perf test's.
///
/// A closing bracket that is missing, or text behind it, is left in the label, whose parser will say so.
pub fn label(id: &str) -> Option<&str> {
    let rest = full(id).map_or(id, |(_, rest)| rest);
    let label = PERF.iter().find_map(|front| rest.strip_prefix(front))?;
    Some(label.strip_suffix(']').unwrap_or(label))
}

/// Splits `full:PLATFORM/REST`.
pub fn full(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("full:")?.split_once('/')
}

/// The full test name: `[PREFIX/]ID`.
///
/// A `full:X/` id names its own platform: `X` is replaced by the whole prefix when that is the platform or one of
/// its stages, else it stays.
pub fn name(id: &str, prefix: Option<&str>) -> String {
    match (full(id), prefix) {
        (Some((platform, rest)), Some(prefix)) if fits(platform, prefix) => {
            format!("{prefix}/{rest}")
        }
        (Some((platform, rest)), _) => format!("{platform}/{rest}"),
        (None, Some(prefix)) => format!("{prefix}/{id}"),
        (None, None) => id.to_owned(),
    }
}

/// Whether the line is for a run with `prefix`: any plain id, and a `full:` id of that platform.
pub fn is_for(id: &str, prefix: Option<&str>) -> bool {
    full(id).is_none_or(|(platform, _)| prefix.is_some_and(|prefix| fits(platform, prefix)))
}

/// Whether a prefix is the platform, or begins with it and a `-` as the names of its stages do
/// (`H100_PCIe-PyTorch-1`). A platform may hold a `-` itself.
fn fits(platform: &str, prefix: &str) -> bool {
    prefix.strip_prefix(platform).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_is_what_stands_in_the_brackets_of_a_perf_test() {
        assert_eq!(label("perf/test_perf.py::test_perf[a-b:1,2]"), Some("a-b:1,2"));
        assert_eq!(label("llm/perf/test_perf.py::test_perf[a]"), Some("a"));
        assert_eq!(label("full:H20-3e/perf/test_perf.py::test_perf[a]"), Some("a"));
        assert_eq!(label("perf/test_perf.py::test_perf[]"), Some(""));
        assert_eq!(label("perf/test_perf.py::test_perf[a] x"), Some("a] x"));
        assert_eq!(label("perf/test_perf_sanity.py::test_e2e[a]"), None);
        assert_eq!(label("unittest/a.py -k \"perf\""), None);
    }

    #[test]
    fn a_prefix_stands_in_front_and_a_full_name_brings_its_own() {
        for (id, prefix, expected) in [
            ("a.py::t", None, "a.py::t"),
            ("a.py::t", Some("H100"), "H100/a.py::t"),
            ("full:H100_PCIe/a.py::t", None, "H100_PCIe/a.py::t"),
            ("full:H100_PCIe/a.py::t", Some("H100_PCIe-PyTorch-1"), "H100_PCIe-PyTorch-1/a.py::t"),
            ("full:H100_PCIe/a.py::t", Some("H100_PCIe"), "H100_PCIe/a.py::t"),
            ("full:H100_PCIe/a.py::t", Some("H100-PyTorch-1"), "H100_PCIe/a.py::t"),
            ("full:H20-3e/a.py::t", Some("H20-3e-PyTorch-1"), "H20-3e-PyTorch-1/a.py::t"),
            ("full:GB200/a.py::t", Some("B200"), "GB200/a.py::t"),
            ("full:A10/a.py::t[A10]", Some("A10-1"), "A10-1/a.py::t[A10]"),
            ("full:unittest/a.py", Some("H100"), "unittest/a.py"),
        ] {
            assert_eq!(name(id, prefix), expected, "{id} with {prefix:?}");
        }
        assert!(is_for("full:B200/a", Some("B200-PyTorch-1")));
        assert!(is_for("full:H20-3e/a", Some("H20-3e-PyTorch-1")));
        assert!(!is_for("full:H20-3e/a", Some("H20-PyTorch-1")));
        assert!(!is_for("full:GB200/a", Some("B200")) && !is_for("full:B200/a", None));
        assert!(is_for("a", None) && is_for("a", Some("B200")));
    }
}
