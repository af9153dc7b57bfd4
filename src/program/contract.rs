//! The contract with a bench program: the options that plans use against those that the program knows.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// An option every release has; a help text without it was not understood.
const THROUGHPUT_SIGN: &str = "--dataset";
const BUILD_SIGN: &str = "--max_seq_len";

/// The options of the two commands, as their help texts define them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    pub throughput: BTreeSet<String>,
    pub build: BTreeSet<String>,
}

/// An option that a plan uses and the program does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// `throughput` or `build`.
    pub command: &'static str,
    /// With its dashes, without its value.
    pub option: String,
}

impl Contract {
    /// Whether anything can be checked against it.
    pub fn is_known(&self) -> bool {
        self.throughput.contains(THROUGHPUT_SIGN)
    }

    /// The options of a plan that the program would refuse. A command whose help was not understood is passed over.
    pub fn unknown(&self, plan: &Plan) -> BTreeSet<Unknown> {
        let mut unknown = BTreeSet::new();
        for step in &plan.steps {
            for (command, sign, known) in [
                ("throughput", THROUGHPUT_SIGN, &self.throughput),
                ("build", BUILD_SIGN, &self.build),
            ] {
                let Some(at) = step.argv.iter().position(|word| word == command) else { continue };
                if !known.contains(sign) {
                    continue;
                }
                let used = step.argv[at + 1..].iter().filter(|word| word.starts_with("--"));
                let used = used.map(|word| word.split('=').next().unwrap_or(word).to_owned());
                unknown.extend(
                    used.filter(|option| !known.contains(option))
                        .map(|option| Unknown { command, option }),
                );
            }
        }
        unknown
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.option, self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Step, StepKind};

    fn plan(words: &[&str]) -> Plan {
        let argv = words.iter().map(|&word| word.to_owned()).collect();
        Plan { steps: vec![Step { kind: StepKind::Build, argv, stdout: None }], ..Plan::default() }
    }

    fn contract(throughput: &[&str]) -> Contract {
        Contract {
            throughput: throughput.iter().map(|&word| word.to_owned()).collect(),
            build: BTreeSet::new(),
        }
    }

    #[test]
    fn an_option_after_the_command_that_the_help_does_not_define_is_unknown() {
        let plan = plan(&[
            "trtllm-bench",
            "--model=x",
            "throughput",
            "--dataset=y",
            "--config=z",
            "--streaming",
        ]);
        let unknown = contract(&["--dataset", "--streaming"]).unknown(&plan);
        assert_eq!(
            unknown.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["--config of throughput"]
        );
    }

    #[test]
    fn a_help_text_that_was_not_understood_refuses_nothing() {
        let plan = plan(&["trtllm-bench", "throughput", "--config=z"]);
        assert!(!contract(&["--help"]).is_known());
        assert_eq!(contract(&["--help"]).unknown(&plan), BTreeSet::new());
    }
}
