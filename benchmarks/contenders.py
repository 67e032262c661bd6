"""What is measured: for each piece of work, who does it and how.

A contender is a function of the server's address and of how often to do it. It does it `WARM_UP`
times first where that is a matter of connections, then yields, and does it: what comes after the
yield is measured. Only what a contender needs is imported by it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path


WARM_UP = 100
TEXT = {"sender": "AcmeCorp", "content": "Hello"}
MESSAGE = {**TEXT, "destination": "07700 900123"}
WIRE = {**TEXT, "destination": "447700900123"}
PEOPLE = [f"447700900{n:03d}" for n in range(500)]
AUTH = {"Authorization": "JWT eyJ"}
TWILIO = {"to": "+447700900123", "from_": "AcmeCorp", "body": "Hello"}
TELNYX = {"to": "+447700900123", "from_": "AcmeCorp", "text": "Hello"}
CONCURRENCY = 8  # of bulk: requests in flight


# One awaited send, so many at a time


async def many(send, count, at_a_time):
    async def in_a_row(times):
        for _ in range(times):
            await send()

    await asyncio.gather(*(in_a_row(count // at_a_time) for _ in range(at_a_time)))


def awaited(opening, at_a_time):
    """Make a contender of something that gives an async context manager of a send."""

    def contender(url, count):
        with asyncio.Runner() as runner:
            stack = opening(url)
            send = runner.run(stack.__aenter__())
            runner.run(many(send, WARM_UP, at_a_time))
            yield
            runner.run(many(send, count, at_a_time))
            runner.run(stack.__aexit__(None, None, None))

    return contender


class Bare:
    """Nothing but aiohttp, doing the same POST."""

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


def there(kind, url):
    """Send a twilio client's requests to the server instead of its own host."""

    class There(kind):
        def request(self, method, address, *args, **kwargs):
            path = address.removeprefix("https://api.twilio.com")
            return super().request(method, url + path, *args, **kwargs)

    return There


# Blocking sends


