//! The two forms of a data set of real text.

use std::io::{self, BufWriter, Write};

use super::{Prepared, RealError, Sample};

/// One request a line, as the benchmark reads them; neither prompt nor adapter stands in these lines.
///
/// # Errors
/// When the writer fails.
pub fn write_jsonl(prepared: &Prepared, out: impl Write) -> Result<(), RealError> {
    let mut out = BufWriter::new(out);
    let mut print = || -> io::Result<()> {
        for (i, sample) in prepared.samples.iter().enumerate() {
            let ids = joined(&sample.ids, ",");
            writeln!(
                out,
                r#"{{"task_id":{i},"input_ids":[{ids}],"output_tokens":{}}}"#,
                sample.output_tokens
            )?;
        }
        out.flush()
    };
    print().map_err(RealError::Output)
}

/// Everything as one JSON document without a final line end.
///
/// # Errors
/// When there is no sample, or the writer fails.
pub fn write_document(prepared: &Prepared, out: impl Write) -> Result<(), RealError> {
    let longest = |length: fn(&Sample) -> u64| {
        prepared.samples.iter().map(length).max().ok_or(RealError::Empty)
    };
    let counts = [
        ("num_requests", prepared.samples.len() as u64),
        ("max_input_len", longest(|sample| sample.ids.len() as u64)?),
        ("max_output_len", longest(|sample| sample.output_tokens)?),
    ];
    let class = serde_json::Value::from(prepared.tokenizer_class.as_str());
    let mut metadata = format!(r#""workload_type": "dataset", "tokenizer": {class}"#);
    let mut name = "workload_type:dataset".to_owned();
    for (key, value) in counts {
        metadata += &format!(r#", "{key}": {value}"#);
        name += &format!("__{key}:{value}");
    }
    let mut out = BufWriter::new(out);
    let mut print = || -> io::Result<()> {
        write!(out, r#"{{"metadata": {{{metadata}, "workload_name": "{name}"}}, "samples": ["#)?;
        for (i, sample) in prepared.samples.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let (length, ids) = (sample.ids.len(), joined(&sample.ids, ", "));
            write!(out, r#"{comma}{{"input_len": {length}, "input_ids": [{ids}], "#)?;
            write!(
                out,
                r#""output_len": {}, "task_id": {}}}"#,
                sample.output_tokens, sample.task_id
            )?;
        }
        out.write_all(b"]}")?;
        out.flush()
    };
    print().map_err(RealError::Output)
}

fn joined(ids: &[u32], separator: &str) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(separator)
}
