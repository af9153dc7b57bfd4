"""The plot: the command line, the data set, the engine, the measurement, the report."""

import importlib.metadata
import json
import random
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import click, commands, dataset, drive, figures, options, report
from .commands import COMMANDS, GROUP, Settings
from .errors import BenchError, UsageError
from .log import Log

PROGRAM = "trtllm-bench"
BACKEND = "hf-transformers"
_WARMUP_SEED = 0


def engine_version() -> str | None:
    """The release of Transformers, from the records of the installation: importing it would take seconds."""
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return None


def main(words: Sequence[str]) -> int:
    """Runs the command line, and returns the exit code: 0, 1 for an error, 2 for a wrong command line."""
    # As with the real tool, the first line tells the release, whatever else happens; but in words of our own.
    print(f"[{BACKEND}] Transformers version: {engine_version() or 'not installed'}", flush=True)
    # Like `--help`, `--version` asks for no model.
    if list(words) == ["--version"]:
        return 0
    path, page = PROGRAM, "[OPTIONS] COMMAND [ARGS]..."
    try:
        group = click.parse(GROUP, words)
        if group.help or not words:
            print(click.help_page(GROUP, path, COMMANDS), end="")
            return 0
        if group.values["--version"]:
            return 0
        if not group.rest:
            raise UsageError("Missing command.")
        name, *rest = group.rest
        if name not in COMMANDS:
            raise UsageError(f"No such command '{name}'.")
        path, page = f"{PROGRAM} {name}", "[OPTIONS]"
        command = click.parse(COMMANDS[name], rest)
        if command.help:
            print(click.help_page(COMMANDS[name], path, {}), end="")
            return 0
        settings = commands.settings(group, command)
    except UsageError as why:
        hint = f"Usage: {path} {page}\nTry '{path} --help' for help.\n\nError: {why}"
        print(hint, file=sys.stderr)
        return 2
    log = Log(str(group.values["--log_level"]))
    try:
        throughput(log, settings)
    except BenchError as why:
        log.error(f"Error during benchmarking:\nError: {why}")
        return 1
    except Exception:
        # What torch raises goes to the log as it is: out of memory is known by its text.
        log.error(f"Error during benchmarking:\n{traceback.format_exc()}")
        return 1
    return 0


def throughput(log: Log, settings: Settings) -> None:
    """Serves the data set and reports how fast that was.

    Raises BenchError, and whatever torch and Transformers raise.
    """
    log.info("Preparing to run throughput benchmark...")
    told = options.merge(
        options.read(settings.options_file),
        settings.options_file or "",
        settings.max_batch_size,
        settings.max_num_tokens,
        settings.max_seq_len,
        settings.kv_fraction,
    )
    from . import engine  # imports torch, which takes seconds

    where = engine.device()
    config = engine.read_config(settings.model_dir)
    requests = dataset.read(settings.dataset, settings.num_requests, config.vocab_size, told.max_seq_len)
    details = figures.dataset_details(requests, settings.dataset)
    log.info("\n" + report.dataset_table(details))
    log.info("Setting up throughput benchmark.")
    model = engine.build_model(config, where)
    running = engine.TransformersEngine(model, told, details["max_sequence_length"])
    done = False
    try:
        _say_cache(log, running)
        _warm_up(log, settings, running, requests)
        served = _measure(log, settings, running, requests)
        batch, tokens = running.limits
        done = True
    finally:
        running.stop(failed=not done)
    log.info("LLM Backend stopped.")
    log.info("Benchmark done. Reporting results...")
    world = {
        "tp_size": 1,
        "pp_size": 1,
        "ep_size": None,
        "world_size": 1,
        "max_batch_size": batch,
        "max_num_tokens": tokens,
        "scheduling_policy": "GUARANTEED_NO_EVICT",
        "kv_cache_percentage": told.kv_fraction,
        "issue_rate": figures.issue_rate(served),
    }
    content = assemble(settings, engine_version(), engine.machine(where), world, served, details)
    write_json(log, settings.report_json, "Report information", content)
    write_json(log, settings.request_json, "Request information", figures.request_rows(served))
    log.info(report.report_text(content))


def assemble(
    settings: Settings,
    version: str | None,
    machine: dict[str, Any] | None,
    world: dict[str, Any],
    served: Sequence[figures.Completion],
    details: dict[str, Any],
) -> dict[str, Any]:
    """The report JSON's content, in its order of keys."""
    content: dict[str, Any] = {
        "engine": {
            "model": settings.model,
            "model_path": str(settings.model_path),
            "engine_dir": "None",
            "revision": settings.revision,
            "version": version,
            "backend": BACKEND,
            "dtype": "bfloat16",
            "kv_cache_dtype": None,
            "quantization": None,
        },
        "machine": machine,
        "world_info": world,
        "request_info": figures.request_info(served),
        "performance": figures.performance(served),
    }
    if settings.streaming:
        content["streaming_metrics"] = figures.streaming_metrics(served)
    return content | {"dataset": details}


def _say_cache(log: Log, running: Any) -> None:
    size, tokens = running.cache_size
    log.info(f"Number of tokens per block: {running.tokens_per_block}.")
    log.info(f"[MemUsageChange] Allocated {_gib(size)} GiB for max tokens in paged KV cache ({tokens}).")


def _gib(size: int) -> str:
    """Two decimals, or as many as show three digits of a small cache."""
    value = size / (1 << 30)
    decimals = 2
    while decimals < 12 and value < 10 ** (2 - decimals):
        decimals += 1
    return f"{value:.{decimals}f}"


def _warm_up(log: Log, settings: Settings, running: drive.Engine, requests: Sequence[dataset.Request]) -> None:
    if settings.warmup == 0:
        return
    log.info("Setting up for warmup...")
    drawn = random.Random(_WARMUP_SEED).choices(requests, k=settings.warmup)
    log.info("Running warmup.")
    _measure(log, settings, running, drawn)
    log.info("Warmup done.")


def _measure(
    log: Log, settings: Settings, running: drive.Engine, requests: Sequence[dataset.Request]
) -> list[figures.Completion]:
    log.info("Starting benchmarking async task.")
    log.info("Starting benchmark...")
    count = len(requests)

    def submitted(seconds: float) -> None:
        rate = count / seconds
        log.info(f"Request submission complete. [count={count}, time={seconds:.4f}s, rate={rate:.2f} req/s]")

    def finished(done: int) -> None:
        # Ten lines a run, so that a watcher sees that it goes on.
        if done * 10 // count > (done - 1) * 10 // count:
            log.info(f"Benchmarking: {done}/{count} requests")

    served = drive.serve(running, requests, settings.concurrency, settings.streaming, submitted, finished)
    log.info("Benchmark complete.")
    return served


def write_json(log: Log, path: str | None, what: str, content: Any) -> None:
    """Writes a file of the report, if it was asked for.

    Raises BenchError when it cannot be written.
    """
    if path is None:
        return
    log.info(f"Writing {what.lower()} to {path}...")
    try:
        Path(path).write_text(json.dumps(content, indent=4), encoding="utf-8")
    except OSError as why:
        raise BenchError(f"write {path}: {why.strerror}") from None
    log.info(f"{what} written to {path}.")