def blocking(opening, threads):
    """Make a contender of something that gives a send and what closes it."""

    def contender(url, count):
        send, close = opening(url)

        def in_a_row(times):
            for _ in range(times):
                send()

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(in_a_row, [WARM_UP // threads] * threads))
            yield
            list(pool.map(in_a_row, [count // threads] * threads))
        close()

    return contender


def ours_blocking(url):
    from smsworks_async import SMSWorks

    client = SMSWorks("eyJ", base_url=url + "/v1")
    return lambda: client.messages.send(**MESSAGE), client.close


def requests_blocking(url):
    import requests

    session = requests.Session()
    session.headers.update(AUTH)
    return lambda: session.post(url + "/v1/message/send", json=WIRE).json(), session.close


def twilio_blocking(url):
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    client = Client("AC0", "token", http_client=there(TwilioHttpClient, url)())
    return lambda: client.messages.create(**TWILIO), lambda: None


def telnyx_blocking(url):
    from telnyx import Telnyx as Blocking

    client = Blocking(api_key="key", base_url=url + "/v2", max_retries=0)
    return lambda: client.messages.send(**TELNYX), client.close


def official_blocking(url):
    """The provider's own SDK, from a checkout on the path."""
    import openapi_client as official

    settings = official.Configuration(host=url + "/v1", api_key={"JWT": "eyJ"})
    settings.connection_pool_maxsize = 16
    api = official.MessagesApi(official.ApiClient(settings))
    return lambda: api.message_send_post(official.Message(**WIRE)), lambda: None


# Bulk


def numbers(count):
    return (f"447{n:09d}" for n in range(count))


def bulk_bare(url, count):
    import aiohttp

    async def run():
        source = numbers(count)
        async with aiohttp.ClientSession(headers=AUTH) as session:

            async def post():
                while chunk := list(islice(source, 500)):
                    document = {**TEXT, "destinations": chunk}
                    async with session.post(url + "/v1/batch/send", json=document) as response:
                        (await response.json())["batchid"]

            await asyncio.gather(*(post() for _ in range(CONCURRENCY)))

    yield
    asyncio.run(run())


def bulk_ours(url, count, **options):
    from smsworks_async import AsyncSMSWorks
    from smsworks_async.bulk import campaigns  # noqa: F401 - what a journal needs, for all alike

    async def run():
        async with AsyncSMSWorks("eyJ", base_url=url + "/v1") as sms:
            report = await sms.bulk.send(
                **TEXT, destinations=numbers(count), concurrency=CONCURRENCY, **options
            )
        assert report.accepted == count, report

    yield
    asyncio.run(run())


def bulk_flat(url, count):
    yield from bulk_ours(url, count, deduplicate=False)


def bulk_journal(url, count):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        yield from bulk_ours(url, count, journal=path, campaign="x")
        yield {"file": sum(part.stat().st_size for part in Path(folder).iterdir())}


# Texts, numbers and reports


TEXTS = [
    "Your table is booked for 8, see you then",
    "Hi Ada, your order {1234} of £12.50 is on its way. " * 4,
    "Caf\u00e9 society \u2013 \u201cten\u201d \U0001f600 " * 9,
]
SPELLINGS = ["07700 900123", "+44 (0)7700 900124", "447700900125", "0044 7700-900126"]


def over(make, values):
    """Make a contender of something that gives a function of one value."""

    def contender(_, count):
        function = make()
        few = [values[n % len(values)] for n in range(count)]
        yield
        for value in few:
            function(value)

    return contender


def measure_ours():
    from smsworks_async import text

    return text.measure


def measure_smsutil():
    import smsutil

    return smsutil.split


def measure_sms_counter():
    from sms.counter.sms_counter import SMSCounter

    return SMSCounter().count


def normalise_ours():
    from smsworks_async import phone

    return phone.normalise


def normalise_phonenumbers():
    import phonenumbers

    def normalise(number):
        parsed = phonenumbers.parse(number, "GB")
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)

    return normalise


REPORT = json.dumps(
    {
        "messageid": "128032521395903584",
        "customerid": "5a4db0c5-0000-4000-8000-000000000000",
        "sender": "AcmeCorp",
        "destination": 447700900123,
        "content": "Your table is booked for 8, see you then",
        "status": "UNDELIVERED",
        "credits": 1,
        "tag": "tables",
        "created": "2031-05-01T09:00:00.123Z",
        "modified": "2031-05-01T09:00:05.667Z",
        "schedule": "2031-05-01T09:00:00.000Z",
        "failurereason": {"code": 5006, "details": "Absent subscriber", "permanent": False},
    }
).encode()


def reports_json():
    return json.loads


def reports_ours():
    from smsworks_async import webhooks

    return webhooks.parse


# Imports and the sandbox


def importing(*names):
    def contender(*_):
        yield
        for name in names:
            __import__(name)

    return contender


def sandbox(_, count):
    """What the sandbox takes for a send: the server's own process is measured, by a bare client."""
    import aiohttp

    from smsworks_async.sandbox import Sandbox

    async def run(times):
        async with Sandbox(flooding=False, credits=1e9) as box:
            headers = {"Authorization": box.token}
            async with aiohttp.ClientSession(headers=headers) as session:

                async def send():
                    address = f"{box.base_url}/message/send"
                    async with session.post(address, json=WIRE) as response:
                        assert response.status == 201
                        await response.read()

                await many(send, times, 10)

    asyncio.run(run(WARM_UP))
    yield
    asyncio.run(run(count))


def _sends(at_a_time):
    openings = {"aiohttp": Bare, "ours": Ours, "httpx": Httpx, "twilio": Twilio, "telnyx": Telnyx}
    return {name: awaited(opening, at_a_time) for name, opening in openings.items()}


def _blocking(threads):
    openings = {
        "requests": requests_blocking,
        "ours": ours_blocking,
        "twilio": twilio_blocking,
        "telnyx": telnyx_blocking,
        "official": official_blocking,
    }
    return {name: blocking(opening, threads) for name, opening in openings.items()}


#: By the name of the work: how often it is done, and who does it; the first is the measure.
WORK = {
    "one awaited send, in a row": (1000, _sends(1)),
    "one awaited send, 50 at a time": (2000, _sends(50)),
    "one blocking send, in a row": (1000, _blocking(1)),
    "one blocking send, from 16 threads": (1600, _blocking(16)),
    "a batch of 500": (
        500,
        {"aiohttp": awaited(BareBatch, 1), "ours": awaited(OursBatch, 1)},
    ),
    "bulk": (
        1_000_000,
        {"bare loop": bulk_bare, "ours": bulk_ours, "no dedup": bulk_flat, "journal": bulk_journal},
    ),
    "measure a text": (
        30_000,
        {
            "ours": over(measure_ours, TEXTS),
            "smsutil": over(measure_smsutil, TEXTS),
            "sms-counter": over(measure_sms_counter, TEXTS),
        },
    ),
    "normalise a number": (
        50_000,
        {
            "ours": over(normalise_ours, SPELLINGS),
            "phonenumbers": over(normalise_phonenumbers, SPELLINGS),
        },
    ),
    "parse a delivery report": (
        20_000,
        {"json alone": over(reports_json, [REPORT]), "ours": over(reports_ours, [REPORT])},
    ),
    "import": (
        1,
        {
            "dependencies": importing("aiohttp", "attrs", "cattrs", "tenacity"),
            "ours": importing("smsworks_async"),
            "twilio": importing("twilio.rest"),
            "telnyx": importing("telnyx"),
            "official": importing("openapi_client"),
        },
    ),
    "a send in the sandbox, client included": (2000, {"ours": sandbox}),
}


def main() -> None:
    """Be one contender, and say what it took."""
    import resource
    import time

    work, name, url, count = sys.argv[1:5]
    if len(sys.argv) > 5:
        sys.path.insert(0, sys.argv[5])
    running = WORK[work][1][name](url, int(count))
    next(running)
    before, began = time.process_time(), time.perf_counter()
    more = next(running, None) or {}
    cpu, wall = time.process_time() - before, time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": peak, **more}))
    next(running, None)


if __name__ == "__main__":
    main()
