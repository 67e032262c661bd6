"""No part of a token, password, number, text or passcode is in an exception or a log record."""

from __future__ import annotations

import asyncio
import base64
import copy
import html
import inspect
import json
import logging
import pickle
import re
import traceback
from datetime import UTC, datetime
from operator import attrgetter
from urllib.parse import quote

import pytest
from aiohttp import web

from smsworks_async import AsyncSMSWorks, SMSWorks, SMSWorksError
from support.sandboxes import AT_ONCE


TOKEN = "eyJhbGciOiJIUzI1NiJ9.armadillo.s3cr3tsignature"
TEXT = "Dear Ms Quixotic, your <biopsy> & bill: élan at 8 o'clock"
OTHER = "Pumpernickel is waiting"
NUMBER = "07700 900123"
PASSCODE = "739182"
TEMPLATE = "Zanzibar: {{passcode}} until noon"
KEYS = {"customer_id": "cust-walrus-77", "key": "key-kangaroo-88", "secret": "sesame-xylophone"}
MAIL = "quixote@example.org"
URL = "https://hooks.example.org/rhinoceros"
ID = "128032521395903584"
AT = datetime(2040, 1, 1, tzinfo=UTC)

#: Secrets that must not appear: only letters and digits, in lower case.
NEEDLES = (
    *("armadillo", "s3cr3t", "eyjhb", "quix", "biopsy", "clan", "elanat", "pumper", "zanzibar"),
    *("untilnoon", "walrus", "kangaroo", "xylophone", "rhinoceros", "swordfish"),
    *("7700900123", "00900123", "0770090", PASSCODE, "482913"),
)

MESSAGE = {"sender": "AcmeCorp", "destination": NUMBER, "content": TEXT}
MARKED = {**MESSAGE, "metadata": {"patient": OTHER}, "delivery_report_url": URL}
MARKED["response_email"] = [MAIL]
MANY = {"sender": "AcmeCorp", "destinations": [NUMBER, "07700 900124"], "content": TEXT}
#: Each public call: its name, positional arguments, and keyword arguments.
CALLS = [
    ("messages.send", (), MARKED),
    ("messages.flash", (), MESSAGE),
    ("messages.schedule", (), {**MESSAGE, "at": AT}),
    ("messages.scheduled", (), {}),
    ("messages.cancel", (ID,), {}),
    ("messages.get", (ID,), {}),
    ("messages.delete", (ID,), {}),
    ("messages.search", (), {"destination": NUMBER, "keyword": OTHER}),
    ("messages.failed", (), {"destination": NUMBER, "metadata": {"patient": OTHER}}),
    ("messages.find", (), {"reference": OTHER, "destination": NUMBER}),
    ("messages.inbox", (), {"destination": NUMBER}),
    ("messages.iterate", (), {"destination": NUMBER}),
    ("messages.incoming", (), {}),
    ("messages.wait", (ID,), {"timeout": 0.05}),
    ("batches.send", (), MANY),
    ("batches.send_each", (), {"messages": [MARKED, {**MESSAGE, "content": OTHER}]}),
    ("batches.schedule", (), {**MANY, "at": AT}),
    ("batches.get", (ID,), {}),
    ("batches.cancel", (ID,), {}),
    ("otp.send", (), {"sender": "AcmeCorp", "destination": NUMBER, "template": TEMPLATE}),
    (
        "otp.send",
        (),
        {"sender": "AcmeCorp", "destination": NUMBER, "template": TEMPLATE, "passcode": PASSCODE},
    ),
    ("otp.verify", (), {"passcode": PASSCODE, "destination": NUMBER}),
    ("otp.get", (ID,), {}),
    ("credits.balance", (), {}),
    ("utils.test", (), {}),
    ("utils.error", (4001,), {}),
    ("auth.token", (), KEYS),
    ("bulk.send", (), MANY),
    ("bulk.send_each", (), {"messages": [MARKED, {**MESSAGE, "content": OTHER}]}),
    ("bulk.estimate", (), {"destinations": MANY["destinations"], "content": TEXT}),
]


def echoes(said):
    """Return the response of a server that repeats the request."""
    middle = len(said) // 2
    return {
        "whole": said,
        "cut": said[:19],
        "from the middle": said[middle : middle + 16],
        "upper case": said.upper(),
        "escaped for HTML": html.escape(html.escape(said)),
        "escaped for an address": quote(said),
        "escaped for JSON": json.dumps(said),
        "in words": re.sub(r"\W+", "  ", said),
        "without accents": said.replace("é", "e"),
        "spaced": said.replace(" ", " / "),
    }


ECHOES = list(echoes("x"))


