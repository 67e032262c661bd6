"""Rejections with an id, and unsolicited responses: no recipient is texted twice."""

from __future__ import annotations

import aiohttp
import pytest

from smsworks_async import (
    AsyncSMSWorks,
    OutcomeUnknown,
)
from smsworks_async.sandbox import Fault
from support.fault_matrix import Line
from support.internals import kept_connections
from support.messages import TEXT, TEXT_TO_MANY, drama
from support.reports import nobody_twice
from support.sandboxes import AT_ONCE
from support.waiting import until


TEN = drama(10)


# Rejections with the id of an accepted message

REFUSALS = {
    400: {"error_code": 5006},
    429: {"status": 429, "retry_after": 0},
    503: {"status": 503, "error_code": 5002, "permanent": False},
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_with_an_id_is_no_reason_to_send_again(box, sms, status):
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True, "times": 0, "path": "*"}
    box.add_fault(fault)
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.messages.send(**TEXT)
    assert box.accepted() == len(box.requests) == 1
    assert caught.value.message_id == box.messages[0].message_id
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.batches.send(**TEXT_TO_MANY, destinations=TEN)
    assert box.accepted() == 11
    assert caught.value.batch_id == box.messages[-1].batch_id


@pytest.mark.parametrize("status", [201, 400, 429, 500])
@pytest.mark.parametrize("name", ["batchid", "messageid", "messageId"])
@pytest.mark.parametrize("nested", ['{"data": %s}', '{"errors": [[], {"x": [%s]}]}'])
async def test_an_id_inside_a_refusal_is_no_reason_to_send_again(box, sms, status, name, nested):
    body = '{"errorCode": 5002, "permanent": false, "details": %s}'
    body %= nested % f'{{"{name}": "123"}}'
    box.add_fault(Fault(path="*", when="after", status=status, body=body, times=0))
    with pytest.raises(OutcomeUnknown) as caught:
        await sms.messages.send(**TEXT)
    assert box.accepted() == len(box.requests) == 1
    assert not caught.value.safe_to_repeat


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_batch_that_a_refusal_names_is_read_where_the_search_shows_nothing(
    box, sms, kept, status
):
    box.change_storage(search_lag=1e6)
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True}
    box.add_fault({**fault, "path": "/batch/send", "times": 1})
    report = await sms.bulk.send(**kept, destinations=TEN, on_unknown="resend")
    assert nobody_twice(box)
    assert report.accepted == box.accepted() == 10
    assert report.batches[0].batch_id == box.messages[0].batch_id


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_batch_that_a_refusal_names_and_nobody_finds_is_never_resent(
    box, sms, kept, status
):
    box.change_storage(search_lag=1e6, record_lag=1e6)
    fault = {**REFUSALS[status], "when": "after", "carry_ids": True}
    box.add_fault({**fault, "path": "/batch/send", "times": 1})
    report = await sms.bulk.send(**kept, destinations=TEN, on_unknown="resend")
    assert nobody_twice(box)
    assert report.unknown == box.accepted() == 10


# A caller's session, and a server that sends unsolicited data

GHOST = b'{"messageid": "GHOST", "batchid": "GHOST", "status": "SENT", "credits": 666}'


class Haunted(Line):
    """A relay that sends unsolicited data on every pooled connection."""

    def __init__(self, box):
        super().__init__(box, "hangs up")
        self._hang_ups = 0
        self._writers = []

    async def _serve(self, reader, writer):
        self._writers.append(writer)
        await super()._serve(reader, writer)

    async def speak(self, session):
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(
                    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(GHOST), GHOST)
                )
                await writer.drain()
        await until(lambda: all(p.should_close for p in kept_connections(session)))


async def test_what_a_server_says_unasked_is_taken_for_no_answer_in_a_session_of_ones_own(box):
    async with (
        Haunted(box) as line,
        aiohttp.ClientSession() as session,
        AsyncSMSWorks(box.token, base_url=line.base_url, session=session, retry=AT_ONCE) as sms,
    ):
        await sms.messages.send(**TEXT)
        await line.speak(session)
        sent = await sms.messages.send(**TEXT)
        assert sent.message_id == box.messages[-1].message_id
        assert box.accepted() == 2
        await line.speak(session)
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(30, start=200), chunk_size=10, concurrency=1
        )
        assert report.accepted == 30
        assert box.accepted() == 32
        assert "GHOST" not in {batch.batch_id for batch in report.batches}
