#!/bin/sh
# Times `trtllm-perf dataset` against Python's random.sample alone (no tokenizer, no output), at the two sizes
# of the perf lists, one after the other in the same run; then checks that both drew the same ids.
#
#     benches/dataset_vs_python.sh
#
# PYTHON names another interpreter. Needs disk space for about 200 MB under TMPDIR.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --bin trtllm-perf
program=${CARGO_TARGET_DIR:-target}/release/trtllm-perf
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

PROGRAM=$program WORK=$work "${PYTHON:-python3}" - <<'PYTHON'
import filecmp
import json
import os
import random
import subprocess
import sys
import time

program, work = os.environ["PROGRAM"], os.environ["WORK"]
ROUNDS = 5


def make_tokenizer():
    """The shape and size of Llama 3's: 128,000 entries, 280,147 merges as pairs, 256 added tokens."""
    word = lambda n: f"{'Ġ' if n % 2 == 0 else ''}w{n:x}"
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": f"<|added_{i}|>"} for i in range(128000, 128256)],
        "model": {
            "type": "BPE",
            "vocab": {word(i): i for i in range(128000)},
            "merges": [[word(i // 3), word(i % 997)] for i in range(280147)],
        },
    }
    with open(f"{work}/tokenizer.json", "w", encoding="utf-8") as file:
        json.dump(tokenizer, file, ensure_ascii=False, indent=2)
    with open(f"{work}/tokenizer_config.json", "w", encoding="utf-8") as file:
        json.dump({"eos_token": "<|added_128001|>"}, file)
    return os.path.getsize(f"{work}/tokenizer.json")


def python_samples(requests, length):
    random.seed(420)
    begin = time.perf_counter()
    samples = [random.sample(range(128000), length) for _ in range(requests)]
    return time.perf_counter() - begin, samples


def ours(requests, input_len, output_len):
    command = [
        program, "dataset", f"--tokenizer={work}", "--jsonl", f"--output={work}/ours.jsonl", "token-norm-dist",
        f"--num-requests={requests}", f"--input-mean={input_len}", "--input-stdev=0",
        f"--output-mean={output_len}", "--output-stdev=0",
    ]
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begin


size = make_tokenizer()
print(f"Python {sys.version.split()[0]}; tokenizer.json of {size / 1e6:.1f} MB; best and median of {ROUNDS}")
for requests, input_len, output_len in [(512, 128, 128), (3000, 4096, 1024)]:
    rival, mine = [], []
    for _ in range(ROUNDS):
        seconds, samples = python_samples(requests, input_len)
        rival.append(seconds)
        mine.append(ours(requests, input_len, output_len))
    with open(f"{work}/python.jsonl", "w", encoding="ascii") as file:
        for i, ids in enumerate(samples):
            line = {"task_id": i, "input_ids": ids, "output_tokens": output_len}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    if not filecmp.cmp(f"{work}/python.jsonl", f"{work}/ours.jsonl", shallow=False):
        sys.exit(f"{requests} x {input_len}: the two data sets differ")
    show = lambda times: f"{min(times) * 1e3:8.1f} {sorted(times)[ROUNDS // 2] * 1e3:8.1f} ms"
    print(f"{requests} x {input_len}/{output_len}")
    print(f"  random.sample alone                  {show(rival)}")
    print(f"  trtllm-perf: tokenizer, ids, file    {show(mine)}   same bytes")
PYTHON
