//! The model table: what a label's model name stands for.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::error::checked_text;

/// `perf-tests/models.yml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelTable {
    /// Directory below the models root whose tokenizer stands in for models without one of their own.
    pub fallback_tokenizer: String,
    #[serde(deserialize_with = "by_name")]
    models: BTreeMap<String, Model>,
    #[serde(deserialize_with = "by_name")]
    hub_only: BTreeMap<String, String>,
    #[serde(deserialize_with = "by_name")]
    shapes: BTreeMap<String, Shape>,
}

/// A name that a label can spell: a `-` would end it there.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Name(#[serde(deserialize_with = "spelled")] String);

fn spelled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked_text(deserializer, |name| match name.contains('-') {
        false => Ok(()),
        true => Err(format!(
            "no label can name the model `{name}`: a `-` ends it; write `{}`",
            name.replace('-', "_")
        )),
    })
}

fn by_name<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries = BTreeMap::<Name, T>::deserialize(deserializer)?;
    Ok(entries.into_iter().map(|(Name(name), entry)| (name, entry)).collect())
}

/// A model with a checkpoint directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Checkpoint directory, relative to the models root.
    pub path: String,
    /// Hugging Face id.
    pub hf: Option<String>,
    /// LoRA adapter directories, relative to the models root unless absolute.
    #[serde(default)]
    pub lora: Adapters,
    /// The checkpoint's own Python code must be trusted to load it.
    #[serde(default)]
    pub trust_remote_code: bool,
    /// Why `trtllm-bench` cannot run the model.
    pub cannot_run: Option<String>,
    /// The engine that runs it.
    #[serde(default)]
    pub engine: Engine,
}

/// The program family that runs a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// TensorRT-LLM's `trtllm-bench`.
    #[default]
    TrtllmBench,
    /// The embedded engine; paths lie in `perf-tests/refbench-models`.
    Refbench,
}

/// One adapter directory an adapter; the table may write a single one as plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adapters(pub Vec<String>);

