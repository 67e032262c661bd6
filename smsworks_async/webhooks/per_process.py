"""A base class for objects that must not share locks, threads or claims with a forked parent."""

from __future__ import annotations

import os
import threading
from typing import Final


# Only held for the first call in a child, so that no fork finds it locked.
_lock: Final = threading.Lock()


class PerProcess:
    """State of one process. Create it in `_initialise`, and call `_check_fork` before using it.

    The process id is compared, rather than a fork hook registered, because some servers fork
    without Python's knowledge.
    """

    def __init__(self) -> None:
        self._initialise()
        self._pid = os.getpid()

    def _initialise(self) -> None:
        raise NotImplementedError

    def _check_fork(self) -> None:
        """Initialise anew if this process was forked since the last call."""
        if self._pid != os.getpid():
            with _lock:
                if self._pid != os.getpid():
                    self._initialise()
                    self._pid = os.getpid()  # last: until then other threads wait above
