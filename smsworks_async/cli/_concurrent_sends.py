"""Decide which of several campaigns with shared recipients is sent, if they start together.

Each process plans its campaign and then reads the journal. The campaign that was created first is
sent, and the others are cancelled. Of two campaigns, at least one process sees the other campaign,
because each reads the journal after its own plan is written:

- The later one is cancelled if it sees the first. If the first was not planned yet when the later
  one read the journal, the later one is sent.
- The first one, if it sees the later one, cannot know whether that has seen it. It waits until the
  later one is cancelled, and is then sent. It is cancelled if the later one has begun to send, or
  if nothing happens within a limit, because the other process was killed or is suspended.

A campaign is sent only after a read that showed no other one with its recipients. Therefore no
recipient of both is texted twice, even if a process is killed at any time. If another process has
begun to send the same campaign, after such a read of its own, this one joins it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from smsworks_async.cli._earlier import Earlier


#: How long the first campaign waits for later ones, in seconds.
TIMEOUT: Final = 30.0
#: Seconds between two reads of the journal.
POLL_INTERVAL: Final = 0.1


def find_conflict(
    reload: Callable[[], Earlier],
    before: Earlier,
    *,
    check: Callable[[], object],
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Earlier | None:
    """Return the journal's record if a planned campaign must not be sent; None if it may.

    Args:
        reload: a function that reads the journal.
        before: the record that was read before the campaign was planned.
        check: a function that is called before each wait; it raises if the user has requested a
            stop.
        sleep: a function that waits for a number of seconds.
        clock: a function that returns a time in seconds.
    """
    end = clock() + TIMEOUT
    while True:
        now = reload()
        others = now.new_overlaps(before)
        if not others or (before.is_untouched and not now.is_untouched):
            return None
        if clock() >= end or any(one.has_begun or not one.is_later for one in others):
            return now
        check()
        sleep(POLL_INTERVAL)
