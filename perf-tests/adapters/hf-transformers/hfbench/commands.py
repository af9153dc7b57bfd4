"""The options of trtllm-bench 1.2, and which of them this engine can honour. What it cannot is refused, never ignored."""

from dataclasses import dataclass

from . import log
from .click import EXISTING, FLAG, FLOAT, INT, OUTPUT, PATH, POSITIVE, TEXT, Command, Option, Parsed, choice
from .errors import UsageError

GROUP = Command(
    "Measure Hugging Face Transformers with the command throughput of trtllm-bench.",
    (
        Option(("--model", "-m"), TEXT, "Name of the model, shown in the report.", required=True),
        Option(("--model_path",), PATH, "Directory of the model's config.json; --model when absent."),
        Option(("--workspace", "-w"), PATH, "Not used: nothing is built.", "/tmp"),
        Option(("--log_level",), choice(*log.LEVELS), "Least important records to log.", "info"),
        Option(("--revision",), TEXT, "Revision of the model, shown in the report."),
        Option(("--version",), FLAG, "Show the versions of adapter and engine, and exit."),
    ),
    is_group=True,
)

THROUGHPUT = Command(
    "Run a throughput test on a data set.",
    (
        Option(("--engine_dir",), EXISTING, "Refused: there are no engines."),
        Option(("--backend",), choice("pytorch", "_autodeploy", "tensorrt"), "Only pytorch.", "pytorch"),
        Option(("--custom_module_dirs",), EXISTING, "Refused: there are no custom modules."),
        Option(("--extra_llm_api_options", "--config"), TEXT, "YAML file of engine options, over the command line's."),
        Option(("--sampler_options",), EXISTING, "Refused: sampling is greedy."),
        Option(("--max_batch_size",), INT, "Most requests in a batch; Transformers' choice when absent."),
        Option(("--max_num_tokens",), INT, "Most tokens in a batch; Transformers' choice when absent."),
        Option(("--max_seq_len",), INT, "Longest sequence; a longer one of the data set is refused."),
        Option(("--beam_width",), INT, "Beams; only 1.", 1),
        Option(
            ("--kv_cache_free_gpu_mem_fraction",),
            FLOAT,
            "Share of the free memory for KV cache and batches.",
            0.9,
        ),
        Option(("--dataset",), EXISTING, "Data set: one JSON object with token ids a line."),
        Option(("--no_skip_tokenizer_init",), FLAG, "Refused: there is no tokenizer."),
        Option(("--eos_id",), INT, "Only -1: every request gets all its tokens.", -1),
        Option(("--modality",), choice("image", "video"), "Refused: text models only."),
        Option(("--image_data_format",), choice("pt", "pil"), "Refused: text models only."),
        Option(("--data_device",), choice("cuda", "cpu"), "Refused: text models only."),
        Option(("--max_input_len",), INT, "Refused: text models only."),
        Option(("--num_requests",), INT, "Requests to take from the data set; 0 for all.", 0),
        Option(("--warmup",), INT, "Requests to run before the measurement.", 2),
        Option(("--target_input_len",), POSITIVE, "Refused: no limit is estimated."),
        Option(("--target_output_len",), POSITIVE, "Refused: no limit is estimated."),
        Option(("--tp",), INT, "Tensor parallel size; only 1.", 1),
        Option(("--pp",), INT, "Pipeline parallel size; only 1.", 1),
        Option(("--ep",), INT, "Expert parallel size; only 1."),
        Option(("--cluster_size",), INT, "Expert cluster parallel size; only 1."),
        Option(("--concurrency",), INT, "Most requests at a time; -1 for no limit.", -1),
        Option(("--streaming",), FLAG, "Stream tokens, and report their times.", False),
        Option(("--report_json",), OUTPUT, "File for the report."),
        Option(("--iteration_log",), OUTPUT, "Refused: Transformers tells nothing of its iterations."),
        Option(("--output_json",), OUTPUT, "Refused: there is no tokenizer to decode with."),
        Option(("--request_json",), OUTPUT, "File for the list of requests."),
        Option(
            ("--enable_chunked_context",),
            FLAG,
            "Prompts are always computed in pieces where they do not fit.",
            True,
            off="--disable_chunked_context",
        ),
        Option(
            ("--scheduler_policy",),
            choice("guaranteed_no_evict", "max_utilization"),
            "Only the first: a run in which a request had to be evicted fails.",
            "guaranteed_no_evict",
        ),
    ),
)

