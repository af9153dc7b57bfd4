#!/bin/bash
# A soak: for 30 minutes (or as many as the argument says) the harness runs a bench program that ends at random in one of
# 18 ways (benches/soak/bench.sh), with retries, and in every second cycle is itself killed (-9) at random and resumed.
#
#     benches/soak.sh [MINUTES]
#
# After each cycle it is checked that
#   - each attempt has the outcome that its way must have;
#   - each trial is exactly once in junit.xml and in the CSV of one row a test, as its last attempt ended, and has three
#     rows in the perf CSV when it passed and none when it failed; junit.xml is valid for Jenkins;
#   - no process that the harness started is left;
#   - in cycles without a kill, memory of the harness grows by no more than 4 MiB, and its open files by no more than 8.
# Prints a table of ways and outcomes, and each violation. Exit 1 when there is one.
#
# TRIALS (24) is the number of trials of a cycle, THREADS (4) how many run at a time, TRTLLM_PERF the program (default: a
# debug build of this tree). Needs sqlite3 and xmllint.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-30}
trials=${TRIALS:-24}
threads=${THREADS:-4}
for needed in sqlite3 xmllint; do
    command -v "$needed" >/dev/null || { echo "error: $needed is missing" >&2; exit 2; }
done
if [ -z "${TRTLLM_PERF:-}" ]; then
    cargo build --locked --quiet --bin trtllm-perf
    TRTLLM_PERF=${CARGO_TARGET_DIR:-target}/debug/trtllm-perf
fi
program=$(realpath "$TRTLLM_PERF")
unset TRTLLM_PERF
for variable in $(compgen -e | grep -E '^(TRTLLM_|LLM_|NEXTEST)' || true); do unset "$variable"; done
schema=$PWD/tests/fixtures/record/jenkins-xunit.xsd
bench=$PWD/benches/soak/bench.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Copies: what is rebuilt or edited meanwhile does not change a run.
cp "$program" "$work/trtllm-perf"
cp "$bench" "$work/bench.sh"
cp "$schema" "$work/junit.xsd"
cd "$work"
./bench.sh --ways >ways
tag="soak-$$-$RANDOM$RANDOM"
ways=$(cut -d' ' -f1 ways | paste -sd' ')
for i in $(seq "$trials"); do
    echo "perf/test_perf.py::test_perf[refbench_tiny_llama-bench-pytorch-float32-input_output_len:8,4-reqs:$i]"
done >list.txt

say() { echo "$(date +%T) $*"; }
violations=0
violation() {
    violations=$((violations + 1))
    say "VIOLATION: $*"
}
: >attempts

harness() {
    exec env SOAK_TAG="$tag" WAYS="$ways" ./trtllm-perf run --test-list list.txt --bench-bin ./bench.sh --retries 1 --stall 5 --stall-active 10 \
        --timeout 34 --test-threads "$threads" --csv tests.csv --resume "$@" >>harness.log 2>&1
}

