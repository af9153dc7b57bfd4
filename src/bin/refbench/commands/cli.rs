//! The options of the group and of each command: those of the real tool's release 1.2.

use crate::click::{Command, Kind, Opt, OptionGroup};
use crate::log::LEVELS;

/// The options that stand before the command.
pub const GROUP: Command = Command {
    name: "",
    about: "Measure a small CPU engine with the commands throughput and build of trtllm-bench.",
    options: &[
        Opt::new(&["--model", "-m"], Kind::Text, "Name of the model, shown in the report.")
            .required(),
        Opt::new(&["--model_path"], Kind::Path, "Directory of the model's config.json."),
        Opt::new(&["--workspace", "-w"], Kind::Path, "Directory for engines.").or("/tmp"),
        Opt::new(&["--log_level"], Kind::Choice(LEVELS), "Least important records to log.")
            .or("info"),
        Opt::new(&["--revision"], Kind::Text, "Revision of the model, shown in the report."),
    ],
    groups: &[],
    stops_at_word: true,
};

/// Runs a data set as fast as the limits allow.
pub const THROUGHPUT: Command = Command {
    name: "throughput",
    about: "Run a throughput test on a data set.",
    options: &[
        Opt::new(&["--engine_dir"], Kind::ExistingPath, "Engine to run with --backend tensorrt."),
        Opt::new(
            &["--backend"],
            Kind::Choice(&["pytorch", "_autodeploy", "tensorrt"]),
            "pytorch draws the weights at start, tensorrt reads them from a built engine.",
        )
        .or("pytorch"),
        Opt::new(
            &["--custom_module_dirs"],
            Kind::ExistingPath,
            "Refused: there are no custom modules.",
        ),
        Opt::new(
            &["--extra_llm_api_options", "--config"],
            Kind::Text,
            "YAML file of engine options, laid over those of the command line.",
        ),
        Opt::new(&["--sampler_options"], Kind::ExistingPath, "Refused: sampling is greedy."),
        Opt::new(&["--max_batch_size"], Kind::Int, "Most requests in flight."),
        Opt::new(&["--max_num_tokens"], Kind::Int, "Most tokens an iteration."),
        Opt::new(&["--max_seq_len"], Kind::Int, "Longest sequence; the data set's when absent."),
        Opt::new(&["--beam_width"], Kind::Int, "Beams; only 1.").or("1"),
        Opt::new(
            &["--kv_cache_free_gpu_mem_fraction"],
            Kind::Float,
            "Share of the available memory that the KV cache may take.",
        )
        .or("0.90"),
        Opt::new(&["--dataset"], Kind::ExistingPath, "Data set: one JSON object a line."),
        Opt::new(&["--no_skip_tokenizer_init"], Kind::Flag, "Refused: there is no tokenizer."),
        Opt::new(&["--eos_id"], Kind::Int, "Token that ends generation; -1 for none.").or("-1"),
        Opt::new(&["--modality"], Kind::Choice(&["image", "video"]), "Refused: text models only."),
        Opt::new(
            &["--image_data_format"],
            Kind::Choice(&["pt", "pil"]),
            "Used with --modality only.",
        )
        .or("pt"),
        Opt::new(&["--data_device"], Kind::Choice(&["cuda", "cpu"]), "Used with --modality only.")
            .or("cuda"),
        Opt::new(&["--max_input_len"], Kind::Int, "Used with --modality only.").or("4096"),
        Opt::new(&["--num_requests"], Kind::Int, "Requests to take from the data set; 0 for all.")
            .or("0"),
        Opt::new(&["--warmup"], Kind::Int, "Requests to run before the measurement.").or("2"),
        Opt::new(
            &["--target_input_len"],
            Kind::IntFrom(1),
            "Input length that limits are estimated for.",
        ),
        Opt::new(
            &["--target_output_len"],
            Kind::IntFrom(1),
            "Output length that limits are estimated for.",
        ),
        Opt::new(&["--tp"], Kind::Int, "Tensor parallel size; only 1.").or("1"),
        Opt::new(&["--pp"], Kind::Int, "Pipeline parallel size; only 1.").or("1"),
        Opt::new(&["--ep"], Kind::Int, "Expert parallel size; only 1."),
        Opt::new(&["--cluster_size"], Kind::Int, "Expert cluster parallel size; only 1."),
        Opt::new(&["--concurrency"], Kind::Int, "Most requests at a time; -1 for no limit.")
            .or("-1"),
        Opt::new(&["--streaming"], Kind::Flag, "Stream tokens, and measure their times."),
        Opt::new(&["--report_json"], Kind::OutputFile, "File for the report."),
        Opt::new(&["--iteration_log"], Kind::OutputFile, "File for one line an iteration."),
        Opt::new(
            &["--output_json"],
            Kind::OutputFile,
            "Refused: there is no tokenizer to decode with.",
        ),
        Opt::new(&["--request_json"], Kind::OutputFile, "File for the list of requests."),
        Opt::new(
            &["--enable_chunked_context"],
            Kind::Switch("--disable_chunked_context"),
            "Whether prompts may be computed in pieces.",
        )
        .or("true"),
        Opt::new(
            &["--scheduler_policy"],
            Kind::Choice(&["guaranteed_no_evict", "max_utilization"]),
            "Scheduling policy; only the first.",
        )
        .or("guaranteed_no_evict"),
    ],
    groups: &[],
    stops_at_word: false,
};

/// Makes an engine.
pub const BUILD: Command = Command {
    name: "build",
    about: "Build an engine: draw the weights and write them to the workspace.",
    options: &[
        Opt::new(&["--tp_size", "-tp"], Kind::Int, "Tensor parallel size; only 1.").or("1"),
        Opt::new(&["--pp_size", "-pp"], Kind::Int, "Pipeline parallel size; only 1.").or("1"),
        Opt::new(
            &["--quantization", "-q"],
            Kind::Choice(&[
                "W8A16",
                "W4A16",
                "W4A16_AWQ",
                "W4A8_AWQ",
                "W4A16_GPTQ",
                "FP8",
                "INT8",
                "NVFP4",
            ]),
            "Refused: weights are float32.",
        ),
        Opt::new(&["--max_seq_len"], Kind::IntFrom(1), "Longest sequence."),
        Opt::new(&["--no_weights_loading"], Kind::Bool, "Accepted: weights are random anyway.")
            .or("false"),
        Opt::new(&["--trust_remote_code"], Kind::Bool, "Accepted: no model code is ever run.")
            .or("false"),
        Opt::new(&["--dataset"], Kind::ExistingPath, "Data set to estimate limits for."),
        Opt::new(&["--max_batch_size"], Kind::IntFrom(1), "Most requests in flight."),
        Opt::new(&["--max_num_tokens"], Kind::IntFrom(1), "Most tokens an iteration."),
        Opt::new(&["--target_input_len"], Kind::IntFrom(1), "Input length to estimate limits for."),
        Opt::new(
            &["--target_output_len"],
            Kind::IntFrom(1),
            "Output length to estimate limits for.",
        ),
    ],
    groups: &[
        OptionGroup {
            name: "Build Engine with IFB Scheduler Limits",
            options: &["--max_batch_size", "--max_num_tokens"],
        },
        OptionGroup {
            name: "Build Engine with Tuning Heuristics Hints",
            options: &["--target_input_len", "--target_output_len"],
        },
    ],
    stops_at_word: false,
};

/// All commands.
pub const COMMANDS: &[Command] = &[BUILD, THROUGHPUT];
