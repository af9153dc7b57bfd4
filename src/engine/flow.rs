//! Command flows: which generation of `trtllm-bench` a plan is written for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A generation of commands and option tables.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
pub enum Flow {
    /// Mid-2025: no KV-cache fraction unless the label has one, options file in the working directory.
    #[default]
    #[serde(rename = "seed")]
    #[value(name = "seed")]
    Seed,
    /// Releases 1.0 and 1.1: KV-cache fraction always, options file beside the engine.
    #[serde(rename = "v1.1")]
    #[value(name = "v1.1")]
    V1_1,
    /// Release 1.2: `prepare-dataset` sub-command, `--config`, warm-up with several GPUs.
    #[serde(rename = "v1.2")]
    #[value(name = "v1.2")]
    V1_2,
}

impl Flow {
    /// Every flow, oldest first.
    pub const ALL: [Flow; 3] = [Flow::Seed, Flow::V1_1, Flow::V1_2];

    /// The value of `--flow`.
    pub fn name(self) -> &'static str {
        match self {
            Flow::Seed => "seed",
            Flow::V1_1 => "v1.1",
            Flow::V1_2 => "v1.2",
        }
    }

    /// The flow for a release of TensorRT-LLM given as `MAJOR.MINOR…`: the newest flow that is not newer.
    /// `None` when the text is no version.
    pub fn of_version(version: &str) -> Option<Flow> {
        let mut numbers =
            version.trim().trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
        let mut number = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
        Some(match (number()?, number()?) {
            (0, _) => Flow::Seed,
            (1, 0 | 1) => Flow::V1_1,
            _ => Flow::V1_2,
        })
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_gets_the_newest_flow_that_is_not_newer_than_it() {
        for (version, flow) in [
            ("0.21.0", Some(Flow::Seed)),
            ("1.0.0rc4", Some(Flow::V1_1)),
            ("1.1.0", Some(Flow::V1_1)),
            ("1.2.0rc3", Some(Flow::V1_2)),
            ("1.3", Some(Flow::V1_2)),
            ("2.0", Some(Flow::V1_2)),
            ("unknown", None),
        ] {
            assert_eq!(Flow::of_version(version), flow, "{version}");
        }
    }
}
