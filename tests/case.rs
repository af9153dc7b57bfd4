//! The label grammar: meaning, canonical form, refusals that say where and what instead.

use proptest::prelude::*;
use trtllm_perf::case::{Backend, Case, ModelTable, Point, Runtime};

fn models() -> ModelTable {
    ModelTable::parse(include_str!("../perf-tests/models.yml")).expect("our table")
}

fn parse(label: &str) -> Case {
    Case::parse(label, &models()).unwrap_or_else(|error| panic!("{label}: {error}"))
}

/// The part of the label that the refusal points at, and its text.
fn refusal(label: &str) -> (String, String) {
    let error = Case::parse(label, &models()).expect_err(label);
    (label[error.span.clone()].to_owned(), error.to_string())
}

#[test]
fn a_label_without_options_has_the_documented_defaults() {
    let case = parse("llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,256");
    assert_eq!((case.runtime, case.backend), (Runtime::Bench, Backend::PyTorch));
    assert_eq!((case.max_batch_size, case.max_num_tokens, case.requests), (512, 2048, 512));
    assert_eq!((case.concurrency, case.loras, case.beams, case.parallel.gpus), (None, 0, 1, 1));
    assert_eq!(case.points(), [Point { batch_size: 0, input: 128, output: Some(256) }]);
}

#[test]
fn the_canonical_label_states_limits_and_drops_what_gpus_says_already() {
    for (label, canonical) in [
        (
            "llama_v3.1_70b-bench-bfloat16-input_output_len:1024,1024-tp:2-gpus:2",
            "llama_v3.1_70b-bench-bfloat16-maxbs:512-maxnt:2048-input_output_len:1024,1024-gpus:2",
        ),
        (
            "llama_v3.1_8b-bench-pytorch-bfloat16-mp-maxbs:256-input_output_len:128,128-pp:2",
            "llama_v3.1_8b-bench-pytorch-bfloat16-mp-maxbs:256-maxnt:2048-input_output_len:128,128-pp:2-gpus:2",
        ),
        (
            "llama_v3.1_8b-bench-pytorch-bfloat16-kv_frac:0.80-input_output_len:128,128,+512,32",
            "llama_v3.1_8b-bench-pytorch-bfloat16-maxbs:512-maxnt:2048-kv_frac:0.8-input_output_len:128,128+512,32",
        ),
        (
            "llama_v3.1_8b-cppmanager-exe-plugin_ifb-bfloat16-gwp:0.0-bs:8+64-input_output_len:20,3-con:8",
            "llama_v3.1_8b-cppmanager-exe-plugin_ifb-bfloat16-gwp:0.0-maxbs:512-maxnt:2048-bs:8+64-input_output_len:20,3-con:8",
        ),
        (
            "llama_v3.1_8b-disagg_server-ctx_tp:2-gen_dp:4",
            "llama_v3.1_8b-disagg_server-disagg_server-ctx_tp:2-gen_dp:4",
        ),
        (
            "llama_v3.1_8b-subtype:H100_PCIe-bench-_autodeploy-float16-input_output_len:1,1",
            "llama_v3.1_8b-subtype:H100_PCIe-bench-_autodeploy-float16-maxbs:512-maxnt:2048-input_output_len:1,1",
        ),
    ] {
        assert_eq!(parse(label).to_string(), canonical);
        assert_eq!(parse(canonical), parse(label), "the canonical label means the same");
    }
}

#[test]
fn gpus_are_worked_out_from_parallel_sizes_and_the_other_way_round() {
    let sizes = |tail: &str| {
        let parallel =
            parse(&format!("llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:1,1-{tail}"))
                .parallel;
        (parallel.tp, parallel.pp, parallel.gpus)
    };
    assert_eq!(sizes("gpus:16"), (16, 1, 16));
    assert_eq!(sizes("tp:1-gpus:4"), (4, 1, 4));
    assert_eq!(sizes("pp:2"), (1, 2, 2));
    assert_eq!(sizes("tp:2-pp:2-gpus:4"), (2, 2, 4));
    // The parallel sizes outweigh a contradicting number of GPUs, as upstream has it.
    assert_eq!(sizes("tp:2-gpus:4"), (2, 1, 2));
}

#[test]
fn several_batch_sizes_and_pairs_are_measured_batch_size_outside() {
    let case = parse("llama_v3.1_8b-bench-bfloat16-bs:8+16-input_output_len:128,128+512,32");
    let points: Vec<String> = case.points().into_iter().map(|point| case.label_of(point)).collect();
    assert_eq!(
        points,
        [
            "llama_v3.1_8b-bench-bfloat16-maxbs:512-maxnt:2048-bs:8-input_output_len:128,128",
            "llama_v3.1_8b-bench-bfloat16-maxbs:512-maxnt:2048-bs:8-input_output_len:512,32",
            "llama_v3.1_8b-bench-bfloat16-maxbs:512-maxnt:2048-bs:16-input_output_len:128,128",
            "llama_v3.1_8b-bench-bfloat16-maxbs:512-maxnt:2048-bs:16-input_output_len:512,32",
        ]
    );
}

