"""``SMSWORKS_OFFLINE``: refuses every connection that is not to this machine.

It is looked at where a connection would be opened, so that tests that put something else in the
place of the network go on working. Only requests of this package are refused: a session may be
the application's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from smsworks_async._settings import is_loopback
from smsworks_async.errors import ConfigurationError


if TYPE_CHECKING:
    from yarl import URL


NAME: Final = "SMSWORKS_OFFLINE"
_OFF: Final = frozenset({"", "0", "false", "no", "off"})
_ON: Final = frozenset({"1", "true", "yes", "on"})

# What the variable says, while a request of ours is being made.
_asked: Final[ContextVar[str]] = ContextVar("smsworks_offline", default="")


@contextmanager
def asked() -> Iterator[None]:
    """Check the connections of the request within, if the environment asks for it."""
    given = os.environ.get(NAME, "").strip().lower()
    if given in _OFF:
        yield
        return
    token = _asked.set(given)
    try:
        yield
    finally:
        _asked.reset(token)


def check(url: URL, proxy: URL | None) -> None:
    """Check that a connection may be opened.

    Args:
        url: where the request is to go.
        proxy: the proxy that it goes by, or None.

    Raises:
        ConfigurationError: it may not; nothing was sent.
    """
    given = _asked.get()
    if not given:
        return
    allowed = set() if given in _ON else set(re.split(r"[\s,]+", given))
    for host in filter(None, (url.host, None if proxy is None else proxy.host)):
        if not is_loopback(host) and host.lower() not in allowed:
            raise ConfigurationError(
                f"nothing was sent: {NAME} is set, and {host} is not this machine; to send real "
                f"texts unset it, or name the host in it: {NAME}={host}"
            )
