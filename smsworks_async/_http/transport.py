"""One request: bytes out, an answer or a classified failure back.

Every failure is one of three kinds, and is decided here and nowhere else:

- *not sent* (`NotSent`): the body was not yet asked to write, and what failed comes before that;
- *rejected* (`APIError`): the API, or a server before it, answered with a refusal;
- *unknown* (`OutcomeUnknown`): everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from smsworks_async._http import offline
from smsworks_async._http.operations import Operation, unknown
from smsworks_async._http.responses import interpret
from smsworks_async._settings import is_loopback
from smsworks_async.errors import (
    ConfigurationError,
    NotSent,
    SMSWorksError,
)


if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from yarl import URL


#: The longest answer that is read, in bytes: 1000 records of the longest texts are half of it.
MAX_ANSWER: Final = 8 * 1024 * 1024

CONTENT_TYPE: Final = "application/json"
# The deadline is ours, around the whole call; aiohttp's own would end it a second time.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


class Unasked(aiohttp.ClientConnectionError):
    """The server spoke on every connection before anything was asked, so that nothing was."""


# What can only happen before a body is written: name look-up, connecting, TLS, a proxy's refusal.
_BEFORE_THE_BODY: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    Unasked,
)
_REFUSED_BY_AIOHTTP: Final = (ValueError, TypeError, RuntimeError, aiohttp.NonHttpUrlClientError)


class Body(aiohttp.BytesPayload):
    """A request's bytes, which know whether they were asked to leave.

    aiohttp writes headers and body together and asks the body for it, so that as long as `left` is
    False no byte of the request has left. `seal` keeps it that way: a body that was sealed refuses
    to be written, as does one that may leave once and did, and one whose time is over.

    Args:
        content: the bytes.
        once: whether they may leave once only.
        expired: says whether their time is over, and they may not leave any more; or None.
        watched: whether it is this body that is written for certain: a session's middlewares may
            put another in its place.
    """

    def __init__(
        self,
        content: bytes,
        *,
        once: bool,
        expired: Callable[[], bool] | None = None,
        watched: bool = True,
    ) -> None:
        # Past BytesPayload's own initialiser, which warns of bodies above 1 MiB: a batch of unique
        # texts may be larger, and is written in one piece all the same.
        super(aiohttp.BytesPayload, self).__init__(content, content_type=CONTENT_TYPE)
        self._size = len(content)
        self._once = once
        self._expired = expired
        self._sealed = False
        self._written = False
        self._watched = watched
        #: Whether it was asked to leave, and refused.
        self.refused = False

    @property
    def left(self) -> bool:
        """Whether it was asked to leave; as long as that cannot be watched, it counts as asked."""
        return self._written or not self._watched

    def seal(self) -> None:
        """Refuse to write any byte from now on."""
        self._sealed = True

    def _leave(self) -> None:
        late = self._expired is not None and self._expired()
        if self._sealed or late or (self._once and self._written):
            self.refused = True
            raise aiohttp.ClientError("the request may not leave any more")
        self._written = True

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the bytes, if they may leave."""
        self._leave()
        await super().write(writer)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the bytes, if they may leave."""
        self._leave()
        await super().write_with_length(writer, content_length)


def failure(
    error: BaseException, operation: Operation, *, left: bool, proxied: bool
) -> SMSWorksError:
    """Classify what happened to a request that got no answer.

    Args:
        error: what was raised.
        operation: what was requested.
        left: whether the body was asked to write; True where there is none to ask.
        proxied: whether a proxy stands in between: one that closes the connection while it sets up
            the tunnel raises the same exception as a server that read everything and died.
    """
    if isinstance(error, ConfigurationError):  # no connection was opened
        return error
    if isinstance(error, _BEFORE_THE_BODY) or (
        not left and proxied and isinstance(error, aiohttp.ClientConnectionError)
    ):
        # A DELETE aiohttp may have made before, and lost, by itself.
        if not left or operation.method == "GET":
            return NotSent(f"{operation}: the request was not sent: {_reason(error)}")
    elif isinstance(error, _REFUSED_BY_AIOHTTP) and (not left or operation.repeatable):
        return ConfigurationError(
            f"{operation}: the request could not be made ({type(error).__name__}); "
            "check the session, proxy and address that the client was given"
        )
    return unknown(operation, f"no whole answer came ({type(error).__name__})")


def _reason(error: BaseException) -> str:
    """Return what failed, without a proxy's address: it may hold a password."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # Up to aiohttp 3.12 it is a ClientConnectorError without that class's attributes.
        return f"{type(error).__name__}: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{type(error).__name__}: {error.os_error}{_advice(error)}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status}"
    return type(error).__name__


