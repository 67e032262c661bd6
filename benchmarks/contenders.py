"""What is measured: for each piece of work, who does it and how.

A contender is a function of the server's address and of how often to do it in a turn. It gets
ready, which includes doing it `WARM_UP` times where that is a matter of connections, and yields;
then it does its work whenever it is resumed, and yields again. Only what a contender needs is
imported by it.
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
    """What is done, and by whom."""

    count: int  # how often in a turn
    turns: int  # in a round
    contenders: dict[str, Any]  # the first is the measure
    fresh: bool = False  # whether each turn needs a process of its own


ON_ONE_PROCESSOR = "one blocking send, in a row, on one processor"
# Turns are short, since ours closes connections that were idle for 2 seconds, and would have to
# open them again. Those of a blocking send in a row are long all the same: threads that have just
# been woken share a processor for a while, which flatters whoever has two.
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
#: Whom somebody is measured against, if it is not the first.
AGAINST = {"with a key": "ours", "journal": "ours", "opt-outs": "journal", "postgres": "journal"}


def main() -> None:
    """Be one contender: say when it is ready, and for each line that comes in what a turn took."""
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
