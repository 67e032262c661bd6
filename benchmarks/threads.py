"""The time of one blocking send, divided into the caller's thread, the loop's thread, and waiting.

Waiting includes the server's time and the wake-up of threads. Run it in an environment with the
package: `python benchmarks/threads.py`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time

from blocking import aiohttp_send, official_send, ours_send, requests_send
from common import WARM_UP
from server import server


COUNT = 1000
ROUNDS = 9


def spent():
    """Return the CPU seconds used by this thread, and by another one if there is one."""
    here = threading.get_ident()
    used = {
        thread.ident == here: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
    }
    return used[True], used.get(False, 0.0)


def turn(opening, url):
    """Return the microseconds of one send: total, caller's thread, loop's thread, waiting."""
    send, close = opening(url)
    try:
        for _ in range(WARM_UP):
            send()
        before, began = spent(), time.perf_counter()
        for _ in range(COUNT):
            send()
        wall, after = time.perf_counter() - began, spent()
    finally:
        close()
    caller, loop = (late - early for late, early in zip(after, before, strict=True))
    return [took / COUNT * 1e6 for took in (wall, caller, loop, wall - caller - loop)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--official", metavar="PATH", help="the path of a checkout of the provider's SDK"
    )
    options, _ = parser.parse_known_args()
    openings = {"ours": ours_send, "aiohttp": aiohttp_send, "requests": requests_send}
    if options.official:
        sys.path.insert(0, options.official)
        openings["official"] = official_send
    turns = {name: [] for name in openings}
    with server() as url:
        for _ in range(ROUNDS):
            for name, opening in openings.items():
                turns[name].append(turn(opening, url))
    print(f"\none blocking send, in a row: medians of {ROUNDS} turns, in microseconds")
    print(f"  {'':10}{'total':>8}{'caller':>8}{'loop':>8}{'waiting':>8}")
    for name, own in turns.items():
        medians = [statistics.median(column) for column in zip(*own, strict=True)]
        print(f"  {name:10}" + "".join(f"{median:8.0f}" for median in medians))


if __name__ == "__main__":
    main()
