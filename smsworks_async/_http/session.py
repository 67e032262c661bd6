"""The aiohttp session, created by the first call and bound to that call's event loop."""

from __future__ import annotations

import asyncio
import functools
import select
import sys
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from smsworks_async._http import offline
from smsworks_async._http.deadlines import Deadlines
from smsworks_async._http.proxies import proxy_for
from smsworks_async._http.transport import Unasked
from smsworks_async._settings import Settings
from smsworks_async._version import __version__
from smsworks_async.errors import ConfigurationError
from smsworks_async.rates import limiter


if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

    from smsworks_async.rates import Rate


#: Seconds after which an idle connection is closed, so that a send rarely uses one that the server
#: is closing, which would leave its outcome unknown.
KEEPALIVE: Final = 2.0

# The most connections that are skipped if a connector has no limit.
_MOST_KEPT: Final = 1000

# poll() if the system has it, since select() fails for descriptors above 1023.
_poll: Final = getattr(select, "poll", None)

USER_AGENT: Final = (
    f"smsworks-async/{__version__} aiohttp/{aiohttp.__version__} "
    f"Python/{sys.version_info.major}.{sys.version_info.minor}"
)


class Sessions:
    """Provides the session and the rate limiter of the running loop."""

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
        self._open: AsyncGenerator[None] | None = None
        self._closed = False
        self._deadlines: Deadlines
        self._limited: dict[float, Deadlines] = {}
        #: The rate that each request waits for, or None.
        self.rate: Rate | None = None
        self.is_given = given is not None
        # Code that replaces parts of a session may send a different body, which cannot be watched.
        self.watched = given is None or _sends_our_bodies(given)
        self.proxied = settings.proxy is not None
        #: Options of every request, in addition to its own.
        self.options: Mapping[str, Any] = {
            name: value
            for name, value in (("proxy", settings.proxy), ("ssl", settings.ssl))
            if value is not None
        }

    def current(self) -> aiohttp.ClientSession:
        """Return the session. Create one if there is none, or if the last one's loop has closed.

        Raises:
            ConfigurationError: the client is closed, or belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        session = self._session
        if session is not None and self._loop is loop and not (self._closed or session.closed):
            return session
        if self._closed:
            raise ConfigurationError("this client is closed; create a new one")
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise ConfigurationError(
                "this client belongs to another event loop, which is still open; "
                "create one client for each loop"
            )
        if self._given is not None and self._given.closed:
            raise ConfigurationError("the session that was passed to this client is closed")
        self._loop = loop
        if self._given is not None:
            self._session = self._given
            if self._given.connector is not None:
                guard(self._given.connector)
        else:
            if self._settings.trust_env and self._settings.proxy is None:
                proxy = proxy_for(self._settings.base_url)
                self.proxied = proxy is not None
                self.options = {**self.options, "proxy": proxy}
            self._session = self._make()
            self._open = _open_until_the_end(self._session)
            _step(self._open)
        rate = self._settings.max_rate
        self.rate = limiter(rate) if rate is None or isinstance(rate, float | int) else rate
        self._deadlines = Deadlines(loop, self._settings.timeout)
        self._limited = {}
        return self._session

    def deadlines(self, limit: float | None = None) -> Deadlines:
        """Return the deadlines of the running loop; raise the same errors as `current`.

        Args:
            limit: the time-out in seconds if the client has none; None for no limit.
        """
        self.current()
        if limit is None or self._deadlines.seconds is not None:
            return self._deadlines
        # One object for each limit, since `Deadlines` needs the same time-out for all its calls.
        if limit not in self._limited:
            self._limited[limit] = Deadlines(asyncio.get_running_loop(), limit)
        return self._limited[limit]

    def _make(self) -> aiohttp.ClientSession:
        settings = self._settings
        connector = aiohttp.TCPConnector(
            limit=settings.max_connections,
            keepalive_timeout=KEEPALIVE,
            # `RealLoop`, in a patched process, has a factory of unpatched sockets.
            socket_factory=getattr(self._loop, "socket_factory", None),
        )
        guard(connector)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=list(self._trace_configs),
        )

    async def close(self) -> None:
        """Close the session, unless the caller passed it; calling it again does nothing.

        Raises:
            ConfigurationError: the client belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise ConfigurationError("close this client on its own event loop")
        if self._open is not None and self._loop is loop:
            await self._open.aclose()
        self._closed = True
        self._session = self._loop = self._open = None


