"""Hands requests to an engine under a concurrency limit and takes the times."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .dataset import Request
from .errors import BenchError
from .figures import Completion


@dataclass(frozen=True)
class Finished:
    """A request that the engine is done with."""

    id: int
    tokens: list[int]
    # When each token was known, in nanoseconds of `time.perf_counter_ns`.
    times: list[int]


class Engine(Protocol):
    """What serves requests."""

    def submit(self, id: int, request: Request, streaming: bool) -> None:
        """Takes a request; does not wait for it."""

    def wait(self) -> Finished:
        """The next request that is done, in order of completion.

        Raises what the engine died of.
        """


def serve(
    engine: Engine,
    requests: Sequence[Request],
    concurrency: int,
    streaming: bool,
    submitted: Callable[[float], None] = lambda seconds: None,
    finished: Callable[[int], None] = lambda count: None,
) -> list[Completion]:
    """Serves all requests, at most `concurrency` at a time (no limit below 1), in order of completion.

    `submitted` hears how many seconds it took to hand in all of them, `finished` how many are done.
    Raises BenchError when a request did not get the tokens it asked for.
    """
    limit = concurrency if concurrency > 0 else len(requests)
    starts: dict[int, int] = {}
    served: list[Completion] = []
    begin = time.perf_counter_ns()
    while len(served) < len(requests):
        while len(starts) < len(requests) and len(starts) - len(served) < limit:
            number = len(starts)
            starts[number] = time.perf_counter_ns()
            engine.submit(number, requests[number], streaming)
            if len(starts) == len(requests):
                submitted((time.perf_counter_ns() - begin) * 1e-9)
        done = engine.wait()
        served.append(_completion(done, requests[done.id], starts[done.id], streaming))
        finished(len(served))
    return served


def _completion(done: Finished, request: Request, start: int, streaming: bool) -> Completion:
    wanted = request.output_tokens
    if len(done.tokens) != wanted:
        raise BenchError(f"request {done.id} got {len(done.tokens)} tokens, not the {wanted} it asked for")
    # An evicted request begins anew, and its earlier time stamps are lost; one token too many may be stamped, too.
    if len(done.times) < wanted:
        raise BenchError(
            f"request {done.id} was evicted from the KV cache and begun anew, so its times say nothing; "
            "lower --concurrency or --max_batch_size, or give the cache more memory"
        )
    first = done.times[0] if streaming else None
    return Completion(done.id, len(request.prompt), start, first, done.times[wanted - 1], done.tokens)
