//! The rules that a label must keep as a whole, in the order upstream checks them.

use super::fields::{Backend, Case, Mode, Runtime};
use super::label::{LabelError, Spans, error, unknown};
use super::models::{Kind, ModelTable};
use crate::list::nearest;

/// Quantizations of a model with a checkpoint directory.
const CHECKPOINT_QUANTIZATIONS: [&str; 8] =
    ["nvfp4", "fp8", "int8", "int4_awq", "w4a8_awq", "w4a16_awq", "int4_wo", "full_prec"];
/// Quantizations of the models built from a shape table.
const SHAPE_QUANTIZATIONS: [&str; 9] = [
    "fp8",
    "fp8_gemm",
    "fp8_kv_cache",
    "int8_sq_per_tensor",
    "int8_sq_per_token_channel",
    "int8_weight_only",
    "int4_weight_only",
    "int4_weight_only_awq",
    "int4_weight_only_gptq",
];
/// Batch size from which the smallest models give stable numbers.
const STABLE_BATCH_SIZE: u32 = 32;
/// Models too small to be stable below [`STABLE_BATCH_SIZE`], besides encoders.
const SMALL_MODELS: [&str; 2] = ["gpt_350m", "bloom_560m"];

pub(super) fn validate(
    case: &mut Case,
    spans: &Spans,
    models: &ModelTable,
) -> Result<(), LabelError> {
    let rules = Rules { spans, models };
    rules.model(case)?;
    if case.runtime == Runtime::DisaggServer {
        return Ok(());
    }
    rules.mode(case)?;
    rules.quantization(case)?;
    rules.counts(case)?;
    rules.parallel(case)?;
    rules.fractions(case)?;
    if case.build_only { Ok(()) } else { rules.lengths(case) }
}

impl Case {
    /// What only the removed `cpp` runtime refused, when it still existed.
    ///
    /// # Errors
    /// The first of its rules that the case breaks.
    pub fn check_cpp_runtime(&self) -> Result<(), String> {
        if self.runtime != Runtime::Cpp || self.build_only {
            return Ok(());
        }
        let largest = self.batch_sizes.iter().copied().max().unwrap_or(0);
        if self.max_batch_size > 0 && largest > self.max_batch_size {
            let limit = self.max_batch_size;
            return Err(format!(
                "batch size {largest} is larger than maxbs:{limit}; raise maxbs or lower bs"
            ));
        }
        if self.batch_sizes.first().is_none_or(|&first| first == 0) {
            return Err(
                "runtime cpp needs a batch size; write bs:<n> before the lengths".to_owned()
            );
        }
        for (set, word) in [
            (self.static_batching, "static_batching"),
            (self.exe_api, "exe"),
            (self.streaming, "streaming"),
        ] {
            if set {
                return Err(format!("runtime cpp has no `{word}`; leave it out"));
            }
        }
        Ok(())
    }
}

struct Rules<'a> {
    spans: &'a Spans,
    models: &'a ModelTable,
}

