//! `perf-tests/gate.yml`: the one metric of a case that decides.

use serde::Deserialize;

use crate::case::Case;
use crate::metric::Metric;

/// The rules, in order.
#[derive(Debug, Clone)]
pub struct PrimaryTable(Vec<Rule>);

/// One rule: what it asks of a case, and the metric that decides for it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    build_only: Option<bool>,
    streaming: Option<bool>,
    max_concurrency: Option<u32>,
    primary: Metric,
}

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrimaryTableError {
    #[error("read the table of primary metrics: {0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("the last rule must hold for every case: let it have nothing but `primary`")]
    NoDefault,
}

impl Rule {
    fn holds(&self, case: &Case) -> bool {
        let few = |most| case.concurrency.is_some_and(|limit| limit <= most);
        self.build_only.is_none_or(|wanted| wanted == case.build_only)
            && self.streaming.is_none_or(|wanted| wanted == case.streaming)
            && self.max_concurrency.is_none_or(few)
    }

    fn holds_for_all(&self) -> bool {
        self.build_only.is_none() && self.streaming.is_none() && self.max_concurrency.is_none()
    }
}

impl PrimaryTable {
    /// Parses `gate.yml`.
    ///
    /// # Errors
    /// When it is no list of rules, or its last one does not hold for every case.
    pub fn parse(yaml: &str) -> Result<Self, PrimaryTableError> {
        let rules: Vec<Rule> = serde_yaml::from_str(yaml)?;
        if rules.last().is_some_and(Rule::holds_for_all) {
            Ok(Self(rules))
        } else {
            Err(PrimaryTableError::NoDefault)
        }
    }

    /// The metric that decides for `case`.
    pub fn of(&self, case: &Case) -> Metric {
        let rule = self.0.iter().find(|rule| rule.holds(case));
        rule.expect("the last rule holds for every case").primary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ModelTable;

    #[test]
    fn the_first_rule_that_holds_names_the_metric() {
        let models = ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("ours");
        let table = PrimaryTable::parse(include_str!("../../perf-tests/gate.yml")).expect("ours");
        for (fields, metric) in [
            ("pytorch-bfloat16-input_output_len:128,128", Metric::TokenThroughput),
            ("pytorch-bfloat16-input_output_len:128,128-con:1", Metric::TokenThroughput),
            ("pytorch-streaming-bfloat16-input_output_len:128,128-con:1", Metric::OutputTokenTime),
            ("pytorch-streaming-bfloat16-input_output_len:128,128-con:8", Metric::TokenThroughput),
            ("pytorch-streaming-bfloat16-input_output_len:128,128", Metric::TokenThroughput),
        ] {
            let case = Case::parse(&format!("llama_v3.1_8b-bench-{fields}"), &models);
            assert_eq!(table.of(&case.expect(fields)), metric, "{fields}");
        }
    }

    #[test]
    fn a_table_that_leaves_cases_without_a_metric_is_refused() {
        let open = "- { streaming: true, primary: OUTPUT_TOKEN_TIME }";
        assert!(matches!(PrimaryTable::parse(open), Err(PrimaryTableError::NoDefault)));
        assert!(matches!(PrimaryTable::parse("[]"), Err(PrimaryTableError::NoDefault)));
        assert!(PrimaryTable::parse("- { primary: SPEED }").is_err());
        assert!(PrimaryTable::parse("- { primary: BUILD_TIME, stream: true }").is_err());
    }
}
