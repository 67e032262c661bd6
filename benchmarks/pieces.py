"""Contenders for measuring texts, parsing numbers and reports, imports, and the sandbox."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

from awaited import awaited
from common import WIRE


TEXTS = [
    "Your table is booked for 8, see you then",
    "Hi Ada, your order {1234} of £12.50 is on its way. " * 4,
    "Caf\u00e9 society \u2013 \u201cten\u201d \U0001f600 " * 9,
]
SPELLINGS = ["07700 900123", "+44 (0)7700 900124", "447700900125", "0044 7700-900126"]


def over(make, values):
    """Return a contender that calls the function returned by ``make`` with values in turn."""

    def contender(_, count):
        function = make()
        few = [values[n % len(values)] for n in range(count)]
        while True:
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
        yield

    return contender


class InSandbox:
    """A send to the sandbox by bare aiohttp, both in the same process."""

    def __init__(self, _):
        self.stack = AsyncExitStack()

    async def __aenter__(self):
        import aiohttp

        from smsworks_async.sandbox import Sandbox

        box = await self.stack.enter_async_context(Sandbox(flooding=False, credits=1e9))
        headers = {"Authorization": box.token}
        session = await self.stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        address = f"{box.base_url}/message/send"

        async def send():
            async with session.post(address, json=WIRE) as response:
                assert response.status == 201
                await response.read()

        return send

    async def __aexit__(self, *_):
        await self.stack.aclose()


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
        "ours": importing("smsworks_async.client"),  # the module of AsyncSMSWorks
        "twilio": importing("twilio.rest"),
        "telnyx": importing("telnyx"),
        "official": importing("openapi_client"),
    }


def sandbox():
    return {"ours": awaited(InSandbox, 10)}
