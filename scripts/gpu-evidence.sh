#!/usr/bin/env bash
# Shows on a GPU what only a GPU can show of the harness, and leaves a small text file of evidence for each step.
#
#     scripts/gpu-evidence.sh -H DIR [-o DIR] [-n REPEATS] [-g RECORDING] [STEP...]
#
#   -H DIR        folder of the prebuilt harness: the program trtllm-perf
#   -o DIR        where evidence and bundle go (gpu-evidence)
#   -n REPEATS    runs of the step noise (5)
#   -g RECORDING  play back a recorded GPU in place of the driver, to try the script without one; with HF_BENCH_DEVICE=cpu the
#                 smallest model runs on the CPU, and what needs GPU memory is shown to be missing
#   STEP...       only these, in this order (all but `busy`)
#   -h            this text
#
# Steps, with the seconds they may take and, on an H100, about how many they do:
#
#   facts    20   5  GPUs, prefix and facts that the harness finds by itself; a recording of five seconds
#   prefix   20   5  a wrong prefix is warned of
#   good     90  35  a run whose certificate is printed check by check
#   foreign 170 110  another process takes GPU memory while a bench measures; it stays, is named and never touched
#   left     90  30  a process that the bench leaves on the GPU is ended with its tree, and the GPU is seen empty
#   oom     100  40  a KV cache and a model that do not fit are `gpu_oom`, with the line
#   hang     90  50  a bench that stops in its tracks is ended by the stall watch (--stall 10), and the GPU is seen empty
#   lease   110  40  a bench sees its one GPU alone; a second harness waits for it
#   noise    60  45  for each repeat: A/A, one case several times in a row; n, mean, sd and CV of each metric
#   busy    110  75  a GPU that is in use before the step: the trial fails and names who holds it
#
# Each file ends in `seen: …` or `NOT SEEN: …`. Exit: 0 when all was seen, 1 when something was not, 2 for a wrong command line.
set -euo pipefail

# shellcheck source=scripts/gpu-common.sh
. "$(dirname "$0")/gpu-common.sh"

declare -A limit=([facts]=20 [prefix]=20 [good]=90 [foreign]=170 [left]=90 [oom]=100 [hang]=90 [lease]=110 [busy]=110)
harness='' out=gpu-evidence repeats=5 recording=''
while getopts H:o:n:g:h option; do
    case $option in
        H) harness=$OPTARG ;;
        o) out=$OPTARG ;;
        n) repeats=$OPTARG ;;
        g) recording=$OPTARG ;;
        h) usage; exit 0 ;;
        *) echo "try: $0 -h" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
open_harness "$harness" "$recording"
[[ $repeats =~ ^[1-9][0-9]*$ ]] || fail "-n takes a whole number, not '$repeats'"
limit[noise]=$((60 * repeats))
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(facts prefix good foreign left oom hang lease noise)
for step in "${steps[@]}"; do
    [ -n "${limit[$step]:-}" ] || fail "there is no step '$step'; see $0 -h"
