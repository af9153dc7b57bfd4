//! From records to samples: prompt and input joined, encoded, measured.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use super::RealError;
use super::files::files;
use super::records::{self, Flow};
use crate::dataset::lengths::LengthDraws;
use crate::dataset::python_random::PythonRandom;
use crate::dataset::tokenizer::python_class;
use crate::dataset::{Lengths, Normal, Spec, TaskIds};

/// Keys by which upstream knows a record with pictures.
const PICTURES: [&str; 3] = ["image", "image_1", "video"];

/// What is wanted of the source.
#[derive(Debug, Clone)]
pub struct RealSpec {
    /// A local file, or a folder.
    pub source: PathBuf,
    /// Sub-folder of the source.
    pub config: Option<String>,
    pub split: String,
    /// Key of the text that follows the prompt.
    pub input_key: String,
    pub prompt: Prompt,
    /// Key of the golden output, whose length is the output length unless `output_len` is given.
    pub output_key: Option<String>,
    /// Stop after this many accepted records; `None` takes all.
    pub requests: Option<u64>,
    /// Skip longer inputs, in tokens.
    pub max_input_len: Option<u64>,
    /// Distribution of the output lengths.
    pub output_len: Option<Normal>,
    pub task_ids: TaskIds,
    pub seed: u64,
}

/// What stands before the input.
#[derive(Debug, Clone)]
pub enum Prompt {
    Text(String),
    /// Of each record.
    Key(String),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub ids: Vec<u32>,
    pub output_tokens: u64,
    /// LoRA task id, -1 for none.
    pub task_id: i64,
}

/// The samples, and what a user should know about them.
#[derive(Debug)]
pub struct Prepared {
    pub samples: Vec<Sample>,
    /// Name of the tokenizer's class, for the document.
    pub tokenizer_class: String,
    /// Records whose input was too long.
    pub skipped: u64,
}

/// Reads the records of the split in order and makes samples of them.
///
/// Task ids of `TaskIds::Random` are drawn from the seeded generator; upstream draws them from an unseeded one.
///
/// # Errors
/// The first thing wrong with source, record or tokenizer, by its place.
pub fn prepare(spec: &RealSpec, tokenizer_dir: &Path) -> Result<Prepared, RealError> {
    if spec.output_len.is_none() && spec.output_key.is_none() {
        return Err(RealError::NoOutputLength);
    }
    if let TaskIds::Random { low, high } = spec.task_ids
        && high.checked_sub(low).is_none_or(|range| range < 0)
    {
        return Err(RealError::TaskIds { low, high });
    }
    if spec.output_len.is_some() && u32::try_from(spec.seed).is_err() {
        return Err(RealError::Seed(spec.seed));
    }
    let encoder = Encoder::load(tokenizer_dir)?;
    let mut collector = Collector { spec, encoder: &encoder, samples: Vec::new(), skipped: 0 };
    for file in files(&spec.source, spec.config.as_deref(), &spec.split)? {
        if records::read(&file, &mut |row, record| collector.take(&file, row, &record))?
            == Flow::Enough
        {
            break;
        }
    }
    let Collector { mut samples, skipped, .. } = collector;
    if samples.is_empty() {
        return Err(RealError::Empty);
    }
    if let Some(output) = spec.output_len {
        let mut draws = LengthDraws::new(&lengths(output, spec.seed));
        samples.iter_mut().for_each(|sample| sample.output_tokens = draws.draw().output);
    }
    set_task_ids(&mut samples, spec);
    Ok(Prepared { samples, tokenizer_class: encoder.class, skipped })
}

/// A spec whose output lengths are the normal rule's, freshly seeded.
fn lengths(output: Normal, seed: u64) -> Spec {
    Spec {
        requests: 0,
        lengths: Lengths::Normal { input: output, output },
        seed,
        task_ids: TaskIds::None,
        lora_dir: None,
    }
}

fn set_task_ids(samples: &mut [Sample], spec: &RealSpec) {
    match spec.task_ids {
        TaskIds::None => {}
        TaskIds::Fixed(task) => samples.iter_mut().for_each(|sample| sample.task_id = task),
        TaskIds::Random { low, high } => {
            let mut random = PythonRandom::new(spec.seed);
            samples.iter_mut().for_each(|sample| sample.task_id = random.between(low, high));
        }
    }
}

struct Collector<'a> {
    spec: &'a RealSpec,
    encoder: &'a Encoder,
    samples: Vec<Sample>,
    skipped: u64,
}

impl Collector<'_> {
    fn take(
        &mut self,
        path: &Path,
        row: u64,
        record: &Map<String, Value>,
    ) -> Result<Flow, RealError> {
        let spec = self.spec;
        let place = Place { path, row, record };
        if let Some(key) = PICTURES.iter().find(|key| record.contains_key(**key)) {
            return Err(RealError::NotText { path: path.to_owned(), row, key: (*key).to_owned() });
        }
        let prompt = match &spec.prompt {
            Prompt::Text(text) => text.as_str(),
            Prompt::Key(key) => place.text(key, "--dataset-prompt-key")?,
        };
        let input = place.text(&spec.input_key, "--dataset-input-key")?;
        let ids = self.encoder.encode(&format!("{prompt} {input}"), path, row)?;
        if spec.max_input_len.is_some_and(|limit| ids.len() as u64 > limit) {
            self.skipped += 1;
            return Ok(Flow::More);
        }
        let output_tokens = match (&spec.output_len, &spec.output_key) {
            (None, Some(key)) => {
                let golden = place.text(key, "--dataset-output-key")?;
                self.encoder.encode(golden, path, row)?.len() as u64
            }
            _ => 0,
        };
        self.samples.push(Sample { ids, output_tokens, task_id: -1 });
        let enough = spec.requests == Some(self.samples.len() as u64);
        Ok(if enough { Flow::Enough } else { Flow::More })
    }
}

/// A record and where it stands.
struct Place<'a> {
    path: &'a Path,
    row: u64,
    record: &'a Map<String, Value>,
}

impl<'a> Place<'a> {
    fn text(&self, key: &str, option: &'static str) -> Result<&'a str, RealError> {
        match self.record.get(key) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(RealError::Record {
                path: self.path.to_owned(),
                row: self.row,
                message: format!("`{key}` ({option}) is no text"),
            }),
            None => Err(RealError::NoKey {
                path: self.path.to_owned(),
                row: self.row,
                key: key.to_owned(),
                option,
                keys: self.record.keys().cloned().collect(),
            }),
        }
    }
}

struct Encoder {
    tokenizer: Tokenizer,
    class: String,
}

impl Encoder {
    fn load(dir: &Path) -> Result<Self, RealError> {
        let path = dir.join("tokenizer.json");
        let mut tokenizer = Tokenizer::from_file(&path).map_err(|error| RealError::Tokenizer {
            path: path.clone(),
            message: error.to_string(),
        })?;
        // A length limit in the file is for training; the data set's own limits count here.
        tokenizer
            .with_truncation(None)
            .map_err(|error| RealError::Tokenizer { path, message: error.to_string() })?
            .with_padding(None);
        Ok(Self { tokenizer, class: python_class(dir)? })
    }

    /// With special tokens, as upstream counts them.
    fn encode(&self, text: &str, path: &Path, row: u64) -> Result<Vec<u32>, RealError> {
        let encoding = self.tokenizer.encode(text, true).map_err(|error| RealError::Record {
            path: path.to_owned(),
            row,
            message: format!("cannot be tokenized: {error}"),
        })?;
        Ok(encoding.get_ids().to_vec())
    }
}
