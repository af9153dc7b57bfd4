//! The two forms of a data set: JSON lines, which the benchmark reads, and one JSON document.

use std::io::{self, Write};

use super::json_buffer::JsonBuffer;
use super::lengths::LengthDraws;
use super::requests::{NEVER, Request, Requests, Stop};
use super::spec::NO_TASK;
use super::{DatasetError, Lengths, Spec, TokenizerFacts};

/// Writes one request a line, as `prepare_dataset.py --stdout` and `trtllm-bench prepare-dataset` do.
/// `task_id` is the number of the line; a LoRA adapter stands under `lora_request`.
///
/// # Errors
/// When the spec cannot be met (nothing is written then), or the writer fails.
pub fn write_jsonl(
    spec: &Spec,
    tokenizer: &TokenizerFacts,
    out: impl Write,
) -> Result<(), DatasetError> {
    write_lines(spec, tokenizer, out, NEVER)
}

/// [`write_jsonl`] that can be stopped, with [`DatasetError::Stopped`].
pub(super) fn write_lines(
    spec: &Spec,
    tokenizer: &TokenizerFacts,
    out: impl Write,
    stop: Stop<'_>,
) -> Result<(), DatasetError> {
    spec.check(tokenizer)?;
    let lora_dir = spec.lora_dir.as_deref().map(lora_prefix);
    let mut requests = Requests::new(spec, tokenizer, lora_dir.is_some(), stop)?;
    let mut out = JsonBuffer::new(out, tokenizer.vocab_size);
    while let Some(request) = requests.next_request()? {
        line(&mut out, &request, lora_dir.as_deref()).map_err(DatasetError::Output)?;
    }
    out.flush().map_err(DatasetError::Output)
}

fn line<W: Write>(
    out: &mut JsonBuffer<W>,
    request: &Request<'_>,
    lora_dir: Option<&str>,
) -> io::Result<()> {
    write!(out, r#"{{"task_id":{},"input_ids":["#, request.index)?;
    out.ids(request.ids, b",")?;
    write!(out, r#"],"output_tokens":{}"#, request.output_tokens)?;
    if let Some(directory) = lora_dir
        && request.task_id != NO_TASK
    {
        let task = request.task_id;
        write!(out, r#","lora_request":{{"lora_name":"lora_{task}","lora_int_id":{task},"#)?;
        write!(out, r#""lora_path":{}}}"#, json_string(&format!("{directory}{task}")))?;
    }
    out.write_all(b"}\n")
}

/// What stands before the task id in an adapter's path; a slash at the end is not doubled.
fn lora_prefix(directory: &str) -> String {
    if directory.ends_with('/') { directory.to_owned() } else { format!("{directory}/") }
}

/// A JSON string; characters beyond ASCII stand as they are.
fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes everything as one JSON document, as `prepare_dataset.py --output` does. `task_id` is the LoRA
/// task id here.
///
/// # Errors
/// When the spec cannot be met (nothing is written then), or the writer fails.
pub fn write_document(
    spec: &Spec,
    tokenizer: &TokenizerFacts,
    out: impl Write,
) -> Result<(), DatasetError> {
    spec.check(tokenizer)?;
    let metadata = metadata(spec, tokenizer)?;
    let mut requests = Requests::new(spec, tokenizer, true, NEVER)?;
    let mut out = JsonBuffer::new(out, tokenizer.vocab_size);
    write!(out, r#"{{"metadata": {{{metadata}}}, "samples": ["#).map_err(DatasetError::Output)?;
    while let Some(request) = requests.next_request()? {
        sample(&mut out, &request).map_err(DatasetError::Output)?;
    }
    out.write_all(b"]}").and_then(|()| out.flush()).map_err(DatasetError::Output)
}

fn sample<W: Write>(out: &mut JsonBuffer<W>, request: &Request<'_>) -> io::Result<()> {
    let comma = if request.index == 0 { "" } else { ", " };
    write!(out, r#"{comma}{{"input_len": {}, "input_ids": ["#, request.ids.len())?;
    out.ids(request.ids, b", ")?;
    write!(out, r#"], "output_len": {}, "task_id": {}}}"#, request.output_tokens, request.task_id)
}

/// The members of `metadata`: the options, the longest lengths, and a name made of all of them.
fn metadata(spec: &Spec, tokenizer: &TokenizerFacts) -> Result<String, DatasetError> {
    let mut draws = LengthDraws::new(spec);
    let lengths = (0..spec.requests).map(|_| draws.draw());
    let longest = lengths
        .map(|length| (length.input as u64, length.output))
        .reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
        .ok_or(DatasetError::EmptyDocument)?;
    let (kind, options) = match spec.lengths {
        Lengths::Normal { input, output } => (
            "token-norm-dist",
            [
                ("input_mean", input.mean),
                ("input_stdev", input.stdev),
                ("output_mean", output.mean),
                ("output_stdev", output.stdev),
            ],
        ),
        Lengths::Uniform { input, output } => (
            "token-unif-dist",
            [
                ("input_min", input.low),
                ("input_max", input.high),
                ("output_min", output.low),
                ("output_max", output.high),
            ],
        ),
    };
    let options = options.map(|(name, value)| (name, value.to_string()));
    let counts = [
        ("num_requests", spec.requests.to_string()),
        ("tokenize_vocabsize", tokenizer.vocab_size.to_string()),
        ("max_input_len", longest.0.to_string()),
        ("max_output_len", longest.1.to_string()),
    ];
    let mut members = format!(r#""workload_type": "{kind}""#);
    let mut name = format!("workload_type:{kind}");
    for (key, value) in options.into_iter().chain(counts) {
        members += &format!(r#", "{key}": {value}"#);
        name += &format!("__{key}:{value}");
    }
    Ok(format!(r#"{members}, "workload_name": "{name}""#))
}
