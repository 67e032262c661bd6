"""What is measured: for each piece of work, who does it and how.

A contender is a function of the server's address and of how often to do it. It does it `WARM_UP`
times first where that is a matter of connections, then yields, and does it: what comes after the
yield is measured. Only what a contender needs is imported by it.
"""

from __future__ import annotations

import json
import sys

import awaited
import blocking
import bulk
import pieces


#: By the name of the work: how often it is done, and who does it; the first is the measure.
WORK = {
    "one awaited send, in a row": (1000, awaited.sends(1)),
    "one awaited send, 50 at a time": (2000, awaited.sends(50)),
    "one blocking send, in a row": (1000, blocking.sends(1)),
    "one blocking send, in a row, on one processor": (1000, blocking.sends_on_one_processor()),
    "one blocking send, from 16 threads": (3200, blocking.sends(16)),
    "a batch of 500": (500, awaited.batches()),
    "bulk": (1_000_000, bulk.runs()),
    "measure a text": (30_000, pieces.measures()),
    "normalise a number": (50_000, pieces.normalisations()),
    "parse a delivery report": (20_000, pieces.reports()),
    "import": (1, pieces.imports()),
    "a send in the sandbox, client included": (2000, {"ours": pieces.sandbox}),
}
#: Whom somebody is measured against, if it is not the first.
AGAINST = {"journal": "ours"}


def main() -> None:
    """Be one contender, and say what it took."""
    import resource
    import time

    work, name, url, count = sys.argv[1:5]
    if len(sys.argv) > 5:
        sys.path.insert(0, sys.argv[5])
    running = WORK[work][1][name](url, int(count))
    next(running)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    more = next(running, None) or {}
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    took = {
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall": wall,
        "peak": after.ru_maxrss * 1024,
        "sleeps": after.ru_nvcsw - before.ru_nvcsw,  # how often a thread waited to be woken
    }
    print(json.dumps({**took, **more}))
    next(running, None)


if __name__ == "__main__":
    main()
