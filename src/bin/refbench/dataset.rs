//! The data set: one request a line, as JSON.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Exception;

/// One line of the file. Other keys are ignored, as the real tool does.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "task_id")]
    _task_id: i64,
    output_tokens: u32,
    input_ids: Option<Vec<i64>>,
    /// Older name of `input_ids`.
    logits: Option<Vec<i64>>,
    prompt: Option<String>,
    lora_request: Option<LoraRequest>,
}

/// Which adapter a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoraRequest {
    #[serde(rename = "lora_name")]
    _name: String,
    #[serde(rename = "lora_int_id")]
    _int_id: i64,
    /// The adapter's directory.
    #[serde(default)]
    pub lora_path: PathBuf,
}

/// A request of the data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its line, from 1.
    pub line: usize,
    pub prompt: Vec<u32>,
    pub output_tokens: usize,
    pub lora: Option<LoraRequest>,
}

/// Reads the first `limit` requests of `path` for a model of `vocab_size` tokens; 0 means all.
///
/// # Errors
/// The file cannot be read, holds nothing, or a line is no request for such a model.
pub fn read(path: &Path, limit: usize, vocab_size: usize) -> Result<Vec<Entry>, Exception> {
    let file = File::open(path).map_err(|error| Exception::os(path, &error))?;
    let mut entries = Vec::new();
    for (index, text) in BufReader::new(file).split(b'\n').enumerate() {
        if limit > 0 && entries.len() == limit {
            break;
        }
        let text = text.map_err(|error| Exception::os(path, &error))?;
        let entry = parse(&text, index + 1, vocab_size).map_err(|(class, message)| {
            Exception::new(class, format!("{}:{}: {message}", path.display(), index + 1))
        })?;
        entries.push(entry);
    }
    if entries.is_empty() {
        let message = format!("list index out of range: {} holds no request", path.display());
        return Err(Exception::new("IndexError", message));
    }
    Ok(entries)
}

type Wrong = (&'static str, String);

fn parse(text: &[u8], line: usize, vocab_size: usize) -> Result<Entry, Wrong> {
    let parsed: Line = serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        let class = match message.strip_prefix("missing field") {
            _ if !error.is_data() => "json.decoder.JSONDecodeError",
            Some(_) => "KeyError",
            None => "ValueError",
        };
        (class, message)
    })?;
    let value = |message: String| ("ValueError", message);
    let ids = match (parsed.input_ids.or(parsed.logits), parsed.prompt) {
        (Some(ids), _) => ids,
        (None, Some(_)) => {
            let message =
                "a text `prompt` without `input_ids` needs a tokenizer, which refbench has not";
            return Err(("NotImplementedError", message.to_owned()));
        }
        (None, None) => return Err(value("`prompt` and `input_ids` are both None".to_owned())),
    };
    if ids.is_empty() {
        return Err(value("`input_ids` is empty".to_owned()));
    }
    if parsed.output_tokens == 0 {
        return Err(value("`output_tokens` must be at least 1".to_owned()));
    }
    let prompt = ids.iter().map(|&id| match u32::try_from(id) {
        Ok(token) if (token as usize) < vocab_size => Ok(token),
        _ => Err(value(format!("token id {id} is outside the vocabulary of {vocab_size} tokens"))),
    });
    Ok(Entry {
        line,
        prompt: prompt.collect::<Result<_, _>>()?,
        output_tokens: parsed.output_tokens as usize,
        lora: parsed.lora_request,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_an_adapter_is_read() {
        let text = br#"{"task_id":0,"input_ids":[1,2],"output_tokens":3,"lora_request":{"lora_name":"lora_1","lora_int_id":1,"lora_path":"/a/1"}}"#;
        let entry = parse(text, 4, 10).expect("valid");
        assert_eq!((entry.line, entry.prompt, entry.output_tokens), (4, vec![1, 2], 3));
        assert_eq!(entry.lora.expect("given").lora_path, Path::new("/a/1"));
    }

    #[test]
    fn ids_win_over_a_prompt_and_over_their_older_name() {
        let text = br#"{"task_id":0,"prompt":"hi","logits":[9],"input_ids":[1],"output_tokens":3}"#;
        assert_eq!(parse(text, 1, 10).expect("valid").prompt, [1]);
        let text = br#"{"task_id":0,"prompt":"hi","logits":[9],"output_tokens":3}"#;
        assert_eq!(parse(text, 1, 10).expect("valid").prompt, [9]);
    }

    #[test]
    fn wrong_lines_are_told_apart() {
        for (text, class, message) in [
            ("", "json.decoder.JSONDecodeError", "EOF while parsing"),
            ("{\"task_id\":", "json.decoder.JSONDecodeError", "EOF while parsing"),
            ("nonsense", "json.decoder.JSONDecodeError", "expected ident"),
            (r#"{"task_id":1,"input_ids":[1]}"#, "KeyError", "`output_tokens`"),
            (r#"{"output_tokens":1,"input_ids":[1]}"#, "KeyError", "`task_id`"),
            (r#"{"task_id":"x","output_tokens":1,"input_ids":[1]}"#, "ValueError", "expected i64"),
            (r#"{"task_id":1,"output_tokens":1}"#, "ValueError", "both None"),
            (r#"{"task_id":1,"output_tokens":1,"prompt":"a"}"#, "NotImplementedError", "tokenizer"),
            (r#"{"task_id":1,"output_tokens":1,"input_ids":[]}"#, "ValueError", "is empty"),
            (r#"{"task_id":1,"output_tokens":0,"input_ids":[1]}"#, "ValueError", "at least 1"),
            (
                r#"{"task_id":1,"output_tokens":18446744073709551615,"input_ids":[1]}"#,
                "ValueError",
                "expected u32",
            ),
            (
                r#"{"task_id":1,"output_tokens":1,"input_ids":[10]}"#,
                "ValueError",
                "token id 10 is outside",
            ),
            (
                r#"{"task_id":1,"output_tokens":1,"input_ids":[-1]}"#,
                "ValueError",
                "token id -1 is outside",
            ),
        ] {
            let (got, why) = parse(text.as_bytes(), 1, 10).expect_err(message);
            assert_eq!(got, class, "{text}: {why}");
            assert!(why.contains(message), "{text}: {why}");
        }
    }
}
