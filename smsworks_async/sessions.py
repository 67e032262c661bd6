"""The aiohttp session: made by the first call, and bound to that call's event loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
from aiolimiter import AsyncLimiter

from smsworks_async._version import __version__
from smsworks_async.errors import ConfigurationError
from smsworks_async.settings import Settings


#: Seconds after which an idle connection is closed, so that a send rarely meets one that the
#: server has closed meanwhile: that send's outcome would be unknown.
KEEPALIVE: Final = 2.0

USER_AGENT: Final = (
    f"smsworks-async/{__version__} aiohttp/{aiohttp.__version__} "
    f"Python/{sys.version_info.major}.{sys.version_info.minor}"
)


class Sessions:
    """The session of the loop that runs, and the pace that its requests keep."""

    def __init__(
        self,
        settings: Settings,
        given: aiohttp.ClientSession | None,
        trace_configs: Sequence[aiohttp.TraceConfig],
    ) -> None:
        self._settings = settings
        self._given = given
        self._trace_configs = trace_configs
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.limiter: AsyncLimiter | None = None
        self.proxied = settings.proxy is not None or settings.trust_env
        #: What each request is made with, beside what it says itself.
        self.options: Mapping[str, Any] = {
            name: value
            for name, value in (("proxy", settings.proxy), ("ssl", settings.ssl))
            if value is not None
        }

    def current(self) -> aiohttp.ClientSession:
        """Give the session; a new one where there is none, or where the last one's loop has closed.

        Raises:
            ConfigurationError: the client is closed, or belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is loop and not self._closed:
            return self._session
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise ConfigurationError(
                "this client belongs to another event loop, which is still there; "
                "make one client for each loop"
            )
        self._abandon()
        self._loop = loop
        self._session = self._given or self._make()
        self.limiter = _limiter(self._settings.max_rate)
        return self._session

    def _make(self) -> aiohttp.ClientSession:
        settings = self._settings
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.max_connections, keepalive_timeout=KEEPALIVE
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=list(self._trace_configs),
            trust_env=settings.trust_env,
        )

    def _abandon(self) -> None:
        # The old loop has closed, and its sockets' transports with it: there is nothing to await.
        if self._session is not None and self._session is not self._given:
            connector = self._session.connector
            self._session.detach()
            if connector is not None:
                connector._close()

    async def close(self) -> None:
        """Close the session, unless it was given by the caller; a second time does nothing.

        Raises:
            ConfigurationError: the client belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop:
            if not self._loop.is_closed():
                raise ConfigurationError("close this client on the event loop that it belongs to")
            self._abandon()
        elif self._session is not None and self._session is not self._given:
            await self._session.close()
        self._closed = True
        self._session = self._loop = None


def _limiter(max_rate: float | None) -> AsyncLimiter | None:
    if max_rate is None:
        return None
    return AsyncLimiter(max_rate, 1) if max_rate >= 1 else AsyncLimiter(1, 1 / max_rate)
