#!/usr/bin/env python3
"""Reads perf_samples.csv.

    samples.py table FILE...   a line a case: TTFT, TPOT, tokens/s/GPU, certificate
    samples.py noise FILE...   n, mean, standard deviation and CV of each metric over all attempts of the files
    samples.py certificate FILE...   the certificate of each case, with its notes
"""

import csv
import re
import statistics
import sys
from collections import defaultdict

Row = dict[str, str]


def rows(paths: list[str]) -> list[Row]:
    """All rows of all files, in order."""
    found: list[Row] = []
    for path in paths:
        with open(path, newline="", encoding="utf-8") as file:
            found += csv.DictReader(file)
    return found


def short(name: str) -> str:
    """The label between the brackets."""
    label = re.search(r"\[(.*)\]$", name)
    return label[1] if label else name


def cases(samples: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Rows by run, case and attempt."""
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in samples:
        found[row["run_id"], row["original_test_name"], row["attempt"]].append(row)
    return found


def table(samples: list[Row]) -> None:
    """Prints the table; a number that is not there is a dash."""
    lines = [("case", "TTFT ms", "TPOT ms", "tokens/s/GPU", "outcome", "certificate")]
    for (_, name, _), of_case in cases(samples).items():
        values = {row["metric_type"]: row["perf_metric"] for row in of_case if row["perf_metric"]}
        numbers = [
            f"{float(values[metric]):.2f}" if metric in values else "-"
            for metric in ("FIRST_TOKEN_TIME", "OUTPUT_TOKEN_TIME", "TOKEN_THROUGHPUT")
        ]
        lines.append((short(name), *numbers, of_case[0]["outcome"], of_case[0]["certificate"] or "-"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = [
            f"{cell:>{width}}" if 0 < column < 4 else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def noise(samples: list[Row]) -> None:
    """Prints the spread of repeats: the sample standard deviation, and CV, that over the mean."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in samples:
        if row["outcome"] == "passed" and row["perf_metric"]:
            key = (short(row["original_test_name"]), row["metric_type"], row["unit"])
            found[key].append(float(row["perf_metric"]))
    last = ""
    for (name, metric, unit), values in found.items():
        if name != last:
            print(f"{name}\n  {'metric':<26}{'n':>4}{'mean':>14}{'sd':>12}{'CV %':>9}{'min':>14}{'max':>14}  unit")
            last = name
        mean = statistics.fmean(values)
        sd = statistics.stdev(values) if len(values) > 1 else None
        spread = "-" if sd is None else f"{sd:.4f}"
        cv = "-" if sd is None or mean == 0 else f"{100 * sd / mean:.3f}"
        print(
            f"  {metric:<26}{len(values):>4}{mean:>14.4f}{spread:>12}{cv:>9}{min(values):>14.4f}{max(values):>14.4f}  {unit}"
        )


def certificate(samples: list[Row]) -> None:
    """Prints each certificate, check by check."""
    for (_, name, _), of_case in cases(samples).items():
        row = of_case[0]
        print(f"{short(name)}: {row['outcome']}, certificate {row['certificate'] or 'none'}")
        columns = list(row)
        begin, end = columns.index("certificate") + 1, columns.index("certificate_notes")
        for check in columns[begin:end]:
            if row[check]:
                print(f"  {check:<16}{row[check]}")
        for note in filter(None, row["certificate_notes"].split("; ")):
            print(f"  note: {note}")


def main(words: list[str]) -> int:
    """Exit code: 2 for a wrong command line or an unreadable file."""
    commands = {"table": table, "noise": noise, "certificate": certificate}
    if len(words) < 2 or words[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        commands[words[0]](rows(words[1:]))
    except OSError as why:
        print(f"error: read {why.filename}: {why.strerror}", file=sys.stderr)
        return 2
    except KeyError as why:
        print(f"error: {', '.join(words[1:])} has no column {why}; perf_samples.csv is expected", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
