"""Webhooks as a bare WSGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from smsworks_async.webhooks.executors import ThreadExecutor, drive
from smsworks_async.webhooks.parsing import MAX_BODY
from smsworks_async.webhooks.processor import Processor
from smsworks_async.webhooks.request import (
    ALLOW,
    BodyBuffer,
    Rejected,
    RequestHead,
    parse_content_length,
)


WSGIApplication: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: The number of bytes to read at a time from an input without `read1`, whose `read` returns only
#: when all have arrived; small, so that a slow body is detected.
_SMALL_READ: Final = 32


def wsgi_application(processor: Processor) -> WSGIApplication:
    """Return the application.

    WSGI cannot abort a read. A slow body is cut off in time, but if no data arrives at all, only
    the server's own time-out ends the request.
    """
    executor = ThreadExecutor()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        head = _head(environ)
        headers = [("Content-Length", "0")]
        try:
            processor.check_head(head)
            stream = environ["wsgi.input"]
            ends = bool(environ.get("wsgi.input_terminated"))
            body = read_body(stream, head.length, processor.receive_timeout, ends=ends)
            status = drive(processor.process(body, executor))
        except Rejected as rejected:
            status = rejected.status
        if status == 405:
            headers += ALLOW.items()
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [b""]

    return application


def _head(environ: dict[str, Any]) -> RequestHead:
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
    # PEP 3333: bytes decoded as latin-1.
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    return RequestHead(
        environ["REQUEST_METHOD"],
        path.decode("utf-8", "surrogateescape"),
        environ.get("HTTP_AUTHORIZATION"),
        environ.get("REMOTE_ADDR"),
        () if forwarded_for is None else (forwarded_for,),
        parse_content_length(environ.get("CONTENT_LENGTH", "")),
    )


def read_body(stream: Any, length: int | None, seconds: float, *, ends: bool) -> bytes:
    """Read a body from a WSGI input.

    Args:
        stream: the input.
        length: the body's ``Content-Length``, or None.
        seconds: the time within which all of it must arrive.
        ends: whether the input ends with the body; otherwise reading further would block forever.

    Raises:
        Rejected: with 400, 408 or 413: it was truncated, too slow, or too large.
    """
    if length is None:
        length = MAX_BODY + 1 if ends else 0
    body = BodyBuffer()
    # `read1` returns what has arrived.
    read, most = (stream.read1, length) if hasattr(stream, "read1") else (stream.read, _SMALL_READ)
    deadline = time.monotonic() + seconds
    while length > 0:
        try:
            chunk = read(min(length, most))
        except OSError:
            raise Rejected(400) from None
        if not chunk:
            break
        length -= len(chunk)
        body.feed(chunk)
        if time.monotonic() > deadline:
            raise Rejected(408)
    return body.read()
