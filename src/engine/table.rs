//! The pattern table, as read.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::flow::Flow;
use super::options::EngineOptions;
use crate::error::checked_text;

/// `perf-tests/pytorch-config.yml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionTable {
    flows: BTreeMap<Flow, Profile>,
    rules: BTreeMap<String, Rule>,
}

/// One flow's part of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub base: EngineOptions,
    pub rules: Vec<String>,
    pub lora: EngineOptions,
    pub lora_counts: bool,
    pub lora_of: BTreeMap<String, EngineOptions>,
    pub autodeploy: EngineOptions,
}

/// Options for the labels that hold one of some patterns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Plain substrings of the lower-cased canonical label.
    #[serde(deserialize_with = "lower_cased")]
    pub patterns: Vec<String>,
    /// What the rule sets.
    pub options: EngineOptions,
}

fn lower_cased<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    struct Pattern(#[serde(deserialize_with = "without_capitals")] String);
    let patterns = Vec::<Pattern>::deserialize(deserializer)?;
    Ok(patterns.into_iter().map(|Pattern(text)| text).collect())
}

fn without_capitals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked_text(deserializer, |pattern| match pattern.to_lowercase() {
        lower if lower == pattern => Ok(()),
        lower => Err(format!(
            "no label holds the pattern `{pattern}`, since labels are lower-cased for it; write `{lower}`"
        )),
    })
}

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionTableError {
    #[error("read the engine option table: {0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("engine option table has no flow {0}")]
    MissingFlow(Flow),
    #[error("engine option table: flow {flow} names rule `{rule}`, which does not exist")]
    UnknownRule { flow: Flow, rule: String },
    #[error("engine option table: no flow names rule `{0}`")]
    UnusedRule(String),
}

impl OptionTable {
    /// Parses `pytorch-config.yml`.
    ///
    /// # Errors
    /// When the text is not the table described in its head, a pattern can match nothing, or flows and rules do
    /// not fit together.
    pub fn parse(yaml: &str) -> Result<Self, OptionTableError> {
        let table: Self = serde_yaml::from_str(yaml)?;
        for flow in Flow::ALL {
            let profile = table.flows.get(&flow).ok_or(OptionTableError::MissingFlow(flow))?;
            if let Some(rule) = profile.rules.iter().find(|rule| !table.rules.contains_key(*rule)) {
                return Err(OptionTableError::UnknownRule { flow, rule: rule.clone() });
            }
        }
        let used = |rule: &String| table.flows.values().any(|profile| profile.rules.contains(rule));
        match table.rules.keys().find(|rule| !used(rule)) {
            Some(rule) => Err(OptionTableError::UnusedRule(rule.clone())),
            None => Ok(table),
        }
    }

    pub(super) fn profile(&self, flow: Flow) -> &Profile {
        &self.flows[&flow]
    }

    /// The rules of a flow, in order.
    pub fn rules(&self, flow: Flow) -> impl Iterator<Item = (&str, &Rule)> {
        self.profile(flow).rules.iter().map(|name| (name.as_str(), &self.rules[name]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_with_capitals_is_refused_since_labels_are_lower_cased_for_it() {
        let ours = include_str!("../../perf-tests/pytorch-config.yml");
        let theirs = ours.replace("patterns:\n    - deepseek_r1\n", "patterns: [DeepSeek_R1]\n");
        let error = OptionTable::parse(&theirs).expect_err("capitals").to_string();
        let line = 1 + theirs.lines().position(|line| line.contains("[DeepSeek_R1]")).expect("it");
        assert!(error.contains("pattern `DeepSeek_R1`"), "{error}");
        assert!(error.contains("write `deepseek_r1`"), "{error}");
        assert!(error.contains(&format!("line {line} ")), "{error}");
    }
}
