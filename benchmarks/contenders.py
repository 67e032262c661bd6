"""The benchmarks, and the contenders of each.

A contender is a generator function of the server's address and of the number of repetitions in a
turn. It prepares its work, including `WARM_UP` repetitions if it uses connections, and yields;
whenever it is resumed, it does its work once and yields again. It imports only what it needs.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

import awaited
import blocking
import bulk
import pieces
from processors import CAN_CHOOSE, on_all, one


class Work(NamedTuple):
    """A piece of work and its contenders."""

    count: int  # repetitions in a turn
    turns: int  # turns in a round
    contenders: dict[str, Any]  # by name; the first is the baseline
    fresh: bool = False  # whether each turn needs a new process


ON_ONE_PROCESSOR = "one blocking send, in a row, on one processor"
# Turns are short because this package's client closes connections that were idle for 2 seconds, and
# would have to reopen them. Turns of consecutive blocking sends are long because newly woken
# threads share a processor at first, which favours contenders with two threads.
WORK = {
    "one awaited send, in a row": Work(200, 8, awaited.sends(1)),
    "one awaited send, 50 at a time": Work(250, 12, awaited.sends(50)),
    "one blocking send, in a row": Work(1000, 3, on_all(blocking.sends(1))),
    ON_ONE_PROCESSOR: Work(200, 8, blocking.sends(1)),
    "one blocking send, from 16 threads": Work(320, 8, on_all(blocking.sends(16))),
    "a batch of 500": Work(100, 8, awaited.batches()),
    "bulk": Work(1_000_000, 1, on_all(bulk.runs()), fresh=True),
    "measure a text": Work(6000, 8, pieces.measures()),
    "normalise a number": Work(10_000, 8, pieces.normalisations()),
    "parse a delivery report": Work(5000, 8, pieces.reports()),
    "import": Work(1, 3, pieces.imports(), fresh=True),
    "a send in the sandbox, client included": Work(500, 4, pieces.sandbox()),
}
if not CAN_CHOOSE:
    del WORK[ON_ONE_PROCESSOR]
#: The baselines of contenders that are not compared with the first one.
AGAINST = {"with a key": "ours", "journal": "ours", "opt-outs": "journal", "postgres": "journal"}


def main() -> None:
    """Run one contender: write a line when ready, then the cost of a turn for each input line."""
    import resource
    import time

    def spent():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {"cpu": time.process_time(), "wall": time.perf_counter(), "sleeps": used.ru_nvcsw}

    work, name, url, count = sys.argv[1:5]
    if len(sys.argv) > 5:
        sys.path.insert(0, sys.argv[5])
    one()
    working = WORK[work].contenders[name](url, int(count))
    next(working)
    print("{}", flush=True)
    for _ in sys.stdin:
        before = spent()
        more = next(working)
        took = {key: value - before[key] for key, value in spent().items()}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({**took, "peak": peak, **(more or {})}), flush=True)
    working.close()


if __name__ == "__main__":
    main()
