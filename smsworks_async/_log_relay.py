"""Log records from the loop's real thread, handed to the greenlets that wait for it.

In a patched process the locks of `logging` are locks between greenlets. Where a real thread and
greenlets contend for one, somebody waits for ever: with eventlet the thread or a greenlet, with
gevent a greenlet. So what is logged on the loop is handled by a greenlet, at the latest when its
own call ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from typing import Final


#: Those that are logged to on the loop: this package's, asyncio's and aiohttp's.
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
    """Keeps back what is logged on a loop of a certain kind."""

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
    """Hand records logged on loops of a kind to greenlets; a second call does nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(there, _Relay) for there in logger.filters):
            logger.addFilter(_Relay(kind))
        # The answers are kept, so that the loop's thread need not lock anything to find them out.
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logger.isEnabledFor(level)


def handle_records() -> None:
    """Handle what was logged on the loops, in the greenlet that calls this."""
    while _records:
        try:
            record = _records.popleft()
        except IndexError:
            return  # another thread was faster
        logging.getLogger(record.name).handle(record)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_records.clear)
