//! What makes two results results of the same case: the fields of the label, not its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::case::{Case, ModelTable, Runtime};
use crate::plan;

/// A case as history knows it. Labels that differ in spelling alone, as in the order of fields or in a default written
/// out, are one case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaseIdentity {
    /// The canonical label; the raw one where it means nothing to this release of the harness.
    pub label: String,
    /// The fields as JSON with sorted keys; `{"label": …}` for a label without a meaning.
    pub fields: String,
}

impl CaseIdentity {
    /// The identity of `label`, canonical or not.
    pub fn of(label: &str, models: &ModelTable) -> Self {
        match Case::parse(label, models) {
            Ok(case) => Self::of_case(&case),
            Err(_) => Self {
                label: label.to_owned(),
                fields: serde_json::json!({ "label": label }).to_string(),
            },
        }
    }

    /// The identity of a parsed case.
    pub fn of_case(case: &Case) -> Self {
        let mut fields: BTreeMap<String, Value> = plan::config(case).into_iter().collect();
        // A mode is of the removed runtimes; for others it is a default that nothing reads.
        if matches!(case.runtime, Runtime::Bench | Runtime::Serve | Runtime::DisaggServer) {
            fields.remove("mode");
        }
        let fields = serde_json::to_string(&fields).expect("a map of JSON values is JSON");
        Self { label: case.to_string(), fields }
    }

    /// A field by the key that `--dry-run=json` has it under, e.g. `model_name`, `data_type`, `num_gpus`.
    pub fn field(&self, key: &str) -> Option<Value> {
        let fields: BTreeMap<String, Value> = serde_json::from_str(&self.fields).ok()?;
        fields.get(key).cloned()
    }

    /// The model's name; the start of a label without a meaning.
    pub fn model(&self) -> String {
        match self.field("model_name") {
            Some(Value::String(name)) => name,
            _ => self.label.split('-').next().unwrap_or(&self.label).to_owned(),
        }
    }

    /// The precision: the quantization where there is one, else the data type.
    pub fn precision(&self) -> Option<String> {
        let text = |key| match self.field(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        text("quantization").or_else(|| text("data_type"))
    }

    /// How many GPUs the case takes, when its label tells.
    pub fn gpus(&self) -> Option<u64> {
        self.field("num_gpus")?.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> ModelTable {
        ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table")
    }

    #[test]
    fn a_default_written_out_is_the_same_case() {
        let short = "llama_v3.1_8b_instruct-bench-pytorch-float16-input_output_len:128,128";
        let long = "llama_v3.1_8b_instruct-bench-pytorch-float16-maxbs:512-maxnt:2048-input_output_len:128,128";
        let identity = CaseIdentity::of(short, &models());
        assert_eq!(identity, CaseIdentity::of(long, &models()));
        assert_eq!(identity.model(), "llama_v3.1_8b_instruct");
        assert_eq!(identity.precision().as_deref(), Some("float16"));
        assert_eq!(identity.gpus(), Some(1));
    }

    #[test]
    fn a_field_of_another_value_is_another_case() {
        let a = CaseIdentity::of(
            "llama_v3.1_8b-bench-pytorch-float16-input_output_len:128,128-con:1",
            &models(),
        );
        let b = CaseIdentity::of(
            "llama_v3.1_8b-bench-pytorch-float16-input_output_len:128,128-con:2",
            &models(),
        );
        assert_ne!(a, b);
    }

    #[test]
    fn a_label_that_means_nothing_is_its_own_case() {
        let identity = CaseIdentity::of("some new-model-serve", &models());
        assert_eq!(identity.label, "some new-model-serve");
        assert_eq!(identity.model(), "some new");
        assert_eq!((identity.precision(), identity.gpus()), (None, None));
    }
}
