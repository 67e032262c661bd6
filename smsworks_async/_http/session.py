"""The aiohttp session: made by the first call, and bound to that call's event loop."""

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


#: Seconds after which an idle connection is closed, so that a send rarely meets one that the
#: server has closed meanwhile: that send's outcome would be unknown.
KEEPALIVE: Final = 2.0

# How many connections are passed over where a connector has no limit.
_MOST_KEPT: Final = 1000

# Where there is one, since select() takes no descriptors above 1023.
_poll: Final = getattr(select, "poll", None)

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
        self._open: AsyncGenerator[None] | None = None
        self._closed = False
        self._deadlines: Deadlines
        self._limited: dict[float, Deadlines] = {}
        #: What each request waits for before it leaves, or None.
        self.rate: Rate | None = None
        self.is_given = given is not None
        # What replaces parts of a session may send another body than ours: we do not know when.
        self.watched = given is None or _sends_our_bodies(given)
        self.proxied = settings.proxy is not None
        #: What each request is made with, beside what it says itself.
        self.options: Mapping[str, Any] = {
            name: value
            for name, value in (("proxy", settings.proxy), ("ssl", settings.ssl))
            if value is not None
        }

    def current(self) -> aiohttp.ClientSession:
        """Return the session; a new one where there is none, or the last one's loop has closed.

        Raises:
            ConfigurationError: the client is closed, or belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        session = self._session
        if session is not None and self._loop is loop and not (self._closed or session.closed):
            return session
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise ConfigurationError(
                "this client belongs to another event loop, which is still there; "
                "make one client for each loop"
            )
        if self._given is not None and self._given.closed:
            raise ConfigurationError("the session that this client was given is closed")
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
        """Return the deadlines of the running loop; raise as `current` does.

        Args:
            limit: seconds for a call where the client has no time-out; None for no limit.
        """
        self.current()
        if limit is None or self._deadlines.seconds is not None:
            return self._deadlines
        # One for each limit: calls with the same time end in the order in which they began.
        if limit not in self._limited:
            self._limited[limit] = Deadlines(asyncio.get_running_loop(), limit)
        return self._limited[limit]

    def _make(self) -> aiohttp.ClientSession:
        settings = self._settings
        connector = aiohttp.TCPConnector(
            limit=settings.max_connections,
            keepalive_timeout=KEEPALIVE,
            # A loop of a patched process has one, for sockets that are not patched.
            socket_factory=getattr(self._loop, "socket_factory", None),
        )
        guard(connector)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=list(self._trace_configs),
        )

    async def close(self) -> None:
        """Close the session, unless it was given by the caller; a second time does nothing.

        Raises:
            ConfigurationError: the client belongs to another loop that still runs.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not None and self._loop is not loop and not self._loop.is_closed():
            raise ConfigurationError("close this client on the event loop that it belongs to")
        if self._open is not None and self._loop is loop:
            await self._open.aclose()
        self._closed = True
        self._session = self._loop = self._open = None


def _sends_our_bodies(session: aiohttp.ClientSession) -> bool:
    """Return whether a session is certain to write our own body: nothing of it is replaced."""
    is_plain = type(session) is aiohttp.ClientSession and "_request" not in vars(session)
    request_class = getattr(session, "_request_class", aiohttp.ClientRequest)
    middlewares = getattr(session, "_middlewares", ())
    return is_plain and request_class is aiohttp.ClientRequest and not middlewares


def guard(connector: aiohttp.BaseConnector) -> None:
    """Prevent a connector from returning connections on which something has come unasked.

    What came would be taken for the answer to the next request; and a request on a connection that
    the server has closed would have an unknown outcome. Clients that share a session share
    its guard, and it stays when they are closed.
    """
    if not isinstance(vars(connector).get("connect"), _Guard):
        connector.connect = _Guard(connector)  # type: ignore[method-assign]


def _watch(transport: asyncio.Transport | None) -> Callable[[], object]:
    """Return what says whether something, or the end, has come that the loop has not read yet."""
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return bool  # it is no socket's, or has been closed: nothing more can be known
    # A loop of a patched process has one that is not patched.
    make = getattr(asyncio.get_running_loop(), "new_poll", _poll)
    if make is None:
        return lambda: sock.fileno() < 0 or select.select([sock], [], [], 0)[0]
    poll = make()
    poll.register(sock, select.POLLIN)
    return functools.partial(poll.poll, 0)


class _Guard:
    """Connects as a connector does, but passes connections over that are not quiet.

    It is an attribute of the connector, and so refers to it weakly: a cycle would keep its
    connections open until the garbage collector runs.
    """

    def __init__(self, connector: aiohttp.BaseConnector) -> None:
        self._connector = weakref.ref(connector)
        #: What the connector had of its own, such as a test's or an instrumentation's; or None.
        self._own = vars(connector).get("connect")
        # Of those that were handed out before. One that is new may have input that is no answer: a
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
        """Return a connection for a request, if it is quiet."""
        offline.check(req.url, req.proxy)
        connector = self._connector()
        if connector is None:  # pragma: no cover - its session, which asks, refers to it
            raise aiohttp.ClientConnectionError("the connector is gone")
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
            # Each of those that are kept may have something on it, but not one that is new.
            if tried > (connector.limit or _MOST_KEPT):
                raise Unasked("the server speaks before it is asked")

    def _is_quiet(self, protocol: ResponseHandler) -> bool:
        watch = self._watches.get(protocol)
        if watch is not None:
            return not watch()
        self._watches[protocol] = _watch(protocol.transport)
        return True


async def _open_until_the_end(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close the session when this generator is closed.

    Whoever ends a loop in good order, as `asyncio.run` does, closes the loop's generators before
    it closes the loop: so a client that nobody closed leaves no connection behind.
    """
    try:
        yield
    finally:
        await session.close()


def _step(generator: AsyncGenerator[None]) -> None:
    try:
        generator.asend(None).send(None)
    except StopIteration:
        return  # it has come to its yield, and the loop knows of it
