"""One at a time for each message, across threads and event loops."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from smsworks_async.webhooks.forks import PerProcess


class Turns(PerProcess):
    """Who is at work on which message."""

    def _begin(self) -> None:
        self._lock = threading.Lock()
        # A future only where somebody waits.
        self._busy: dict[str, Future[None] | None] = {}

    def take(self, message_id: str) -> Future[None] | None:
        """Take the turn, or give what ends with the turn of whoever has it."""
        self._follow_fork()
        with self._lock:
            if message_id not in self._busy:
                self._busy[message_id] = None
                return None
            ahead = self._busy[message_id]
            if ahead is None:
                ahead = self._busy[message_id] = Future()
            return ahead

    def give_back(self, message_id: str) -> None:
        """End the turn: those who wait try again."""
        with self._lock:
            waited_for = self._busy.pop(message_id)
        if waited_for is not None:
            waited_for.set_result(None)
