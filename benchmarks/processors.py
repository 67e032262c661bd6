"""Which processors who runs on, where the system lets a process choose (Linux does).

A server that shares its client's processor on one run and not on the next makes that client cheaper
and dearer by a fifth. So the server has one of its own, and a contender another; what works in
several threads may run on all.
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
    """Have contenders use all processors, the server's among them."""

    def freed(contender):
        def contending(url, count):
            keep_to(ALL)
            yield from contender(url, count)

        return contending

    return {name: freed(contender) for name, contender in contenders.items()}
