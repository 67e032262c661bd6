"""Async sends with this package, bare aiohttp and other SDKs, at a given concurrency."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from common import AUTH, MESSAGE, PEOPLE, TELNYX, TEXT, TWILIO, WARM_UP, WIRE, there


async def many(send, count, at_a_time):
    async def in_a_row(times):
        for _ in range(times):
            await send()

    await asyncio.gather(*(in_a_row(count // at_a_time) for _ in range(at_a_time)))


def awaited(opening, at_a_time):
    """Return a contender from a function that returns an async context manager of a send."""

    def contender(url, count):
        with asyncio.Runner() as runner:
            stack = opening(url)
            send = runner.run(stack.__aenter__())
            runner.run(many(send, WARM_UP, at_a_time))
            try:
                while True:
                    yield
                    runner.run(many(send, count, at_a_time))
            finally:
                runner.run(stack.__aexit__(None, None, None))

    return contender


class Bare:
    """Bare aiohttp, making the same POST request."""

    path, document = "/v1/message/send", WIRE

    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        import aiohttp

        self.session = session = aiohttp.ClientSession(headers=AUTH)
        url, document = self.url + self.path, self.document

        async def send():
            async with session.post(url, json=document) as response:
                return await response.json()

        return send

    async def __aexit__(self, *_):
        await self.session.close()


class BareBatch(Bare):
    path, document = "/v1/batch/send", {**TEXT, "destinations": PEOPLE}


class Ours:
    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        from smsworks_async import AsyncSMSWorks

        self.client = AsyncSMSWorks("eyJ", base_url=self.url + "/v1")
        return self.what(self.client)

    def what(self, client):
        return lambda: client.messages.send(**MESSAGE)

    async def __aexit__(self, *_):
        await self.client.close()


class OursKeyed(Ours):
    """This package, with an idempotency key and a journal in a file."""

    async def __aenter__(self):
        from smsworks_async import AsyncSMSWorks
        from smsworks_async._idempotency import sends  # noqa: F401 - otherwise imported by the first send

        self.folder = tempfile.TemporaryDirectory()
        journal = Path(self.folder.name) / "keys.db"
        self.client = AsyncSMSWorks("eyJ", base_url=self.url + "/v1", journal=journal)
        keys = map(str, itertools.count())
        return lambda: self.client.messages.send(**MESSAGE, idempotency_key=next(keys))

    async def __aexit__(self, *_):
        await self.client.close()
        self.folder.cleanup()


class OursBatch(Ours):
    def what(self, client):
        return lambda: client.batches.send(**TEXT, destinations=PEOPLE)


class Httpx:
    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        import httpx

        self.client = client = httpx.AsyncClient(headers=AUTH)
        url = self.url + "/v1/message/send"

        async def send():
            return (await client.post(url, json=WIRE)).json()

        return send

    async def __aexit__(self, *_):
        await self.client.aclose()


class Twilio:
    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        from twilio.http.async_http_client import AsyncTwilioHttpClient
        from twilio.rest import Client

        self.http = there(AsyncTwilioHttpClient, self.url)()
        client = Client("AC0", "token", http_client=self.http)
        return lambda: client.messages.create_async(**TWILIO)

    async def __aexit__(self, *_):
        await self.http.close()


class Telnyx:
    def __init__(self, url):
        self.url = url

    async def __aenter__(self):
        from telnyx import AsyncTelnyx

        self.client = client = AsyncTelnyx(api_key="key", base_url=self.url + "/v2", max_retries=0)
        return lambda: client.messages.send(**TELNYX)

    async def __aexit__(self, *_):
        await self.client.close()


def sends(at_a_time):
    openings = {
        "aiohttp": Bare,
        "ours": Ours,
        "with a key": OursKeyed,
        "httpx": Httpx,
        "twilio": Twilio,
        "telnyx": Telnyx,
    }
    return {name: awaited(opening, at_a_time) for name, opening in openings.items()}


def batches():
    return {"aiohttp": awaited(BareBatch, 1), "ours": awaited(OursBatch, 1)}
