//! One line an iteration: for the log (`print_iter_log`) and for the file of `--iteration_log`.

use std::time::Duration;

use jiff::ZonedDateTime;

use super::python::repr;
use crate::engine::Iteration;
use crate::numeric::BLOCK_TOKENS;

fn ms(time: Duration) -> String {
    repr(time.as_secs_f64() * 1e3)
}

/// The log's line. `requests` of the run are counted, `previous` is the computing time of the iteration before.
pub fn log_line(iteration: &Iteration, requests: usize, previous: Option<Duration>) -> String {
    let Iteration { number, active, scheduled, prompts, prompt_tokens, generating, .. } = iteration;
    let device = previous.map_or_else(|| "N/A".to_owned(), |time| format!("{}ms", ms(time)));
    format!(
        "iter = {number}, global_rank = 0, rank = 0, currank_total_requests = {active}/{requests}, \
         host_step_time = {}ms, prev_device_step_time = {device}, timestamp = {}, \
         num_scheduled_requests: {scheduled}, states = {{'num_ctx_requests': {prompts}, \
         'num_ctx_tokens': {prompt_tokens}, 'num_generation_tokens': {generating}}}",
        ms(iteration.host_time),
        ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S"),
    )
}

/// The file's line: a Python dictionary, which is not JSON.
pub fn statistics_line(iteration: &Iteration) -> String {
    let Iteration { number, active, waiting, blocks, free_blocks, .. } = iteration;
    let Iteration { scheduled, prompts, prompt_tokens, generating, .. } = iteration;
    format!(
        "{{'iter': {number}, 'iterLatencyMS': {}, 'numActiveRequests': {active}, 'numQueuedRequests': {waiting}, \
         'kvCacheStats': {{'maxNumBlocks': {blocks}, 'freeNumBlocks': {free_blocks}, 'usedNumBlocks': {}, \
         'tokensPerBlock': {BLOCK_TOKENS}}}, 'inflightBatchingStats': {{'numScheduledRequests': {scheduled}, \
         'numContextRequests': {prompts}, 'numCtxTokens': {prompt_tokens}, 'numGenRequests': {generating}}}}}",
        ms(iteration.host_time),
        blocks - free_blocks,
    )
}
