//! Facts about a machine: what the conditions of a list are held against.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Number;

use super::ListError;
use super::source::Source;
use super::yaml::{self, Value};

/// Every key a condition may name: what upstream's collector reports, what its CI adds from the stage name
/// (`stage`, `backend`, `orchestrator`, `auto_trigger`), and `chip`, which one of its lists uses.
pub const KEYS: [&str; 30] = [
    "auto_trigger",
    "backend",
    "chip",
    "compute_capability",
    "cpu",
    "cublas_version",
    "cuda_version",
    "cudnn_version",
    "gpu",
    "gpu_memory",
    "host_mem_available_mib",
    "host_mem_total_mib",
    "hostname",
    "is_aarch64",
    "is_android",
    "is_linux",
    "is_native_windows",
    "is_power",
    "is_remote",
    "is_wsl",
    "linux_codename",
    "linux_distribution_name",
    "linux_version",
    "orchestrator",
    "stage",
    "supports_fp8",
    "supports_int8",
    "supports_tf32",
    "sysname",
    "system_gpu_count",
];

/// The value of one fact.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// Known to be unknown; the same as an absent fact.
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

impl Fact {
    /// The value as a number: a number, or a text that spells one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Bool(_) => None,
        }
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Fact {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Fact {
    fn from(value: u64) -> Self {
        Self::Number(value.into())
    }
}

impl From<f64> for Fact {
    /// A number that is not finite is no fact.
    fn from(value: f64) -> Self {
        Number::from_f64(value).map_or(Self::Null, Self::Number)
    }
}

/// As lists write it: `true`, `9.0`, `H100 80GB HBM3`.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The facts of one machine, by key.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// Reads a mapping of keys to texts, numbers, booleans or null, in YAML or JSON.
    ///
    /// # Errors
    /// An unreadable file, malformed text, a value of another kind.
    pub fn load(path: &Path) -> Result<Self, ListError> {
        Self::read(&*Source::read(path)?)
    }

    /// Like [`Facts::load`], from a text that came from `path`.
    ///
    /// # Errors
    /// Malformed text, a value of another kind.
    pub fn parse(path: impl Into<PathBuf>, text: &str) -> Result<Self, ListError> {
        Self::read(&Source::new(path, text))
    }

    fn read(source: &Source) -> Result<Self, ListError> {
        let root = yaml::parse(source)?;
        let Value::Map(entries) = root.value else {
            let message = format!("expected a mapping of facts, found {}", root.value.kind());
            return Err(source.fault(root.at.line, root.at.column, 1, message).into());
        };
        let fact = |(key, node): (yaml::Key, yaml::Node)| match node.value.into_fact() {
            Ok(fact) => Ok((key.text, fact)),
            Err(value) => {
                let message = format!(
                    "fact `{}` must be a text, a number, a boolean or null, found {}",
                    key.text,
                    value.kind()
                );
                Err(ListError::from(source.fault(
                    key.at.line,
                    key.at.column,
                    key.text.chars().count(),
                    message,
                )))
            }
        };
        Ok(Self(entries.into_iter().map(fact).collect::<Result<_, _>>()?))
    }

    /// The fact `key`; `None` when it is absent or null.
    pub fn get(&self, key: &str) -> Option<&Fact> {
        self.0.get(key).filter(|fact| **fact != Fact::Null)
    }

    /// States a fact, replacing an earlier one.
    pub fn set(&mut self, key: &str, value: impl Into<Fact>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// All facts in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(key, fact)| (key.as_str(), fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_yaml_and_from_json_alike() {
        let yaml = "gpu: H100 80GB HBM3\ncompute_capability: '9.0'\nsupports_fp8: true\ncuda_version: null\n\
                    gpu_memory: 81559.0\n";
        let json = "{\n\t\"gpu\": \"H100 80GB HBM3\", \"compute_capability\": \"9.0\",\n\
                    \t\"supports_fp8\": true,\n\t\"cuda_version\":null,\"gpu_memory\":81559.0\n}\n";
        let facts = Facts::parse("facts.yml", yaml).expect("yaml");
        assert_eq!(facts, Facts::parse("facts.json", json).expect("json"));
        assert_eq!(facts.get("compute_capability"), Some(&Fact::from("9.0")));
        assert_eq!(facts.get("compute_capability").and_then(Fact::as_number), Some(9.0));
        assert_eq!(facts.get("gpu_memory").map(ToString::to_string).as_deref(), Some("81559.0"));
        assert_eq!(facts.get("cuda_version"), None);
        assert_eq!(facts.iter().count(), 5);
    }

    #[test]
    fn a_fact_that_is_a_list_is_refused_at_its_key() {
        let error = Facts::parse("facts.yml", "cpu: x86_64\ngpu: [a, b]\n").expect_err("a list");
        assert_eq!(
            error.to_string(),
            "facts.yml:2:1: fact `gpu` must be a text, a number, a boolean or null, found a list"
        );
        let error = Facts::parse("facts.yml", "- a\n").expect_err("no mapping");
        assert_eq!(error.to_string(), "facts.yml:1:1: expected a mapping of facts, found a list");
    }

    #[test]
    fn facts_are_written_as_plain_json() {
        let mut facts = Facts::default();
        facts.set("gpu", "B200");
        facts.set("system_gpu_count", 8);
        facts.set("supports_fp8", true);
        facts.set("gpu_memory", 183_359.0);
        let json = serde_json::to_string(&facts).expect("json");
        assert_eq!(
            json,
            r#"{"gpu":"B200","gpu_memory":183359.0,"supports_fp8":true,"system_gpu_count":8}"#
        );
    }
}
