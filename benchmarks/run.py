"""Run all benchmarks: contenders take turns, each in its own process, with one loopback server.

The results are printed as tables, and every turn is written to a JSON file; plots of the growth of
cost are optional. Only ratios are meaningful. A *sleep* is a voluntary context switch: a thread
waits for a response or for another thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from pathlib import Path

from contenders import WORK
from server import server
from turns import in_turns, summed_up


#: The numbers of recipients in the plots of bulk's cost.
GROWTH = [10_000, 30_000, 100_000, 300_000, 1_000_000]
GROWTH_ROUNDS = 3


def show(work, count, rows):
    print(f"\n{work} ({count:,} in a turn)")
    print(f"  {'':14}{'CPU us':>12}{'wall us':>12}{'sleeps':>9}{'MiB':>6}   as a ratio: CPU, wall")
    for name, row in rows.items():
        low, high = min(row["cpu_ratios"]), max(row["cpu_ratios"])
        print(
            f"  {name:14}{row['cpu'] * 1e6:12.2f}{row['wall'] * 1e6:12.2f}"
            f"{row['sleeps']:9.2f}{row['peak'] / 2**20:6.0f}"
            f"   {row['cpu_ratio']:5.2f} ({low:.2f} to {high:.2f}) {row['wall_ratio']:5.2f}"
            f"  to {row['against']}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--official", metavar="PATH", help="the path of a checkout of the provider's SDK"
    )
    parser.add_argument(
        "--only", metavar="WORD", help="run only benchmarks with this word in their names"
    )
    parser.add_argument("--json", type=Path, default=Path("benchmarks.json"), metavar="FILE")
    parser.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="the folder for plots of the growth of cost"
    )
    options = parser.parse_args()
    # Exit normally on SIGTERM, so that the server and the contenders are stopped as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    machine = f"Python {platform.python_version()}, {os.cpu_count()} processors"
    print(f"{machine}, medians of {options.rounds} rounds in turns")
    found = {"machine": machine, "rounds": options.rounds, "work": {}, "growth": {}}
    with server() as url:
        for work, (count, *_) in WORK.items():
            if options.only and options.only not in work:
                continue
            runs = in_turns(work, url, count, options.rounds, options.official)
            rows = summed_up(runs, count)
            show(work, count, rows)
            found["work"][work] = {"count": count, "rows": rows, "runs": runs}
        if options.plots:
            for count in GROWTH:
                runs = in_turns("bulk", url, count, GROWTH_ROUNDS, None)
                found["growth"][count] = summed_up(runs, 1)
                show(f"bulk of {count:,}", 1, found["growth"][count])
    options.json.write_text(json.dumps(found, indent=1))
    print(f"\nall turns: {options.json}")
    if options.plots:
        from plots import draw

        for path in draw(found["growth"], options.plots):
            print(f"plot: {path}")


if __name__ == "__main__":
    main()
