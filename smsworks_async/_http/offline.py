"""``SMSWORKS_OFFLINE``: refuse every connection that is not to this machine.

The variable is checked when a connection is about to be opened, so tests that mock the network
still work. Only this package's requests are refused, since the application may share the session.
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

# The value of the variable during a request of this package.
_asked: Final[ContextVar[str]] = ContextVar("smsworks_offline", default="")


@contextmanager
def asked() -> Iterator[None]:
    """Check the connections of the request in the block, if the variable is set."""
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
        url: the URL of the request.
        proxy: the proxy of the request, or None.

    Raises:
        ConfigurationError: it may not be opened; nothing was sent.
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
