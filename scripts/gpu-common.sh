# shellcheck shell=bash
# shellcheck disable=SC2034 # those who source it use what it sets
# What the scripts for GPU machines share; sourced by them.

# The comment at the head of the script is its help.
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }
fail() {
    echo "error: $*" >&2
    exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
adapter=$root/perf-tests/adapters/hf-transformers

# open_harness FOLDER RECORDING: the program in `perf`; in `played` what has it play back the recording, if there is one.
open_harness() {
    [ -n "$1" ] || fail "name the folder of trtllm-perf with -H"
    perf=$1/trtllm-perf
    [ -x "$perf" ] || fail "$perf is no program; -H names the folder of trtllm-perf"
    "$perf" --help >/dev/null 2>&1 || fail "$perf does not start here: $("$perf" --help 2>&1 | head -1)"
    perf=$(realpath "$perf")
    played=()
    [ -n "$2" ] || return 0
    [ -r "$2" ] || fail "read $2: there is no such recording; name one with -g"
    played=(--gpu-recording "$(realpath "$2")")
}

# open_folder FOLDER: makes it, and prints its whole path.
open_folder() { mkdir -p "$1" && cd "$1" && pwd; }
