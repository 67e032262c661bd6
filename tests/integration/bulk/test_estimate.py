"""The estimated cost of a campaign to several countries."""

from __future__ import annotations

import json

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    NotAuthorised,
)
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE


#: Ranges for drama, of the USA and of France.
US, FR = "+1 202 555 0100", "+33 1 99 00 00 00"


@pytest.fixture
async def worldwide(box):
    settings = {"base_url": box.base_url, "retry": AT_ONCE, "international": True}
    async with AsyncSMSWorks(box.token, **settings) as client:
        yield client


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
