//! The condition of a block: which machines its tests are for.

use std::fmt;

use super::facts::{Fact, Facts};
use super::glob;

/// What a block asks of a machine: all requirements must hold. No requirement, no restriction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// In the order of the file.
    pub requirements: Vec<Requirement>,
}

/// What a condition asks of one fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The fact.
    pub key: String,
    /// What its value must be.
    pub rule: Rule,
}

/// How a value is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// `ranges`: as a number, within bounds.
    Range(Range),
    /// `wildcards`: the whole text matches one of the patterns, in any case.
    Wildcards(Vec<String>),
    /// `terms`: equal.
    Term(Fact),
}

/// Bounds of a number, each optional.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Range {
    /// At least.
    pub gte: Option<f64>,
    /// At most.
    pub lte: Option<f64>,
    /// More than.
    pub gt: Option<f64>,
    /// Less than.
    pub lt: Option<f64>,
}

/// A condition held against the facts of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// One finding a requirement, in the order of the condition.
    pub findings: Vec<Finding>,
}

/// One requirement held against its fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The fact.
    pub key: String,
    /// What the condition asks for, e.g. `>= 1`.
    pub wanted: String,
    /// The fact's value; `None` when the machine does not state it.
    pub got: Option<Fact>,
    /// Whether the requirement holds; one about a fact that is not stated does.
    pub ok: bool,
}

impl Condition {
    /// Holds every requirement against `facts`, also after one has failed, so that all can be shown.
    pub fn check(&self, facts: &Facts) -> Verdict {
        let finding = |requirement: &Requirement| {
            let got = facts.get(&requirement.key);
            Finding {
                key: requirement.key.clone(),
                wanted: requirement.rule.to_string(),
                got: got.cloned(),
                ok: got.is_none_or(|fact| requirement.rule.holds_for(fact)),
            }
        };
        Verdict { findings: self.requirements.iter().map(finding).collect() }
    }
}

impl Rule {
    fn holds_for(&self, fact: &Fact) -> bool {
        match self {
            Self::Range(range) => fact.as_number().is_some_and(|number| range.contains(number)),
            Self::Wildcards(patterns) => {
                let text = fact.to_string();
                patterns.iter().any(|pattern| glob::matches(pattern, &text))
            }
            Self::Term(term) => equal(term, fact),
        }
    }
}

/// Equality of terms: two numbers by value, anything else as text; `True` is another spelling of `true`.
fn equal(term: &Fact, fact: &Fact) -> bool {
    match (term, fact) {
        (Fact::Number(a), Fact::Number(b)) => a.as_f64() == b.as_f64(),
        (Fact::Bool(value), Fact::Text(text)) | (Fact::Text(text), Fact::Bool(value)) => {
            let (lower, upper) = if *value { ("true", "True") } else { ("false", "False") };
            text == lower || text == upper
        }
        _ => term.to_string() == fact.to_string(),
    }
}

impl Range {
    fn contains(&self, number: f64) -> bool {
        self.gte.is_none_or(|bound| number >= bound)
            && self.lte.is_none_or(|bound| number <= bound)
            && self.gt.is_none_or(|bound| number > bound)
            && self.lt.is_none_or(|bound| number < bound)
    }
}

impl Verdict {
    /// Whether the block's tests are for this machine.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.ok)
    }
}

/// Why the condition is not met, e.g. `condition not met: system_gpu_count is 0, needs >= 1`;
/// `condition met` when it is.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failed = self.findings.iter().filter(|finding| !finding.ok);
        match failed.next() {
            None => return f.write_str("condition met"),
            Some(first) => write!(f, "condition not met: {first}")?,
        }
        failed.try_for_each(|finding| write!(f, "; {finding}"))
    }
}

/// E.g. `gpu is L4, needs *h100* or *h200*`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.got {
            Some(fact) => write!(f, "{} is {fact}, needs {}", self.key, self.wanted),
            None => write!(f, "{} is not known, would need {}", self.key, self.wanted),
        }
    }
}

