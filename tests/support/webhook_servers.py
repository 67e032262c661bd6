"""Webhooks on real servers: aiohttp, an ASGI and a WSGI server."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
from contextlib import asynccontextmanager
from os import PathLike

import aiohttp
import uvicorn
from aiohttp import web
from werkzeug.serving import WSGIRequestHandler, make_server

from smsworks_async import SMSWorks
from smsworks_async.webhooks import Webhooks
from support.waiting import PATIENCE, until


#: An incoming message, as the provider posts it.
REPLY = {"messageid": "9", "messagetype": "incoming", "from": "447700900124", "content": "Yes"}
SECRET = "the-webhook-secret-of-these-tests-AAAA"


@asynccontextmanager
async def on_aiohttp(hooks):
    app = web.Application()
    app.add_routes(hooks.routes("/sms"))
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_asgi(app):
    """Serve an application, including its lifespan; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


def on_asgi(hooks):
    return serve_asgi(hooks.asgi())


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


@asynccontextmanager
async def on_wsgi(hooks):
    server = make_server("127.0.0.1", 0, hooks.wsgi(), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


SERVERS = {"aiohttp": on_aiohttp, "asgi": on_asgi, "wsgi": on_wsgi}


class Provider:
    """A provider that posts, by default to the right URL."""

    def __init__(self, session, port):
        self.session = session
        self.port = port

    async def post(self, document=None, *, path=f"/sms/{SECRET}", method="POST", **options):
        """Return the status; the response must contain nothing else."""
        if document is not None:
            options["json"] = document
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.session.request(method, url, **options) as response:
            assert await response.read() in (b"", b"404: Not Found")
            return response.status

    async def report(self, message_id="1", status="DELIVERED", **changes):
        return await self.post({"messageid": message_id, "status": status, **changes})


@asynccontextmanager
async def serving(server, **settings):
    """Serve webhooks; yield a provider that posts to them."""
    settings.setdefault("secrets", SECRET)
    hooks = Webhooks(**settings)
    logging.getLogger("smsworks_async.webhooks").propagate = True
    async with SERVERS[server](hooks) as port, aiohttp.ClientSession() as session:
        yield Provider(session, port)
    if isinstance(settings.get("seen"), str | PathLike):
        await hooks._processor._deduplicator._seen._journal.close()


class Told:
    """An application that records its calls, and fails on request."""

    def __init__(self, failures=0):
        self.items = []
        self.calls = 0
        self.failures = failures

    def plain(self, item):
        self.calls += 1
        if self.calls <= self.failures:
            raise LookupError("the database is unavailable")
        self.items.append(item)

    async def later(self, item):
        await asyncio.sleep(0)
        self.plain(item)

    async def __call__(self, item):
        await self.later(item)

    @property
    def statuses(self):
        return [(item.message_id, getattr(item, "status", "-")) for item in self.items]


class Slow:
    """A handler that waits until it is released, and fails a number of times."""

    def __init__(self, failures=0):
        self.handled = []
        self.go_on = threading.Event()
        self.failures = failures

    def __call__(self, report):
        self.handled.append((report.message_id, report.status))
        assert self.go_on.wait(PATIENCE)
        if len(self.handled) <= self.failures:
            raise LookupError("the database is unavailable")


async def close_client(client, server):
    """Close a client that a kind of server has used."""
    if isinstance(client, SMSWorks):
        await asyncio.to_thread(client.close)
    elif server != "wsgi":
        await client.close()
    else:
        gc.collect()  # ends the loop that WSGI has in the background, and the session with it
