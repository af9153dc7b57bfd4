//! The list of requests: `--request_json`.

use serde::Serialize;

use crate::engine::Completion;

/// One request; times in nanoseconds, throughputs in tokens per nanosecond.
#[derive(Debug, Serialize)]
pub struct RequestRow<'a> {
    id: usize,
    num_input_tokens: usize,
    error_tokens: usize,
    start_timestamp: u64,
    first_token_timestamp: i64,
    end_timestamp: u64,
    decode_iteration: usize,
    num_total_output_tokens: usize,
    num_generated_tokens: usize,
    generation_time: u64,
    time_to_first_token: u64,
    intertoken_latency: f64,
    end_to_end_latency: u64,
    output_token_throughput: f64,
    generation_token_throughput: f64,
    /// Decoded text: none, as there is no tokenizer.
    output: Option<&'a str>,
    output_tokens: &'a [u32],
}

/// The rows of `served`, in its order: that of completion.
pub fn request_rows(served: &[Completion]) -> Vec<RequestRow<'_>> {
    served
        .iter()
        .map(|completion| RequestRow {
            id: completion.id,
            num_input_tokens: completion.input_tokens,
            error_tokens: 0,
            start_timestamp: completion.start,
            first_token_timestamp: completion.first.map_or(-1, |first| first as i64),
            end_timestamp: completion.end,
            decode_iteration: completion.tokens.len() - 1,
            num_total_output_tokens: completion.tokens.len(),
            num_generated_tokens: completion.tokens.len() - 1,
            generation_time: completion.generation_time(),
            time_to_first_token: completion.time_to_first_token(),
            intertoken_latency: completion.intertoken_latency(),
            end_to_end_latency: completion.latency(),
            output_token_throughput: completion.output_rate(),
            generation_token_throughput: completion.generation_rate(),
            output: None,
            output_tokens: &completion.tokens,
        })
        .collect()
}
