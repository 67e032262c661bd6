"""Handle log records of the loop's real thread in greenlets.

In a patched process the locks of `logging` work between greenlets only. If a real thread and a
greenlet contend for one, they deadlock: with eventlet either of them, with gevent the greenlet. So
records that are logged on the loop are queued, and handled by a greenlet, at the latest when its
call ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from typing import Final


#: The loggers used on the loop: this package's, asyncio's and aiohttp's.
_LOGGERS: Final = (
    "smsworks_async",
    "smsworks_async.bulk",
    "smsworks_async.webhooks",
    "asyncio",
    "aiohttp.client",
    "aiohttp.internal",
)

_records: Final[deque[logging.LogRecord]] = deque()


class _Relay(logging.Filter):
    """Queues the records that are logged on loops of one class."""

    def __init__(self, kind: type[asyncio.AbstractEventLoop]) -> None:
        super().__init__()
        self._kind = kind

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return True
        if not isinstance(loop, self._kind):
            return True
        _records.append(record)
        return False


def relay(kind: type[asyncio.AbstractEventLoop]) -> None:
    """Relay records logged on loops of a class to greenlets; calling it again does nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(there, _Relay) for there in logger.filters):
            logger.addFilter(_Relay(kind))
        # Cache the loggers' levels now, so that the loop's thread takes no lock to look them up.
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logger.isEnabledFor(level)


def handle_records() -> None:
    """Handle the queued records in the calling greenlet."""
    while _records:
        try:
            record = _records.popleft()
        except IndexError:
            return  # another thread took the record
        logging.getLogger(record.name).handle(record)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_records.clear)