def strings(document):
    """Yield every string in a request's JSON."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for item in document:
            yield from strings(item)
    elif isinstance(document, str):
        yield document


#: Each failure: how the server answers; None as status cuts the connection.
FAILURES = {
    "nothing": (None, {}),
    "never": ("hang", {}),
    "cut": ("cut", {}),
    "not JSON": (200, None),
    "misshapen": (200, {"field": 1}),
    "401": (401, {"errorCode": 4011}),
    "402": (402, {"errorCode": 4021}),
    "404": (404, {}),
    "407": (407, {}),
    "400": (400, {"errorCode": 4001}),
    "5020": (400, {"errorCode": 5020}),
    "429": (429, {}),
    "503": (503, {}),
    "503 with a code": (503, {"errorCode": 5002}),
    "with an id": (400, {"errorCode": 5006, "messageid": NUMBER}),
    "302": (302, {}),
}


class Echo:
    """A server that repeats the request in all its errors."""

    def __init__(self, status, fields):
        self.status = status
        self.fields = fields
        self.requests = 0
        self.over = asyncio.Event()

    async def answer(self, request):
        self.requests += 1
        body = await request.read()
        said = [request.headers.get("Authorization", ""), request.path]
        said += list(strings(json.loads(body))) if body else []
        said += ["code 482913"] if "/otp" in request.path else []  # as the API generated it
        turn = self.requests % len(ECHOES)
        words = " ".join(echoes(one)[ECHOES[turn]] for one in said if one)
        if self.status is None:
            request.transport.close()
            return web.Response()
        if self.status == "hang":
            await self.over.wait()
        if self.status == "cut":
            response = web.StreamResponse(headers={"Content-Length": "100000"})
            await response.prepare(request)
            await response.write(words.encode())
            request.transport.close()
            return response
        if self.fields is None:
            return web.Response(text=words, headers={"X-Echo": quote(words)})
        # A number in place of a field's name, and a text in place of a number.
        fields = {"message": words, NUMBER: words, "credits": words, "status": words}
        return web.json_response({**fields, **self.fields}, status=self.status)


@pytest.fixture
async def server(request):
    echo = Echo(*FAILURES[request.param])
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", echo.answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    echo.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield echo
    echo.over.set()
    await runner.cleanup()


def chain(error):
    """Yield an exception and all chained ones, even if Python does not show them."""
    seen, todo = set(), [error]
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        todo += [link.__cause__, link.__context__]
        todo += getattr(link, "exceptions", ())


def locals_of_ours(error):
    """Yield the locals of this package's frames, but for those with the caller's own arguments."""
    frames = error.__traceback__
    while frames is not None:
        where = frames.tb_frame.f_code.co_filename
        outside = "smsworks_async" not in where or "/tests/" in where
        public = re.search(r"/(resources|bulk)/|/blocking/(client|twins)\.py$", where)
        if not (outside or public):
            yield from frames.tb_frame.f_locals.values()
        frames = frames.tb_next


def shown(error):
    """Yield every form in which an exception may be shown, with the name of the form."""
    for link in chain(error):
        kind = type(link).__name__
        yield f"{kind} str", str(link)
        yield f"{kind} repr", repr(link)
        yield f"{kind} args", repr(link.args)
        yield f"{kind} vars", repr(vars(link))
        yield f"{kind} notes", repr(getattr(link, "__notes__", ""))
        yield f"{kind} locals", " ".join(map(repr, locals_of_ours(link)))
        if isinstance(link, SMSWorksError):
            yield f"{kind} JSON", json.dumps(link.args)
            yield f"{kind} pickle", pickle.dumps(link, 0).decode("latin1")
            yield f"{kind} copy", repr(copy.deepcopy(link))
    frames = "".join(traceback.format_exception(error))
    # The lines of code in a traceback are those of this file and of the package, not secrets.
    yield "traceback", "\n".join(line for line in frames.splitlines() if line[:2] != "  ")


def leaks(told):
    squeezed = re.sub(r"[\W_]+", "", html.unescape(told)).lower()
    return [needle for needle in NEEDLES if needle in squeezed]


class Scan:
    """Counts the checked objects, and keeps the findings."""

    def __init__(self):
        self.seen = 0
        self.found = []
        self.errors = 0

    def look_at(self, where, told):
        self.seen += 1
        self.found += [f"{where}: {needle}" for needle in leaks(told)]

    def error(self, where, error):
        self.errors += 1
        for form, told in shown(error):
            self.look_at(f"{where}, {form}", told)

    def report(self, where, report):
        self.look_at(f"{where}, report", repr(report))
        for batch in getattr(report, "batches", ()):
            if batch.error is not None:
                self.error(where, batch.error)

    def logs(self, where, records):
        for record in records:
            self.look_at(f"{where}, log of {record.name}", record.getMessage())


def clients(base_url):
    settings = {"base_url": base_url, "retry": AT_ONCE, "timeout": 0.2}
    return AsyncSMSWorks(TOKEN, **settings), SMSWorks(TOKEN, **settings)


async def outcome(client, name, args, kwargs):
    function = attrgetter(name)(client)
    if isinstance(client, SMSWorks):

        def call():
            result = function(*args, **kwargs)
            return next(result, None) if inspect.isgenerator(result) else result

        return await asyncio.to_thread(call)
    result = function(*args, **kwargs)
    if inspect.isasyncgen(result):
        try:
            return await anext(result, None)
        finally:
            await result.aclose()
    return await result


@pytest.mark.parametrize("server", FAILURES, indirect=True)
async def test_no_failure_of_any_call_shows_what_was_sent(server, caplog, request, record_property):
    caplog.set_level(logging.DEBUG)
    scan = Scan()
    # A poller retries all temporary failures.
    endless = {"messages.incoming"}
    for client in clients(server.base_url):
        for name, args, kwargs in CALLS:
            if name in endless:
                continue
            where = f"{request.node.callspec.id}, {type(client).__name__}.{name}"
            caplog.clear()
            try:
                result = await outcome(client, name, args, kwargs)
            except SMSWorksError as error:
                scan.error(where, error)
            else:
                if name.startswith("bulk"):
                    scan.report(where, result)
            scan.logs(where, (r for r in caplog.records if r.name.startswith("smsworks")))
        closing = client.close()
        await (closing if inspect.isawaitable(closing) else asyncio.sleep(0))
        for name, args, kwargs in CALLS:  # closed now
            try:
                await outcome(client, name, args, kwargs)
            except SMSWorksError as error:
                scan.error(f"closed, {name}", error)
    assert scan.found == []
    assert scan.errors > 2 * len(CALLS)
    record_property("looked at", scan.seen)
    print(f"{scan.errors} errors, looked at in {scan.seen} places")  # noqa: T201


PROXY = "http://walrus:hunter-swordfish@127.0.0.1:{}"


@pytest.mark.parametrize("server", ["407", "nothing", "503"], indirect=True)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxys_password_is_nowhere_on_an_error(server, scheme, caplog):
    caplog.set_level(logging.DEBUG)
    scan = Scan()
    proxy = PROXY.format(re.search(r":(\d+)/", server.base_url)[1])
    settings = {"base_url": f"{scheme}://127.0.0.1:1/v1", "retry": AT_ONCE, "timeout": 2}
    async with AsyncSMSWorks(TOKEN, proxy=proxy, **settings) as sms:
        for name, args, kwargs in CALLS[:8]:
            with pytest.raises(SMSWorksError) as caught:
                await outcome(sms, name, args, kwargs)
            scan.error(name, caught.value)
            for link in chain(caught.value):
                assert base64.b64encode(b"walrus:hunter-swordfish").decode() not in repr(link)
    scan.logs(scheme, (r for r in caplog.records if r.name.startswith("smsworks")))
    assert scan.found == []
    assert scan.errors == 8


@pytest.mark.parametrize("server", ["401", "503"], indirect=True)
async def test_key_and_secret_are_nowhere_on_a_login_that_fails(server):
    scan = Scan()
    settings = {"base_url": server.base_url, "retry": AT_ONCE}
    async with AsyncSMSWorks(**KEYS, **settings) as sms:
        for name, args, kwargs in CALLS[:8]:
            with pytest.raises(SMSWorksError) as caught:
                await outcome(sms, name, args, kwargs)
            scan.error(name, caught.value)
    assert scan.found == []


async def failing_token():
    password = "swordfish"
    raise ValueError(f"cannot read {TOKEN} for {NUMBER} at https://walrus:{password}@vault")


async def test_what_a_token_function_raises_is_named_and_not_quoted():
    scan = Scan()
    async with AsyncSMSWorks(failing_token, base_url="http://127.0.0.1:1/v1") as sms:
        with pytest.raises(SMSWorksError, match=r"ValueError \(test_leaks.py:\d+\)") as caught:
            await sms.credits.balance()
    scan.error("token()", caught.value)
    assert scan.found == []


async def test_an_exception_that_the_caller_is_handling_is_left_as_it_is(tmp_path):
    async with AsyncSMSWorks(TOKEN, base_url="http://127.0.0.1:1/v1", retry=AT_ONCE) as sms:
        try:
            {}["of the caller's own"]
        except KeyError as own:
            with pytest.raises(SMSWorksError) as caught:
                await sms.credits.balance()
            assert caught.value.__context__ is own
            assert own.__traceback__ is not None


@pytest.mark.parametrize("journal", ["missing/c.db", "other.db", "."])
async def test_errors_of_a_journal_show_nobody(journal, tmp_path):
    scan = Scan()
    (tmp_path / "other.db").write_bytes(b"no database at all" * 500)
    settings = {"journal": tmp_path / journal, "campaign": "c"}
    async with AsyncSMSWorks(TOKEN, base_url="http://127.0.0.1:1/v1", retry=AT_ONCE) as sms:
        with pytest.raises(SMSWorksError) as caught:
            await sms.bulk.send(**MANY, **settings)
    scan.error(journal, caught.value)
    assert scan.found == []
