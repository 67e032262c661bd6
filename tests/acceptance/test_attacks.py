"""What a hostile reader found: each of these once hung, lied, leaked or lost somebody."""

from __future__ import annotations

import asyncio
import collections
import enum
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    BulkInterrupted,
    ConfigurationError,
    NotAuthenticated,
    NotFound,
    NotSent,
    OutcomeUnknown,
    SMSWorks,
    SMSWorksError,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT
from support.sandboxes import AT_ONCE
from support.waiting import PATIENCE, until


MANY = {"sender": "AcmeCorp", "content": "Hello"}


def drama(count):
    return [f"07700 900{n:03d}" for n in range(count)]


@asynccontextmanager
async def serving(handle):
    """Serve with a function of reader and writer; gives a base URL. It ends whole."""
    tasks = set()

    async def guarded(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()

    async with await asyncio.start_server(guarded, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    await asyncio.wait(tasks, timeout=PATIENCE)


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, after = head.lower().partition(b"content-length: ")
    await reader.readexactly(int(after.partition(b"\r\n")[0] or 0))


def answer(body):
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


# Hanging


CTRL_C_AT_ONCE = """
import os, signal, threading, time
from smsworks_async import SMSWorks
signal.signal(signal.SIGINT, signal.default_int_handler)
client = SMSWorks()
client.credits.balance()
loop, begun = client._portal._loop_thread._running.loop, threading.Event()

def wait_for_another(handed_over):
    while len(loop._ready) == handed_over:
        time.sleep(0.001)

def interrupt():
    # The loop is busy, so that the call's task has not begun when it is cancelled.
    handed_over = len(loop._ready)
    begun.set()
    wait_for_another(handed_over)
    handed_over = len(loop._ready)
    os.kill(os.getpid(), signal.SIGINT)
    wait_for_another(handed_over)

client._portal._loop_thread.call_soon(interrupt)
begun.wait()
try:
    client.credits.balance()
except KeyboardInterrupt:
    print("interrupted")
print(client.credits.balance() > 0)
"""


def test_ctrl_c_before_the_work_has_begun_does_not_hang(hosted):
    environment = {
        **os.environ,
        "SMSWORKS_TOKEN": hosted.box.token,
        "SMSWORKS_BASE_URL": hosted.box.base_url,
    }
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT_ONCE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "interrupted\nTrue\n", done.stderr


def test_a_call_that_races_with_close_ends_with_an_error_of_ours(hosted):
    for _ in range(30):
        client = hosted.client()
        client.credits.balance()
        ends = []

        def call(client=client, ends=ends):
            try:
                for _ in range(100):
                    client.credits.balance()
            except SMSWorksError as error:
                ends.append(type(error))

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        client.close()
        for thread in threads:
            thread.join(timeout=PATIENCE)
            assert not thread.is_alive()
        assert set(ends) <= {ConfigurationError, OutcomeUnknown, NotSent}


@pytest.mark.parametrize("where", ["progress", "destinations"])
def test_closing_from_within_ones_own_callback_ends_the_call(hosted, where):
    client = hosted.client()

    def drawn():
        yield from drama(20)
        if where == "destinations":
            client.close()
        yield from drama(40)[20:]

    def tell(progress):
        if where == "progress":
            client.close()

    with pytest.raises(OutcomeUnknown, match="closed"):
        client.bulk.send(**MANY, destinations=drawn(), chunk_size=10, progress=tell)


def test_system_exit_in_a_token_function_does_not_end_the_loop(hosted):
    async def leave():
        raise SystemExit(3)

    with (
        SMSWorks(leave, base_url=hosted.box.base_url, retry=AT_ONCE) as client,
        pytest.raises(NotSent, match="SystemExit"),
    ):
        client.messages.send(**TEXT)


# Sending twice, or lying about it


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_middleware_that_puts_another_body_in_place_is_not_believed(proxied):
    seen = []

    async def drop(reader, writer):
        await read_request(reader)
        seen.append(True)

    async def sign(request, handler):
        await request.update_body(await request.body.as_bytes())
        return await handler(request)

    async with (
        serving(drop) as base_url,
        aiohttp.ClientSession(middlewares=(sign,)) as session,
        AsyncSMSWorks(
            "eyJ",
            base_url=base_url,
            session=session,
            proxy=base_url.removesuffix("/v1") if proxied else None,
            retry=AT_ONCE,
        ) as sms,
    ):
        with pytest.raises(OutcomeUnknown):
            await sms.messages.send(**TEXT)
    assert len(seen) == 1


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_ones():
    seen = []

    async def speak_twice(reader, writer):
        while True:
            await read_request(reader)
            seen.append(True)
            writer.write(answer(b'{"messageid": "%d", "status": "SENT"}' % len(seen)))
            await writer.drain()
            writer.write(answer(b'{"messageid": "GHOST", "status": "SENT"}'))
            await writer.drain()

    async with serving(speak_twice) as base_url, AsyncSMSWorks("eyJ", base_url=base_url) as sms:
        ids = []
        for _ in range(3):
            ids.append((await sms.messages.send(**TEXT)).message_id)
            connector = sms._sessions.current().connector
            idle = [protocol for kept in connector._conns.values() for protocol, _ in kept]
            await until(lambda idle=idle: all(p.should_close or not p.transport for p in idle))
    assert ids == ["1", "2", "3"]


async def test_an_id_is_an_acceptance_whatever_else_the_answer_says(box, sms):
    body = '{"messageid": "1", "errorCode": 0}'
    box.add_fault(Fault(path="*", when="after", status=201, body=body))
    assert (await sms.messages.send(**TEXT)).message_id == "1"


async def test_a_cancel_that_may_have_been_carried_out_does_not_say_that_it_was_not_sent():
    requests = []

    async def vanish(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        requests.append(True)
        server.close()  # nobody listens any more when it is tried again
        writer.close()

    server = await asyncio.start_server(vanish, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with AsyncSMSWorks("eyJ", base_url=base_url, retry=AT_ONCE) as sms:
        with pytest.raises(OutcomeUnknown) as caught:
            await sms.messages.cancel("1")
    assert caught.value.safe_to_repeat
    assert len(requests) == 1


async def test_a_repeated_delete_that_finds_nothing_says_why_that_may_be(box, sms):
    sent = await sms.messages.send(**TEXT)
    box.add_fault(Fault(path="*", method="DELETE", when="after", status=503))
    with pytest.raises(NotFound) as caught:
        await sms.messages.delete(sent.message_id)
    assert "may have done it" in caught.value.__notes__[0]


@pytest.mark.parametrize("answered", ["12345", "abc", "", None, 5])
async def test_a_passcode_whose_number_cannot_be_compared_does_not_verify(box, sms, answered):
    body = '{"status": "VERIFIED", "destination": %s}'
    told = {None: "null", 5: "5"}.get(answered, f'"{answered}"')
    box.add_fault(Fault(path="*", when="after", status=200, body=body % told))
    with pytest.raises(NotFound):
        await sms.otp.verify(passcode="123456", destination="07700 900123")


async def test_closing_during_somebody_elses_call_is_told_and_is_no_cancellation(box):
    box.add_fault(Fault(path="*", when="hang", times=0))
    sms = AsyncSMSWorks(box.token, base_url=box.base_url, max_connections=1)
    calls = [asyncio.create_task(sms.messages.send(**TEXT)) for _ in range(3)]
    await until(lambda: box.requests)
    await sms.close()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} <= {OutcomeUnknown, NotSent, ConfigurationError}
    assert sum(isinstance(result, OutcomeUnknown) for result in results) == 1


async def test_closing_during_a_log_in_is_told_to_those_who_wait(box):
    box.add_fault(Fault(path="/auth/token", when="hang"))
    sms = AsyncSMSWorks(
        customer_id=box.customer_id, key=box.key, secret=box.secret, base_url=box.base_url
    )
    call = asyncio.create_task(sms.messages.send(**TEXT))
    await until(lambda: box.requests)
    await sms.close()
    with pytest.raises((NotSent, ConfigurationError), match="closed"):
        await call


# Losing somebody


def test_what_is_iterable_in_both_ways_is_drawn_on_the_callers_thread(hosted):
    class QuerySet:
        """As Django's: awaitable too, but only where there is no loop of ours."""

        def __iter__(self):
            threads.add(threading.get_ident())
            yield from drama(5)

        async def __aiter__(self):
            pytest.fail("it was drawn on the loop")
            yield

    threads = set()
    with hosted.client() as client:
        assert client.bulk.send(**MANY, destinations=QuerySet()).accepted == 5
    assert threads == {threading.get_ident()}


def test_strings_of_other_types_are_strings(hosted):
    class SafeString(str):
        """As a template engine's output."""

        __slots__ = ()

    class Sender(enum.StrEnum):
        ACME = "AcmeCorp"

    with hosted.client() as client:
        report = client.bulk.send(
            sender=Sender.ACME, content=SafeString("Hello"), destinations=drama(2)
        )
        assert report.accepted == 2
        with pytest.raises(ValidationError):
            client.bulk.send(**MANY, destinations=SafeString("07700 900123"))


def test_a_collection_is_counted_before_the_first_request_when_blocking_too(hosted):
    with hosted.client() as client:
        for values in (collections.deque(drama(20)), dict.fromkeys(drama(20)).keys()):
            with pytest.raises(ValidationError, match="20 credits"):
                client.bulk.send(**MANY, destinations=values, max_credits=19)
    assert hosted.box.requests == []


def test_an_async_callback_is_awaited_when_blocking_too(hosted):
    told = []

    async def tell(progress):
        await asyncio.sleep(0)
        told.append(progress.accepted)

    with hosted.client() as client:
        client.bulk.send(**MANY, destinations=drama(20), chunk_size=10, progress=tell)
    assert told[-1] == 20


def test_an_iterator_that_outlives_its_client_can_be_closed(hosted):
    with hosted.client() as client:
        client.messages.send(**TEXT)
        found = client.messages.iterate()
        next(found)
    found.close()


async def test_a_value_that_raises_when_it_is_read_is_set_aside(box, sms):
    class Odd:
        def __index__(self):
            raise ZeroDivisionError

    report = await sms.bulk.send(**MANY, destinations=[Odd(), *drama(2)])
    assert (report.invalid, report.accepted, report.adds_up) == (1, 2, True)


async def test_a_callback_that_raises_after_a_halt_counts_nobody_twice(box, sms):
    box.add_fault(Fault(path="*", error_code=4021, times=0))

    def fail(progress):
        raise RuntimeError

    with pytest.raises(BulkInterrupted) as caught:
        await sms.bulk.send(
            **MANY, destinations=iter(drama(30)), chunk_size=10, concurrency=1, progress=fail
        )
    report = caught.value.report
    assert report.adds_up
    assert report.read == 30  # all that was drawn, not only what was put in a chunk
    assert [outcome.number for outcome in report.batches] == [0, 1, 2]


async def test_waiting_for_the_clients_own_pace_takes_no_time_of_a_calls(box):
    class Turns:
        """As a rate of requests, but without waits: the first turns are not free either."""

        given = 0

        async def acquire(self):
            await asyncio.sleep(0)
            self.given += 1

    begun, turns = [], Turns()
    async with AsyncSMSWorks(box.token, base_url=box.base_url, max_rate=turns) as sms:
        sms._sessions.current()
        deadlines = sms._sessions._deadlines
        begin = deadlines.begin

        def counted(scope):
            begun.append(turns.given)
            return begin(scope)

        deadlines.begin = counted
        report = await sms.bulk.send(**MANY, destinations=drama(24), chunk_size=1)
    assert report.accepted == 24
    assert all(given > before for before, given in enumerate(begun)), "none before its turn"
    assert len(begun) == 24


# Leaking


async def test_a_token_of_any_look_is_left_out_of_errors(box):
    body = '{"message": "bad token sekrit-token-abc"}'
    box.add_fault(Fault(path="*", status=401, body=body))
    async with AsyncSMSWorks("sekrit-token-abc", base_url=box.base_url) as sms:
        with pytest.raises(NotAuthenticated) as caught:
            await sms.messages.send(**TEXT)
    assert "sekrit" not in str(caught.value)


async def test_a_proxys_password_stays_out_of_errors_and_their_causes():
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(refuse) as address:
        proxy = address.replace("http://", "http://user:sekrit@").removesuffix("/v1")
        async with AsyncSMSWorks(
            "eyJ", base_url="https://sms.example/v1", proxy=proxy, retry=AT_ONCE
        ) as sms:
            with pytest.raises(NotSent) as caught:
                await sms.messages.send(**TEXT)
    assert "407" in str(caught.value)
    assert "sekrit" not in str(caught.value) + str(caught.value.__cause__)
    with pytest.raises(ConfigurationError, match="proxy") as refused:
        AsyncSMSWorks("eyJ", proxy="user:sekrit@[nowhere")
    assert "sekrit" not in str(refused.value)


async def test_a_number_in_a_fields_place_is_not_repeated(sms):
    with pytest.raises(ValidationError) as caught:
        await sms.batches.send_each(messages=[{"07700900123": "Hello", **MANY, "destination": "x"}])
    assert "900123" not in str(caught.value)


# Errors that were not ours


@pytest.mark.parametrize(
    "setting",
    [
        {"session": "x"},
        {"trace_configs": [1]},
        {"trace_configs": 5},
        {"max_rate": float("inf")},
        {"max_rate": 1e-320},
        {"proxy": "nonsense"},
        {"proxy": 5},
        {"base_url": "https://" + "ä" * 80},
    ],
)
def test_a_setting_that_would_fail_at_the_first_call_fails_at_once(setting):
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        AsyncSMSWorks("eyJ", **setting)


async def test_a_read_that_cannot_be_made_says_so_at_once(box):
    session = aiohttp.ClientSession()
    sms = AsyncSMSWorks(box.token, base_url=box.base_url, session=session)
    await session.close()
    with pytest.raises(ConfigurationError):
        await sms.credits.balance()


async def test_numbers_and_moments_beyond_reason_are_refused(sms):
    from datetime import datetime, timedelta, timezone

    west, east = timezone(timedelta(hours=-5)), timezone(timedelta(hours=1))
    calls = [
        lambda: sms.messages.get(10**5000),
        lambda: sms.utils.error(10**5000),
        lambda: sms.messages.send(**TEXT, ttl=10**5000),
        lambda: sms.messages.search(credits=float("nan")),
        lambda: sms.messages.search(from_=datetime.min.replace(tzinfo=east)),
        lambda: sms.messages.search(to=datetime.max.replace(tzinfo=west)),
        lambda: sms.bulk.send(**MANY, destinations=drama(1), max_rate=float("inf")),
    ]
    for call in calls:
        with pytest.raises(ValidationError):
            await call()


async def test_a_retry_after_beyond_the_calendar_is_none(box):
    box.add_fault(
        Fault(path="*", status=429, retry_after="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    )
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        assert (await sms.messages.send(**TEXT)).status == "SENT"


async def test_a_token_function_that_is_not_async_says_so(box):
    async with AsyncSMSWorks(lambda: "eyJ", base_url=box.base_url) as sms:
        with pytest.raises(ConfigurationError, match="async"):
            await sms.messages.send(**TEXT)
