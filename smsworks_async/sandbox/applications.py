"""Post to an ASGI or WSGI application in this process, or to a test client, without a socket."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import logging
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable

    from .outbox import Post


#: The host name with which an application is called; Django's and Starlette's test clients use it.
HOST: Final = "testserver"
_JSON: Final = "application/json"
_log: Final = logging.getLogger("smsworks_async.sandbox")


@attrs.frozen
class Delivery:
    """One post to an application: the parts of its URL, and its body."""

    path: str
    query: str
    body: bytes

    @classmethod
    def of(cls, post: Post) -> Delivery:
        """Return the delivery of a post; the host of its URL is ignored."""
        parts = urlsplit(post.url)
        return cls(parts.path or "/", parts.query, json.dumps(post.payload).encode())

    @property
    def target(self) -> str:
        """The path and the query in the form of a request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Application:
    """An application in this process that can be posted to.

    Args:
        app: an ASGI or a WSGI application, or a test client with a method `post`, such as those of
            aiohttp, Django, Flask and Starlette.

    Raises:
        TypeError: it is none of these.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._send = _sender(app)
        self._is_awaited = self._send in _AWAITED

    def post(self, post: Post) -> int:
        """Post from blocking code, and return the response's status.

        An ASGI application runs in a new event loop. An exception of the application is logged, and
        counts as status 500.
        """
        delivery = Delivery.of(post)
        if self._is_awaited and self._send is not _to_asgi:
            raise TypeError(
                "this test client is asynchronous: use it with `async with Sandbox()`, or pass a "
                "blocking client"
            )
        try:
            if self._is_awaited:
                return int(asyncio.run(self._send(self._app, delivery)))
            return int(self._send(self._app, delivery))
        except Exception:
            _log.exception("the application raised on a post to %s", _shown(delivery.path))
            return 500

    async def post_async(self, post: Post) -> int:
        """Post from an event loop, and return the response's status.

        An asynchronous application runs in that loop, a blocking one on another thread. An
        exception of the application is logged, and counts as status 500.
        """
        delivery = Delivery.of(post)
        try:
            if self._is_awaited:
                return int(await self._send(self._app, delivery))
            return int(await asyncio.to_thread(self._send, self._app, delivery))
        except Exception:
            _log.exception("the application raised on a post to %s", _shown(delivery.path))
            return 500


def _shown(path: str) -> str:
    """Return a path without its last part, which may be a secret."""
    return f"{path.rpartition('/')[0]}/…"


def _sender(app: Any) -> Callable[[Any, Delivery], Any]:
    if not callable(app):
        post = getattr(app, "post", None)
        if callable(post):
            is_aiohttp = any(base.__module__.startswith("aiohttp.") for base in type(app).__mro__)
            return _to_aiohttp_client if is_aiohttp else _client_sender(post)
        raise TypeError(
            "deliver_to must be an ASGI or a WSGI application, or a test client with a post "
            f"method, not a {type(app).__name__}"
        )
    parameters = _parameters(app).values()
    required = [
        one
        for one in parameters
        if one.default is one.empty and one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
    ]
    if len(required) == 3:
        return _to_asgi
    if len(required) == 2:
        return _to_wsgi
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        is_async = any(map(inspect.iscoroutinefunction, (app, type(app).__call__)))
        return _to_asgi if is_async else _to_wsgi
    raise TypeError(
        f"a {type(app).__name__} is neither an ASGI nor a WSGI application; for an aiohttp "
        "application, pass an aiohttp.test_utils.TestClient"
    )


def _client_sender(post: Callable[..., Any]) -> Callable[[Any, Delivery], Any]:
    if "content" in _parameters(post):
        return _to_async_client if inspect.iscoroutinefunction(post) else _to_client
    return _to_async_form_client if inspect.iscoroutinefunction(post) else _to_form_client


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


# Test clients with the interface of HTTPX and Starlette.


def _to_client(client: Any, delivery: Delivery) -> Any:
    return client.post(
        delivery.target, content=delivery.body, headers={"Content-Type": _JSON}
    ).status_code


async def _to_async_client(client: Any, delivery: Delivery) -> Any:
    answer = await client.post(
        delivery.target, content=delivery.body, headers={"Content-Type": _JSON}
    )
    return answer.status_code


# Test clients with the interface of Django and Flask.


def _to_form_client(client: Any, delivery: Delivery) -> Any:
    return client.post(delivery.target, data=delivery.body, content_type=_JSON).status_code


async def _to_async_form_client(client: Any, delivery: Delivery) -> Any:
    answer = await client.post(delivery.target, data=delivery.body, content_type=_JSON)
    return answer.status_code


async def _to_aiohttp_client(client: Any, delivery: Delivery) -> Any:
    headers = {"Content-Type": _JSON}
    async with client.post(delivery.target, data=delivery.body, headers=headers) as answer:
        return answer.status


async def _to_asgi(app: Any, delivery: Delivery) -> int:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": unquote_to_bytes(delivery.path).decode("utf-8", "replace"),
        "raw_path": delivery.path.encode(),
        "query_string": delivery.query.encode(),
        "root_path": "",
        "headers": [
            (b"host", HOST.encode()),
            (b"content-type", _JSON.encode()),
            (b"content-length", str(len(delivery.body)).encode()),
        ],
        "client": ("127.0.0.1", 50000),
        "server": (HOST, 80),
        "extensions": {},
    }
    statuses: list[int] = []
    read, ended = False, asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal read
        if read:
            await ended.wait()
            return {"type": "http.disconnect"}
        read = True
        return {"type": "http.request", "body": delivery.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    try:
        await app(scope, receive, send)
    finally:
        ended.set()
    return statuses[0] if statuses else 500


def _to_wsgi(app: Any, delivery: Delivery) -> int:
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(delivery.path).decode("latin-1"),
        "QUERY_STRING": delivery.query,
        "CONTENT_TYPE": _JSON,
        "CONTENT_LENGTH": str(len(delivery.body)),
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": HOST,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(delivery.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    statuses: list[int] = []

    def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], None]:
        statuses.append(int(status.partition(" ")[0]))
        return lambda _: None

    answer = app(environ, start_response)
    try:
        for _ in answer:
            pass
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return statuses[-1] if statuses else 500


_AWAITED: Final = {_to_asgi, _to_async_client, _to_async_form_client, _to_aiohttp_client}
