#!/bin/bash
# A bench program that ends in one of many ways, at random, and writes which one to the file `way` of its working
# directory. `WAYS` names those to choose from; `--ways` lists all, each with the outcome that the harness must find.
set -u
if [ "${1:-}" = --ways ]; then
    cat <<'WAYS'
pass passed
two-reports unmeasurable
floods passed
leaves-daemon passed
exit-1 infra
exit-7-silently infra
killed infra
segfault segfault
gpu-oom gpu_oom
gpu-oom-stays gpu_oom
nccl nccl
writes-nothing unmeasurable
truncated-report unmeasurable
hangs hang
hangs-busy hang
ignores-term hang
fork-storm hang
talks-for-ever timeout
WAYS
    exit
fi
if [ "${1:-}" = --hop ]; then # one process of the storm: it is gone before it can be found
    sleep 0.01
    setsid "$0" --hop &
    exit
fi

report= requests=
for word in "$@"; do
    case $word in
    --report_json=*) report=${word#*=} ;;
    --num_requests=*) requests=${word#*=} ;;
    esac
done
measured() {
    cat <<REPORT
{"engine": {"backend": "Pytorch", "version": "1.1.0"}, "world_info": {"tp_size": 1, "pp_size": 1},
 "request_info": {"num_requests": $requests},
 "performance": {"total_latency_ms": 1000.0, "request_throughput_req_s": 4.0,
                 "system_output_throughput_tok_s": 32.0, "output_throughput_per_gpu_tok_s": 32.0}}
REPORT
}
# The report as a log has it, of so many milliseconds.
printed() {
    cat <<LOG
===========================================================
= PERFORMANCE OVERVIEW
===========================================================
Request Throughput (req/sec):                     4.0000
Total Output Throughput (tokens/sec):             32.0000
Per GPU Output Throughput (tps/gpu):              32.0000
Total Latency (ms):                               $1.0000
===========================================================
LOG
}

read -ra ways <<<"$WAYS"
way=${ways[RANDOM % ${#ways[@]}]}
echo "$way" >way
[ "$way" = exit-7-silently ] && exit 7
[ "$way" = writes-nothing ] && exit 0
echo "[11/24/2026-06:50:32] [TRT-LLM] [I] Preparing to run throughput benchmark..."
case $way in
pass)
    sleep 0.5
    measured >"$report"
    ;;
two-reports)
    printed 1000
    printed 2000
    ;;
floods)
    yes '[11/24/2026-06:50:32] [TRT-LLM] [D] iter = 1, num_scheduled_requests = 4, states = {}' | head -c 5000000
    measured >"$report"
    ;;
leaves-daemon)
    (setsid sh -c 'trap "" TERM HUP; sleep 600 & wait' >/dev/null 2>&1 &)
    sleep 0.3
    measured >"$report"
    ;;
exit-1) exit 1 ;;
killed) kill -KILL $$ ;;
segfault) kill -SEGV $$ ;;
gpu-oom)
    echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" >&2
    exit 1
    ;;
gpu-oom-stays)
    echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" >&2
    while :; do
        sleep 1
        echo "waiting for the other ranks"
    done
    ;;
nccl)
    echo "Failed, NCCL error /src/tensorrt_llm/common/opUtils.cpp:84 'unhandled system error'" >&2
    exit 1
    ;;
truncated-report) measured | head -c 120 >"$report" ;;
hangs) sleep 600 ;;
hangs-busy) while :; do :; done ;;
ignores-term)
    trap '' TERM
    sleep 600 &
    while :; do sleep 600; done
    ;;
fork-storm)
    setsid "$0" --hop &
    sleep 600
    ;;
talks-for-ever)
    while :; do
        echo "still at work"
        sleep 0.5
    done
    ;;
*)
    echo "no such way: $way" >&2
    exit 99
    ;;
esac
