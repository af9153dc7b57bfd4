//! A built engine: `config.json` in the shape of the real tool's, and the weights as a safetensors file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::failure::Exception;
use crate::model::{ModelConfig, Weights};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "rank0.safetensors";
/// Marks engines of this program.
const PRODUCER: &str = "refbench";

/// An engine's `config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineConfig {
    producer: String,
    pub version: String,
    pub pretrained_config: Pretrained,
    pub build_config: BuildConfig,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pretrained {
    architecture: String,
    dtype: String,
    #[serde(flatten)]
    pub model: ModelConfig,
    quantization: Quantization,
    mapping: Mapping,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Quantization {
    quant_algo: Option<String>,
    kv_cache_quant_algo: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mapping {
    world_size: usize,
    tp_size: usize,
    pp_size: usize,
}

/// Limits that were fixed when the engine was built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildConfig {
    pub max_input_len: usize,
    pub max_seq_len: usize,
    pub max_batch_size: usize,
    pub max_num_tokens: usize,
    max_beam_width: usize,
}

impl BuildConfig {
    /// Limits of an engine; the longest input is the real tool's default, which it only reports.
    pub fn new(max_seq_len: usize, max_batch_size: usize, max_num_tokens: usize) -> Self {
        Self { max_input_len: 1024, max_seq_len, max_batch_size, max_num_tokens, max_beam_width: 1 }
    }

    fn check(&self) -> Result<(), String> {
        let limits = [
            ("max_seq_len", self.max_seq_len),
            ("max_batch_size", self.max_batch_size),
            ("max_num_tokens", self.max_num_tokens),
        ];
        match limits.iter().find(|(_, limit)| *limit == 0) {
            Some((key, _)) => Err(format!("`{key}` must be at least 1")),
            None => Ok(()),
        }
    }
}

/// Writes an engine into `dir`, which is made if it is missing.
///
/// # Errors
/// The system refuses.
pub fn save(
    dir: &Path,
    model: &ModelConfig,
    build: &BuildConfig,
    weights: &Weights,
) -> Result<(), Exception> {
    fs::create_dir_all(dir).map_err(|error| Exception::os(dir, &error))?;
    let path = dir.join(WEIGHTS);
    write_weights(&path, model, weights).map_err(|error| Exception::os(&path, &error))?;
    let config = EngineConfig {
        producer: PRODUCER.to_owned(),
        version: VERSION.to_owned(),
        pretrained_config: Pretrained {
            architecture: "LlamaForCausalLM".to_owned(),
            dtype: "float32".to_owned(),
            model: model.clone(),
            quantization: Quantization { quant_algo: None, kv_cache_quant_algo: None },
            mapping: Mapping { world_size: 1, tp_size: 1, pp_size: 1 },
        },
        build_config: build.clone(),
    };
    let path = dir.join(CONFIG);
    let text = serde_json::to_string_pretty(&config)
        .map_err(|error| Exception::value(format!("{}: {error}", path.display())))?;
    fs::write(&path, text).map_err(|error| Exception::os(&path, &error))
}

/// Reads the configuration of the engine in `dir`.
///
/// # Errors
/// There is none, it is another program's or another version's, or it says what cannot be.
pub fn load_config(dir: &Path) -> Result<EngineConfig, Exception> {
    let path = dir.join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|error| Exception::os(&path, &error))?;
    let foreign = |why: String| {
        Exception::runtime(format!(
            "{}: not an engine that refbench {VERSION} built: {why}",
            path.display()
        ))
    };
    let config: EngineConfig =
        serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
    if config.producer != PRODUCER {
        return Err(foreign(format!("it was made by {}", config.producer)));
    }
    if config.version != VERSION {
        return Err(foreign(format!("it was built by version {}", config.version)));
    }
    config.pretrained_config.model.check().map_err(foreign)?;
    config.build_config.check().map_err(foreign)?;
    Ok(config)
}

