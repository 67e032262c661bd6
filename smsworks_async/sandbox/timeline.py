"""What falls due, and when: one heap for the whole account.

No message has a task or a timer of its own, so a hundred thousand of them in flight cost a hundred
thousand heap entries and nothing else.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from typing import Any


Act = Callable[[Any, float], None]


class Timeline:
    """Acts in the order in which they fall due, and of those due together, as they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Act, Any]] = []
        self._added = 0

    def add(self, due: float, act: Act, subject: Any) -> None:
        """Call `act(subject, due)` once the clock has reached `due` (POSIX seconds)."""
        self._added += 1
        heapq.heappush(self._heap, (due, self._added, act, subject))

    def next_due(self) -> float | None:
        """Return when the next act falls due, or None when there is none."""
        return self._heap[0][0] if self._heap else None

    def discard(self, subjects: Iterable[Any]) -> None:
        """Forget every act on some subjects."""
        gone = {id(subject) for subject in subjects}
        self._heap = [entry for entry in self._heap if id(entry[3]) not in gone]
        heapq.heapify(self._heap)

    def settle(self, now: float) -> None:
        """Perform everything due by `now`, including what those acts add."""
        while self._heap and self._heap[0][0] <= now:
            due, _, act, subject = heapq.heappop(self._heap)
            act(subject, due)