impl<'de> Deserialize<'de> for Adapters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> serde::de::Visitor<'de> for OneOrMany {
            type Value = Adapters;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an adapter directory or a list of them")
            }
            fn visit_str<E>(self, path: &str) -> Result<Adapters, E> {
                Ok(Adapters(vec![path.to_owned()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Adapters, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = seq.next_element()? {
                    paths.push(path);
                }
                Ok(Adapters(paths))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// What the rules of a label ask about a model's architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    pub kind: Kind,
    /// State-space model: it has no KV cache.
    #[serde(default)]
    pub mamba: bool,
}

/// Text in, text out; or one of the two kinds that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Gpt,
    /// Encoder only: has no output lengths.
    Bert,
    EncoderDecoder,
}

/// Suffix by which a label asks for the Hugging Face name of a model.
const HUB_SUFFIX: &str = "_hf";

impl ModelTable {
    /// Parses `models.yml`.
    ///
    /// # Errors
    /// When the text is not the table described in its head.
    pub fn parse(yaml: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(yaml)
    }

    /// Lays a site's own `label: path` lines over the table.
    ///
    /// # Errors
    /// When the text is not a mapping of labels to paths, or holds a name that no label can.
    pub fn overlay(&mut self, yaml: &str) -> Result<(), serde_yaml::Error> {
        let paths: BTreeMap<Name, String> = serde_yaml::from_str(yaml)?;
        for (Name(label), path) in paths {
            match self.models.get_mut(&label) {
                Some(model) => model.path = path,
                None => {
                    let model = Model {
                        path,
                        hf: None,
                        lora: Adapters::default(),
                        trust_remote_code: false,
                        cannot_run: None,
                        engine: Engine::default(),
                    };
                    self.models.insert(label, model);
                }
            }
        }
        Ok(())
    }

    /// The table entry of exactly this label (not of its `_hf` form).
    pub fn model(&self, label: &str) -> Option<&Model> {
        self.models.get(label)
    }

    /// The entry whose checkpoint a label uses: its own, or, for a Hugging Face label, the one it is the `_hf` form of.
    pub fn checkpoint(&self, label: &str) -> Option<&Model> {
        self.models.get(label).or_else(|| {
            self.is_hub_label(label)
                .then(|| label.split_once(HUB_SUFFIX))
                .flatten()
                .and_then(|(stem, _)| self.models.get(stem))
        })
    }

    /// Whether the label is one of the Hugging Face table: `X_hf` of a model with an id, or known by id alone.
    pub fn is_hub_label(&self, label: &str) -> bool {
        self.hub_only.contains_key(label) || self.stem_with_id(label).is_some()
    }

    /// Hugging Face id of a label, with or without its `_hf`.
    pub fn hub_id(&self, label: &str) -> Option<&str> {
        let with_suffix = hub_label(label);
        self.hub_only
            .get(&with_suffix)
            .map(String::as_str)
            .or_else(|| self.stem_with_id(&with_suffix).and_then(|model| model.hf.as_deref()))
    }

    fn stem_with_id(&self, label: &str) -> Option<&Model> {
        label
            .strip_suffix(HUB_SUFFIX)
            .and_then(|stem| self.models.get(stem))
            .filter(|model| model.hf.is_some())
    }

    /// Whether a label may name this model at all.
    pub fn knows(&self, label: &str) -> bool {
        self.models.contains_key(label)
            || self.is_hub_label(label)
            || self.shapes.contains_key(label)
    }

    /// Architecture facts; a model without an entry is a plain decoder.
    pub fn shape(&self, label: &str) -> Shape {
        self.shapes.get(label).copied().unwrap_or(Shape { kind: Kind::Gpt, mamba: false })
    }

    /// All names a label may use, for corrections.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let hub = self.hub_only.keys().map(String::as_str);
        self.models
            .keys()
            .map(String::as_str)
            .chain(hub)
            .chain(self.shapes.keys().map(String::as_str))
    }
}

/// The label in its Hugging Face form, the `--model` of a throughput run.
pub fn hub_label(label: &str) -> String {
    if label.ends_with(HUB_SUFFIX) { label.to_owned() } else { format!("{label}{HUB_SUFFIX}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ModelTable {
        ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table parses")
    }

    #[test]
    fn a_hub_label_finds_the_checkpoint_and_the_id_of_its_stem() {
        let table = table();
        assert_eq!(table.hub_id("llama_v3.1_8b"), Some("meta-llama/Llama-3.1-8B"));
        assert_eq!(table.hub_id("llama_v3.1_8b_hf"), Some("meta-llama/Llama-3.1-8B"));
        let path = &table.checkpoint("llama_v3.1_8b_hf").expect("known").path;
        assert_eq!(path, "llama-3.1-model/Meta-Llama-3.1-8B");
    }

    #[test]
    fn a_name_known_by_its_id_alone_has_no_checkpoint() {
        let table = table();
        assert!(table.knows("llama_v3_8b_hf"));
        assert!(table.checkpoint("llama_v3_8b_hf").is_none());
    }

    #[test]
    fn a_model_without_an_id_has_no_hub_label() {
        let table = table();
        assert!(table.knows("llama_v3.2_1b"));
        assert!(!table.knows("llama_v3.2_1b_hf"));
    }

    #[test]
    fn a_site_can_move_a_model_and_add_one() {
        let mut table = table();
        table.overlay("llama_v3.1_8b: /fast/8b\nmy_model: mine/v1\n").expect("overlay");
        assert_eq!(table.model("llama_v3.1_8b").expect("known").path, "/fast/8b");
        assert_eq!(
            table.model("llama_v3.1_8b").expect("known").hf.as_deref(),
            Some("meta-llama/Llama-3.1-8B")
        );
        assert!(table.knows("my_model"));
    }

    #[test]
    fn a_name_that_no_label_can_spell_is_refused_with_its_place_and_one_that_labels_can() {
        let error = table().overlay("a: b\nmy-model-8b: mine\n").expect_err("a dash").to_string();
        assert!(error.contains("my_model_8b") && error.contains("line 2"), "{error}");
        let yaml =
            "fallback_tokenizer: t\nmodels: { a-b: { path: p } }\nhub_only: {}\nshapes: {}\n";
        let error = ModelTable::parse(yaml).expect_err("a dash").to_string();
        assert!(error.contains("write `a_b`"), "{error}");
    }
}
