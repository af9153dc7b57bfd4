"""The text report, in the layout of trtllm-bench 1.2: its labels, columns, tabs and trailing blanks."""

from collections.abc import Mapping
from typing import Any

RULER = "=" * 59
_RANGE = (("MINIMUM", "minimum"), ("MAXIMUM", "maximum"), ("AVERAGE", "average"))
_TAIL = (("P50    ", "p50"), ("P90    ", "p90"), ("P95    ", "p95"), ("P99    ", "p99"))


def report_text(report: Mapping[str, Any]) -> str:
    """The report of the report JSON's content; it begins with two line ends, so that it stands below the log prefix."""
    lines = ["", "", *_engine(report["engine"]), *_machine(report["machine"])]
    lines += _requests(report["request_info"]) + _world(report["world_info"])
    lines += _performance(report["performance"], report.get("streaming_metrics"))
    return "\n".join(lines) + "\n" + dataset_table(report["dataset"])


def _heading(title: str) -> list[str]:
    return [RULER, f"= {title}", RULER]


def _engine(engine: Mapping[str, Any]) -> list[str]:
    return [
        *_heading("HF-TRANSFORMERS BACKEND"),
        f"Model:\t\t\t{engine['model']}",
        f"Model Path:\t\t{engine['model_path']}",
        f"Revision:\t\t{engine['revision'] or 'N/A'}",
        f"Transformers Version:\t{engine['version']}",
        f"Dtype:\t\t\t{engine['dtype']}",
        f"KV Cache Dtype:\t\t{engine['kv_cache_dtype']}",
        f"Quantization:\t\t{engine['quantization']}",
        "",
    ]


def _machine(machine: Mapping[str, Any] | None) -> list[str]:
    if machine is None:
        return [*_heading("MACHINE DETAILS "), "No GPU info available", ""]
    clock = machine["clocks.mem"]
    clock = "N/A" if clock is None else f"{clock:.2f} GHz"
    return [*_heading("MACHINE DETAILS "), f"{machine['name']}, memory {machine['memory.total']:.2f} GB, {clock}", ""]


def _requests(info: Mapping[str, Any]) -> list[str]:
    return [
        *_heading("REQUEST DETAILS "),
        f"Number of requests:             {info['num_requests']}",
        f"Number of concurrent requests:  {info['avg_num_concurrent_requests']:.4f}",
        f"Average Input Length (tokens):  {info['avg_input_length']:.4f}",
        f"Average Output Length (tokens): {info['avg_output_length']:.4f}",
    ]


def _world(world: Mapping[str, Any]) -> list[str]:
    share = world["kv_cache_percentage"]
    return [
        *_heading("WORLD + RUNTIME INFORMATION "),
        f"TP Size:                {world['tp_size']}",
        f"PP Size:                {world['pp_size']}",
        f"EP Size:                {world['ep_size']}",
        f"Max Runtime Batch Size: {world['max_batch_size']}",
        f"Max Runtime Tokens:     {world['max_num_tokens']}",
        f"Scheduling Policy:      {world['scheduling_policy']}",
        f"KV Memory Percentage:   {'None' if share is None else f'{share * 100.0:.2f}%'}",
        f"Issue Rate (req/sec):   {world['issue_rate']:.4E}",
        "",
    ]


def _performance(figures: Mapping[str, Any], streaming: Mapping[str, Any] | None) -> list[str]:
    rows = [
        ("Request Throughput (req/sec):", figures["request_throughput_req_s"]),
        ("Total Output Throughput (tokens/sec):", figures["system_output_throughput_tok_s"]),
        ("Total Token Throughput (tokens/sec):", figures["system_total_throughput_tok_s"]),
        ("Total Latency (ms):", figures["total_latency_ms"]),
        ("Average request latency (ms):", figures["avg_request_latency_ms"]),
        ("Per User Output Throughput [w/ ctx] (tps/user):", figures["output_throughput_per_user_tok_s"]),
        ("Per GPU Output Throughput (tps/gpu):", figures["output_throughput_per_gpu_tok_s"]),
    ]
    if streaming is not None:
        rows += [
            ("Average time-to-first-token [TTFT] (ms):", streaming["avg_ttft_ms"]),
            ("Average time-per-output-token [TPOT] (ms):", streaming["avg_tpot_ms"]),
            ("Per User Output Speed (tps/user):", streaming["token_output_speed_tok_s"]),
        ]
    lines = _heading("PERFORMANCE OVERVIEW ") + [f"{label:<50}{value:.4f}" for label, value in rows]
    if streaming is not None:
        for title, key, values in (
            ("-- Per-Request Time-per-Output-Token [TPOT] Breakdown (ms)", "TPOT", "tpot_percentiles"),
            ("-- Per-Request Time-to-First-Token [TTFT] Breakdown (ms) ", "TTFT", "ttft_percentiles"),
            ("-- Per-Request Generation Throughput [GTPS] Breakdown (tps/user)", "GTPS", "gen_tps_percentiles"),
        ):
            lines += ["", title, "", *_breakdown(key, streaming[values], _RANGE + _TAIL)]
    lines += ["", "-- Request Latency Breakdown (ms) -----------------------", ""]
    return [*lines, *_breakdown("Latency", figures["request_latency_percentiles_ms"], _TAIL + _RANGE), ""]


def _breakdown(key: str, values: Mapping[str, float], order: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"[{key}] {label}: {values[name]:.4f}" for label, name in order]


def dataset_table(dataset: Mapping[str, Any]) -> str:
    """The section on the data set, which is also logged by itself before the run."""
    columns = [dataset[name] for name in ("isl_stats", "osl_stats", "seq_len_stats")]
    rows = [
        f"{label}:  " + "          ".join(_cell(column[name]) for column in columns)
        for label, name in (("MIN", "minimum"), ("MAX", "maximum"), ("AVG", "average"))
        + tuple((f"P{q}", f"p{q}") for q in (50, 90, 95, 99))
    ]
    return "\n".join([
        *_heading("DATASET DETAILS"),
        f"Dataset Path:         {dataset['dataset_path']}",
        f"Number of Sequences:  {dataset['num_requests']}",
        "",
        "-- Percentiles statistics ---------------------------------",
        "",
        "        Input              Output           Seq. Length",
        "-" * 59,
        *rows,
        RULER,
        "",
    ])


def _cell(value: float) -> str:
    return f"{value:9.4f}" if value < 100000 else f"{value:9.2e}"
