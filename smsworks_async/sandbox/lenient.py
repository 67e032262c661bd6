"""A server that accepts requests with two `Content-Type` headers, as the provider does.

The provider's curl samples send the header twice. Node, which the provider uses, keeps the first
one; aiohttp, from 3.13.4 on, responds with 400 before any handler runs, and has no setting for it.
Therefore the repeated headers are removed before aiohttp's parser gets the data. Its other checks
still apply.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from .access import Handler


#: Iterations of the event loop after which an accepted connection has a transport and a protocol.
_TURNS = 3
_LONGEST_LINE = 65536  # bytes; aiohttp's limit is lower
_LONGEST_HEAD = 8192  # bytes; a longer head is read line by line


class RepeatFilter:
    """Remove each `Content-Type` header after the first from a connection's requests.

    Only framing by `Content-Length` is supported. After a request with another framing, the data of
    the connection is passed on unchanged.
    """

    def __init__(self) -> None:
        self._rest = b""  # an incomplete line of a head
        self._body = 0  # bytes of the current body that are still to come
        self._length = 0
        self._typed = False
        self._in_head = False
        self._off = False

    def feed(self, data: bytes) -> bytes:
        """Return the data to parse; an incomplete line of a head is kept for the next call."""
        if not (self._rest or self._body or self._in_head or self._off):
            length = _length_of(data)
            if length is not None:
                self._body = length
                return data
        out = []
        data, self._rest = self._rest + data, b""
        at = 0
        while at < len(data):
            if self._off:
                out.append(data[at:])
                break
            if self._body:
                piece = data[at : at + self._body]
                self._body -= len(piece)
                out.append(piece)
                at += len(piece)
                continue
            end = data.find(b"\n", at) + 1
            if not end:
                self._hold(data[at:], out)
                break
            line = data[at:end]
            at = end
            if self._keep(line):
                out.append(line)
        return b"".join(out)

    def _hold(self, line: bytes, out: list[bytes]) -> None:
        if len(line) > _LONGEST_LINE:
            self._off = True
            out.append(line)
        else:
            self._rest = line

    def _keep(self, line: bytes) -> bool:
        """Process one line of a head, and return whether it is to be parsed."""
        if not line.strip(b"\r\n"):
            if self._in_head:
                self._body, self._length = self._length, 0
                self._typed = self._in_head = False
            return True
        self._in_head = True
        name, _, value = line.partition(b":")
        name = name.lower()
        if name == b"content-type":
            repeated, self._typed = self._typed, True
            return not repeated
        if name == b"content-length" and value.strip().isdigit() and len(value) < 20:
            self._length = int(value)
        elif name in {b"content-length", b"transfer-encoding", b"upgrade"}:
            self._off = True
        return True


def _length_of(data: bytes) -> int | None:
    """Return the number of missing bytes of the body of a request that begins with ``data``.

    None means that the data is not exactly one request with a complete head and without repeated
    headers, and so needs the slow path.
    """
    end = data.find(b"\r\n\r\n")
    if not 0 <= end <= _LONGEST_HEAD:
        return None
    length = _length_in(data[: end + 2])
    if length is None:
        return None
    left = length - (len(data) - end - 4)
    return left if left >= 0 else None


# The heads of a client's requests are equal or differ only in the length.
@lru_cache(maxsize=64)
def _length_in(head: bytes) -> int | None:
    """Return the length of the body according to a head; None as for `_length_of`."""
    if head[:1].isspace() or b"\n\r\n" in head or b"\n\n" in head:
        return None
    head = head.lower()
    if head.count(b"content-type") > 1 or b"transfer-encoding" in head or b"upgrade" in head:
        return None
    if b"content-length" not in head:
        return 0
    _, _, after = head.partition(b"\r\ncontent-length:")
    value = after.partition(b"\r\n")[0].strip()
    if not (value.isdigit() and len(value) < 20 and head.count(b"content-length") == 1):
        return None
    return int(value)


class _Protocol(web.RequestHandler):
    __slots__ = ("_is_over", "_repeats")

    def __init__(self, manager: web.Server, is_over: Callable[[], bool], **settings: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **settings)
        self._is_over = is_over
        self._repeats = RepeatFilter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._is_over():  # `cleanup` does not close connections that are made while it runs
            self.force_close()

    def data_received(self, data: bytes) -> None:
        # aiohttp passes no bytes when it resumes, to parse the bytes that it held while paused.
        kept = self._repeats.feed(data) if data else data
        if kept or not data:
            super().data_received(kept)

    def log_exception(self, *args: Any, **options: Any) -> None:
        error = options.get("exc_info")
        if isinstance(error, HttpProcessingError):
            # Its message and its traceback hold bytes of the request: tokens, numbers, texts.
            self.logger.warning("A malformed request was refused: %s", type(error).__name__)
        else:
            super().log_exception(*args, **options)


class Runner(web.AppRunner):
    """An `AppRunner` whose connections accept repeated `Content-Type` headers.

    Args:
        app: the application to serve.
        cleanup: the time that connections have to finish at the end, in seconds.
        wrap: a function that returns the handler of all requests from that of the application. A
            middleware would cost each request two more coroutines.
        settings: further arguments of `web.RequestHandler`.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        cleanup: float,
        wrap: Callable[[Handler], Handler],
        **settings: Any,
    ) -> None:
        super().__init__(app, handler_cancellation=True, shutdown_timeout=cleanup, **settings)
        self._wrap = wrap
        self._settings = settings
        self._is_over = False

    async def setup(self) -> None:
        """Prepare to listen."""
        await super().setup()
        server = super().server
        assert server is not None  # noqa: S101 - for the type checker
        server.request_handler = self._wrap(server.request_handler)

    async def cleanup(self) -> None:
        """Close all connections, including those accepted just before listening stopped."""
        self._is_over = True
        loop = asyncio.get_running_loop()
        servers = [getattr(site, "_server", None) for site in self.sites]
        for listening in [sock for server in servers if server for sock in server.sockets]:
            try:
                loop.remove_reader(listening)
            except (NotImplementedError, RuntimeError):
                pass  # an event loop that does not accept connections with a reader
        # A connection that is accepted but has no transport yet would never be closed.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        await super().cleanup()

    @property
    def server(self) -> Any:
        """The factory of protocols for connections; None before the set-up."""
        server = super().server
        if server is None:
            return None
        return lambda: _Protocol(server, lambda: self._is_over, **self._settings)
