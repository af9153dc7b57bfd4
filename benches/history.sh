#!/usr/bin/env bash
# The history with ten million samples: rows a second of the import, a page of 200 points, a query over one release.
#
#     bash benches/history.sh [SAMPLES]
#
# Aims: 100,000 rows a second, 20 ms, 200 ms. Needs about 1.5 GiB in TMPDIR; name a folder on the disk that matters.
set -euo pipefail
cd "$(dirname "$0")/.."
HISTORY_BENCH_SAMPLES=${1:-10000000} cargo bench --locked --bench history
