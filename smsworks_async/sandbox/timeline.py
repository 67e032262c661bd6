"""The future events of an account, in one heap.

Messages have no tasks or timers, so 100,000 messages in flight need only 100,000 heap entries.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any


Act = Callable[[Any, float], None]


class Timeline:
    """Events in the order of their due times, and of their addition for equal times.

    Attributes:
        acts: the functions that are called for events, by name. An event refers to its function by
            name, since a bound method for each event would cost memory.
    """

    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}
        self._heap: list[tuple[float, int, str, Any]] = []
        self._added = 0

    def add(self, due: float, act: str, subject: Any) -> None:
        """Call `acts[act](subject, due)` once the clock has reached `due` (POSIX seconds)."""
        self._added += 1
        heapq.heappush(self._heap, (due, self._added, act, subject))

    def next_due(self) -> float | None:
        """Return the time of the next event in POSIX seconds; None without one."""
        return self._heap[0][0] if self._heap else None

    def discard(self, subjects: Iterable[Any]) -> None:
        """Remove all events of some subjects."""
        gone = {id(subject) for subject in subjects}
        self._heap = [entry for entry in self._heap if id(entry[3]) not in gone]
        heapq.heapify(self._heap)

    def settle(self, now: float) -> None:
        """Run all events due by `now`, including those added meanwhile."""
        while self._heap and self._heap[0][0] <= now:
            due, _, act, subject = heapq.heappop(self._heap)
            self.acts[act](subject, due)
