"""CPU affinity of the server and the contenders, on systems that support it (Linux).

The client's cost depends by a fifth on whether the server shares its processor. So the server and
the contender each get their own processor; contenders with several threads may use all.
"""

from __future__ import annotations

import os


CAN_CHOOSE = hasattr(os, "sched_setaffinity")
ALL = sorted(os.sched_getaffinity(0)) if CAN_CHOOSE else []


def keep_to(processors):
    if CAN_CHOOSE:
        os.sched_setaffinity(0, processors)


def servers_own():
    keep_to(ALL[-1:])


def one():
    keep_to(ALL[:1])


def on_all(contenders):
    """Return contenders that may use all processors, including the server's."""

    def freed(contender):
        def contending(url, count):
            keep_to(ALL)
            yield from contender(url, count)

        return contending

    return {name: freed(contender) for name, contender in contenders.items()}
