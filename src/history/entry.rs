//! What people say of the history: annotations, invalidations, blessings, aliases. An entry is never changed or removed;
//! a later one may take it back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identity::CaseIdentity;
use crate::metric::Metric;
use crate::verdict::selfcheck::Tally;

/// Who made an entry, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub at: Timestamp,
    pub by: String,
}

/// A remark at a moment, on a run or on a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    pub made: Made,
    pub about: About,
    /// Pattern of labels; `None` is every case.
    pub case: Option<String>,
    pub text: String,
}

/// What an annotation stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    Time(Timestamp),
    /// A run id.
    Run(String),
    Release(String),
}

/// Samples that are marked as not to be trusted. They stay, and are shown as what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    pub made: Made,
    pub run_id: String,
    /// Pattern of labels; `None` is every case.
    pub case: Option<String>,
    /// `None` is every metric.
    pub metric: Option<Metric>,
    pub reason: String,
    /// Whether this takes back the invalidation of the same run, case and metric.
    pub taken_back: bool,
}

/// A level that somebody answers for: what a series is held against, however slowly it drifts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blessing {
    pub made: Made,
    pub case: CaseIdentity,
    pub metric: Metric,
    pub machine_class: String,
    pub engine: String,
    /// In the metric's unit.
    pub level: f64,
    pub release: Option<String>,
    pub reason: String,
}

/// A case that has another label now: its history goes on under the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub made: Made,
    pub old: CaseIdentity,
    /// The same as `old` where an earlier alias is taken back.
    pub new: CaseIdentity,
}

/// What a self-check of the paired gate came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfCheck {
    pub made: Made,
    pub machine_class: String,
    pub engine: String,
    /// Version of the harness whose gate it was.
    pub harness: String,
    pub tally: Tally,
}

/// One of them, to be kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    SelfCheck(SelfCheck),
    Annotation(Annotation),
    Invalidation(Invalidation),
    Blessing(Blessing),
    Alias(Alias),
}

/// All that people said, in the order in which they did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entries {
    pub annotations: Vec<Annotation>,
    pub invalidations: Vec<Invalidation>,
    pub blessings: Vec<Blessing>,
    pub aliases: Vec<Alias>,
    pub self_checks: Vec<SelfCheck>,
}

impl Entries {
    /// The identity under which the history of `fields` ([`CaseIdentity::fields`]) goes on, when it is another.
    pub fn renamed(&self, fields: &str) -> Option<&CaseIdentity> {
        let mut found: Option<&CaseIdentity> = None;
        // A circle is refused when an alias is made; should there be one all the same, it ends here.
        for _ in 0..=self.aliases.len() {
            let from = found.map_or(fields, |identity| &identity.fields);
            let last = self.aliases.iter().rev().find(|alias| alias.old.fields == from);
            match last {
                Some(alias) if alias.new.fields != from => found = Some(&alias.new),
                _ => break,
            }
        }
        found
    }

    /// Why a sample is marked as invalid, when it is: the reason of the newest mark that was not taken back.
    pub fn invalid(&self, run_id: &str, label: &str, metric: Metric) -> Option<&Invalidation> {
        let concerns = |entry: &&Invalidation| {
            entry.run_id == run_id
                && entry.metric.is_none_or(|only| only == metric)
                && entry.case.as_deref().is_none_or(|glob| crate::list::glob_matches(glob, label))
        };
        let same = |one: &Invalidation, other: &Invalidation| {
            (&one.case, one.metric) == (&other.case, other.metric)
        };
        let mut standing: Vec<&Invalidation> = Vec::new();
        for entry in self.invalidations.iter().filter(concerns) {
            standing.retain(|earlier| !same(earlier, entry));
            if !entry.taken_back {
                standing.push(entry);
            }
        }
        standing.pop()
    }

    /// All self-checks on a class of machines with an engine, together.
    pub fn self_check(&self, machine_class: &str, engine: &str) -> Tally {
        let these = |check: &&SelfCheck| {
            (check.machine_class.as_str(), check.engine.as_str()) == (machine_class, engine)
        };
        let checks = self.self_checks.iter().filter(these);
        checks.fold(Tally::default(), |sum, check| sum.and(check.tally))
    }

    /// The newest blessing of a series; one that was made under an earlier name of the case counts, too.
    pub fn blessed(
        &self,
        case: &CaseIdentity,
        metric: Metric,
        machine_class: &str,
        engine: &str,
    ) -> Option<&Blessing> {
        self.blessings.iter().rev().find(|blessing| {
            let now = self.renamed(&blessing.case.fields).unwrap_or(&blessing.case);
            now.fields == case.fields
                && blessing.metric == metric
                && blessing.machine_class == machine_class
                && blessing.engine == engine
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Made {
        Made { at: Timestamp::UNIX_EPOCH, by: "ann".into() }
    }

    fn identity(name: &str) -> CaseIdentity {
        CaseIdentity { label: name.into(), fields: name.into() }
    }

    fn alias(old: &str, new: &str) -> Alias {
        Alias { made: made(), old: identity(old), new: identity(new) }
    }

    #[test]
    fn a_case_that_was_renamed_twice_is_found_under_its_last_name_until_that_is_taken_back() {
        let mut entries =
            Entries { aliases: vec![alias("a", "b"), alias("b", "c")], ..Entries::default() };
        assert_eq!(entries.renamed("a"), Some(&identity("c")));
        assert_eq!(entries.renamed("b"), Some(&identity("c")));
        assert_eq!(entries.renamed("c"), None);
        entries.aliases.push(alias("b", "b"));
        assert_eq!(entries.renamed("a"), Some(&identity("b")));
        assert_eq!(entries.renamed("b"), None);
        entries.aliases.push(alias("b", "a"));
        assert!(entries.renamed("a").is_some(), "a circle ends");
    }

    #[test]
    fn an_invalidation_holds_until_one_of_the_same_scope_takes_it_back() {
        let mark = |case: Option<&str>, metric, taken_back| Invalidation {
            made: made(),
            run_id: "r".into(),
            case: case.map(str::to_owned),
            metric,
            reason: format!("{case:?}"),
            taken_back,
        };
        let mut entries = Entries {
            invalidations: vec![
                mark(Some("llama*"), None, false),
                mark(None, Some(Metric::BuildTime), false),
            ],
            ..Entries::default()
        };
        let why = |entries: &Entries, run, label, metric| {
            entries.invalid(run, label, metric).map(|entry| entry.reason.clone())
        };
        let llama = Some("Some(\"llama*\")".to_owned());
        assert_eq!(why(&entries, "r", "llama_v3", Metric::SeqThroughput), llama);
        assert_eq!(why(&entries, "r", "qwen", Metric::SeqThroughput), None);
        assert_eq!(why(&entries, "r", "qwen", Metric::BuildTime), Some("None".into()));
        assert_eq!(why(&entries, "other", "llama_v3", Metric::SeqThroughput), None);
        entries.invalidations.push(mark(None, Some(Metric::BuildTime), true));
        assert_eq!(why(&entries, "r", "qwen", Metric::BuildTime), None);
        assert_eq!(why(&entries, "r", "llama_v3", Metric::BuildTime), llama);
    }
}
