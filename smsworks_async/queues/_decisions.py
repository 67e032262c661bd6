"""The next step of a campaign: pure decisions, for all queues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import attrs

from smsworks_async.models.report import BulkStatus


C = TypeVar("C")

#: The working time of a task in seconds, after which it lets other tasks run.
SHARE: Final = 30.0
#: The seconds between two calls of `tend`, if nothing determines when the next one is useful.
INTERVAL: Final = 60.0
#: The fewest seconds between two calls of `tend`, since 0 means that the campaign is over.
SOONEST: Final = 1.0
#: The seconds for which unknown chunks are searched for after everything else is done, before they
#: are reported as unknown.
PATIENCE: Final = 600.0


@attrs.frozen
class Next:
    """The next step of a campaign.

    Attributes:
        is_over: whether nothing is left to do.
        dispatches: whether to queue new tasks.
        seconds: the seconds until the next check.
    """

    is_over: bool
    dispatches: bool
    seconds: float


def decide(status: BulkStatus, now: float, waited: float) -> Next:
    """Return the next step of a campaign that was just reconciled.

    Args:
        status: its status.
        now: the time, in POSIX seconds.
        waited: the seconds since this process first saw that only unknown chunks are left.
    """
    if status.settled:
        return Next(is_over=True, dispatches=False, seconds=0.0)
    if has_ended_but_for_doubts(status):
        left = PATIENCE - waited
        seconds = 0.0 if left <= 0 else max(SOONEST, min(left, INTERVAL))
        return Next(is_over=left <= 0, dispatches=False, seconds=seconds)
    if status.in_flight:
        left = INTERVAL if status.lease is None else status.lease
        return Next(is_over=False, dispatches=False, seconds=max(SOONEST, min(left, INTERVAL)))
    opens = None if status.window is None else status.window.opens(now)
    if status.state != "running" or (opens is not None and opens > now):
        left = INTERVAL if opens is None else opens - now
        return Next(is_over=False, dispatches=False, seconds=max(left, INTERVAL))
    waiting = bool(status.not_sent or status.open_again)
    return Next(is_over=False, dispatches=waiting, seconds=INTERVAL)


def has_ended_but_for_doubts(status: BulkStatus) -> bool:
    """Return whether only unknown chunks of a campaign are left."""
    waiting = 0 if status.control == "cancelled" else status.not_sent
    in_doubt = status.planned and status.unknown
    return bool(in_doubt) and not (waiting or status.in_flight or status.scheduled)


class Held(Generic[C]):
    """The state of each process: a client, and the observed states of campaigns.

    Args:
        make: creates the client.
    """

    def __init__(self, make: Callable[[], C]) -> None:
        self._make = make
        self._clients: dict[int, C] = {}
        self._since: dict[tuple[int, str], float] = {}
        self._done: set[tuple[int, str]] = set()

    def client(self) -> C:
        """Return the client of this process."""
        pid = os.getpid()
        found = self._clients.get(pid)
        # Of clients that two threads create at once, one is used, and the other is dropped.
        return self._clients.setdefault(pid, self._make()) if found is None else found

    def next_of(self, status: BulkStatus) -> Next:
        """Return the next step of a campaign."""
        key = (os.getpid(), status.campaign)
        now = time.monotonic()
        if not has_ended_but_for_doubts(status):
            self._since.pop(key, None)
        waited = now - self._since.setdefault(key, now)
        return decide(status, time.time(), waited)

    def is_new(self, campaign: str) -> bool:
        """Return whether this process has not yet reported the end of a campaign."""
        return (os.getpid(), campaign) not in self._done

    def told(self, campaign: str) -> None:
        """Record that the end of a campaign was reported."""
        self._done.add((os.getpid(), campaign))
