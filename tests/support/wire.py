"""A sandbox with a manual clock, and a bare aiohttp session for it."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp

from smsworks_async.sandbox import ManualClock, Sandbox


UNSET = object()
#: As in the provider's curl samples.
TWICE = "Content-Type: application/json\r\nContent-Type: text/plain\r\n"
MESSAGE = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}
BATCH = {"sender": "AcmeCorp", "destinations": ["447700900123", "07700900124"], "content": "Hello"}


class Api:
    """Plain HTTP requests, without checks, retries and conversion."""

    def __init__(self, box, session):
        self.box = box
        self.session = session

    async def call(self, method, path, body=UNSET, *, token=UNSET, **options):
        """Return the status and the JSON of a response."""
        if body is not UNSET:
            options["json"] = body
        authorization = self.box.token if token is UNSET else token
        headers = {"Authorization": authorization} if authorization is not None else {}
        headers.update(options.pop("headers", {}))
        url = self.box.base_url + path if path.startswith("/") else f"{self.box.root_url}/{path}"
        async with self.session.request(method, url, headers=headers, **options) as response:
            return response.status, await response.json()

    async def post(self, path, body=UNSET, **options):
        return await self.call("POST", path, body, **options)

    async def get(self, path, **options):
        return await self.call("GET", path, **options)

    async def delete(self, path, **options):
        return await self.call("DELETE", path, **options)

    async def send(self, **fields):
        status, answer = await self.post("/message/send", {**MESSAGE, **fields})
        assert status == 201, answer
        return answer

    async def record(self, message_id):
        status, answer = await self.get(f"/messages/{message_id}")
        assert status == 200, answer
        return answer


def at(api, **later):
    """Return a time after the sandbox's now, in ISO 8601."""
    moment = datetime.fromtimestamp(api.box.now, UTC) + timedelta(**later)
    return moment.isoformat().replace("+00:00", "Z")


@asynccontextmanager
async def sandbox(**settings):
    """Run a sandbox with a manual clock; yield an object for plain requests."""
    settings.setdefault("clock", ManualClock())
    async with Sandbox(**settings) as box, aiohttp.ClientSession() as session:
        yield Api(box, session)


def document(body):
    """Write a body over several lines, as the samples do."""
    return json.dumps(body, indent=0)


def head(api, method, path, more=""):
    return (
        f"{method} /v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{api.box.port}\r\n"
        f"User-Agent: curl/8.0\r\nAccept: */*\r\nAuthorization: {api.box.token}\r\n{more}\r\n"
    ).encode()


def request(api, method, path, body=None, kinds=TWICE):
    if body is None:
        return head(api, method, path)
    data = document(body).encode()
    return head(api, method, path, f"{kinds}Content-Length: {len(data)}\r\n") + data


class Wire:
    """A bare socket that sends request bytes and reads the responses."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def to(cls, api):
        """Open a connection to a sandbox, and close it at the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", api.box.port)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def answer(self):
        lines = ["HTTP/1.1 100 Continue"]
        while lines[0].split()[1] == "100":
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        data = await self.reader.readexactly(int(headers["content-length"]))
        return int(lines[0].split()[1]), json.loads(data), headers

    async def ask(self, *pieces):
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)
        return await self.answer()
