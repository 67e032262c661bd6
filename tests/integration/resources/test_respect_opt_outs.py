"""`respect_opt_outs=True`: opted-out recipients are not texted, and the error names them."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    JournalError,
    OptedOut,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault
from support.messages import TEXT
from support.sandboxes import AT_ONCE, HostedSandbox


SOON = datetime(2050, 1, 31, 9, 0, tzinfo=UTC)
OUT = "07700 900123"
NUMBERS = ["07700 900001", OUT, "07700 900002", "+447700900124"]
MANY = {"sender": "AcmeCorp", "content": "Hello"}
BINARY = {"data": b"x", "sender": "AcmeCorp", "destination": OUT}

SINGLE = {
    "send": TEXT,
    "send_binary": BINARY,
    "flash": TEXT,
    "schedule": {**TEXT, "at": SOON},
}
BATCHES = {
    "send": {**MANY, "destinations": NUMBERS},
    "send_each": {"messages": [{**TEXT, "destination": number} for number in NUMBERS]},
    "schedule": {**MANY, "destinations": NUMBERS, "at": SOON},
}


@pytest.fixture
async def sms(box):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, opt_outs=MemoryJournal()
    ) as client:
        await client.opt_outs.add(OUT)
        await client.opt_outs.add("07700 900124")
        yield client


@pytest.mark.parametrize("method", SINGLE)
async def test_a_single_message_to_somebody_who_opted_out_is_refused(sms, wire, method):
    send = getattr(sms.messages, method)
    with pytest.raises(OptedOut, match="nothing was sent") as caught:
        await send(**SINGLE[method], respect_opt_outs=True)
    error = caught.value
    assert isinstance(error, ValidationError)
    assert (error.field, error.positions, error.retryable) == ("destination", (), False)
    assert "7700900123" not in str(error) + repr(error.args)
    assert wire == []
    await send(**SINGLE[method])  # by default, the list is ignored
    await sms.opt_outs.remove(OUT)
    await send(**SINGLE[method], respect_opt_outs=True)
    assert len(wire) == 2


@pytest.mark.parametrize("method", BATCHES)
async def test_a_batch_with_somebody_who_opted_out_is_refused_and_says_who(sms, wire, method):
    send = getattr(sms.batches, method)
    with pytest.raises(OptedOut, match=r"2 of the recipients .* position 1") as caught:
        await send(**BATCHES[method], respect_opt_outs=True)
    error = pickle.loads(pickle.dumps(caught.value))
    field = "messages" if method == "send_each" else "destinations"
    assert (error.field, error.positions) == (field, (1, 3))
    assert "7700900123" not in str(error) + repr(error.args)
    assert wire == []
    await send(**BATCHES[method])
    for number in (OUT, "07700 900124"):
        await sms.opt_outs.remove(number)
    await send(**BATCHES[method], respect_opt_outs=True)
    assert len(wire) == 2


@pytest.mark.parametrize(
    ("family", "method"), [("messages", "send"), ("batches", "send"), ("batches", "send_each")]
)
async def test_without_a_list_it_is_a_configuration_error(box, wire, family, method):
    arguments = (SINGLE if family == "messages" else BATCHES)[method]
    async with AsyncSMSWorks(box.token, base_url=box.base_url) as client:
        send = getattr(getattr(client, family), method)
        with pytest.raises(ConfigurationError, match="opt_outs= or journal="):
            await send(**arguments, respect_opt_outs=True)
        assert wire == []
        await send(**arguments, respect_opt_outs=False)
        assert len(wire) == 1


async def test_a_list_that_cannot_be_read_sends_nothing(box, wire, tmp_path):
    (tmp_path / "list.db").write_text("no database at all, but long enough to be looked at" * 9)
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, opt_outs=tmp_path / "list.db"
    ) as client:
        with pytest.raises(JournalError):
            await client.messages.send(**TEXT, respect_opt_outs=True)
    assert wire == []


@pytest.mark.parametrize("value", ["no", None, 2, object()])
async def test_it_is_true_or_false(sms, wire, value):
    with pytest.raises(ValidationError, match="respect_opt_outs"):
        await sms.messages.send(**TEXT, respect_opt_outs=value)
    assert wire == []


async def test_what_is_wrong_with_the_message_is_said_first(sms):
    with pytest.raises(ValidationError) as caught:
        await sms.messages.send(**{**TEXT, "content": ""}, respect_opt_outs=True)
    assert caught.value.field == "content"


async def test_numbers_outside_the_uk_are_compared_as_they_go_out(box):
    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, opt_outs=MemoryJournal(), international=True
    ) as client:
        await client.opt_outs.add("0033 1 23 45 67 89")
        with pytest.raises(OptedOut):
            await client.messages.send(
                **{**TEXT, "destination": "+33 (0)1 23 45 67 89"}, respect_opt_outs=True
            )


def test_the_blocking_client_does_the_same(tmp_path):
    with HostedSandbox() as host, host.client(journal=tmp_path / "sms.db") as sms:
        assert sms.opt_outs.add(OUT, source="phone") is True
        assert sms.opt_outs.contains(OUT)
        assert sms.opt_outs.among(numbers=(n for n in NUMBERS)) == ["447700900123"]
        assert [event.source for event in sms.opt_outs.iterate()] == ["phone"]
        with pytest.raises(OptedOut):
            sms.messages.send(**TEXT, respect_opt_outs=True)
        assert sms.opt_outs.remove(OUT)
        assert [event.change for event in sms.opt_outs.history(OUT)] == ["out", "in"]
        assert sms.messages.send(**TEXT, respect_opt_outs=True).message_id


@pytest.mark.parametrize("keyed", [{}, {"idempotency_key": "order-1"}])
@pytest.mark.parametrize("error_code", [None, 4011, 5001])
@pytest.mark.parametrize("family", ["messages", "batches"])
async def test_the_list_is_read_again_before_a_repetition(box, family, error_code, keyed):
    if error_code is not None:
        box.add_fault(Fault(path="*", error_code=error_code))
    fetched = []

    async def token():
        fetched.append(True)
        if error_code != 4011 or len(fetched) == 2:
            await client.opt_outs.add(OUT)
        return box.token

    to = {"destinations": NUMBERS} if family == "batches" else {"destination": OUT}
    async with AsyncSMSWorks(
        token, base_url=box.base_url, retry=AT_ONCE, journal=MemoryJournal()
    ) as client:
        send = getattr(client, family).send
        with pytest.raises(OptedOut):
            await send(**MANY, **to, **keyed, respect_opt_outs=True)
    assert box.accepted() == 0


@pytest.mark.parametrize("keyed", [{}, {"idempotency_key": "order-1"}])
@pytest.mark.parametrize("turn", [1, 2])
async def test_the_list_is_read_again_after_a_wait_for_the_rate(box, turn, keyed):
    if turn == 2:
        box.add_fault(Fault(path="*", status=429))

    class Rate:
        turns = 0

        async def acquire(self):
            self.turns += 1
            if self.turns == turn:
                await client.opt_outs.add(OUT)

    async with AsyncSMSWorks(
        box.token, base_url=box.base_url, retry=AT_ONCE, journal=MemoryJournal(), max_rate=Rate()
    ) as client:
        with pytest.raises(OptedOut):
            await client.messages.send(**TEXT, **keyed, respect_opt_outs=True)
    assert box.accepted() == 0
