"""Webhooks as a bare WSGI application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from smsworks_async.webhooks.body import Body, declared
from smsworks_async.webhooks.executors import OnThread, drive
from smsworks_async.webhooks.guard import ALLOW, Facts
from smsworks_async.webhooks.parsing import MAX_BODY


if TYPE_CHECKING:
    from smsworks_async.webhooks.processor import Webhooks

WSGIApplication: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: How many bytes are asked for at a time where a read returns only when all of them have come: so
#: few that a body which drips in is noticed.
_DROP: Final = 32


def wsgi_application(hooks: Webhooks) -> WSGIApplication:
    """Give the application.

    WSGI knows no way to give up a read. What drips in is cut off in time; while nothing at all
    comes, it is for the server's own time-out to end it.
    """
    world = OnThread()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        facts = _facts(environ)
        status = hooks.refusal(facts)
        headers = [("Content-Length", "0")]
        if status is None:
            stream = environ["wsgi.input"]
            ends = bool(environ.get("wsgi.input_terminated"))
            body = read_body(stream, facts.length, hooks.receive_timeout, ends=ends)
            status = body if isinstance(body, int) else drive(hooks.answer(body, world))
        if status == 405:
            headers += ALLOW.items()
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [b""]

    return application


def _facts(environ: dict[str, Any]) -> Facts:
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
    # PEP 3333: bytes dressed up as latin-1.
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    return Facts(
        environ["REQUEST_METHOD"],
        path.decode("utf-8", "surrogateescape"),
        environ.get("HTTP_AUTHORIZATION"),
        environ.get("REMOTE_ADDR"),
        () if forwarded_for is None else (forwarded_for,),
        declared(environ.get("CONTENT_LENGTH", "")),
    )


def read_body(stream: Any, length: int | None, seconds: float, *, ends: bool) -> bytes | int:
    """Read a body within bounds, or return the status that says which of them it broke.

    Args:
        stream: the input.
        length: how long the body says that it is, in bytes; None where it does not say.
        seconds: the time in which all of it must have come.
        ends: whether the input ends with the body; otherwise reading on would wait for ever.
    """
    if length is None:
        length = MAX_BODY + 1 if ends else 0
    body = Body()
    # `read1` gives what is there.
    read, most = (stream.read1, length) if hasattr(stream, "read1") else (stream.read, _DROP)
    until = time.monotonic() + seconds
    while length > 0:
        try:
            chunk = read(min(length, most))
        except OSError:
            return 400
        if not chunk:
            break
        length -= len(chunk)
        body.feed(chunk)
        if time.monotonic() > until:
            return 408
    return body.whole()
