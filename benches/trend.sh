#!/bin/sh
# Change points of simulated series with known steps, by `trtllm-perf trend` and by apache-otava in the same run:
# precision, recall, F1 and time per series.
#
#     benches/trend.sh [SEED...]
#
# SERIES sets the number of series a seed (200), PYTHON names another interpreter. Installs apache-otava 0.8.0 from PyPI
# into a virtual environment under TMPDIR; VENV names one that is there already.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 101 202 303 404 505
cargo build --release --bin trtllm-perf --example change_points
release=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${VENV:-$work/venv}
if [ ! -x "$venv/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet apache-otava==0.8.0
fi
"$venv/bin/python" benches/trend/compare.py "$release/trtllm-perf" "$release/examples/change_points" "$work" "${SERIES:-200}" "$@"
