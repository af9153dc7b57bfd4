"""`trtllm-perf trend` beside apache-otava on the same series: precision, recall, F1 and time per series.

    compare.py PROGRAM FUNCTION WORK SERIES SEED...

Both are timed as the function alone, with the values already in memory; ours also as the whole command, from its start over
reading the CSV to the last line of JSON. Of five passes the quickest counts. A step counts as found when a change point lies within three
points of it.
"""

import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from otava.analysis import compute_change_points

OURS, COMMAND, OTAVA = "change_points", "trtllm-perf trend", "otava"
HERE, NEAR, LEAST_MAGNITUDE, PASSES = Path(__file__).parent, 3, 0.02, 5


def ours(program, file, count):
    begin = time.perf_counter()
    done = subprocess.run([program, "trend", "--json", file], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    found = [[] for _ in range(count)]
    for line in done.stdout.splitlines():
        point = json.loads(line)
        found[int(point["series"])].append(point["index"])
    return found, seconds


def ours_function(program, file):
    done = subprocess.run([program, file], check=True, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    return answer["found"], answer["seconds"]


def otava(series, **options):
    begin = time.perf_counter()
    found = [[point.index for point in compute_change_points(values, **options)[0]] for values in series]
    return found, time.perf_counter() - begin


def quickest(search):
    """What a search found, and the seconds of its quickest pass."""
    passes = [search() for _ in range(PASSES)]
    return passes[0][0], min(seconds for _, seconds in passes)


def score(found, truth):
    hits = wrong = 0
    for points, steps in zip(found, truth, strict=True):
        left = list(points)
        for step in steps:
            near = [point for point in left if abs(point - step) <= NEAR]
            if near:
                hits += 1
                left.remove(min(near, key=lambda point: abs(point - step)))
        wrong += len(left)
    return hits, wrong


def main():
    program, function, work, count = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    seeds = [int(seed) for seed in sys.argv[5:]]
    print(f"{count} series a seed; Python {platform.python_version()}, numpy {np.__version__}, "
          f"apache-otava {importlib.metadata.version('apache-otava')}")
    print(f"{'seed':>6}  {'who':<24} {'precision':>9} {'recall':>7} {'F1':>6} {'ms a series':>12}")
    total = {}
    for seed in seeds:
        file, truth_file = work / f"{seed}.csv", work / f"{seed}.json"
        command = [sys.executable, HERE / "simulate.py", seed, count, file, truth_file]
        subprocess.run([str(word) for word in command], check=True)
        truth = json.loads(truth_file.read_text())
        rows = np.loadtxt(file, delimiter=",", skiprows=1)
        series = [list(values) for values in rows[:, 1].reshape(count, -1)]
        for who, (found, seconds) in {
            OURS: quickest(lambda: ours_function(function, file)),
            COMMAND: quickest(lambda: ours(program, file, count)),
            OTAVA: quickest(lambda: otava(series)),
            f"otava, magnitude {LEAST_MAGNITUDE}": quickest(lambda: otava(series, min_magnitude=LEAST_MAGNITUDE)),
        }.items():
            hits, wrong = score(found, truth)
            show(seed, who, hits, wrong, sum(map(len, truth)), seconds / count)
            before = total.get(who, (0, 0, 0, 0.0))
            total[who] = (before[0] + hits, before[1] + wrong, before[2] + sum(map(len, truth)), before[3] + seconds)
    for who, (hits, wrong, steps, seconds) in total.items():
        show("all", who, hits, wrong, steps, seconds / count / len(seeds))
    for who in [OURS, COMMAND]:
        print(f"otava takes {total[OTAVA][3] / total[who][3]:.0f} times as long as {who}")


def show(seed, who, hits, wrong, steps, seconds):
    precision, recall = hits / max(hits + wrong, 1), hits / steps
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    print(f"{seed:>6}  {who:<24} {precision:9.3f} {recall:7.3f} {f1:6.3f} {seconds * 1e3:12.3f}", flush=True)


main()