impl Rules<'_> {
    fn model(&self, case: &Case) -> Result<(), LabelError> {
        let name = &case.model;
        if self.models.knows(name) {
            return Ok(());
        }
        let help = match nearest(name, self.models.names()) {
            Some(near) => format!("did you mean `{near}`? models are listed in models.yml"),
            None => {
                "models are listed in models.yml; add yours to models.local.yml as `label: path`"
                    .to_owned()
            }
        };
        Err(error(self.spans.of("model"), format!("unknown model `{name}`"), help))
    }

    fn mode(&self, case: &Case) -> Result<(), LabelError> {
        if case.mode == Mode::PluginIfb && case.runtime != Runtime::CppManager {
            let help = "accepted: plugin, ootb, ootb_except_mha";
            return Err(error(
                self.spans.of("mode"),
                "mode `plugin_ifb` needs runtime cppmanager",
                help,
            ));
        }
        Ok(())
    }

    fn quantization(&self, case: &Case) -> Result<(), LabelError> {
        let Some(name) = &case.quantization else { return Ok(()) };
        let accepted: &[&str] = match self.models.model(&case.model) {
            Some(_) => &CHECKPOINT_QUANTIZATIONS,
            None => &SHAPE_QUANTIZATIONS,
        };
        if !accepted.contains(&name.as_str()) {
            return Err(unknown(self.spans.of("quant"), "quantization", name, accepted));
        }
        if case.backend == Backend::PyTorch {
            let message = format!("the pytorch backend takes no quantization (`{name}`)");
            let help =
                "name a quantized checkpoint instead, such as a model ending in _fp8 or _fp4";
            return Err(error(self.spans.of("quant"), message, help));
        }
        Ok(())
    }

    fn counts(&self, case: &Case) -> Result<(), LabelError> {
        for (value, field) in [(case.beams, "beams"), (case.requests, "reqs")] {
            if value == 0 {
                return Err(error(
                    self.spans.of(field),
                    format!("{field} must be at least 1"),
                    format!("leave {field} out, or raise it"),
                ));
            }
        }
        Ok(())
    }

    /// Parallel sizes may be left to be worked out; what comes out must agree.
    fn parallel(&self, case: &mut Case) -> Result<(), LabelError> {
        let sizes = &mut case.parallel;
        if sizes.pp > 1 && self.models.model(&case.model).is_none() {
            let message = format!("model `{}` cannot be split by pipeline parallelism", case.model);
            return Err(error(
                self.spans.of("pp"),
                message,
                "only models with a checkpoint directory can",
            ));
        }
        if sizes.gpus > 1 && sizes.tp == 1 && sizes.pp == 1 {
            sizes.tp = sizes.gpus;
        }
        let product = sizes.tp.checked_mul(sizes.pp);
        if sizes.tp > 1 || (sizes.pp > 1 && sizes.gpus == 1) {
            sizes.gpus = product.unwrap_or(0);
        }
        if product != Some(sizes.gpus) || sizes.gpus == 0 {
            let message =
                format!("{} GPUs are not tp {} times pp {}", sizes.gpus, sizes.tp, sizes.pp);
            let field = if sizes.pp > 1 { "pp" } else { "tp" };
            return Err(error(self.spans.of(field), message, "gpus must equal tp times pp"));
        }
        Ok(())
    }

    fn fractions(&self, case: &Case) -> Result<(), LabelError> {
        if case.gpu_weights_fraction.is_some_and(|fraction| !(0.0..=1.0).contains(&fraction)) {
            return Err(error(
                self.spans.of("gwp"),
                "gwp is not within 0 and 1",
                "it is a share of the weights",
            ));
        }
        if !(case.kv_cache_fraction > 0.0 && case.kv_cache_fraction <= 1.0) {
            let help = "it is a share of the free GPU memory, more than 0 and at most 1";
            return Err(error(self.spans.of("kv_frac"), "kv_frac is not a share of memory", help));
        }
        Ok(())
    }

    fn lengths(&self, case: &Case) -> Result<(), LabelError> {
        let kind = self.models.shape(&case.model).kind;
        let span = || {
            let pairs = self.spans.of("input_output_len");
            if pairs.is_empty() { self.spans.of("input_len") } else { pairs }
        };
        match (kind, case.lengths.outputs.is_empty()) {
            (Kind::Bert, false) => {
                let message = format!("encoder model `{}` has no output lengths", case.model);
                return Err(error(span(), message, "write input_len:<ISL>"));
            }
            (Kind::Gpt | Kind::EncoderDecoder, true) => {
                let message = format!("model `{}` needs output lengths", case.model);
                return Err(error(span(), message, "write input_output_len:<ISL>,<OSL>"));
            }
            _ => {}
        }
        let small = kind == Kind::Bert || SMALL_MODELS.contains(&case.model.as_str());
        if small && case.batch_sizes.iter().any(|&size| size < STABLE_BATCH_SIZE) {
            let message = format!("`{}` is too small to be stable at this batch size", case.model);
            return Err(error(
                self.spans.of("bs"),
                message,
                format!("write bs:{STABLE_BATCH_SIZE} or more"),
            ));
        }
        Ok(())
    }
}
