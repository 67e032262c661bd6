"""The CPU time of reading and checking a CSV of 100,000 rows, compared with the csv module.

Both take turns. Run it in an environment with the package: `python benchmarks/files.py`.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from pathlib import Path

from smsworks_async.files import read_recipients


ROWS = 100_000
TURNS = 21
SPELLED = ("07700 90{}", "0770090{}", "+447700 90{}", "44770090{}", "+44 7700 90{}")


def write(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["First name", "Last name", "Mobile", "Email"])
        for n in range(ROWS):
            number = SPELLED[n % len(SPELLED)].format(f"{n % 10_000:04d}")
            rows.writerow([f"Ada{n % 100}", f"Byron{n % 977}", number, f"ada{n}@example.org"])


def bare(path: Path) -> int:
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def checked(path: Path) -> int:
    return read_recipients(path).check().taken


def iterated(path: Path) -> int:
    return sum(1 for _ in read_recipients(path))


def cpu(work, path: Path) -> float:
    begun = time.process_time()
    assert work(path) == ROWS
    return time.process_time() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write(path)
        turns = [[cpu(work, path) for work in (bare, checked, iterated)] for _ in range(TURNS)]
    print(f"{ROWS:,} rows, medians of {TURNS} turns")
    print(f"  csv module  {statistics.median(turn[0] for turn in turns) * 1e3:6.0f} ms of CPU")
    for index, name in enumerate(("check()", "iterated"), 1):
        median = statistics.median(turn[index] for turn in turns)
        ratio = statistics.median(turn[index] / turn[0] for turn in turns)
        print(f"  {name:10}  {median * 1e3:6.0f} ms of CPU, {ratio:.2f} times the csv module's")


if __name__ == "__main__":
    main()
