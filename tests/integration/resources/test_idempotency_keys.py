"""Repeated calls with an idempotency key return the response and send nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    InsufficientCredit,
    NotSent,
    OptedOut,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.journals import each_kind, of_kind
from support.keyed import AT, PEOPLE, TEXT, WAYS, call, posts
from support.sandboxes import AT_ONCE, client


each_way = pytest.mark.parametrize("way", WAYS)


@each_kind
async def journal(request):
    async with of_kind(request) as made:
        yield made


@pytest.fixture
async def sms(box, journal):
    async with client(box, journal=journal) as client_:
        yield client_


@each_way
async def test_a_call_made_again_returns_the_answer_and_sends_nothing(box, sms, way):
    first, again = await call(sms, way), await call(sms, way)
    assert (first.replayed, again.replayed) == (False, True)
    names = ("message_id", "batch_id", "status", "credits_used", "parts", "expires")
    for name in names:
        assert getattr(again, name, None) == getattr(first, name, None), name
    assert getattr(again, "balance", None) is None
    assert posts(box, way) == 1


@each_way
async def test_another_key_is_another_call(box, sms, way):
    first, other = await call(sms, way), await call(sms, way, key="order-1235")
    assert not other.replayed
    assert first != other
    assert posts(box, way) == 2


@each_way
async def test_a_call_that_was_refused_is_made_anew(box, sms, way):
    box.add_fault(Fault(path=WAYS[way][0], error_code=4021, status=402))
    with pytest.raises(InsufficientCredit):
        await call(sms, way)
    assert not (await call(sms, way)).replayed
    assert posts(box, way) == 2


@each_way
async def test_a_call_that_did_not_leave_is_made_anew(box, journal, way):
    async with AsyncSMSWorks(
        box.token, base_url="http://127.0.0.1:1/v1", journal=journal, retry=AT_ONCE
    ) as nowhere:
        with pytest.raises(NotSent):
            await call(nowhere, way)
        # Another address is another account: the key is new there.
    async with client(box, journal=journal) as sms:
        assert not (await call(sms, way)).replayed


CHANGES = [
    ("messages.send", "content", "Order 1235 is ready"),
    ("messages.send", "destination", "07700 900124"),
    ("messages.send", "sender", "AcmeShop"),
    ("messages.send", "tag", "orders"),
    ("messages.send", "metadata", {"order": "1"}),
    ("messages.send_binary", "data", b"\x01\x03"),
    ("messages.schedule", "at", AT + timedelta(seconds=1)),
    ("batches.send", "destinations", [*PEOPLE, "07700 900004"]),
    ("batches.send_each", "messages", [TEXT, TEXT]),
    ("otp.send", "length", 4),
    ("otp.send", "passcode", "0123"),
]


@pytest.mark.parametrize(("way", "field", "value"), CHANGES)
async def test_a_key_with_another_body_is_refused_by_the_name_of_the_field(
    box, sms, way, field, value
):
    await call(sms, way)
    with pytest.raises(ValidationError) as caught:
        await call(sms, way, **{field: value})
    assert caught.value.field == "idempotency_key"
    shown = "destination" if field == "messages" else field
    assert f"differs in {shown};" in str(caught.value)
    if isinstance(value, str):
        assert value not in str(caught.value)
    assert posts(box, way) == 1


async def test_a_key_of_another_operation_is_refused(box, sms):
    await call(sms, "messages.send")
    with pytest.raises(ValidationError, match=r"the operation \(messages.send\)"):
        await call(sms, "messages.flash")
    assert posts(box, "messages.flash") == 0


async def test_the_same_values_in_another_spelling_or_order_are_the_same_call(box, sms):
    first = await sms.messages.send(
        **TEXT, metadata={"a": "1", "b": "2"}, response_email=["a@b.uk", "c@d.uk"],
        idempotency_key="k",
    )  # fmt: skip
    again = await sms.messages.send(
        **{**TEXT, "destination": "+44 7700 900123"},
        metadata={"b": "2", "a": "1"},
        response_email=("c@d.uk", "a@b.uk"),
        idempotency_key="k",
    )
    assert again.replayed
    assert again.message_id == first.message_id
    await call(sms, "batches.send", key="b")
    assert (await call(sms, "batches.send", key="b", destinations=PEOPLE[::-1])).replayed


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "a\nb", "\ud800", 5, b"k", ["k"]])
async def test_a_bad_key_is_refused_without_being_quoted(box, sms, key):
    with pytest.raises(ValidationError) as caught:
        await sms.messages.send(**TEXT, idempotency_key=key)
    assert caught.value.field == "idempotency_key"
    assert box.requests == []


@pytest.mark.parametrize("key", ["x" * 100, "ключ 7", "a b", "🔑"])
async def test_a_key_may_be_any_printable_text(sms, key):
    await sms.messages.send(**TEXT, idempotency_key=key)
    assert (await sms.messages.send(**TEXT, idempotency_key=key)).replayed


@pytest.mark.parametrize("value", ["again", "", 5])
async def test_on_unknown_is_refused_that_is_neither(box, sms, value):
    with pytest.raises(ValidationError) as caught:
        await sms.messages.send(**TEXT, idempotency_key="k", on_unknown=value)
    assert caught.value.field == "on_unknown"
    assert box.requests == []


@each_way
async def test_on_unknown_without_a_key_is_refused(box, sms, way):
    with pytest.raises(ValidationError) as caught:
        await call(sms, way, key=None, on_unknown="report")
    assert caught.value.field == "on_unknown"
    assert box.requests == []


@each_way
async def test_a_key_without_a_journal_is_refused(box, way):
    async with client(box) as sms:
        with pytest.raises(ConfigurationError, match=r"journal='sms\.db'"):
            await call(sms, way)
    assert box.requests == []


async def test_metadata_may_not_bear_the_mark_of_a_key(box, sms):
    for keyed in ({}, {"idempotency_key": "k"}):
        with pytest.raises(ValidationError, match="smsworks-key"):
            await sms.messages.send(**TEXT, metadata={"smsworks-key": "x"}, **keyed)
    assert box.requests == []


async def test_a_replay_asks_neither_the_time_nor_opt_outs_nor_the_rate(box, journal):
    class Rate:
        acquired = 0

        async def acquire(self):
            self.acquired += 1

    rate = Rate()
    async with client(box, journal=journal, max_rate=rate) as sms:
        soon = datetime.now(UTC) - timedelta(seconds=59.5)
        sent = await call(sms, "messages.schedule", at=soon, respect_opt_outs=True)
        await sms.opt_outs.add("07700 900123")
        acquired = rate.acquired
        again = await call(sms, "messages.schedule", at=soon, respect_opt_outs=True)
        assert (again.message_id, again.replayed) == (sent.message_id, True)
        assert rate.acquired == acquired
        with pytest.raises(OptedOut):
            await call(sms, "messages.send", key="new", respect_opt_outs=True)
        late = datetime.now(UTC) - timedelta(hours=1)
        with pytest.raises(ValidationError, match="past"):
            await call(sms, "messages.schedule", key="late", at=late)
        # Neither was claimed, so the call can still be made.
        await sms.opt_outs.remove("07700 900123")
        assert not (await call(sms, "messages.send", key="new", respect_opt_outs=True)).replayed