/// Reads the weights of the engine in `dir`.
///
/// # Errors
/// The file is missing, cut short, or does not hold the tensors that the model needs.
pub fn load_weights(dir: &Path, model: &ModelConfig) -> Result<Weights, Exception> {
    let path = dir.join(WEIGHTS);
    let os = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => broken(&path, "it ends too early"),
        _ => Exception::os(&path, error),
    };
    let file = File::open(&path).map_err(|error| os(&error))?;
    let length = file.metadata().map_err(|error| os(&error))?.len();
    let mut file = BufReader::new(file);
    let mut header_len = [0; 8];
    file.read_exact(&mut header_len).map_err(|error| os(&error))?;
    let header_len = u64::from_le_bytes(header_len);
    if header_len > length {
        return Err(broken(&path, "its header is longer than the file"));
    }
    let mut header = vec![0; header_len as usize];
    file.read_exact(&mut header).map_err(|error| os(&error))?;
    let header: BTreeMap<String, Tensor> =
        serde_json::from_slice(&header).map_err(|error| broken(&path, &error.to_string()))?;
    let mut offset = 0;
    Weights::from_tensors(model, |name, rows, cols| {
        let size = rows * cols * size_of::<f32>();
        let wanted = Tensor {
            dtype: "F32".to_owned(),
            shape: [rows, cols],
            data_offsets: [offset, offset + size],
        };
        if header.get(name) != Some(&wanted) {
            return Err(broken(
                &path,
                &format!("tensor {name} is not {rows} x {cols} where it should be"),
            ));
        }
        offset += size;
        let mut bytes = vec![0; size];
        file.read_exact(&mut bytes).map_err(|error| os(&error))?;
        let (values, _) = bytes.as_chunks::<4>();
        Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    })
}

fn broken(path: &Path, why: &str) -> Exception {
    Exception::runtime(format!("{}: not the weights of this engine: {why}", path.display()))
}

/// A tensor's entry in the header of a safetensors file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tensor {
    dtype: String,
    shape: [usize; 2],
    data_offsets: [usize; 2],
}

fn write_weights(path: &Path, model: &ModelConfig, weights: &Weights) -> std::io::Result<()> {
    let tensors = weights.tensors(model);
    let mut offset = 0;
    let mut header = BTreeMap::new();
    for (name, shape, data) in &tensors {
        let end = offset + size_of_val(*data);
        let entry = Tensor { dtype: "F32".to_owned(), shape: *shape, data_offsets: [offset, end] };
        header.insert(name, entry);
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    // The format wants the data aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for (_, _, data) in &tensors {
        let bytes: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
        file.write_all(&bytes)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ModelConfig {
        ModelConfig::parse(
            r#"{"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
                "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 5}"#,
        )
        .expect("valid")
    }

    #[test]
    fn an_engine_comes_back_as_it_was_saved() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (model, build) = (model(), BuildConfig::new(64, 4, 128));
        let weights = Weights::random(&model);
        save(dir.path(), &model, &build, &weights).expect("saved");
        let config = load_config(dir.path()).expect("loaded");
        assert_eq!((&config.pretrained_config.model, &config.build_config), (&model, &build));
        assert_eq!(load_weights(dir.path(), &model), Ok(weights));
    }

    #[test]
    fn a_foreign_or_damaged_engine_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let model = model();
        save(dir.path(), &model, &BuildConfig::new(64, 4, 128), &Weights::random(&model))
            .expect("saved");
        let weights = dir.path().join(WEIGHTS);
        let bytes = fs::read(&weights).expect("read");
        fs::write(&weights, &bytes[..bytes.len() - 4]).expect("written");
        let error = load_weights(dir.path(), &model).expect_err("cut short").to_string();
        assert!(error.contains("it ends too early"), "{error}");
        let config = dir.path().join(CONFIG);
        let text = fs::read_to_string(&config).expect("read");
        fs::write(&config, text.replace(VERSION, "99.0")).expect("written");
        let error = load_config(dir.path()).expect_err("other version").to_string();
        assert!(error.contains("it was built by version 99.0"), "{error}");
        for (from, to, message) in [
            (
                "num_key_value_heads\": 1",
                "num_key_value_heads\": 0",
                "`num_key_value_heads` must be",
            ),
            ("max_batch_size\": 4", "max_batch_size\": 0", "`max_batch_size` must be at least 1"),
            ("max_num_tokens\": 128", "max_num_tokens\": 0", "`max_num_tokens` must be at least 1"),
            ("max_seq_len\": 64", "max_seq_len\": 0", "`max_seq_len` must be at least 1"),
        ] {
            assert!(text.contains(from), "{text}");
            fs::write(&config, text.replace(from, to)).expect("written");
            let error = load_config(dir.path()).expect_err(message).to_string();
            assert!(error.contains("not an engine") && error.contains(message), "{error}");
        }
        fs::write(&config, "{}").expect("written");
        let error = load_config(dir.path()).expect_err("foreign").to_string();
        assert!(error.contains("not an engine"), "{error}");
    }
}
