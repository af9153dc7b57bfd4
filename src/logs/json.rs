//! The report JSON (`--report_json`), which is exact where the text is rounded.

use serde_json::{Map, Value};

use super::problem::Problem;
use super::report::{Facts, Quantity, Reading, Report, fraction};

/// Where each quantity stands: section and key, the same in all releases that write the file.
const NUMBERS: [(Quantity, &str, &str); 6] = [
    (Quantity::TotalLatency, "performance", "total_latency_ms"),
    (Quantity::RequestThroughput, "performance", "request_throughput_req_s"),
    (Quantity::SystemOutput, "performance", "system_output_throughput_tok_s"),
    (Quantity::GpuOutput, "performance", "output_throughput_per_gpu_tok_s"),
    (Quantity::Ttft, "streaming_metrics", "avg_ttft_ms"),
    (Quantity::Tpot, "streaming_metrics", "avg_tpot_ms"),
];

/// Most keys that a message lists.
const KEYS_SHOWN: usize = 16;

/// Reads a report JSON. Beside the report come problems with single keys.
///
/// # Errors
/// With the [`Problem`] when it is cut short, no JSON, or JSON of another shape; the log must serve then.
pub fn read(bytes: &[u8]) -> Result<(Report, Vec<Problem>), Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Problem::ReportNotJson {
        reason: error.to_string(),
        truncated: error.is_eof(),
    })?;
    let Value::Object(top) = value else {
        return Err(Problem::ReportShape { found: vec![kind(&value).to_owned()] });
    };
    let mut report = Report { facts: facts(&top), ..Report::default() };
    let mut problems = Vec::new();
    for (quantity, section, key) in NUMBERS {
        let Some(value) = top.get(section).and_then(|section| section.get(key)) else { continue };
        match value.as_f64().filter(|number| *number >= 0.0) {
            Some(value) => {
                report.readings.insert(quantity, Reading { value, rounding: 0.0, line: None });
            }
            None => problems.push(Problem::ReportValue {
                key: format!("{section}.{key}"),
                text: shown(&value.to_string()),
            }),
        }
    }
    if report.readings.is_empty() {
        let found = top.keys().take(KEYS_SHOWN).map(|key| shown(key)).collect();
        return Err(Problem::ReportShape { found });
    }
    Ok((report, problems))
}

/// The key of a quantity as a person would look for it, e.g. `performance.total_latency_ms`.
pub fn key(quantity: Quantity) -> Option<String> {
    let found = NUMBERS.iter().find(|(of, _, _)| *of == quantity);
    found.map(|(_, section, key)| format!("{section}.{key}"))
}

fn facts(top: &Map<String, Value>) -> Facts {
    let at = |section: &str, key: &str| top.get(section).and_then(|section| section.get(key));
    // "None" is how the file spells an absent path or name.
    let text = |section, key| {
        at(section, key).and_then(Value::as_str).filter(|text| *text != "None").map(str::to_owned)
    };
    let real = |section, key| at(section, key).and_then(Value::as_f64);
    let whole = |section, key| at(section, key).and_then(Value::as_u64);
    let small = |section, key| whole(section, key).and_then(|size| u32::try_from(size).ok());
    Facts {
        banner_version: None,
        report_version: text("engine", "version"),
        backend: text("engine", "backend"),
        model: text("engine", "model"),
        dtype: text("engine", "dtype"),
        kv_cache_dtype: text("engine", "kv_cache_dtype"),
        quantization: text("engine", "quantization"),
        machine: text("machine", "name"),
        requests: whole("request_info", "num_requests"),
        concurrency: real("request_info", "avg_num_concurrent_requests"),
        average_input_tokens: real("request_info", "avg_input_length"),
        average_output_tokens: real("request_info", "avg_output_length"),
        tp: small("world_info", "tp_size"),
        pp: small("world_info", "pp_size"),
        ep: small("world_info", "ep_size"),
        max_batch_size: whole("world_info", "max_batch_size"),
        max_num_tokens: whole("world_info", "max_num_tokens"),
        kv_cache_fraction: real("world_info", "kv_cache_percentage").map(fraction),
    }
}

/// The text, or its beginning: a message is read by a person.
fn shown(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Object(_) => "an object",
        Value::Null | Value::Bool(_) | Value::Number(_) => "a single value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_cut_at_any_byte_is_refused() {
        let whole = br#"{"performance": {"total_latency_ms": 5.5}, "machine": null}"#;
        assert!(read(whole).is_ok());
        for end in 0..whole.len() {
            let refused =
                matches!(read(&whole[..end]), Err(Problem::ReportNotJson { truncated: true, .. }));
            assert!(refused, "{end}");
        }
    }

    #[test]
    fn json_of_another_shape_is_refused_with_what_was_found() {
        assert_eq!(
            read(br#"{"results": [], "version": 3}"#),
            Err(Problem::ReportShape { found: vec!["results".into(), "version".into()] })
        );
        assert!(matches!(read(b"[1]"), Err(Problem::ReportShape { .. })));
    }

    #[test]
    fn a_message_about_a_large_file_stays_short() {
        let keys: Vec<String> = (0..10_000).map(|n| format!(r#""key {n}": 1"#)).collect();
        let problem = read(format!("{{{}}}", keys.join(",")).as_bytes()).expect_err("no report");
        assert!(problem.to_string().len() < 500, "{problem}");
        let text = "é".repeat(10_000);
        let json = format!(
            r#"{{"performance": {{"total_latency_ms": "{text}", "request_throughput_req_s": 2}}}}"#
        );
        let (_, problems) = read(json.as_bytes()).expect("a report");
        assert!(problems[0].to_string().contains("ééé…"), "{}", problems[0]);
    }

    #[test]
    fn a_key_without_a_usable_number_is_told_and_the_others_count() {
        let (report, problems) = read(
            br#"{"performance": {"total_latency_ms": "5.5", "request_throughput_req_s": 2, "output_throughput_per_gpu_tok_s": -1.0}}"#,
        )
        .expect("a report");
        assert_eq!(report.readings.len(), 1);
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "report key performance.total_latency_ms holds \"5.5\", which is no usable number",
                "report key performance.output_throughput_per_gpu_tok_s holds -1.0, which is no usable number"
            ]
        );
    }

    #[test]
    fn the_kv_fraction_is_the_same_in_all_versions() {
        for text in ["90.0", "0.9"] {
            let json = format!(
                r#"{{"performance": {{"total_latency_ms": 1}}, "world_info": {{"kv_cache_percentage": {text}}}}}"#
            );
            let (report, _) = read(json.as_bytes()).expect("a report");
            assert_eq!(report.facts.kv_cache_fraction, Some(0.9));
        }
    }
}
