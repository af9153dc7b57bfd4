"""The data set: one request a line, as JSON."""

import json
from dataclasses import dataclass

from .errors import BenchError


@dataclass(frozen=True)
class Request:
    """A request of the data set."""

    prompt: list[int]
    output_tokens: int


def read(path: str, limit: int, vocab_size: int, max_seq_len: int | None) -> list[Request]:
    """The first `limit` requests (0 is all) of a file, for a model of `vocab_size` tokens.

    Raises BenchError with the line when the file holds none, or something that is no request for such a model.
    """
    requests: list[Request] = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if limit and len(requests) == limit:
                    break
                requests.append(_request(f"{path}:{number}", line, vocab_size, max_seq_len))
    except (OSError, UnicodeDecodeError) as why:
        raise BenchError(f"read {path}: {why}") from None
    if not requests:
        raise BenchError(f"{path} holds no request")
    if limit > len(requests):
        raise BenchError(f"{path} holds {len(requests)} requests, fewer than --num_requests={limit}")
    return requests


def _request(place: str, line: str, vocab_size: int, max_seq_len: int | None) -> Request:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as why:
        raise BenchError(f"{place}: {why}") from None
    if not isinstance(record, dict):
        raise BenchError(f"{place}: an object is expected")
    if record.get("lora_request") is not None or record.get("media_paths") is not None:
        raise BenchError(f"{place}: adapters and media are not supported")
    ids = record.get("input_ids", record.get("logits"))
    if not isinstance(ids, list) or not ids:
        raise BenchError(f"{place}: `input_ids` must hold the tokens of the prompt; there is no tokenizer here")
    for token in ids:
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < vocab_size:
            raise BenchError(f"{place}: token id {token!r} is outside the vocabulary of {vocab_size} tokens")
    output = record.get("output_tokens")
    if isinstance(output, bool) or not isinstance(output, int) or output < 1:
        raise BenchError(f"{place}: `output_tokens` must be a whole number from 1 on, not {output!r}")
    if max_seq_len is not None and len(ids) + output > max_seq_len:
        raise BenchError(f"{place}: {len(ids)} + {output} tokens are more than --max_seq_len={max_seq_len}")
    return Request(ids, output)
