"""Objects that begin anew in a forked child, whose parent's threads and their work stay behind."""

from __future__ import annotations

import os
import threading
from typing import Final


# Held for the first call in a child alone, so that no fork finds it locked.
_lock: Final = threading.Lock()


class PerProcess:
    """What one process has; a subclass makes it in `_begin`, and calls `_follow_fork` before use.

    The process id is compared, and no hook set, since some servers fork without telling Python.
    """

    def __init__(self) -> None:
        self._begin()
        self._pid = os.getpid()

    def _begin(self) -> None:
        raise NotImplementedError

    def _follow_fork(self) -> None:
        if self._pid != os.getpid():
            with _lock:
                if self._pid != os.getpid():
                    self._begin()
                    self._pid = os.getpid()  # last: until then other threads wait above