#[test]
fn a_refusal_points_at_the_part_and_offers_the_nearest_spelling() {
    let base = "llama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:128,128";
    for (label, part, said) in [
        (
            "lama_v3.1_8b-bench-pytorch-bfloat16-input_output_len:1,1",
            "lama_v3.1_8b",
            "did you mean `llama_v3.1_8b`?",
        ),
        ("llama_v3.1_8b-bnch-float16-input_output_len:1,1", "bnch", "did you mean `bench`?"),
        (
            "llama_v3.1_8b-bench-bfloat61-input_output_len:1,1",
            "bfloat61",
            "did you mean `bfloat16`?",
        ),
        (
            "llama_v3.1_8b-bench-streaming-pytorch-float16-input_output_len:1,1",
            "pytorch",
            "order of fields",
        ),
        (
            "llama_v3.1_8b-bench-subtype:H100_PCIe-float16-input_output_len:1,1",
            "subtype:H100_PCIe",
            "write it behind the model",
        ),
        (
            "llama_v3.1_8b-bench-float16-subtype:H100_PCIe-input_output_len:1,1",
            "subtype:H100_PCIe",
            "write it behind the model",
        ),
        ("llama_v3.1_8b-bench", "", "order of fields: model, subtype, runtime, "),
        (
            "llama_v3.1_8b-bench-float16-maxsb:8-input_output_len:1,1",
            "maxsb:8",
            "did you mean `maxbs`?",
        ),
        ("llama_v3.1_8b-bench-float16-input_output_len:128", "128", "has no output length"),
        ("llama_v3.1_8b-bench-float16-input_output_len:a,b", "a", "`a` is not a number"),
        (
            "llama_v3.1_8b-bench-float16-input_output_len:1,99999999999",
            "99999999999",
            "is not a number",
        ),
        ("llama_v3.1_8b-bench-float16", "", "label ends where input_output_len"),
        ("llama_v3.1_8b", "", "label ends where a runtime"),
        ("", "", "nothing between two dashes where a model name"),
        ("llama_v3.1_8b-bench-float16-input_len:8", "input_len:8", "needs output lengths"),
        ("bert_large-cpp-plugin-float16-bs:8-input_len:128", "bs:8", "write bs:32 or more"),
        (
            "llama_v3.1_8b-cpp-plugin_ifb-float16-bs:8-input_output_len:1,1",
            "plugin_ifb",
            "needs runtime cppmanager",
        ),
        (
            "llama_v3_8b_instruct-cppmanager-plugin-float16-input_output_len:1,1-pp:2",
            "pp:2",
            "pipeline parallelism",
        ),
        ("llama_v3.1_8b-disagg_server-ctx_tp:2-tp:2", "tp:2", "gen_tp:<n>"),
    ] {
        assert_eq!(refusal(label).0, part, "{label}");
        assert!(refusal(label).1.contains(said), "{label}: {}", refusal(label).1);
    }
    for (tail, part, said) in [
        ("con:8-reqs:4", "reqs:4", "write it before `con`"),
        ("bogus:1", "bogus:1", "unexpected `bogus:1`"),
        ("quant:fp8", "quant:fp8", "name a quantized checkpoint"),
        ("quant:nvfp", "quant:nvfp", "did you mean `nvfp4`?"),
        ("kv_cache_dtype:int8", "kv_cache_dtype:int8", "accepted: auto, fp8"),
        ("reqs:0", "reqs:0", "reqs must be at least 1"),
        ("con:-1", "", "is not a number"),
        ("pp:2-gpus:4", "pp:2", "gpus must equal tp times pp"),
        ("tp:65536-pp:65536", "pp:65536", "gpus must equal tp times pp"),
    ] {
        let label = format!("{base}-{tail}");
        assert_eq!(refusal(&label).0, part, "{label}");
        assert!(refusal(&label).1.contains(said), "{label}: {}", refusal(&label).1);
    }
}

#[test]
fn fractions_outside_their_range_are_refused() {
    for (field, part) in [
        ("gwp:1.5", "gwp:1.5"),
        ("kv_frac:0", "kv_frac:0"),
        ("kv_frac:1.01", "kv_frac:1.01"),
        ("kv_frac:inf", "inf"),
    ] {
        let label = format!("llama_v3.1_8b-bench-bfloat16-{field}-input_output_len:1,1");
        assert_eq!(refusal(&label).0, part, "{}", refusal(&label).1);
    }
}

fn says_the_same_when_printed(label: &str) {
    let case = parse(label);
    assert_eq!(parse(&case.to_string()), case, "{case} of {label}");
}

#[test]
fn the_canonical_label_of_a_build_alone_is_a_label() {
    says_the_same_when_printed("llama_v3.1_8b-bench-bfloat16-build_only-tp:2");
    let other = "llama_v3.1_8b-bench-bfloat16-build_only-input_output_len:128,128";
    assert_eq!(refusal(other).0, "input_output_len:128,128");
}