/// What is asked for, without the key.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Wildcards(patterns) => f.write_str(&patterns.join(" or ")),
            Self::Term(term) => term.fmt(f),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = [(">=", self.gte), (">", self.gt), ("<=", self.lte), ("<", self.lt)];
        let bounds =
            bounds.iter().filter_map(|(sign, bound)| Some(format!("{sign} {}", (*bound)?)));
        let bounds: Vec<_> = bounds.collect();
        f.write_str(if bounds.is_empty() { "a number" } else { "" })?;
        f.write_str(&bounds.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(key: &str, rule: Rule) -> Condition {
        Condition { requirements: vec![Requirement { key: key.to_owned(), rule }] }
    }

    fn holds(rule: &Rule, fact: impl Into<Fact>) -> bool {
        let mut facts = Facts::default();
        facts.set("gpu", fact);
        condition("gpu", rule.clone()).check(&facts).holds()
    }

    #[test]
    fn a_range_takes_numbers_and_texts_that_spell_numbers() {
        let range = Rule::Range(Range { gte: Some(1.0), lt: Some(10.3), ..Range::default() });
        assert!(holds(&range, 1u64) && holds(&range, "9.0") && holds(&range, " 10.2 "));
        assert!(!holds(&range, 0u64) && !holds(&range, "10.3") && !holds(&range, 10.3));
        let range =
            Rule::Range(Range { gt: Some(80_000.0), lte: Some(90_000.0), ..Range::default() });
        assert!(holds(&range, "81559.0") && holds(&range, 90_000.0));
        assert!(!holds(&range, 80_000u64) && !holds(&range, 90_000.5));
    }

    #[test]
    fn a_fact_that_is_no_number_fails_every_range() {
        let any = Rule::Range(Range::default());
        assert!(!holds(&any, "many") && !holds(&any, true) && !holds(&any, ""));
    }

    #[test]
    fn wildcards_are_alternatives_and_ignore_case() {
        let rule = Rule::Wildcards(vec!["*h20*".to_owned(), "l4".to_owned()]);
        assert!(holds(&rule, "H200") && holds(&rule, "L4"));
        assert!(!holds(&rule, "L40S") && !holds(&rule, "H100 80GB HBM3"));
        assert!(holds(&Rule::Wildcards(vec!["9.*".to_owned()]), 9.0));
    }

    #[test]
    fn terms_are_equal_as_text_and_a_boolean_may_be_spelt_as_python_spells_it() {
        let yes = Rule::Term(Fact::Bool(true));
        assert!(holds(&yes, true) && holds(&yes, "True") && holds(&yes, "true"));
        assert!(!holds(&yes, false) && !holds(&yes, "TRUE") && !holds(&yes, 1u64));
        assert!(holds(&Rule::Term(Fact::from("pytorch")), "pytorch"));
        assert!(!holds(&Rule::Term(Fact::from("pytorch")), "PyTorch"));
        assert!(
            holds(&Rule::Term(Fact::from(9.0)), "9.0") && holds(&Rule::Term(Fact::from(9u64)), 9.0)
        );
        assert!(!holds(&Rule::Term(Fact::from("22.1")), "22.10"));
    }

    #[test]
    fn an_absent_or_null_fact_matches_and_an_empty_condition_restricts_nothing() {
        let eight = Rule::Range(Range { gte: Some(8.0), ..Range::default() });
        assert!(condition("gpu_memory", eight.clone()).check(&Facts::default()).holds());
        assert!(holds(&eight, Fact::Null));
        assert!(Condition::default().check(&Facts::default()).holds());
    }

    #[test]
    fn the_reason_names_every_key_that_fails_with_what_it_is_and_what_it_needs() {
        let range = Rule::Range(Range { gte: Some(1.0), lte: Some(8.0), ..Range::default() });
        let gpu = Rule::Wildcards(vec!["*h100*".to_owned(), "*h200*".to_owned()]);
        let mut both = condition("system_gpu_count", range);
        both.requirements.extend(condition("gpu", gpu).requirements);
        both.requirements.extend(condition("supports_fp8", Rule::Term(true.into())).requirements);
        let mut facts = Facts::default();
        facts.set("system_gpu_count", 0);
        facts.set("gpu", "L4");
        let verdict = both.check(&facts);
        assert_eq!(
            verdict.to_string(),
            "condition not met: system_gpu_count is 0, needs >= 1 and <= 8; \
             gpu is L4, needs *h100* or *h200*"
        );
        assert_eq!(verdict.findings[2].to_string(), "supports_fp8 is not known, would need true");
        facts.set("system_gpu_count", 8);
        facts.set("gpu", "H100 PCIE");
        assert_eq!(both.check(&facts).to_string(), "condition met");
    }
}