def _advice(error: aiohttp.ClientConnectorError) -> str:
    """Return what to do where nothing listens on this machine: most often it is the sandbox."""
    refused = isinstance(error.os_error, ConnectionRefusedError)
    proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
    if not refused or proxy or not is_loopback(error.host):
        return ""
    start = f"python -m smsworks_async sandbox --port {error.port}"
    return f"; if a sandbox should listen there, start it: {start}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer whole, but no more than `MAX_ANSWER` bytes, unpacked."""
    stream = response.content
    if stream.at_eof():  # it is empty, or a session's middleware has read it
        return await response.read()
    content = await stream.readany()
    if stream.at_eof():
        return content
    pieces = [content]
    size = len(content)
    while size <= MAX_ANSWER and (piece := await stream.readany()):
        pieces.append(piece)
        size += len(piece)
    if size > MAX_ANSWER:
        raise aiohttp.ClientPayloadError(f"the answer is longer than {MAX_ANSWER} bytes")
    return b"".join(pieces)


async def request(
    session: aiohttp.ClientSession,
    operation: Operation,
    url: URL,
    body: Body | None,
    headers: Mapping[str, str],
    *,
    proxied: bool,
    options: Mapping[str, Any],
    secrets: Callable[[], tuple[str, ...]] = tuple,
    on_headers: Callable[[Mapping[str, str]], object] | None = None,
) -> Any:
    """Make one request, and answer with its JSON.

    Args:
        session: what to make it with.
        operation: what to do.
        url: where.
        body: the bytes to send, or None.
        headers: among them the token.
        proxied: whether a proxy may stand in between.
        options: aiohttp's own, for every request of this client.
        secrets: gives the strings that an error must not repeat.
        on_headers: called with the headers of the answer, if there is one.

    Raises:
        APIError, NotSent, OutcomeUnknown: see this module's docstring.
        ConfigurationError: the request could not even be made.
    """
    try:
        with offline.asked():
            async with session.request(
                operation.method,
                url,
                data=body,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=True,
                timeout=_NO_TIMEOUT,
                **options,
            ) as response:
                content = await _read(response)
    except Exception as error:
        if body is not None:
            body.seal()
        left = body is None or body.left
        if not left and body is not None and body.refused:
            raise _too_late(operation) from error
        verdict = failure(error, operation, left=left, proxied=proxied)
        raise verdict from (error if verdict is not error else None)
    except BaseException as error:
        if body is not None:
            body.seal()
        if isinstance(error, asyncio.CancelledError) and not being_cancelled():
            # Nobody cancelled this task: the client was closed while it waited.
            closed = "the client was closed during the call"
            if body is not None and not body.left:
                raise NotSent(f"{operation}: the request was not sent: {closed}") from error
            raise unknown(operation, closed) from error
        error.add_note(f"{operation}: {_what_is_known(body)}")
        raise
    if body is not None and body.refused and not body.left:
        raise _too_late(operation)  # what was read is no answer to this request
    if on_headers is not None:
        on_headers(response.headers)
    return interpret(operation, response.status, response.headers, content, secrets=secrets)


def _too_late(operation: Operation) -> NotSent:
    return NotSent(f"{operation}: the request was not sent: its time was over")


def being_cancelled() -> bool:
    """Return whether this task is being cancelled; a closed client ends waits without that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _what_is_known(body: Body | None) -> str:
    if body is not None and not body.left:
        return "the request was not sent"
    return "the request left, and it is not known whether it was accepted"
