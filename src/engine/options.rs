//! Working out the options of one case.

use serde_json::{Map, Value};

use super::flow::Flow;
use super::table::OptionTable;
use crate::case::{Backend, Case, KvCacheDtype};

/// A mapping of LLM API options. Keys are sorted, as they are in the file.
pub type EngineOptions = Map<String, Value>;

/// The extra LLM API options of a case, or `None` when its command takes no options file.
///
/// `lora_dirs` are the adapter directories as the engine will see them.
pub fn engine_options(
    case: &Case,
    flow: Flow,
    table: &OptionTable,
    lora_dirs: &[String],
) -> Option<EngineOptions> {
    let profile = table.profile(flow);
    let mut options = match case.backend {
        Backend::AutoDeploy => return Some(profile.autodeploy.clone()),
        Backend::PyTorch => profile.base.clone(),
        Backend::TensorRt if flow >= Flow::V1_2 && case.extra => EngineOptions::new(),
        Backend::TensorRt => return None,
    };
    let label = case.to_string();
    let lower = label.to_lowercase();
    for (_, rule) in table.rules(flow) {
        if rule.patterns.iter().any(|pattern| lower.contains(pattern)) {
            merge(&mut options, &rule.options);
        }
    }
    if case.backend == Backend::PyTorch && case.loras > 0 {
        let mut lora = profile.lora.clone();
        lora.insert("lora_dir".to_owned(), lora_dirs.into());
        if profile.lora_counts {
            for key in ["max_loras", "max_cpu_loras"] {
                lora.insert(key.to_owned(), case.loras.into());
            }
        }
        for (_, changes) in profile.lora_of.iter().filter(|(text, _)| label.contains(text.as_str()))
        {
            merge(&mut lora, changes);
        }
        options.insert("lora_config".to_owned(), lora.into());
    }
    if case.kv_cache_dtype != KvCacheDtype::Auto {
        let dtype =
            EngineOptions::from_iter([("dtype".to_owned(), case.kv_cache_dtype.word().into())]);
        merge(
            &mut options,
            &EngineOptions::from_iter([("kv_cache_config".to_owned(), dtype.into())]),
        );
    }
    // An option file that says nothing is left out where the flow allows it.
    (case.backend == Backend::PyTorch || !options.is_empty()).then_some(options)
}

/// Lays `over` on `base`: mappings merge key by key, anything else replaces.
fn merge(base: &mut EngineOptions, over: &EngineOptions) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => merge(inner, value),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::ModelTable;
    use serde_json::json;

    fn table() -> OptionTable {
        OptionTable::parse(include_str!("../../perf-tests/pytorch-config.yml")).expect("our table")
    }

    fn case(label: &str) -> Case {
        let models =
            ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table");
        Case::parse(label, &models).unwrap_or_else(|error| panic!("{label}: {error}"))
    }

    fn options(label: &str, flow: Flow, lora: &[&str]) -> Option<Value> {
        let dirs: Vec<String> = lora.iter().map(|&dir| dir.to_owned()).collect();
        engine_options(&case(label), flow, &table(), &dirs).map(Value::Object)
    }

    #[test]
    fn a_plain_pytorch_case_gets_the_base_and_a_tensorrt_case_gets_no_file() {
        let label = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128";
        let base = json!({"cuda_graph_config": {"enable_padding": true}, "print_iter_log": true});
        for flow in Flow::ALL {
            assert_eq!(options(label, flow, &[]), Some(base.clone()));
            assert_eq!(
                options("llama_v3.1_8b-bench-bfloat16-input_output_len:128,128", flow, &[]),
                None
            );
        }
    }

    #[test]
    fn a_rule_merges_into_the_base_and_the_label_has_the_last_word_on_the_cache_type() {
        let label = "deepseek_r1_nvfp4-bench-pytorch-streaming-float4-maxbs:512-maxnt:5220-input_output_len:4000,2000";
        let got = options(label, Flow::V1_2, &[]).expect("a file");
        assert_eq!(got["cuda_graph_config"]["enable_padding"], json!(true));
        assert_eq!(got["cuda_graph_config"]["batch_sizes"][6], json!(64));
        assert_eq!(
            got["kv_cache_config"],
            json!({"dtype": "fp8", "free_gpu_memory_fraction": 0.5})
        );
        let short = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:1,1-kv_cache_dtype:fp8";
        assert_eq!(
            options(short, Flow::Seed, &[]).expect("a file")["kv_cache_config"],
            json!({"dtype": "fp8"})
        );
    }

    #[test]
    fn adapters_are_listed_and_counted_where_the_flow_counts_them() {
        let label =
            "phi_4_multimodal_instruct_image-bench-pytorch-bfloat16-input_output_len:9,9-loras:1";
        let old = options(label, Flow::Seed, &["/l/0"]).expect("a file");
        assert_eq!(old["lora_config"]["lora_dir"], json!(["/l/0"]));
        assert_eq!(old["lora_config"]["max_lora_rank"], json!(320));
        assert!(old["lora_config"].get("max_loras").is_none());
        let new = options(label, Flow::V1_2, &["/l/0"]).expect("a file");
        assert_eq!(new["lora_config"]["max_loras"], json!(1));
        assert_eq!(new["lora_config"]["swap_gate_up_proj_lora_b_weight"], json!(false));
    }

    #[test]
    fn only_the_extra_field_gives_a_tensorrt_case_options_and_only_from_the_newest_flow_on() {
        let label = "llama_v3.3_70b_instruct_fp8-bench-float8-input_output_len:500,2000-reqs:400-con:200-gpus:8-extra";
        assert_eq!(options(label, Flow::Seed, &[]), None);
        assert_eq!(
            options(label, Flow::V1_2, &[]).expect("a file")["guided_decoding_backend"],
            json!("xgrammar")
        );
        let other = "llama_v3.1_8b-bench-float16-input_output_len:1,1-extra";
        assert_eq!(options(other, Flow::V1_2, &[]), None, "an empty file is not passed");
    }

    /// A pattern is alive when some valid label has it in its canonical form: the pattern itself, completed.
    #[test]
    fn every_pattern_of_every_flow_can_match_a_canonical_label() {
        let models =
            ModelTable::parse(include_str!("../../perf-tests/models.yml")).expect("our table");
        let lengths = "input_output_len:1,1";
        let endings = [
            "".to_owned(),
            format!("-{lengths}"),
            format!("-bench-pytorch-float8-{lengths}"),
            "-gpus:2".into(),
            "-gpus:8".into(),
        ];
        for flow in Flow::ALL {
            for (name, rule) in table().rules(flow) {
                for pattern in &rule.patterns {
                    let starts = models
                        .names()
                        .filter(|model| !pattern.contains('-') && model.contains(pattern.as_str()));
                    let starts = starts.map(str::to_owned).chain([pattern.clone()]);
                    let alive = starts
                        .flat_map(|start| endings.iter().map(move |end| format!("{start}{end}")))
                        .any(|label| {
                            Case::parse(&label, &models)
                                .is_ok_and(|case| case.to_string().to_lowercase().contains(pattern))
                        });
                    assert!(alive, "flow {flow}, rule {name}: no label can match `{pattern}`");
                }
            }
        }
    }
}