def _sends_our_bodies(session: aiohttp.ClientSession) -> bool:
    """Return whether a session surely writes this package's body, without replaced parts."""
    is_plain = type(session) is aiohttp.ClientSession and "_request" not in vars(session)
    request_class = getattr(session, "_request_class", aiohttp.ClientRequest)
    middlewares = getattr(session, "_middlewares", ())
    return is_plain and request_class is aiohttp.ClientRequest and not middlewares


def guard(connector: aiohttp.BaseConnector) -> None:
    """Prevent a connector from reusing connections that have unexpected input or were closed.

    Unexpected input would be read as the response to the next request, and a request on a closed
    connection would have an unknown outcome. Clients that share a session share its guard, and it
    remains when they are closed.
    """
    if not isinstance(vars(connector).get("connect"), _Guard):
        connector.connect = _Guard(connector)  # type: ignore[method-assign]


def _watch(transport: asyncio.Transport | None) -> Callable[[], object]:
    """Return a function that tells whether a transport has unread input or is at its end."""
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return bool  # not a socket, or already closed: there is nothing to check
    # `RealLoop`, in a patched process, has an unpatched one.
    make = getattr(asyncio.get_running_loop(), "new_poll", _poll)
    if make is None:
        return lambda: sock.fileno() < 0 or select.select([sock], [], [], 0)[0]
    poll = make()
    poll.register(sock, select.POLLIN)
    return functools.partial(poll.poll, 0)


class _Guard:
    """Wraps a connector's `connect` to skip connections that have unexpected input.

    It is an attribute of the connector, so it holds a weak reference to it: a cycle would keep the
    connections open until the garbage collector runs.
    """

    def __init__(self, connector: aiohttp.BaseConnector) -> None:
        self._connector = weakref.ref(connector)
        #: An existing `connect` attribute of the connector, such as an instrumentation's; or None.
        self._own = vars(connector).get("connect")
        # Only for reused connections. A new one may have unread input that is not a response: the
        # server's TLS tickets.
        self._watches: weakref.WeakKeyDictionary[asyncio.BaseProtocol, Callable[[], object]] = (
            weakref.WeakKeyDictionary()
        )

    async def __call__(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own name
    ) -> aiohttp.connector.Connection:
        """Return a connection without unexpected input."""
        offline.check(req.url, req.proxy)
        connector = self._connector()
        if connector is None:  # pragma: no cover - its session, which asks, refers to it
            raise aiohttp.ClientConnectionError("the connector no longer exists")
        tried = 0
        while True:
            if self._own is None:
                connection = await type(connector).connect(connector, req, traces, timeout)
            else:
                connection = await self._own(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or (not protocol.should_close and self._is_quiet(protocol)):
                return connection
            connection.close()
            tried += 1
            # Each of the pooled connections may have input, but not a new one.
            if tried > (connector.limit or _MOST_KEPT):
                raise Unasked("the server sent data before the request")

    def _is_quiet(self, protocol: ResponseHandler) -> bool:
        watch = self._watches.get(protocol)
        if watch is not None:
            return not watch()
        self._watches[protocol] = _watch(protocol.transport)
        return True


async def _open_until_the_end(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close the session when this generator is closed.

    `asyncio.run` and similar close a loop's async generators before the loop, so connections are
    closed even if the client was not.
    """
    try:
        yield
    finally:
        await session.close()


def _step(generator: AsyncGenerator[None]) -> None:
    try:
        generator.asend(None).send(None)
    except StopIteration:
        return  # it is suspended at its yield, and the loop has registered it
