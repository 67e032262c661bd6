"""What is to be done next about a campaign: pure decisions, for every queue."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import attrs

from smsworks_async.models.report import BulkStatus


C = TypeVar("C")

#: Seconds for which a task works before it makes room for others.
SHARE: Final = 30.0
#: Seconds between two calls of `tend`, where nothing says when the next one can do something.
INTERVAL: Final = 60.0
#: Seconds for which chunks in doubt are searched for, after all else has ended, before they are
#: reported as unknown.
PATIENCE: Final = 600.0


@attrs.frozen
class Next:
    """What is to be done about a campaign.

    Attributes:
        is_over: whether nothing is left to do.
        dispatches: whether new tasks are to be made.
        seconds: when to look again.
    """

    is_over: bool
    dispatches: bool
    seconds: float


def decide(status: BulkStatus, now: float, waited: float) -> Next:
    """Decide what is to be done about a campaign that was just reconciled.

    Args:
        status: how far it has got.
        now: the time, in POSIX seconds.
        waited: seconds since this process first saw that nothing but chunks in doubt is left.
    """
    if status.settled:
        return Next(is_over=True, dispatches=False, seconds=0.0)
    if has_ended_but_for_doubts(status):
        left = PATIENCE - waited
        return Next(is_over=left <= 0, dispatches=False, seconds=max(0.0, min(left, INTERVAL)))
    if status.in_flight:
        left = INTERVAL if status.lease is None else status.lease
        return Next(is_over=False, dispatches=False, seconds=min(left, INTERVAL))
    opens = None if status.window is None else status.window.opens(now)
    if status.state != "running" or (opens is not None and opens > now):
        left = INTERVAL if opens is None else opens - now
        return Next(is_over=False, dispatches=False, seconds=max(left, INTERVAL))
    waiting = bool(status.not_sent or status.open_again)
    return Next(is_over=False, dispatches=waiting, seconds=INTERVAL)


def has_ended_but_for_doubts(status: BulkStatus) -> bool:
    """Return whether nothing of a campaign is left but chunks in doubt."""
    waiting = 0 if status.control == "cancelled" else status.not_sent
    in_doubt = status.planned and status.unknown
    return bool(in_doubt) and not (waiting or status.in_flight or status.scheduled)


class Held(Generic[C]):
    """What each process has of its own: a client, and what it has seen of campaigns.

    Args:
        make: makes the client.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._clients: dict[int, C] = {}
        self._since: dict[tuple[int, str], float] = {}
        self._done: set[tuple[int, str]] = set()

    def client(self) -> C:
        """Return the client of this process."""
        pid = os.getpid()
        if pid not in self._clients:
            self._clients[pid] = self._make()
        return self._clients[pid]

    def next_of(self, status: BulkStatus) -> Next:
        """Decide what is to be done about a campaign."""
        key = (os.getpid(), status.campaign)
        now = time.monotonic()
        if not has_ended_but_for_doubts(status):
            self._since.pop(key, None)
        waited = now - self._since.setdefault(key, now)
        return decide(status, time.time(), waited)

    def is_new(self, campaign: str) -> bool:
        """Return whether this process has not told yet that a campaign is over."""
        return (os.getpid(), campaign) not in self._done

    def told(self, campaign: str) -> None:
        """Note that it has."""
        self._done.add((os.getpid(), campaign))
