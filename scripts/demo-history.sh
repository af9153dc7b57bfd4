#!/usr/bin/env bash
# A demonstration history of 60 nights × 150 cases, its report, and the picture in the README:
#
#     scripts/demo-history.sh [FOLDER]        default: target/demo
#
# The 150 cases are run once, for real, on the embedded engine. The nights are made from that by
# examples/demo_history.rs, with stated synthetic noise, and marked as synthetic wherever they are shown.
# PROFILE=debug takes the programs of the debug build. The picture needs chromium; without it the page alone is made.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-target/demo}
profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}
if [ "$profile" = release ]; then
    cargo build --locked --release --bins --example demo_history
else
    cargo build --locked --bins --example demo_history
fi
bin=$target/$profile
mkdir -p "$folder"

# ---- 150 labels of the embedded engine: lengths, concurrencies, two models, both flows

labels() {
    local lengths model con
    for lengths in 16,16 32,32 64,16 64,32 128,16 128,32 32,64 16,64; do
        for model in tiny_llama deep_gqa_llama; do
            for con in 1 2 4 8 16; do
                echo "refbench_$model-bench-pytorch-streaming-float32-input_output_len:$lengths-reqs:16-con:$con"
            done
            for con in 1 4 16; do
                echo "refbench_$model-bench-pytorch-float32-input_output_len:$lengths-reqs:16-con:$con"
            done
        done
        for con in 4 16; do
            echo "refbench_tiny_llama-bench-float32-input_output_len:$lengths-reqs:16-con:$con"
        done
    done
    for lengths in 16,16 32,32 64,16 64,32 128,16 128,32; do
        echo "refbench_tiny_llama-bench-pytorch-float32-maxbs:2-input_output_len:$lengths-reqs:16"
    done
}
labels | sed 's/.*/perf\/test_perf.py::test_perf[&]/' >"$folder/demo.txt"
[ "$(wc -l <"$folder/demo.txt")" -eq 150 ] || { echo "error: not 150 labels" >&2; exit 1; }

# ---- measured once; run again, only what is missing

if [ ! -e "$folder/perf-output/runs/latest" ]; then
    "$bin/trtllm-perf" run --test-list "$folder/demo.txt" --output-dir "$folder/perf-output" --history none --format terse
else
    "$bin/trtllm-perf" run --test-list "$folder/demo.txt" --output-dir "$folder/perf-output" --history none --format terse --resume
fi

# ---- the nights, the report, the picture

rm -f "$folder"/demo.sqlite*
"$bin/examples/demo_history" "$folder/perf-output" "$folder/demo.sqlite"
"$bin/trtllm-perf" report --history "$folder/demo.sqlite" --output-dir "$folder/perf-output" --html "$folder/report.html"
ls -l "$folder/report.html"

if command -v chromium >/dev/null; then
    profile_folder=$(mktemp -d)
    trap 'rm -rf "$profile_folder"' EXIT
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --user-data-dir="$profile_folder" --window-size=1280,860 --screenshot="$folder/report.png" \
        "file://$(realpath "$folder/report.html")" 2>"$profile_folder/log" || { cat "$profile_folder/log" >&2; exit 1; }
    ls -l "$folder/report.png"
    echo "for the README: cp $folder/report.png docs/report.png"
else
    echo "no picture: chromium is missing (apt-get install chromium fonts-dejavu-core)" >&2
fi
