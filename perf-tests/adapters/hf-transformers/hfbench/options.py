"""The file of engine options: known keys alone, laid over the command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError


@dataclass(frozen=True)
class EngineOptions:
    """What the engine is told. `None` leaves the choice to Transformers."""

    max_batch_size: int | None
    max_num_tokens: int | None
    max_seq_len: int | None
    # Share of the free memory for KV cache and batches; `None` is what the report prints where a file left it open.
    kv_fraction: float | None
    # Tokens that the KV cache holds; `None` is as many as the share allows.
    kv_tokens: int | None
    tokens_per_block: int
    block_reuse: bool
    cuda_graphs: bool


_TOKENS_PER_BLOCK = 256  # Transformers' own
_POSITIVE = ("max_batch_size", "max_num_tokens", "max_seq_len")
_CACHE = ("free_gpu_memory_fraction", "max_tokens", "tokens_per_block", "enable_block_reuse")


def read(path: str | None) -> Mapping[str, object]:
    """The mapping of a YAML file; none without a file.

    Raises BenchError when it cannot be read or is no mapping.
    """
    if path is None:
        return {}
    import yaml  # a dependency of transformers, needed only here

    try:
        options = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as why:
        raise BenchError(f"read {path}: {why.strerror}; name the file with --config") from None
    except yaml.YAMLError as why:
        raise BenchError(f"read {path}: {why}") from None
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise BenchError(f"{path}: a mapping of engine options is expected, not {type(options).__name__}")
    return options


def merge(
    options: Mapping[str, object],
    path: str,
    max_batch_size: int | None,
    max_num_tokens: int | None,
    max_seq_len: int | None,
    kv_fraction: float,
) -> EngineOptions:
    """Lays the file over the command line, per top-level key, as the real tool does.

    Raises BenchError that names a key which is not known, or a value that cannot be honoured.
    """
    limits = {"max_batch_size": max_batch_size, "max_num_tokens": max_num_tokens, "max_seq_len": max_seq_len}
    cache: Mapping[str, object] = {"free_gpu_memory_fraction": kv_fraction}
    graphs = False
    for key, value in options.items():
        if key in _POSITIVE:
            limits[key] = _count(path, key, value)
        elif key == "kv_cache_config":
            cache = _section(path, key, value, _CACHE)
        elif key == "cuda_graph_config":
            graphs = value is not None
            padding = _section(path, key, value or {}, ("enable_padding",)).get("enable_padding", True)
            if padding is not True:
                raise BenchError(f"{path}: {key}.enable_padding: only true; Transformers pads what it captures")
        elif key == "print_iter_log":
            if value is not False:
                raise BenchError(f"{path}: {key}: only false; Transformers tells nothing of its iterations")
        else:
            known = ", ".join((*_POSITIVE, "kv_cache_config", "cuda_graph_config", "print_iter_log"))
            raise BenchError(f"{path}: unknown engine option `{key}`; known: {known}")
    tokens = cache.get("max_tokens")
    block = _count(path, "kv_cache_config.tokens_per_block", cache.get("tokens_per_block", _TOKENS_PER_BLOCK))
    reuse = cache.get("enable_block_reuse", False)
    if not isinstance(reuse, bool):
        raise BenchError(f"{path}: kv_cache_config.enable_block_reuse: true or false, not {reuse!r}")
    return EngineOptions(
        **limits,
        kv_fraction=_fraction(path, cache.get("free_gpu_memory_fraction")),
        kv_tokens=None if tokens is None else _count(path, "kv_cache_config.max_tokens", tokens),
        tokens_per_block=block,
        block_reuse=reuse,
        cuda_graphs=graphs,
    )


def _section(path: str, name: str, value: object, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise BenchError(f"{path}: {name}: a mapping is expected, not {value!r}")
    for key in value:
        if key not in known:
            raise BenchError(f"{path}: unknown engine option `{name}.{key}`; known: {', '.join(known)}")
    return value


def _count(path: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BenchError(f"{path}: {key}: a whole number from 1 on is expected, not {value!r}")
    return value


def _fraction(path: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise BenchError(f"{path}: kv_cache_config.free_gpu_memory_fraction: 0 < x <= 1 is expected, not {value!r}")
    return float(value)
