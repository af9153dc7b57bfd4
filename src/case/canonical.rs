//! The canonical label: the text that option patterns, metric names and result rows use.

use std::fmt::{self, Write as _};

use super::fields::{Case, KvCacheDtype, Lengths, Point, Runtime};

impl Case {
    /// The canonical label with only one point's batch size and lengths, as metric names have it.
    pub fn label_of(&self, point: Point) -> String {
        let lengths =
            Lengths { inputs: vec![point.input], outputs: point.output.into_iter().collect() };
        self.join(&[point.batch_size], &lengths)
    }

    fn join(&self, batch_sizes: &[u32], lengths: &Lengths) -> String {
        let mut label = Label(self.model.clone());
        if let Some(subtype) = &self.device_subtype {
            label.field("subtype", subtype);
        }
        label.word(self.runtime.word());
        if let Some((context, generation)) = self.disagg {
            label.word(self.runtime.word());
            for (name, side) in [("ctx", context), ("gen", generation)] {
                for (dimension, size) in [("tp", side.tp), ("dp", side.dp), ("pp", side.pp)] {
                    label.field_if(size > 1, &format!("{name}_{dimension}"), size);
                }
            }
            return label.0;
        }
        label.word_if(self.exe_api && self.runtime == Runtime::CppManager, "exe");
        if matches!(self.runtime, Runtime::Bench | Runtime::Serve) {
            self.backend.word().into_iter().for_each(|word| label.word(word));
        }
        label.word_if(self.streaming && self.runtime != Runtime::Cpp, "streaming");
        label.word_if(
            self.static_batching && self.runtime == Runtime::CppManager,
            "static_batching",
        );
        label.word_if(!matches!(self.runtime, Runtime::Bench | Runtime::Serve), self.mode.word());
        label.word(self.data_type.word());
        if let Some(fraction) = self.gpu_weights_fraction {
            label.field("gwp", share(fraction));
        }
        label.word_if(self.multiple_profiles, "mp");
        label.field("maxbs", self.max_batch_size);
        label.field("maxnt", self.max_num_tokens);
        if !self.kv_frac_last {
            self.write_kv_cache_fraction(&mut label);
        }
        label.word_if(self.build_only, "build_only");
        label.field_if(
            batch_sizes.first().is_some_and(|&first| first > 0),
            "bs",
            joined(batch_sizes),
        );
        self.write_lengths(&mut label, lengths);
        self.write_tail(&mut label);
        label.0
    }

    fn write_lengths(&self, label: &mut Label, lengths: &Lengths) {
        if lengths.outputs.is_empty() {
            label.field("input_len", joined(&lengths.inputs));
            return;
        }
        let pairs = lengths
            .inputs
            .iter()
            .zip(&lengths.outputs)
            .map(|(input, output)| format!("{input},{output}"));
        label.field("input_output_len", pairs.collect::<Vec<_>>().join("+"));
    }

    fn write_tail(&self, label: &mut Label) {
        label.field_if(self.beams > 1, "beams", self.beams);
        label.field_if(self.loras > 0, "loras", self.loras);
        if let Some(quantization) = &self.quantization {
            label.field("quant", quantization);
        }
        label.field_if(
            self.kv_cache_dtype != KvCacheDtype::Auto,
            "kv_cache_dtype",
            self.kv_cache_dtype,
        );
        label.field_if(self.requests != Self::DEFAULT_REQUESTS, "reqs", self.requests);
        self.concurrency.into_iter().for_each(|limit| label.field("con", limit));
        let parallel = self.parallel;
        parallel.ep.into_iter().for_each(|size| label.field("ep", size));
        // Tensor parallelism over all GPUs is what `gpus` alone means.
        label.field_if(parallel.tp > 1 && parallel.tp != parallel.gpus, "tp", parallel.tp);
        label.field_if(parallel.pp > 1, "pp", parallel.pp);
        label.field_if(parallel.gpus > 1, "gpus", parallel.gpus);
        if self.kv_frac_last {
            self.write_kv_cache_fraction(label);
        }
        label.word_if(self.extra, "extra");
    }

    fn write_kv_cache_fraction(&self, label: &mut Label) {
        let fraction = self.kv_cache_fraction;
        label.field_if(fraction != Self::DEFAULT_KV_CACHE_FRACTION, "kv_frac", share(fraction));
    }
}

/// The canonical label with all batch sizes and lengths (`network_name` of a result row).
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(&self.batch_sizes, &self.lengths))
    }
}

/// A share with all its digits and at least one behind the point: `0.85`, `1.0`. Never with an exponent, whose
/// minus sign would be a dash of the label.
fn share(fraction: f64) -> String {
    let plain = fraction.to_string();
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

fn joined(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("+")
}

struct Label(String);

impl Label {
    fn word(&mut self, word: &str) {
        self.0.push('-');
        self.0.push_str(word);
    }

    fn word_if(&mut self, condition: bool, word: &str) {
        if condition {
            self.word(word);
        }
    }

    fn field(&mut self, key: &str, value: impl fmt::Display) {
        write!(self.0, "-{key}:{value}").expect("writing to a String cannot fail");
    }

    fn field_if(&mut self, condition: bool, key: &str, value: impl fmt::Display) {
        if condition {
            self.field(key, value);
        }
    }
}