done
out=$(open_folder "$out")
work=$(mktemp -d)
cleaners=()
clean() {
    local pid
    for pid in "${cleaners[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean EXIT

device=${HF_BENCH_DEVICE:-cuda}
# A label of 32 requests, eight at a time, so that the run lasts longer than ramp-up and drain; on the CPU the smallest model.
label() {
    local lengths=$1 load=$2 streaming=${3:-}
    if [ "$device" = cpu ]; then
        echo "hf_tiny-bench-pytorch$streaming-bfloat16-maxbs:16-maxnt:256-kv_frac:0.02-input_output_len:$lengths-$load"
    else
        echo "hf_llama_3.2_1b-bench-pytorch$streaming-bfloat16-input_output_len:$lengths-$load"
    fi
}

# run FOLDER BENCH ARGUMENTS...: one run of the harness, its output on stdout. The exit code is in `code`.
run() {
    local folder=$1 bench=$2
    shift 2
    code=0
    echo "\$ trtllm-perf run --flow v1.2 --bench-bin ${bench#"$root"/} $*"
    "$perf" run --flow v1.2 --bench-bin "$bench" --tables "${tables:-$adapter/tables}" --models-root "${models:-$adapter/models}" \
        --lease-dir "$work/leases" --output-dir "$out/$folder" "${played[@]}" "$@" 2>&1 || code=$?
    echo "exit $code"
}

# result FOLDER EXPRESSION: a Python expression over the newest attempt's result `r`.
result() {
    python3 - "$out/$1" "$2" <<'PYTHON'
import glob, json, os, sys
found = sorted(glob.glob(f"{sys.argv[1]}/runs/latest/*/attempt-*/result.json"), key=os.path.getmtime)
r = json.load(open(found[-1])) if found else {}
print(eval(sys.argv[2], {"r": r, "json": json}))
PYTHON
}
outcome() { result "$1" 'json.dumps({k: r.get(k) for k in ("outcome", "failure", "problems")}, indent=1)'; }
samples() { python3 "$root/scripts/samples.py" "$1" "$out/$2/perf_samples.csv"; }
holders() {
    "$perf" gpus "${played[@]}"
    ! command -v nvidia-smi >/dev/null || nvidia-smi --query-gpu=memory.used --format=csv,noheader
}

# hold SECONDS: a process of ours, not the harness's, that holds 4 GiB of GPU memory; waits until it does.
hold() {
    cat >"$work/hold.py" <<'PYTHON'
import os, sys, time
import torch
device = os.environ.get("HF_BENCH_DEVICE", "cuda")
taken = torch.zeros(4 << 30 if device == "cuda" else 1 << 20, dtype=torch.uint8, device=device)
taken[-1].item()  # waits until it is there
print("held", flush=True)
time.sleep(float(sys.argv[1]))
PYTHON
    : >"$work/held"
    python3 "$work/hold.py" "$1" >"$work/held" 2>&1 &
    holder=$!
    cleaners+=("$holder")
    for _ in $(seq 60); do
        grep -q held "$work/held" && return
        kill -0 "$holder" 2>/dev/null || break
        sleep 0.5
    done
    echo "the process that should hold GPU memory does not run: $(tail -1 "$work/held")"
    return 1
}

# wrap NAME: a bench program in front of the adapter, from the script on stdin; asked for help, it is the adapter itself.
wrap() {
    {
        echo "#!/usr/bin/env bash"
        echo "adapter=$(printf %q "$adapter/trtllm-bench") work=$(printf %q "$work")"
        # shellcheck disable=SC2016 # expanded by the wrapper
        echo 'case " $* " in *" --help "* | *" --version "*) exec "$adapter" "$@" ;; esac'
        cat
    } >"$work/$1"
    chmod +x "$work/$1"
}

seen() { echo "seen: $*"; }
not_seen() {
    echo "NOT SEEN: $*"
    return 1
}

step_facts() {
    "$perf" gpus "${played[@]}"
    "$perf" gpus --json "${played[@]}"
    "$perf" doctor --bench-bin "$adapter/trtllm-bench" --flow v1.2 --tables "$adapter/tables" --models-root "$adapter/models" \
        --test-list "$adapter/h100.yml" "${played[@]}" 2>&1 | tee "$work/doctor" || true
    [ -n "$recording" ] || "$perf" gpus --record "$out/idle.jsonl" --seconds 5
    grep -q 'prefix H100_80GB_HBM3' "$work/doctor" || { not_seen "the prefix H100_80GB_HBM3 (another GPU?)"; return 1; }
    seen "GPU, driver and prefix found without being told"
}

step_prefix() {
    run prefix "$adapter/trtllm-bench" --test-prefix H200 --case "$(label 16,8 reqs:2)" --dry-run | cut -c1-200 | tee "$work/prefix"
    grep -q 'warning: --test-prefix H200' "$work/prefix" || { not_seen "a warning of the wrong prefix"; return 1; }
    seen "a wrong prefix is warned of, with the right one"
}

step_good() {
    run good "$adapter/trtllm-bench" --case "$(label 128,128 reqs:32-con:8 -streaming)"
    outcome good
    samples table good
    samples certificate good | tee "$work/good"
    [ "$code" -eq 0 ] || { not_seen "a passing run"; return 1; }
    if grep -q 'certificate verified' "$work/good"; then
        seen "a verified certificate"
    else
        not_seen "a verified certificate; the notes say which checks could not be made here"
    fi
}

step_foreign() {
    run foreign "$adapter/trtllm-bench" --case "$(label 128,128 reqs:16-con:1)" >"$work/foreign" &
    local harness=$! log=''
    for _ in $(seq 120); do
        log=$(find "$out/foreign" -name bench.log 2>/dev/null | head -1) || true
        [ -n "$log" ] && grep -q 'Warmup done' "$log" && break
        kill -0 "$harness" 2>/dev/null || break
        sleep 0.25
    done
    hold 300 || { wait "$harness"; cat "$work/foreign"; not_seen "a process that holds GPU memory"; return 1; }
    echo "process $holder holds 4 GiB from $(date -u +%T) on, while the bench measures"
    wait "$harness" || true
    cat "$work/foreign"
    samples certificate foreign | tee "$work/certificate"
    outcome foreign
    # There is such a file only for a GPU that did not become empty.
    { cat "$out"/foreign/runs/latest/poisoned/* 2>/dev/null || true; } | tee "$work/poisoned"
    holders
    kill -0 "$holder" || { not_seen "that a process of another is left alone: it is gone"; return 1; }
    kill "$holder"
    wait "$holder" 2>/dev/null || true
    if grep -q 'certificate invalid' "$work/certificate"; then
        seen "the certificate is invalid, and the process that is not the harness's was left alone"
    elif [ -s "$work/poisoned" ]; then
        seen "the GPU that did not become empty is reported and set aside, and the process was left alone; the certificate cannot tell whose a process is in this PID namespace"
    else
        not_seen "an invalid certificate, or a report of the process that stayed"
    fi
}

step_left() {
    wrap left.sh <<'BASH'
setsid python3 "$work/hold.py" 600 >"$work/left.out" 2>&1 &
echo $! >"$work/left.pid"
for _ in $(seq 60); do grep -q held "$work/left.out" && break; sleep 0.5; done
"$adapter" "$@"
BASH
    hold 0 || true # writes hold.py
    rm -f "$work/left.pid"
    run left "$work/left.sh" --case "$(label 128,32 reqs:8)"
    outcome left | tee "$work/left"
    holders
    local pid
    pid=$(cat "$work/left.pid") || { not_seen "a process left behind: it was not started"; return 1; }
    grep -q held "$work/left.out" || { not_seen "a process left behind on the GPU: $(tail -1 "$work/left.out")"; return 1; }
    ! kill -0 "$pid" 2>/dev/null || { kill "$pid"; not_seen "the end of process $pid"; return 1; }
    [ -z "$(ls "$out/left/runs/latest/poisoned" 2>/dev/null)" ] || { not_seen "an empty GPU"; return 1; }
    seen "process $pid, which held GPU memory in a session of its own, was ended with the step's tree; the GPU was empty after it"
}

step_oom() {
    # On a CPU the host's memory would be filled instead.
    [ "$device" = cuda ] || { not_seen "GPU memory running out: there is no GPU"; return 1; }
    # A KV cache of two million tokens needs 244 GiB with the 8B model.
    cp -r "$adapter/tables" "$work/tables"
    sed -i 's/base: {}/base: { kv_cache_config: { max_tokens: 2000000 } }/' "$work/tables/pytorch-config.yml"
    local ok=0
    tables=$work/tables run oom-cache "$adapter/trtllm-bench" --case hf_llama_3.1_8b-bench-pytorch-bfloat16-input_output_len:128,8-reqs:4
    outcome oom-cache | tee "$work/oom-cache"
    grep -q gpu_oom "$work/oom-cache" && ok=$((ok + 1))
    # The shape of a 70B model: 141 GB of weights.
    cp -r "$adapter/models" "$work/models"
    mv "$work/models/llama-3.1-8b" "$work/models/llama-3.1-70b"
    sed -i 's/"hidden_size": 4096/"hidden_size": 8192/; s/"intermediate_size": 14336/"intermediate_size": 28672/
        s/"num_hidden_layers": 32/"num_hidden_layers": 80/; s/"num_attention_heads": 32/"num_attention_heads": 64/' \
        "$work/models/llama-3.1-70b/config.json"
    echo 'hf_llama_3.1_70b: llama-3.1-70b' >>"$work/tables/models.local.yml"
    sed -i 's/base: {.*} }, rules/base: {}, rules/' "$work/tables/pytorch-config.yml"
    tables=$work/tables models=$work/models run oom-model "$adapter/trtllm-bench" \
        --case hf_llama_3.1_70b-bench-pytorch-bfloat16-input_output_len:128,8-reqs:4
    outcome oom-model | tee "$work/oom-model"
    grep -q gpu_oom "$work/oom-model" && ok=$((ok + 1))
    holders
    [ "$ok" -eq 2 ] || { not_seen "gpu_oom in both runs"; return 1; }
    seen "both are gpu_oom, with the line of the log"
}

step_hang() {
    wrap hang.sh <<'BASH'
"$adapter" "$@" > >(tee "$work/hang.out") 2>&1 &
bench=$!
for _ in $(seq 240); do
    grep -q 'Warmup done' "$work/hang.out" 2>/dev/null && sleep 2 && kill -STOP "$bench" && echo "stopped process $bench" && break
    sleep 0.25
done
wait "$bench"
BASH
    run hang "$work/hang.sh" --case "$(label 128,128 reqs:64-con:1)" --stall 10 --stall-active 30
    outcome hang | tee "$work/hang"
    holders
    grep -q '"hang"\|hang' "$work/hang" || { not_seen "a failure of the kind hang"; return 1; }
    [ -z "$(ls "$out/hang/runs/latest/poisoned" 2>/dev/null)" ] || { not_seen "an empty GPU"; return 1; }
    seen "a bench that stood still was ended as hung, and its GPU was empty after it"
}

step_lease() {
    wrap lease.sh <<'BASH'
echo "CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES-}"
echo "lease ${CUDA_VISIBLE_DEVICES-} from $(date +%s.%N)" >>"$work/leases.log"
code=0
"$adapter" "$@" || code=$?
echo "lease ${CUDA_VISIBLE_DEVICES-} until $(date +%s.%N)" >>"$work/leases.log"
exit "$code"
BASH
    rm -f "$work/leases.log"
    run lease-1 "$work/lease.sh" --case "$(label 64,32 reqs:8)" >"$work/lease-1" &
    local first=$!
    run lease-2 "$work/lease.sh" --case "$(label 64,32 reqs:8)" >"$work/lease-2"
    wait "$first"
    cat "$work/lease-1" "$work/lease-2" "$work/leases.log"
    grep -h '^CUDA_VISIBLE_DEVICES=' "$out"/lease-?/runs/latest/*/attempt-1/bench.log
    # A lease that ends before the next begins: the words alternate.
    [ "$(awk '{ printf "%s ", $(NF - 1) }' "$work/leases.log")" = "from until from until " ] ||
        { not_seen "one lease after the other"; return 1; }
    ! grep -q 'lease  ' "$work/leases.log" || { not_seen "CUDA_VISIBLE_DEVICES of the lease"; return 1; }
    seen "each bench saw its leased GPU alone, and the second waited for the first"
}

step_noise() {
    local i files=()
    for i in $(seq "$repeats"); do
        run "noise-$i" "$adapter/trtllm-bench" --case "$(label 128,128 reqs:32-con:8 -streaming)" | tail -1
        files+=("$out/noise-$i/perf_samples.csv")
    done
    python3 "$root/scripts/samples.py" noise "${files[@]}" | tee "$out/noise-table.txt"
    grep -q TOKEN_THROUGHPUT "$out/noise-table.txt" || { not_seen "any passing run"; return 1; }
    seen "A/A over $repeats runs"
}

step_busy() {
    hold 300 || { not_seen "a process that holds GPU memory"; return 1; }
    echo "process $holder holds 4 GiB"
    run busy "$adapter/trtllm-bench" --case "$(label 64,32 reqs:8)"
    outcome busy
    kill -0 "$holder" || { not_seen "that a process of another is left alone: it is gone"; return 1; }
    kill "$holder"
    wait "$holder" 2>/dev/null || true
    [ "$code" -eq 101 ] || { not_seen "a trial that fails because its GPU is in use"; return 1; }
    seen "a GPU in use is not measured on, and who holds it is named and left alone"
}

# Steps run in this script again, so that `timeout` can end each with all it started.
if [ "${GPU_EVIDENCE_STEP:-}" != "" ]; then
    "step_$GPU_EVIDENCE_STEP"
    exit
fi

missing=()
number=0
for step in "${steps[@]}"; do
    number=$((number + 1))
    file=$out/$(printf '%02d' "$number")-$step.txt
    begin=$SECONDS
    # What an earlier run left would be taken for this one's.
    rm -rf "${out:?}/$step" "${out:?}/$step"-[0-9a-z]*
    again=(-H "$(dirname "$perf")" -o "$out" -n "$repeats")
    [ -z "$recording" ] || again+=(-g "$recording")
    code=0
    {
        echo "# $step, $(date -u +%FT%TZ)"
        GPU_EVIDENCE_STEP=$step timeout --kill-after=20 "${limit[$step]}" "$0" "${again[@]}" "$step" 2>&1 || code=$?
        [ "$code" -ne 124 ] || echo "NOT SEEN: the step's ${limit[$step]} s were over"
        echo "# $((SECONDS - begin)) s"
    } >"$file"
    printf '%-8s %4d s  %s\n' "$step" $((SECONDS - begin)) "$(grep -E '^(seen|NOT SEEN): ' "$file" | tail -1 | cut -c1-120)"
    grep -q '^seen: ' "$file" && [ "$code" -eq 0 ] || missing+=("$step")
done
tar -C "$(dirname "$out")" --exclude='datasets' --exclude='synthetic_data*' -czf "$work/bundle" "$(basename "$out")"
mv "$work/bundle" "$out.tar.gz"
echo "bundle: $out.tar.gz ($(du -h "$out.tar.gz" | cut -f1)), $SECONDS s"
[ ${#missing[@]} -eq 0 ] || { echo "not seen: ${missing[*]}" >&2; exit 1; }
