"""The figures of a run, in the arrangement of the report JSON.

Formulas and their order of operations are the real tool's: times are integer nanoseconds of one clock, milliseconds
are `ns * 1e-6`, rates per second are `per-ns * 1e9`. Sums of floats are compensated (Neumaier), as Python's own are
from 3.12 on, so that the last digits do not depend on the interpreter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .dataset import Request

_MS = 1e-6
_PER_SECOND = 1e9

Percentiles = dict[str, float]


@dataclass(frozen=True)
class Completion:
    """A request that has been served; times in nanoseconds."""

    id: int
    input_tokens: int
    # Just before it was handed in, after a slot of the concurrency limit was free.
    start: int
    # When its first token was known; `None` without streaming.
    first: int | None
    # When its last token was known.
    end: int
    tokens: list[int]

    @property
    def latency(self) -> int:
        """From start to end."""
        return self.end - self.start

    @property
    def time_to_first_token(self) -> int:
        """TTFT; 0 without streaming."""
        return 0 if self.first is None else self.first - self.start

    @property
    def generation_time(self) -> int:
        """What is left of the latency after the first token."""
        return self.latency - self.time_to_first_token

    @property
    def time_per_output_token(self) -> float:
        """TPOT; without streaming, as in the real tool, a number that means nothing and is not reported."""
        first = -1 if self.first is None else self.first
        return (self.end - first) / (len(self.tokens) - 1) if len(self.tokens) > 1 else 0.0

    @property
    def output_rate(self) -> float:
        """Tokens per nanosecond of latency."""
        return len(self.tokens) / self.latency

    @property
    def generation_rate(self) -> float:
        """Tokens per nanosecond after the first."""
        return (len(self.tokens) - 1) / self.generation_time if len(self.tokens) > 1 else 0.0


def compensated_sum(values: Iterable[float]) -> float:
    """Neumaier's sum."""
    total = lost = 0.0
    for value in values:
        following = total + value
        lost += (total - following) + value if abs(total) >= abs(value) else (value - following) + total
        total = following
    return total + lost


def percentiles(values: Sequence[float], factor: float = 1.0) -> Percentiles:
    """Of at least one value, each times `factor`. A percentile is the element at index floor(n * q)."""
    ordered = sorted(values)
    exact = all(isinstance(value, int) for value in values)
    average = (sum(values) if exact else compensated_sum(values)) / len(values)
    found = {f"p{q}": ordered[int(len(ordered) * (q / 100))] for q in (50, 90, 95, 99)}
    found |= {"minimum": ordered[0], "maximum": ordered[-1], "average": average}
    return {name: float(value) * factor for name, value in found.items()}


def request_info(served: Sequence[Completion]) -> dict[str, float]:
    """The requests as they were served."""
    count = len(served)
    latency = sum(each.latency for each in served) / count
    return {
        "num_requests": count,
        "avg_num_concurrent_requests": latency * count / _total(served),
        "avg_input_length": sum(each.input_tokens for each in served) / count,
        "avg_output_length": sum(len(each.tokens) for each in served) / count,
    }


def performance(served: Sequence[Completion]) -> dict[str, object]:
    """Latencies and throughputs on one GPU."""
    total = _total(served)
    inputs = sum(each.input_tokens for each in served)
    outputs = sum(len(each.tokens) for each in served)
    latencies = percentiles([each.latency for each in served], _MS)
    rate = compensated_sum(each.output_rate for each in served) / len(served)
    return {
        "total_latency_ms": total * _MS,
        "avg_request_latency_ms": latencies["average"],
        "request_throughput_req_s": len(served) / total * _PER_SECOND,
        "system_output_throughput_tok_s": outputs / total * _PER_SECOND,
        "system_total_throughput_tok_s": (inputs + outputs) / total * _PER_SECOND,
        "output_throughput_per_user_tok_s": rate * _PER_SECOND,
        "output_throughput_per_gpu_tok_s": outputs / total * _PER_SECOND,
        "request_latency_percentiles_ms": latencies,
    }


def streaming_metrics(served: Sequence[Completion]) -> dict[str, object]:
    """What only streaming shows."""
    tpot = percentiles([each.time_per_output_token for each in served], _MS)
    ttft = percentiles([each.time_to_first_token for each in served], _MS)
    rates = percentiles([each.generation_rate for each in served], _PER_SECOND)
    return {
        "token_output_speed_tok_s": rates["average"],
        "avg_ttft_ms": ttft["average"],
        "avg_tpot_ms": tpot["average"],
        "tpot_percentiles": tpot,
        "ttft_percentiles": ttft,
        "gen_tps_percentiles": rates,
    }


def issue_rate(served: Sequence[Completion]) -> float:
    """`(last start - first start) / n` per second: no rate in truth, but what the report has under that name."""
    starts = [each.start for each in served]
    return (max(starts) - min(starts)) / len(served) * _PER_SECOND


def dataset_details(requests: Sequence[Request], path: str) -> dict[str, object]:
    """The data set as it was read: lengths asked for, not those that came out."""
    lengths = [(len(each.prompt), each.output_tokens) for each in requests]
    isl = percentiles([inputs for inputs, _ in lengths])
    osl = percentiles([outputs for _, outputs in lengths])
    seq = percentiles([inputs + outputs for inputs, outputs in lengths])
    return {
        "isl_stats": isl,
        "osl_stats": osl,
        "seq_len_stats": seq,
        "num_requests": len(requests),
        "dataset_path": path,
        "max_isl": int(isl["maximum"]),
        "max_osl": int(osl["maximum"]),
        "max_sequence_length": int(seq["maximum"]),
        "avg_isl": int(isl["average"]),
        "avg_osl": int(osl["average"]),
        "avg_sequence_length": int(seq["average"]),
    }


def request_rows(served: Sequence[Completion]) -> list[dict[str, object]]:
    """The file of `--request_json`, in order of completion."""
    return [
        {
            "id": each.id,
            "num_input_tokens": each.input_tokens,
            "error_tokens": 0,
            "start_timestamp": each.start,
            "first_token_timestamp": -1 if each.first is None else each.first,
            "end_timestamp": each.end,
            "decode_iteration": len(each.tokens) - 1,
            "num_total_output_tokens": len(each.tokens),
            "num_generated_tokens": len(each.tokens) - 1,
            "generation_time": each.generation_time,
            "time_to_first_token": each.time_to_first_token,
            "intertoken_latency": each.time_per_output_token,
            "end_to_end_latency": each.latency,
            "output_token_throughput": each.output_rate,
            "generation_token_throughput": each.generation_rate,
            "output": None,
            "output_tokens": each.tokens,
        }
        for each in served
    ]


def _total(served: Sequence[Completion]) -> int:
    """From the first start to the last end."""
    return max(each.end for each in served) - min(each.start for each in served)