# Living processes that the harness started, and itself: they have the tag in their environment.
survivors() {
    local environ pid
    for environ in $(grep -lzxs "SOAK_TAG=$tag" /proc/[0-9]*/environ || true); do
        pid=${environ#/proc/}
        pid=${pid%/environ}
        if grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pid/status"; then echo "$pid"; fi
    done
}

# One line a second for as long as process $1 lives: KiB in memory, open files.
watch_growth() {
    local memory files
    while memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$memory" ]; do
        files=$(ls "/proc/$1/fd" 2>/dev/null | wc -l)
        echo "$memory $files"
        sleep 1
    done
}

# The first and the last third of a cycle, compared: the same trials come in both.
check_growth() {
    awk -v cycle="$1" '
        { memory[NR] = $1; files[NR] = $2 }
        END {
            if (NR < 30) exit
            third = int(NR / 3)
            for (i = 1; i <= third; i++) {
                if (memory[i] > m1) m1 = memory[i]
                if (files[i] > f1) f1 = files[i]
                j = NR + 1 - i
                if (memory[j] > m2) m2 = memory[j]
                if (files[j] > f2) f2 = files[j]
            }
            printf "cycle %d: memory at most %d KiB, then %d KiB; open files at most %d, then %d\n", cycle, m1, m2, f1, f2
            if (m2 > m1 + 4096 || f2 > f1 + 8) exit 1
        }' growth
}

check_views() {
    local cycle=$1 dir=perf-output name way wanted kind passed rows
    find "$dir/runs/latest/" -name way -path '*/attempt-*' ! -path '*abandoned*' | sort >way-files
    : >attempts.cycle
    while read -r file; do
        way=$(cat "$file")
        wanted=$(awk -v way="$way" '$1 == way { print $2 }' ways)
        result=${file%/way}/result.json
        if [ ! -f "$result" ]; then
            violation "cycle $cycle: $result is missing ($way)"
            continue
        fi
        kind=$(sqlite3 :memory: "SELECT coalesce(json_extract(j, '\$.outcome.failed.kind'), json_extract(j, '\$.outcome'))
            FROM (SELECT CAST(readfile('$result') AS TEXT) AS j)")
        name=$(sqlite3 :memory: "SELECT json_extract(CAST(readfile('$result') AS TEXT), '\$.name')")
        printf '%s\t%s\t%s\t%s\n' "$way" "$kind" "$name" "$(basename "${file%/way}")" >>attempts.cycle
        if [ "$kind" != "$wanted" ]; then
            violation "cycle $cycle: $way gave $kind, not $wanted: $(sqlite3 :memory: "SELECT json_extract(CAST(readfile('$result') AS TEXT), '\$.outcome.failed.message')")"
        fi
        if [ "$way" = leaves-daemon ] && ! grep -q "left process" "$result"; then
            violation "cycle $cycle: the daemon left behind is not told: $result"
        fi
        if [ "$way" = two-reports ] && ! grep -q '"value": *2000' "$result"; then
            violation "cycle $cycle: the last report does not win: $result"
        fi
    done <way-files
    cut -f1,2 attempts.cycle >>attempts

    xmllint --noout --schema junit.xsd "$dir/junit.xml" 2>xmllint.log || violation "cycle $cycle: $(head -3 xmllint.log)"
    [ "$(xmllint --xpath 'count(//testcase)' "$dir/junit.xml")" -eq "$trials" ] || violation "cycle $cycle: junit.xml has another number of trials"
    sqlite3 :memory: ".import --csv tests.csv t" "SELECT id, status FROM t" -separator $'\t' >tests.rows || violation "cycle $cycle: tests.csv"
    [ "$(wc -l <tests.rows)" -eq "$trials" ] || violation "cycle $cycle: tests.csv has $(wc -l <tests.rows) rows"
    while read -r name; do
        kind=$(awk -F'\t' -v name="$name" '$3 == name { n = substr($4, 9) + 0; if (n > most) { most = n; kind = $2 } } END { print kind }' attempts.cycle)
        [ -n "$kind" ] || violation "cycle $cycle: $name never ran"
        [ "$(xmllint --xpath "count(//testcase[@name = '${name#perf/test_perf.py::}'])" "$dir/junit.xml")" -eq 1 ] \
            || violation "cycle $cycle: $name is not once in junit.xml"
        shown=$(xmllint --xpath "string(//testcase[@name = '${name#perf/test_perf.py::}']/*[self::error or self::failure or self::skipped]/@type)" "$dir/junit.xml")
        [ "${shown:-passed}" = "$kind" ] || violation "cycle $cycle: junit.xml has ${shown:-passed} for $name, not $kind"
        status=$(awk -F'\t' -v name="$name" '$1 == name { print $2 }' tests.rows)
        wanted=error
        [ "$kind" != passed ] || wanted=passed
        # Several lines when it is there more than once.
        [ "$status" = "$wanted" ] || violation "cycle $cycle: tests.csv has ${status:-nothing} for $name ($kind), not $wanted"
        rows=$(sqlite3 :memory: ".import --csv $dir/perf_script_test_results.csv r" "SELECT count(*) FROM r WHERE original_test_name = '$name'")
        wanted=0
        [ "$kind" != passed ] || wanted=3
        [ "$rows" -eq "$wanted" ] || violation "cycle $cycle: $name ($kind) has $rows rows in the perf CSV"
    done <list.txt
}

begin=$SECONDS
end=$((begin + minutes * 60))
cycle=0
kills=0
most_memory=0
say "$minutes minutes, $trials trials a cycle, $threads at a time"
while [ "$SECONDS" -lt "$end" ]; do
    cycle=$((cycle + 1))
    rm -rf perf-output tests.csv harness.log
    to_kill=0
    [ $((cycle % 2)) -eq 1 ] || to_kill=$((RANDOM % 5 + 2))
    for _ in $(seq "$to_kill"); do
        harness &
        pid=$!
        sleep "$((RANDOM % 20)).$((RANDOM % 10))"
        if kill -KILL "$pid" 2>/dev/null; then kills=$((kills + 1)); fi
        wait "$pid" 2>/dev/null || true
    done
    harness &
    pid=$!
    watch_growth "$pid" >growth &
    code=0
    wait "$pid" || code=$?
    wait
    [ "$code" -eq 0 ] || [ "$code" -eq 101 ] || violation "cycle $cycle: exit $code: $(tail -5 harness.log)"
    # A supervisor that outlives its harness has up to 10 s of grace, and a second or two to look around.
    waited=0
    while left=$(survivors) && [ -n "$left" ] && [ "$waited" -lt 15 ]; do
        sleep 1
        waited=$((waited + 1))
    done
    if [ -n "$left" ]; then
        violation "cycle $cycle: left behind: $(for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null; echo "($pid)"; done)"
    fi
    [ "$to_kill" -gt 0 ] || check_growth "$cycle" || violation "cycle $cycle: the harness grows"
    memory=$(sort -rn growth | awk 'NR == 1 { print $1 }')
    [ "${memory:-0}" -le "$most_memory" ] || most_memory=$memory
    check_views "$cycle"
    say "cycle $cycle: $to_kill kills, exit $code, $(wc -l <attempts.cycle) attempts; so far $(wc -l <attempts) attempts, $violations violations"
done

say "after $(((SECONDS - begin) / 60)) minutes: $cycle cycles, $kills kills of the harness, $(wc -l <attempts) attempts with a result, at most $most_memory KiB of memory"
echo
awk -F'\t' '
    NR == FNR { split($0, pair, " "); order[++n] = pair[1]; wanted[pair[1]] = pair[2]; next }
    { count[$1, $2]++; total[$1]++; if (!($2 in kinds)) { kinds[$2]; kind[++k] = $2 } }
    END {
        printf "| way | must be | attempts |"; for (i = 1; i <= k; i++) printf " %s |", kind[i]; print ""
        printf "|---|---|---|"; for (i = 1; i <= k; i++) printf "---|"; print ""
        for (w = 1; w <= n; w++) {
            printf "| %s | %s | %d |", order[w], wanted[order[w]], total[order[w]]
            for (i = 1; i <= k; i++) { c = count[order[w], kind[i]]; printf " %s |", c ? c : "" }
            print ""
        }
    }' ways attempts
echo
echo "$violations violations"
[ "$violations" -eq 0 ]
