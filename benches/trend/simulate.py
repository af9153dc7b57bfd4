"""Simulated series with known steps: a CSV for `trtllm-perf trend`, and the truth beside it.

    simulate.py SEED SERIES OUT.csv TRUTH.json

Each series has 200 points around 100, a noise of 1 to 3 %, none to two steps of 3 to 10 % up or down, ten points or more
from each other and from the ends, and one point in a hundred is an outlier of -20 %.
"""

import json
import sys

import numpy as np

POINTS, GAP = 200, 10


def series(rng):
    """Values and the indices of the steps."""
    places, steps = [], rng.integers(0, 3)
    while len(places) < steps:
        place = int(rng.integers(GAP, POINTS - GAP + 1))
        if all(abs(place - other) >= GAP for other in places):
            places.append(place)
    level = np.full(POINTS, 100.0)
    for place in places:
        step = rng.uniform(0.03, 0.10)
        level[place:] *= 1 + step if rng.random() < 0.5 else 1 - step
    noise = rng.uniform(0.01, 0.03)
    values = level * (1 + noise * rng.standard_normal(POINTS))
    values[rng.random(POINTS) < 0.01] *= 0.8
    return values, sorted(places)


def main():
    seed, count, out, truth = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rng = np.random.default_rng(seed)
    steps = []
    with open(out, "w", encoding="ascii") as file:
        file.write("series,value\n")
        for number in range(count):
            values, places = series(rng)
            steps.append(places)
            file.writelines(f"{number},{value!r}\n" for value in map(float, values))
    with open(truth, "w", encoding="ascii") as file:
        json.dump(steps, file)


main()
