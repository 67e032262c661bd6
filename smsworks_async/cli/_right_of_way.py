"""Which of several campaigns that share recipients, and are sent at the same moment, is sent.

Each of them is planned, and then looks into the journal. The one that was begun first is sent, and
the others are cancelled. Of two, at least one sees the other, since each looks after it is planned:

- The later one, if it sees the first, is cancelled. If it does not, since that was not planned when
  it looked, it is sent.
- The first, if it sees the later one, does not know whether that has seen it. It waits until the
  later one is cancelled, and is then sent. If the later one has begun to send, the first is
  cancelled; likewise if neither happens, since its process was killed or is suspended.

So no recipient of both is texted twice, whatever is killed when: a campaign is sent only after a
look that saw no other with its recipients.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from smsworks_async.cli._earlier import Earlier


#: Seconds that the first waits for a later one, and between two looks.
PATIENCE: Final = 30.0
LOOK: Final = 0.1


def yield_to(
    look: Callable[[], Earlier],
    before: Earlier,
    *,
    check: Callable[[], object],
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Earlier | None:
    """Return what the journal knows if a planned campaign must give way; None if it may be sent.

    Args:
        look: reads the journal.
        before: what was known before the campaign was planned.
        check: called before each wait; raises where the user has asked to stop.
        sleep, clock: wait, and tell the time, in seconds.
    """
    end = clock() + PATIENCE
    while True:
        now = look()
        others = now.news(before)
        if not others:
            return None
        if clock() >= end or any(one.has_begun or not one.is_later for one in others):
            return now
        check()
        sleep(LOOK)
