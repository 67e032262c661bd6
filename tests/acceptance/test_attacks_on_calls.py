"""Calls that once hung or reported a wrong result, found by hostile review."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    NotFound,
    NotSent,
    OutcomeUnknown,
    SMSWorks,
    SMSWorksError,
)
from smsworks_async.sandbox import Fault
from support.internals import kept_connections, session_of
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.raw_servers import answer, read_request, serving
from support.sandboxes import AT_ONCE
from support.waiting import PATIENCE, until


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
        client.bulk.send(**TEXT_TO_MANY, destinations=drawn(), chunk_size=10, progress=tell)


def test_system_exit_in_a_token_function_does_not_end_the_loop(hosted):
    async def leave():
        raise SystemExit(3)

    with (
        SMSWorks(leave, base_url=hosted.box.base_url, retry=AT_ONCE) as client,
        pytest.raises(NotSent, match="SystemExit"),
    ):
        client.messages.send(**TEXT)


# Sending twice, or reporting it wrongly


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
            idle = kept_connections(session_of(sms))
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
        server.close()  # the server no longer listens at the retry
        writer.close()

    server = await asyncio.start_server(vanish, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with AsyncSMSWorks("eyJ", base_url=base_url, retry=AT_ONCE) as sms:
        with pytest.raises(OutcomeUnknown) as caught:
            await sms.messages.cancel("1")
    assert caught.value.safe_to_repeat
    assert len(requests) == 1


async def test_a_cancel_that_waits_for_its_second_turn_in_vain_does_not_say_it_was_not_sent(box):
    class Rate:
        turns = 1

        async def acquire(self):
            if not self.turns:
                await asyncio.Event().wait()
            self.turns -= 1

    async with AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        scheduled = await sms.messages.schedule(**TEXT, at=datetime(2050, 1, 31, tzinfo=UTC))
    box.add_fault(Fault(path="*", method="DELETE", when="after", status=503))
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, timeout=0.5, max_rate=Rate()
    ) as sms:
        with pytest.raises(OutcomeUnknown) as caught:
            await sms.messages.cancel(scheduled.message_id)
    assert caught.value.safe_to_repeat


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
