"""One request: send bytes, and return a response or raise a classified failure.

Every failure is classified here as one of three kinds:

- *not sent* (`NotSent`): the failure came before the body was asked to write;
- *rejected* (`APIError`): the API, or a server in front of it, rejected the request;
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


#: The largest accepted response in bytes: twice the size of 1000 records with the longest texts.
MAX_ANSWER: Final = 8 * 1024 * 1024

CONTENT_TYPE: Final = "application/json"
# The deadline is around the whole call, so aiohttp's own time-outs are disabled.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


class Unasked(aiohttp.ClientConnectionError):
    """The server sent data on every connection before a request, so no request was made."""


# Errors that only occur before a body is written: name look-up, connecting, TLS, a proxy's refusal.
_BEFORE_THE_BODY: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    Unasked,
)
_REFUSED_BY_AIOHTTP: Final = (ValueError, TypeError, RuntimeError, aiohttp.NonHttpUrlClientError)


class Body(aiohttp.BytesPayload):
    """A request's bytes, with a record of whether they were asked to be written.

    aiohttp writes headers and body together, by calling the body, so while `left` is False no byte
    of the request has been sent. After `seal` the body refuses to be written. So does a body with
    `once` that has been written, and one that has expired.

    Args:
        content: the bytes.
        once: whether they may be written only once.
        expired: returns True when they may not be written any more; or None.
        watched: whether it is certain that this body is written: a session's middlewares may
            replace it.
    """

    def __init__(
        self,
        content: bytes,
        *,
        once: bool,
        expired: Callable[[], bool] | None = None,
        watched: bool = True,
    ) -> None:
        # Skip BytesPayload's initialiser, which warns about bodies above 1 MiB: a batch of unique
        # texts may be larger, and is still written in one piece.
        super(aiohttp.BytesPayload, self).__init__(content, content_type=CONTENT_TYPE)
        self._size = len(content)
        self._once = once
        self._expired = expired
        self._sealed = False
        self._written = False
        self._watched = watched
        #: Whether it was asked to be written, and refused.
        self.refused = False

    @property
    def left(self) -> bool:
        """Whether it was asked to be written; True if that cannot be watched."""
        return self._written or not self._watched

    def seal(self) -> None:
        """Refuse to write any byte from now on."""
        self._sealed = True

    def _leave(self) -> None:
        late = self._expired is not None and self._expired()
        if self._sealed or late or (self._once and self._written):
            self.refused = True
            raise aiohttp.ClientError("the request may not be sent any more")
        self._written = True

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the bytes, if that is still allowed."""
        self._leave()
        await super().write(writer)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        """Write the bytes, if that is still allowed."""
        self._leave()
        await super().write_with_length(writer, content_length)


def failure(
    error: BaseException, operation: Operation, *, left: bool, proxied: bool
) -> SMSWorksError:
    """Classify the failure of a request without a response.

    Args:
        error: the exception.
        operation: the operation.
        left: whether the body was asked to write; True for a request without a body.
        proxied: whether there is a proxy. A proxy that closes the connection while the tunnel is
            set up raises the same exception as a server that read everything and died.
    """
    if isinstance(error, ConfigurationError):  # no connection was opened
        return error
    if isinstance(error, _BEFORE_THE_BODY) or (
        not left and proxied and isinstance(error, aiohttp.ClientConnectionError)
    ):
        # aiohttp may itself have sent a DELETE before, and lost its response.
        if not left or operation.method == "GET":
            return NotSent(f"{operation}: the request was not sent: {_reason(error)}")
    elif isinstance(error, _REFUSED_BY_AIOHTTP) and (not left or operation.repeatable):
        return ConfigurationError(
            f"{operation}: the request could not be made ({type(error).__name__}); "
            "check the client's session, proxy and base_url"
        )
    return unknown(operation, f"no complete response arrived ({type(error).__name__})")


def _reason(error: BaseException) -> str:
    """Return what failed, without a proxy's address, which may contain a password."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # Up to aiohttp 3.12 it is a ClientConnectorError without that class's attributes.
        return f"{type(error).__name__}: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{type(error).__name__}: {error.os_error}{_advice(error)}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status}"
    return type(error).__name__


def _advice(error: aiohttp.ClientConnectorError) -> str:
    """Return what to do if nothing listens on this machine: usually, start the sandbox."""
    refused = isinstance(error.os_error, ConnectionRefusedError)
    proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
    if not refused or proxy or not is_loopback(error.host):
        return ""
    start = f"python -m smsworks_async sandbox --port {error.port}"
    return f"; if you meant to use a sandbox, start it: {start}"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read a whole response, up to `MAX_ANSWER` bytes after decompression."""
    stream = response.content
    if stream.at_eof():  # empty, or already read by a session's middleware
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
        raise aiohttp.ClientPayloadError(f"the response is longer than {MAX_ANSWER} bytes")
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
    """Make one request, and return the JSON of its response.

    Args:
        session: the aiohttp session.
        operation: the operation.
        url: its URL.
        body: the bytes to send, or None.
        headers: the headers, including the token.
        proxied: whether there may be a proxy.
        options: aiohttp's options for every request of this client.
        secrets: returns the strings that an error must not contain.
        on_headers: called with the headers of the response, if there is one.

    Raises:
        APIError, NotSent, OutcomeUnknown: see this module's docstring.
        ConfigurationError: the request could not be made; nothing was sent.
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
            # This task was not cancelled: the client was closed while it waited.
            closed = "the client was closed during the call"
            if body is not None and not body.left:
                raise NotSent(f"{operation}: the request was not sent: {closed}") from error
            raise unknown(operation, closed) from error
        _note_what_is_known(error, operation, body)
        raise
    if body is not None and body.refused and not body.left:
        raise _too_late(operation)  # the input was not a response to this request
    if on_headers is not None:
        on_headers(response.headers)
    return interpret(operation, response.status, response.headers, content, secrets=secrets)


def _too_late(operation: Operation) -> NotSent:
    return NotSent(f"{operation}: the request was not sent: its time had expired")


def being_cancelled() -> bool:
    """Return whether this task is being cancelled; closing a client ends waits without that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _note_what_is_known(error: BaseException, operation: Operation, body: Body | None) -> None:
    if body is not None and not body.left:
        error.add_note(f"{operation}: the request was not sent")
    elif operation.method != "GET":  # a read leaves nothing in doubt
        error.add_note(
            f"{operation}: the request left, and it is not known whether it was accepted"
        )
