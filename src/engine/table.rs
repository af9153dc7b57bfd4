//! The pattern table, as read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::flow::Flow;
use super::options::EngineOptions;

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
    pub patterns: Vec<String>,
    /// What the rule sets.
    pub options: EngineOptions,
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
    /// When the text is not the table described in its head, or flows and rules do not fit together.
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
