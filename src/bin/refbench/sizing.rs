//! Batch size and token budget where the user gives none: the real tool's heuristic, with host memory for the GPU's.

pub const GIB: f64 = (1u64 << 30) as f64;

/// What the heuristic starts from.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Bytes of memory beside the weights.
    pub memory: f64,
    /// Share of it for the cache.
    pub fraction: f64,
    /// Bytes of keys and values a token.
    pub bytes_per_token: usize,
    /// Truncated averages of the data set, at least 1.
    pub input_len: u64,
    pub output_len: u64,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// GiB of cache.
    pub cache_gib: f64,
    /// Tokens and requests that fit the cache.
    pub cache_tokens: f64,
    pub cache_requests: f64,
    pub batch_size: usize,
    pub num_tokens: usize,
}

/// Estimates limits for `load`.
pub fn estimate(load: &Load) -> Estimate {
    let cache = load.memory * load.fraction;
    let cache_tokens = cache / load.bytes_per_token as f64;
    let (isl, osl) = (load.input_len as f64, load.output_len as f64);
    let cache_requests = cache_tokens / (isl + osl);
    let requests = cache_requests.min(4096.0);
    let tokens = (requests * (1.0 + isl / osl)).min(32768.0);
    let up = |value: f64, step: f64| (step * (value / step).ceil()) as usize;
    let batch_size = match requests {
        r if r < 256.0 => up(r, 32.0).max(64),
        r if r < 1024.0 => up(r, 128.0),
        r => up(r, 256.0),
    };
    let num_tokens = match tokens {
        t if t < 4096.0 => up(t, 256.0).max(2048),
        t if t < 8192.0 => up(t, 512.0),
        t => up(t, 1024.0),
    };
    Estimate { cache_gib: cache / GIB, cache_tokens, cache_requests, batch_size, num_tokens }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(memory: u32, input_len: u64, output_len: u64) -> (usize, usize) {
        let memory = f64::from(memory);
        let load = Load { memory, fraction: 0.5, bytes_per_token: 10, input_len, output_len };
        let estimate = estimate(&load);
        (estimate.batch_size, estimate.num_tokens)
    }

    #[test]
    fn limits_are_rounded_up_in_steps_that_grow() {
        // memory / 20 tokens fit the cache.
        assert_eq!(limits(20 * 100 * 10, 50, 50), (64, 2048));
        assert_eq!(limits(20 * 100 * 200, 50, 50), (224, 2048));
        assert_eq!(limits(20 * 100 * 1000, 90, 10), (1024, 10240));
        assert_eq!(limits(u32::MAX, 50, 50), (4096, 8192));
    }
}
