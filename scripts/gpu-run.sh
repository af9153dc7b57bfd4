#!/usr/bin/env bash
# Runs the GPU cases of the Transformers adapter on a machine that has neither Cargo nor TensorRT-LLM.
#
#     scripts/gpu-run.sh -H DIR [-o DIR] [-l LIST] [-p PREFIX] [-t SECS] [-g RECORDING] [FILTER]
#
#   -H DIR        folder of the prebuilt harness: the program trtllm-perf, built with a glibc no newer than this machine's
#   -o DIR        where results and bundle go (gpu-output); a bundle that is there is replaced
#   -l LIST       test list (the adapter's h100.yml)
#   -p PREFIX     --test-prefix (that of the GPU that is found)
#   -t SECS       seconds for all cases together (540); what does not fit is in the results as cut short
#   -g RECORDING  play back a recorded GPU in place of the driver, to try the script without one
#   FILTER        only cases with this in their name
#   -h            this text
#
# Needs python3 with torch and transformers. Prints a line a case and leaves DIR/gpu-run.tar.gz: CSV, JUnit,
# perf_samples.csv, gpu_monitoring.csv, each attempt's plan, log, report, telemetry and result, and the HTML report where the
# harness has one. Exit: that of the harness; 124 when the time was over; 2 for a wrong command line.
set -euo pipefail

# shellcheck source=scripts/gpu-common.sh
. "$(dirname "$0")/gpu-common.sh"

harness='' out=gpu-output list=$adapter/h100.yml prefix='' seconds=540 recording=''
while getopts H:o:l:p:t:g:h option; do
    case $option in
        H) harness=$OPTARG ;;
        o) out=$OPTARG ;;
        l) list=$OPTARG ;;
        p) prefix=$OPTARG ;;
        t) seconds=$OPTARG ;;
        g) recording=$OPTARG ;;
        h) usage; exit 0 ;;
        *) echo "try: $0 -h" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || fail "one FILTER at most, not: $*"
[ -r "$list" ] || fail "read $list: there is no such list; name one with -l"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "-t takes whole seconds, not '$seconds'"
command -v python3 >/dev/null || fail "python3 is missing"
open_harness "$harness" "$recording"

# The name of the first GPU, as prefixes spell it.
found() {
    "$perf" gpus --json "${played[@]}" | python3 -c '
import json, re, sys
name = json.load(sys.stdin)["devices"][0]["name"]
print(re.sub(r"\s+", "_", name.removeprefix("NVIDIA ").strip()))'
}
[ -n "$prefix" ] || prefix=$(found) || fail "no GPU is found; see: $perf gpus"

out=$(open_folder "$out")
results=$out/results
echo "harness: $perf"
echo "prefix:  $prefix"
echo "results: $results"

code=0
timeout --signal=INT --kill-after=60 "$seconds" "$perf" run --flow v1.2 --bench-bin "$adapter/trtllm-bench" \
    --tables "$adapter/tables" --models-root "$adapter/models" --test-list "$list" --test-prefix "$prefix" \
    --output-dir "$results" "${played[@]}" "$@" || code=$?
[ "$code" -ne 124 ] || echo "note: $seconds s were over; -t gives more" >&2

if [ -r "$results/perf_samples.csv" ]; then
    python3 "$root/scripts/samples.py" table "$results/perf_samples.csv"
fi
if "$perf" report --help >/dev/null 2>&1; then
    (cd "$out" && "$perf" report --html report.html --run results) || echo "note: no HTML report was made" >&2
fi
# Data sets are large and made again from the plan.
taken=(results)
[ ! -e "$out/report.html" ] || taken+=(report.html)
tar -C "$out" --exclude='results/datasets' --exclude='synthetic_data*' -czf "$out/.gpu-run.tar.gz" "${taken[@]}"
mv "$out/.gpu-run.tar.gz" "$out/gpu-run.tar.gz"
echo "bundle:  $out/gpu-run.tar.gz ($(du -h "$out/gpu-run.tar.gz" | cut -f1))"
exit "$code"