#[test]
fn a_server_side_of_one_gpu_may_go_unsaid_in_a_canonical_label_only() {
    for sides in ["ctx_tp:1-gen_dp:4", "ctx_tp:2-gen_pp:1", "ctx_tp:1-gen_tp:1"] {
        says_the_same_when_printed(&format!("llama_v3.1_8b-disagg_server-{sides}"));
    }
    assert_eq!(refusal("llama_v3.1_8b-disagg_server-gen_tp:4").0, "gen_tp:4");
    assert_eq!(refusal("llama_v3.1_8b-disagg_server-ctx_tp:0-gen_tp:4").0, "ctx_tp:0");
}

#[test]
fn a_tiny_share_is_printed_without_an_exponent() {
    for field in ["gwp:0.00001", "kv_frac:0.0000001"] {
        let label = format!("llama_v3.1_8b-bench-bfloat16-{field}-input_output_len:1,1");
        assert!(parse(&label).to_string().contains(field));
        says_the_same_when_printed(&label);
    }
}

#[test]
fn the_default_share_at_the_end_of_a_label_is_as_good_as_none() {
    says_the_same_when_printed("llama_v3.1_8b-bench-bfloat16-input_output_len:1,1-kv_frac:0.90");
}

#[test]
fn batch_size_0_stands_alone() {
    says_the_same_when_printed("llama_v3.1_8b-bench-bfloat16-bs:0-input_output_len:1,1");
    let mixed = "llama_v3.1_8b-bench-bfloat16-bs:0+8-input_output_len:1,1";
    assert_eq!(refusal(mixed).0, "0+8");
}

/// An optional field in the order of the grammar.
fn field(name: &'static str, values: impl Strategy<Value = u32>) -> impl Strategy<Value = String> {
    prop::option::of(values)
        .prop_map(move |value| value.map(|value| format!("-{name}:{value}")).unwrap_or_default())
}

fn flag(word: &'static str) -> impl Strategy<Value = String> {
    prop::bool::ANY.prop_map(move |set| if set { format!("-{word}") } else { String::new() })
}

prop_compose! {
    /// Any valid label of runtime bench.
    fn bench_label()(
        model in prop::sample::select(vec!["llama_v3.1_8b", "deepseek_r1_fp8", "qwen3_0.6b", "gpt_oss_120b_fp4"]),
        backend in prop::sample::select(vec!["", "-pytorch", "-_autodeploy"]),
        streaming in flag("streaming"),
        dtype in prop::sample::select(vec!["float32", "float16", "bfloat16", "float8", "float4"]),
        profiles in flag("mp"),
        limits in (field("maxbs", 0..5000u32), field("maxnt", 0..40000u32)),
        kv_percent in prop::option::of(1..=100u32),
        batches in prop::option::of(prop::collection::vec(1..100u32, 1..3)),
        pairs in prop::collection::vec((0..30000u32, 0..3000u32), 1..3),
        load in (field("loras", 0..4u32), field("reqs", 1..60000u32), field("con", 0..5000u32), field("ep", 1..9u32)),
        sizes in (1..9u32, 1..3u32),
        extra in flag("extra"),
    ) -> String {
        let kv = kv_percent.map(|percent| format!("-kv_frac:{}", f64::from(percent) / 100.0)).unwrap_or_default();
        let joined = |numbers: Vec<u32>| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("+");
        let batches = batches.map(|sizes| format!("-bs:{}", joined(sizes))).unwrap_or_default();
        let pairs: Vec<String> = pairs.iter().map(|(input, output)| format!("{input},{output}")).collect();
        let (tp, pp) = sizes;
        format!(
            "{model}-bench{backend}{streaming}-{dtype}{profiles}{}{}{kv}{batches}-input_output_len:{}{}{}{}{}-tp:{tp}-pp:{pp}-gpus:{}{extra}",
            limits.0, limits.1, pairs.join("+"), load.0, load.1, load.2, load.3, tp * pp
        )
    }
}

proptest! {
    #[test]
    fn parsing_and_printing_are_inverse(label in bench_label()) {
        let models = models();
        let case = Case::parse(&label, &models).map_err(|error| TestCaseError::fail(format!("{label}: {error}")))?;
        let canonical = case.to_string();
        let again = Case::parse(&canonical, &models).map_err(|error| TestCaseError::fail(format!("{canonical}: {error}")))?;
        prop_assert_eq!(&again, &case);
        prop_assert_eq!(again.to_string(), canonical);
    }

    #[test]
    fn no_text_makes_the_parser_panic_and_every_refusal_points_into_the_label(label in "[a-z0-9_.:,+é-]{0,60}") {
        if let Err(error) = Case::parse(&label, &models()) {
            prop_assert!(label.get(error.span.clone()).is_some(), "{:?} in {}", error.span, label);
        }
    }

    #[test]
    fn a_slip_in_a_valid_label_never_panics_the_parser(
        label in bench_label(), at in any::<prop::sample::Index>(), slip in "[-:,+.a-z0-9é]{0,2}",
    ) {
        let cut = at.index(label.len());
        let label = format!("{}{slip}{}", &label[..cut], &label[cut + 1..]);
        if let Err(error) = Case::parse(&label, &models()) {
            prop_assert!(label.get(error.span.clone()).is_some(), "{:?} in {}", error.span, label);
        }
    }
}
