#!/bin/sh
# Kills the harness (-9) 1,000 times, or as often as the argument says, at random moments of runs of 20 trials, resumes each
# run until it is whole, and looks for every trial exactly once in CSV and JUnit. The test suite does the same with 200.
#
#     benches/soak-kills.sh [KILLS]
#
# TRTLLM_PERF_SOAK_SEED names the moments (default: other ones each time; the seed is printed).
set -eu
cd "$(dirname "$0")/.."
export TRTLLM_PERF_SOAK_KILLS="${1:-1000}"
export TRTLLM_PERF_SOAK_SEED="${TRTLLM_PERF_SOAK_SEED:-$(date +%s)}"
exec cargo test --locked --quiet --test survival -- --exact --nocapture \
    a_run_killed_at_any_moment_and_resumed_has_every_test_exactly_once
