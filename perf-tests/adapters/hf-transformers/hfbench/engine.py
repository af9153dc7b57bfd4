"""Transformers' continuous batching, with a model of random weights: the one place that knows torch."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from .dataset import Request
from .drive import Finished
from .errors import BenchError
from .options import EngineOptions

DEVICE_VARIABLE = "HF_BENCH_DEVICE"
_SEED = 0
_ATTENTION = "paged|sdpa"
# Seconds after which it is looked whether the engine is still alive.
_LOOK_SECONDS = 1.0
_STOP_SECONDS = 30.0
_GIB = 1 << 30


def device() -> torch.device:
    """The device of `HF_BENCH_DEVICE`, or the first GPU.

    Raises BenchError when it is not there.
    """
    name = os.environ.get(DEVICE_VARIABLE, "cuda")
    if name not in ("cuda", "cpu"):
        raise BenchError(f"{DEVICE_VARIABLE}={name}: cuda or cpu is expected")
    if name == "cuda" and not torch.cuda.is_available():
        raise BenchError(f"there is no GPU that PyTorch can use; {DEVICE_VARIABLE}=cpu runs on the CPU, for trying only")
    if name == "cpu":
        try:
            import psutil  # noqa: F401 (Transformers sizes the cache with it)
        except ImportError:
            raise BenchError(f"{DEVICE_VARIABLE}=cpu needs the package psutil") from None
    return torch.device(name)


def machine(where: torch.device) -> dict[str, Any] | None:
    """The report's `machine`: name, GiB of memory, GHz of the memory clock. `None` without a GPU."""
    if where.type != "cuda":
        return None
    facts = torch.cuda.get_device_properties(where)
    kilohertz = getattr(facts, "memory_clock_rate", None)
    return {
        "name": facts.name,
        "memory.total": facts.total_memory / _GIB,
        "clocks.mem": None if not kilohertz else kilohertz / 1e6,
    }


def read_config(directory: str) -> Any:
    """The model's configuration.

    Raises BenchError when the directory holds none.
    """
    if not os.path.isfile(os.path.join(directory, "config.json")):
        raise BenchError(f"{directory} has no config.json; name the model's directory with --model_path")
    return AutoConfig.from_pretrained(directory, local_files_only=True)


def build_model(config: Any, where: torch.device) -> Any:
    """A model of random bf16 weights, the same at each start, on the device."""
    torch.manual_seed(_SEED)
    with where:
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, attn_implementation=_ATTENTION)
    return model.eval()


class TransformersEngine:
    """A running ContinuousBatchingManager; `drive.Engine` for real."""

    def __init__(self, model: Any, options: EngineOptions, longest: int) -> None:
        """Starts it for sequences of up to `longest` tokens. Raises what torch and Transformers raise."""
        generation = GenerationConfig(max_new_tokens=longest, do_sample=False, eos_token_id=-1, pad_token_id=0)
        self._manager = model.init_continuous_batching(generation, _batching(options))
        # Makes the KV cache, and captures CUDA graphs where they are asked for, before anything is measured.
        try:
            self._manager.warmup()
        except (MemoryError, ValueError) as why:
            raise _as_gpu_memory(why, model.device) from None
        self._cache = self._manager.batch_processor.cache
        self._manager.start()

    @property
    def limits(self) -> tuple[int, int]:
        """Most requests and most tokens of a batch, as they came out."""
        config = self._manager.continuous_batching_config
        return config.max_requests_per_batch, config.max_batch_tokens

    @property
    def cache_size(self) -> tuple[int, int]:
        """Bytes and tokens of the KV cache."""
        tensors = self._cache.key_cache + self._cache.value_cache
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors), self._cache.num_pages

    @property
    def tokens_per_block(self) -> int:
        """The unit in which the KV cache is given out."""
        return self._cache.block_size

    def submit(self, id: int, request: Request, streaming: bool) -> None:
        """Takes a request; does not wait for it."""
        taken = self._manager.add_request(
            request.prompt,
            request_id=str(id),
            max_new_tokens=request.output_tokens,
            streaming=streaming,
            record_timestamps=True,
            eos_token_id=-1,
        )
        if taken is None:
            self._raise("it takes no more requests")

    def wait(self) -> Finished:
        """The next request that is done. Raises what the engine died of."""
        while True:
            output = self._manager.get_result(timeout=_LOOK_SECONDS)
            if output is None:
                if self._manager.background_thread_status.fatal_error is not None or not self._manager.is_running():
                    self._raise("its thread ended")
            elif output.error is not None:
                self._raise(output.error)
            elif output.is_finished():
                times = [round(seconds * 1e9) for seconds in output.timestamps]
                return Finished(int(output.request_id), output.generated_tokens, times)

    def stop(self, failed: bool) -> None:
        """Ends the engine's thread; without it the process would not end."""
        self._manager.stop(block=True, timeout=_STOP_SECONDS, hard_stop=failed)
        if self._manager.is_running():
            raise BenchError(f"the engine's thread did not end within {_STOP_SECONDS:.0f} s")

    def _raise(self, reason: str) -> None:
        """What the engine died of, where it says so: out of memory must be seen as what it is."""
        # The thread marks itself as dead only after it has failed its requests.
        if self._manager._generation_thread is not None:
            self._manager._generation_thread.join(_STOP_SECONDS)
        fatal = self._manager.background_thread_status.fatal_error
        if fatal is not None:
            raise fatal
        raise BenchError(f"Requests failed: {reason}")


def _as_gpu_memory(why: Exception, where: torch.device) -> Exception:
    """The error by which Transformers says that the KV cache or a batch does not fit, as one that names whose memory it is:
    a plain MemoryError would be taken for the host's.
    """
    sizes_do_not_fit = isinstance(why, MemoryError) or str(why).startswith("Invalid values: max_batch_tokens")
    if where.type != "cuda" or not sizes_do_not_fit:
        return why
    free, total = (size / _GIB for size in torch.cuda.mem_get_info(where))
    return torch.OutOfMemoryError(
        f"CUDA out of memory. KV cache and batches as asked for do not fit: {why}. "
        f"{free:.2f} GiB of {total:.2f} GiB are free."
    )


def _batching(options: EngineOptions) -> ContinuousBatchingConfig:
    """The engine's options in Transformers' words."""
    settings: Mapping[str, Any] = {
        "block_size": options.tokens_per_block,
        "num_blocks": None if options.kv_tokens is None else -(-options.kv_tokens // options.tokens_per_block),
        "max_batch_tokens": options.max_num_tokens,
        "max_requests_per_batch": options.max_batch_size,
        "max_memory_percent": options.kv_fraction,
        "allow_block_sharing": options.block_reuse,
        "use_cuda_graph": options.cuda_graphs,
        "seed": _SEED,
    }
    return ContinuousBatchingConfig(**settings)
