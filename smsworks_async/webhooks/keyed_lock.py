"""A lock for each message id, shared by threads and event loops."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from smsworks_async.webhooks.per_process import PerProcess


class KeyedLock(PerProcess):
    """One lock for each key; a key that is not locked costs no memory."""

    def _initialise(self) -> None:
        self._mutex = threading.Lock()
        # A key has a future only while there are waiters.
        self._held: dict[str, Future[None] | None] = {}

    def acquire(self, key: str) -> Future[None] | None:
        """Acquire a key's lock and return None, or return a future that is done on its release."""
        self._check_fork()
        with self._mutex:
            if key not in self._held:
                self._held[key] = None
                return None
            released = self._held[key]
            if released is None:
                released = self._held[key] = Future()
            return released

    def release(self, key: str) -> None:
        """Release a key's lock, and wake all waiters to retry."""
        with self._mutex:
            released = self._held.pop(key)
        if released is not None:
            released.set_result(None)
