//! Batch size and token budget where the user gives none: the real tool's heuristic, with host memory for the GPU's.

const GIB: f64 = (1u64 << 30) as f64;

/// What the heuristic starts from.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes of weights.
    pub weights: usize,
    /// Share of the rest for the cache.
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
    /// GiB of weights and of cache.
    pub engine_gib: f64,
    pub cache_gib: f64,
    /// Tokens and requests that fit the cache.
    pub cache_tokens: f64,
    pub cache_requests: f64,
    pub batch_size: usize,
    pub num_tokens: usize,
}

/// Estimates limits for `load`; `None` when the weights leave no memory for a cache.
pub fn estimate(load: &Load) -> Option<Estimate> {
    let rest = load.memory as f64 - load.weights as f64;
    if rest <= 0.0 {
        return None;
    }
    let cache = rest * load.fraction;
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
    Some(Estimate {
        engine_gib: load.weights as f64 / GIB,
        cache_gib: cache / GIB,
        cache_tokens,
        cache_requests,
        batch_size,
        num_tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(memory: u64, input_len: u64, output_len: u64) -> Option<(usize, usize)> {
        let load = Load {
            memory,
            weights: 1000,
            fraction: 0.5,
            bytes_per_token: 10,
            input_len,
            output_len,
        };
        estimate(&load).map(|estimate| (estimate.batch_size, estimate.num_tokens))
    }

    #[test]
    fn limits_are_rounded_up_in_steps_that_grow() {
        // (memory - 1000) / 20 tokens fit the cache.
        assert_eq!(limits(1000 + 20 * 100 * 10, 50, 50), Some((64, 2048)));
        assert_eq!(limits(1000 + 20 * 100 * 200, 50, 50), Some((224, 2048)));
        assert_eq!(limits(1000 + 20 * 100 * 1000, 90, 10), Some((1024, 10240)));
        assert_eq!(limits(u64::from(u32::MAX), 50, 50), Some((4096, 8192)));
        assert_eq!(limits(900, 50, 50), None);
    }
}
