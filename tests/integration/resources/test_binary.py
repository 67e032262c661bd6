"""Binary messages."""

from __future__ import annotations

import json

import pytest

from smsworks_async import (
    InsufficientCredit,
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.sandbox import Fault


BINARY = {"data": b"\x01\x02", "sender": "AcmeCorp", "destination": "07700 900123"}


async def test_send_binary_writes_bytes_as_pairs_of_digits(sms, wire):
    await sms.messages.send_binary(
        **BINARY,
        tag="t",
        ttl=60,
        validity=5,
        metadata={"a": "b"},
        response_email=["me@example.org"],
    )
    assert wire == [
        (
            "/binary/send",
            {
                "sender": "AcmeCorp",
                "destination": "447700900123",
                "content": "01 02",
                "tag": "t",
                "ttl": 60,
                "validity": 5,
                "metadata": [{"key": "a", "value": "b"}],
                "responseemail": ["me@example.org"],
            },
        )
    ]


@pytest.mark.parametrize(
    ("data", "code"), [(b"", 4001), (b"x" * 428, 4002), ("65 54", None), ([1, 2], None), (5, None)]
)
async def test_send_binary_refuses_what_is_no_bytes_before_the_wire(box, sms, data, code):
    with pytest.raises(ValidationError) as refused:
        await sms.messages.send_binary(**{**BINARY, "data": data})
    assert (refused.value.field, refused.value.code) == ("data", code)
    assert box.requests == []
    await sms.messages.send_binary(**{**BINARY, "data": b"x" * 427})


async def test_send_binary_does_not_repeat_what_may_have_been_accepted(box, sms):
    for fault in (
        Fault(path="/binary/send", when="after"),
        Fault(path="/binary/send", when="after", status=503),
        Fault(path="/binary/send", when="after", status=429, carry_ids=True),
    ):
        box.clear_faults()
        box.add_fault(fault)
        with pytest.raises(OutcomeUnknown) as unknown:
            await sms.messages.send_binary(**BINARY)
        assert not unknown.value.safe_to_repeat
    assert box.accepted() == len(box.requests) == 3


async def test_send_binary_repeats_what_was_refused_for_now(box, sms):
    box.add_fault(Fault(path="/binary/send", status=429, times=2))
    await sms.messages.send_binary(**BINARY)
    assert (box.accepted(), len(box.requests)) == (1, 3)


async def test_send_binary_shows_its_bytes_in_no_error_and_no_repr(box, sms):
    echo = json.dumps({"message": "no: 0a 0b 0c 0d 0e", "errorCode": 4021})
    box.add_fault(
        Fault(path="/binary/send", status=402, body=echo, content_type="application/json")
    )
    with pytest.raises(InsufficientCredit) as refused:
        await sms.messages.send_binary(**{**BINARY, "data": b"\x0a\x0b\x0c\x0d\x0e"})
    assert "0a 0b" not in f"{refused.value} {refused.value!r} {refused.value.args}"
