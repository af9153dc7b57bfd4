#!/usr/bin/env bash
# How often the gate is wrong, and what it sees, on real noise: refbench against itself and against a refbench that is
# slowed by 5 and by 10 %. The figures in docs/VERDICT.md ("Measured noise") are from here.
#
#     benches/gate.sh same    120 verdicts on short cases, the same program twice
#     benches/gate.sh 5       20 cases of 2 s, each against a candidate slowed by 5 %; any percentage will do
#
# Prints the share of each verdict, and leaves the verdicts in target/gate/. On one thread, pinned to core CORE (1): an hour
# for `same` at most, 15 minutes for the others. Leave the machine alone meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-}
[[ $what =~ ^(same|[0-9]+)$ ]] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
cargo build --release --locked --quiet
programs=$(realpath "${CARGO_TARGET_DIR:-target}/release")
export REFBENCH_THREADS=1
out=${CARGO_TARGET_DIR:-target}/gate/$what
mkdir -p "$out"
pinned=(taskset -c "${CORE:-1}" "$programs/trtllm-perf")
front=refbench_tiny_llama-bench-pytorch

code=0
if [ "$what" = same ]; then
    "${pinned[@]}" selfcheck --rounds 30 --history "$out/history.sqlite" --output-dir "$out" --json \
        --case "$front-float32-input_output_len:128,32-reqs:8" \
        --case "$front-streaming-float32-input_output_len:16,32-reqs:16-con:8" \
        --case "$front-float32-input_output_len:256,8-reqs:12" \
        --case "$front-streaming-float32-input_output_len:64,16-reqs:6-con:1" >"$out/verdicts.jsonl" || code=$?
else
    slow=$out/slowed
    printf '#!/bin/sh\nREFBENCH_SLOWDOWN=%s%% exec %s/refbench "$@"\n' "$what" "$programs" >"$slow"
    chmod +x "$slow"
    cases=()
    for requests in {61..80}; do
        cases+=(--case "$front-float32-input_output_len:128,32-reqs:$requests")
    done
    "${pinned[@]}" gate --base "$programs/refbench" --candidate "$(realpath "$slow")" --history none --output-dir "$out" \
        --json "${cases[@]}" >"$out/verdicts.jsonl" || code=$?
fi
# Verdicts have exit codes of their own; what did not run has no verdict.
[ -s "$out/verdicts.jsonl" ] || exit "$code"
python3 - "$out/verdicts.jsonl" <<'PYTHON'
import collections, json, statistics, sys
judged = [row for row in map(json.loads, open(sys.argv[1])) if "verdict" in row]
for verdict, count in sorted(collections.Counter(row["verdict"] for row in judged).items()):
    print(f"{verdict}: {count} of {len(judged)}")
print(f"improved: {sum(row['improved'] for row in judged)}")
print(f"ratio, median: {statistics.median(row['ratio'] for row in judged):.3f}")
noise = statistics.quantiles([row["run_cv"] for row in judged if row["run_cv"]], n=4)
print("CV of a run, quartiles: " + ", ".join(f"{share:.1%}" for share in noise))
PYTHON
