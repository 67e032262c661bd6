"""Texts, numbers, delivery reports, imports, and the sandbox."""

from __future__ import annotations

import asyncio
import json

from awaited import many
from common import WARM_UP, WIRE


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


def measures():
    return {
        "ours": over(measure_ours, TEXTS),
        "smsutil": over(measure_smsutil, TEXTS),
        "sms-counter": over(measure_sms_counter, TEXTS),
    }


def normalisations():
    return {
        "ours": over(normalise_ours, SPELLINGS),
        "phonenumbers": over(normalise_phonenumbers, SPELLINGS),
    }


def reports():
    return {"json alone": over(reports_json, [REPORT]), "ours": over(reports_ours, [REPORT])}


def imports():
    return {
        "dependencies": importing("aiohttp", "attrs", "cattrs", "tenacity"),
        "ours": importing("smsworks_async"),
        "twilio": importing("twilio.rest"),
        "telnyx": importing("telnyx"),
        "official": importing("openapi_client"),
    }