COMMANDS = {"throughput": THROUGHPUT}

# Options that nothing here corresponds to, and why.
_REFUSED = {
    "--engine_dir": "Transformers runs no built engines; leave it out",
    "--custom_module_dirs": "Transformers takes no custom modules here; leave it out",
    "--sampler_options": "sampling is greedy; leave it out",
    "--no_skip_tokenizer_init": "there is no tokenizer; leave it out",
    "--modality": "text models only; leave it out",
    "--image_data_format": "text models only; leave it out",
    "--data_device": "text models only; leave it out",
    "--max_input_len": "text models only; leave it out",
    "--target_input_len": "no limit is estimated; give --max_batch_size and --max_num_tokens",
    "--target_output_len": "no limit is estimated; give --max_batch_size and --max_num_tokens",
    "--iteration_log": "Transformers tells nothing of its iterations; leave it out",
    "--output_json": "there is no tokenizer to decode with; leave it out",
}
# Options of which one value alone can be honoured, and why.
_ONLY: dict[str, tuple[object, str]] = {
    "--backend": ("pytorch", "Transformers runs on PyTorch alone"),
    "--beam_width": (1, "continuous batching has no beams"),
    "--eos_id": (-1, "every request gets all its tokens"),
    "--tp": (1, "one GPU alone"),
    "--pp": (1, "one GPU alone"),
    "--ep": (1, "one GPU alone"),
    "--cluster_size": (1, "one GPU alone"),
    "--enable_chunked_context": (True, "Transformers always cuts prompts that do not fit"),
    "--scheduler_policy": ("guaranteed_no_evict", "a run with evictions fails here"),
}


@dataclass(frozen=True)
class Settings:
    """The command line, checked."""

    model: str
    model_path: str | None
    revision: str | None
    dataset: str
    options_file: str | None
    max_batch_size: int | None
    max_num_tokens: int | None
    max_seq_len: int | None
    kv_fraction: float
    num_requests: int
    warmup: int
    concurrency: int
    streaming: bool
    report_json: str | None
    request_json: str | None

    @property
    def model_dir(self) -> str:
        """The directory with config.json."""
        return self.model_path or self.model


def settings(group: Parsed, command: Parsed) -> Settings:
    """What is to be run.

    Raises UsageError that names an option which cannot be honoured.
    """
    for name in sorted(command.given & _REFUSED.keys()):
        raise UsageError(f"Invalid value for '{name}': {_REFUSED[name]}.")
    values = command.values
    for name, (only, why) in _ONLY.items():
        if values[name] is not None and values[name] != only:
            raise UsageError(f"Invalid value for '{name}': {values[name]!r} cannot be honoured, only {only!r}: {why}.")
    for name in ("--max_batch_size", "--max_num_tokens", "--max_seq_len"):
        if values[name] is not None and values[name] < 1:
            raise UsageError(f"Invalid value for '{name}': {values[name]} is not in the range x>=1.")
    for name in ("--num_requests", "--warmup"):
        if values[name] < 0:
            raise UsageError(f"Invalid value for '{name}': {values[name]} is not in the range x>=0.")
    if not 0 < values["--kv_cache_free_gpu_mem_fraction"] <= 1:
        fraction = values["--kv_cache_free_gpu_mem_fraction"]
        raise UsageError(
            f"Invalid value for '--kv_cache_free_gpu_mem_fraction': {fraction} is not in the range 0<x<=1."
        )
    if values["--dataset"] is None:
        raise UsageError("Missing option '--dataset'.")
    return Settings(
        model=group.values["--model"],
        model_path=group.values["--model_path"],
        revision=group.values["--revision"],
        dataset=values["--dataset"],
        options_file=values["--extra_llm_api_options"],
        max_batch_size=values["--max_batch_size"],
        max_num_tokens=values["--max_num_tokens"],
        max_seq_len=values["--max_seq_len"],
        kv_fraction=values["--kv_cache_free_gpu_mem_fraction"],
        num_requests=values["--num_requests"],
        warmup=values["--warmup"],
        concurrency=values["--concurrency"],
        streaming=values["--streaming"],
        report_json=values["--report_json"],
        request_json=values["--request_json"],
    )
