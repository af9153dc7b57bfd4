//! The parts of a trial's name, `[PREFIX/]path/file.py::test[label]`, as CSV, JUnit and folders show them.

use sha2::{Digest, Sha256};

/// Longest name of a trial's folder, in bytes; file systems allow 255, and suffixes need room.
const FOLDER_LIMIT: usize = 200;

/// A trial's name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrialName<'a> {
    prefix: Option<&'a str>,
    /// Everything before the last `::`, with the prefix; empty when there is no `::`.
    domain: &'a str,
    /// The domain without the prefix: a file, and a class where there is one.
    module: &'a str,
    /// What follows the last `::`.
    test: &'a str,
}

impl<'a> TrialName<'a> {
    /// Takes `name` apart; `prefix` is the run's, and counts only where the name begins with it.
    pub fn new(name: &'a str, prefix: Option<&'a str>) -> Self {
        let (domain, test) = name.rsplit_once("::").unwrap_or(("", name));
        let bare = prefix.and_then(|prefix| domain.strip_prefix(prefix)?.strip_prefix('/'));
        Self {
            prefix: prefix.filter(|_| bare.is_some()),
            domain,
            module: bare.unwrap_or(domain),
            test,
        }
    }

    /// JUnit's `name`: the function with its brackets, e.g. `test_perf[llama…]`.
    pub fn test(&self) -> &'a str {
        self.test
    }

    /// JUnit's `classname`, e.g. `H100_80GB_HBM3.perf.test_perf`.
    ///
    /// The prefix is always one level: a dot or slash in it becomes `_`, since readers split at dots and a
    /// prefix such as `B200-v1.2` would otherwise become two levels.
    pub fn classname(&self) -> String {
        let module = self.module();
        match self.prefix {
            Some(prefix) if module.is_empty() => level(prefix),
            Some(prefix) => format!("{}.{module}", level(prefix)),
            None => module,
        }
    }

    /// The dotted module without the prefix, e.g. `perf.test_perf`.
    pub fn module(&self) -> String {
        self.module.replacen(".py", "", 1).replace("::", ".").replace('/', ".")
    }

    /// The file part of the id, without prefix and class, e.g. `perf/test_perf.py`.
    pub fn file(&self) -> &'a str {
        self.module.split("::").next().unwrap_or(self.module)
    }

    /// `perf_case_name`: the domain, prefix included, with the short name of a metric.
    pub fn metric(&self, short: &str) -> String {
        if self.domain.is_empty() { short.to_owned() } else { format!("{}::{short}", self.domain) }
    }
}

fn level(prefix: &str) -> String {
    prefix.replace(['.', '/'], "_")
}

/// The folder of a trial: its name with everything but letters, digits, `.`, `_` and `-` as `_`, cut to fit, and
/// ten hex digits of its SHA-256, which keep names apart that look alike after that.
pub fn trial_folder(name: &str) -> String {
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let mut readable = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
            readable.push(c);
        } else if !readable.ends_with('_') {
            readable.push('_');
        }
    }
    readable.truncate(FOLDER_LIMIT - hash.len() - 1);
    format!("{}-{hash}", readable.trim_matches(['.', '_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "perf/test_perf.py::test_perf[llama_v3.1_8b-bench-input_output_len:128,128]";

    #[test]
    fn a_prefixed_name_gives_the_upstream_class_and_names() {
        let name = format!("H100_80GB_HBM3/{ID}");
        let name = TrialName::new(&name, Some("H100_80GB_HBM3"));
        assert_eq!(name.classname(), "H100_80GB_HBM3.perf.test_perf");
        assert_eq!(name.test(), "test_perf[llama_v3.1_8b-bench-input_output_len:128,128]");
        assert_eq!(name.file(), "perf/test_perf.py");
        assert_eq!(name.module(), "perf.test_perf");
        assert_eq!(name.metric("m[x]"), "H100_80GB_HBM3/perf/test_perf.py::m[x]");
    }

    #[test]
    fn names_with_llm_in_front_with_a_class_or_without_a_file_have_a_class_too() {
        let class = |name: &str| TrialName::new(name, None).classname();
        assert_eq!(class(&format!("llm/{ID}")), "llm.perf.test_perf");
        assert_eq!(class("a/b.py::TestC::test_d[x]"), "a.b.TestC");
        assert_eq!(class("bare"), "");
        assert_eq!(TrialName::new("bare", None).metric("m"), "m");
        assert_eq!(TrialName::new("a/b.py::TestC::test_d[x]", None).file(), "a/b.py");
    }

    #[test]
    fn dots_and_slashes_of_the_prefix_add_no_level() {
        let name = format!("B200/v1.2/{ID}");
        let name = TrialName::new(&name, Some("B200/v1.2"));
        assert_eq!(name.classname(), "B200_v1_2.perf.test_perf");
        assert_eq!(name.metric("m"), "B200/v1.2/perf/test_perf.py::m");
    }

    #[test]
    fn a_prefix_that_the_name_lacks_is_left_out() {
        assert_eq!(TrialName::new(ID, Some("H100")).classname(), "perf.test_perf");
    }

    #[test]
    fn folders_are_safe_short_and_unique() {
        let folder = trial_folder(&format!("H100/{ID}"));
        assert!(
            folder.starts_with(
                "H100_perf_test_perf.py_test_perf_llama_v3.1_8b-bench-input_output_len_128_128-"
            ),
            "{folder}"
        );
        let long = "é/".repeat(400);
        for name in ["", ".", "..", "../../etc", "a/b", "a_b", "a:b", "latest", &long] {
            let folder = trial_folder(name);
            assert!(folder.len() <= 200, "{folder}");
            assert!(!folder.starts_with('.') && !folder.contains('/'), "{folder}");
        }
        assert_ne!(trial_folder("a/b"), trial_folder("a_b"));
        assert_ne!(trial_folder(&long), trial_folder(&format!("{long}x")));
    }
}
