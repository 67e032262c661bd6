"""The operations of the API's version 1.11.0: binary messages, the day's volume, costs abroad."""

from __future__ import annotations

import json

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    InsufficientCredit,
    NotAuthorised,
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE


BINARY = {"data": b"\x01\x02", "sender": "AcmeCorp", "destination": "07700 900123"}
#: Ranges for drama, of the USA and of France.
US, FR = "+1 202 555 0100", "+33 1 99 00 00 00"


@pytest.fixture
async def worldwide(box):
    settings = {"base_url": box.base_url, "retry": AT_ONCE, "international": True}
    async with AsyncSMSWorks(box.token, **settings) as client:
        yield client


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


@pytest.mark.parametrize("country", ["", "F", "FRA", "F1", "ÄÖ", "F/", 33, None, ["FR"]])
async def test_cost_wants_a_country_of_two_letters(box, sms, country):
    with pytest.raises(ValidationError) as refused:
        await sms.credits.cost(country=country)
    assert refused.value.field == "country"
    assert box.requests == []


async def test_cost_without_its_credits_is_no_answer_and_other_fields_are_kept(box, sms):
    def answer(**fields):
        box.add_fault(Fault(path="/credits/FR", status=200, body=json.dumps(fields)))

    answer(code="FR", country="France", credits="2.5", currency="GBP")
    cost = await sms.credits.cost(country="FR")
    assert (cost.credits, cost.extra) == (2.5, {"currency": "GBP"})
    box.clear_faults()
    answer(code="FR", country="France")
    with pytest.raises(OutcomeUnknown) as unknown:
        await sms.credits.cost(country="FR")
    assert unknown.value.safe_to_repeat


async def test_estimate_asks_once_for_each_country(box, worldwide):
    box.add_fault(Fault(path="/credits/US", status=200, body='{"code": "US", "credits": 3.5}'))
    people = [*drama(2), *(f"+1 202 555 01{n:02}" for n in range(4)), FR]
    found = await worldwide.bulk.estimate(content="a" * 161, destinations=people)
    assert found.costs_abroad == {"FR": 2.0, "US": 3.5}
    assert found.credits == 2 * (2 + 4 * 3.5 + 2.0)
    assert found.credits_as_gsm == found.credits
    asked = [record.path for record in box.requests]
    assert asked == ["/credits/FR", "/credits/US", "/credits/balance"]


async def test_estimate_counts_a_price_that_the_api_does_not_know_double(box, worldwide):
    unknown = json.dumps({"message": "No such country"})
    for country, fault in (
        ("US", {"status": 404, "body": unknown}),
        ("FR", {"status": 200, "body": '{"code": "FR", "credits": 0}'}),
    ):
        box.add_fault(Fault(path=f"/credits/{country}", **fault))
    found = await worldwide.bulk.estimate(content="Hi", destinations=[US, FR, "07700 900123"])
    assert found.credits == 2 + 2 + 1
    assert found.costs_abroad == {"FR": 2.0, "US": 2.0}


async def test_estimate_raises_other_failures(box, worldwide):
    box.add_fault(Fault(path="/credits/US", error_code=4033))
    with pytest.raises(NotAuthorised):
        await worldwide.bulk.estimate(content="Hi", destinations=[US])


async def test_estimate_at_home_asks_nothing_and_numbers_abroad_are_invalid(box, sms):
    found = await sms.bulk.estimate(content="Hi", destinations=[US, *drama(2)], balance=False)
    assert (found.credits, found.invalid, found.costs_abroad) == (2, 1, {})
    assert box.requests == []


async def test_max_credits_is_checked_against_the_price_by_which_a_run_counts(box, worldwide):
    people = [US, *drama(1)]
    report = await worldwide.bulk.send(**TEXT_TO_MANY, destinations=people, max_credits=3)
    assert report.accepted == 2
