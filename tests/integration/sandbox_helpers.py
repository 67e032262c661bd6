"""A sandbox whose clock is turned by hand, and a bare aiohttp session to call it with."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp

from smsworks_async.sandbox import ManualClock, Sandbox


UNSET = object()
MESSAGE = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}
BATCH = {"sender": "AcmeCorp", "destinations": ["447700900123", "07700900124"], "content": "Hello"}


class Api:
    """The wire, as it is: nothing is checked, retried or converted."""

    def __init__(self, box, session):
        self.box = box
        self.session = session

    async def call(self, method, path, body=UNSET, *, token=UNSET, **options):
        """Return an answer's status and what its JSON holds."""
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
    """Write a moment after the sandbox's now, in ISO 8601."""
    moment = datetime.fromtimestamp(api.box.now, UTC) + timedelta(**later)
    return moment.isoformat().replace("+00:00", "Z")


@asynccontextmanager
async def sandbox(**settings):
    """Run a sandbox with a manual clock, and yield the wire to it."""
    settings.setdefault("clock", ManualClock())
    async with Sandbox(**settings) as box, aiohttp.ClientSession() as session:
        yield Api(box, session)
