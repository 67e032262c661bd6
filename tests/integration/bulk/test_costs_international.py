"""The cost of a campaign with numbers outside the UK: one figure for every limit."""

from __future__ import annotations

import asyncio
import json
from collections import UserDict

import pytest

from smsworks_async import AsyncSMSWorks, NotAuthorised, ValidationError
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault
from support.messages import TEXT_TO_MANY, drama
from support.sandboxes import AT_ONCE
from support.waiting import until


#: Ranges for drama, of the USA and of France.
US = [f"+1 202 555 01{n:02}" for n in range(4)]
FR = [f"+33 1 99 00 00 {n:02}" for n in range(4)]
#: Two at home, four at 3.5 credits, and one at the double that the sandbox answers.
PEOPLE = [*drama(2), *US, FR[0]]
COST = 2 + 4 * 3.5 + 2


def costs(box, country="US", credits=3.5):
    body = json.dumps({"code": country, "credits": credits})
    box.add_fault(Fault(path=f"/credits/{country}", status=200, body=body, times=0))


def priceless(box, country):
    body = json.dumps({"message": "No such country"})
    box.add_fault(Fault(path=f"/credits/{country}", status=404, body=body, times=0))


def asked(box):
    return [record.path for record in box.requests if record.method == "GET"]


def kept_or_not(journalled):
    return {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}


@pytest.fixture
async def worldwide(box):
    settings = {"base_url": box.base_url, "retry": AT_ONCE, "international": True}
    async with AsyncSMSWorks(box.token, **settings) as client:
        yield client


@pytest.fixture(params=["send", "messages", "template"])
def sending(request):
    """Return a run's method and arguments, for the same recipients and text."""

    def of(sms, people):
        if request.param == "send":
            return sms.bulk.send, {**TEXT_TO_MANY, "destinations": people}
        if request.param == "messages":
            messages = [{**TEXT_TO_MANY, "destination": number} for number in people]
            return sms.bulk.send_each, {"messages": messages}
        rows = [{"destination": number, "text": "Hello"} for number in people]
        return sms.bulk.send_each, {"template": "{text}", "rows": rows, "sender": "AcmeCorp"}

    return of


@pytest.mark.parametrize("journalled", [False, True])
async def test_max_credits_goes_by_the_price_in_each_country(box, worldwide, sending, journalled):
    costs(box)
    method, run = sending(worldwide, PEOPLE)
    with pytest.raises(ValidationError, match=f"about {COST:g} credits") as refused:
        await method(**run, max_credits=COST - 0.5, **kept_or_not(journalled))
    assert refused.value.field == "max_credits"
    assert asked(box) == ["/credits/FR", "/credits/US"]
    assert box.accepted() == 0
    report = await method(**run, max_credits=COST, **kept_or_not(journalled))
    assert report.accepted == box.accepted() == len(PEOPLE)


@pytest.mark.parametrize("journalled", [False, True])
async def test_require_balance_goes_by_the_price_in_each_country(
    box, worldwide, sending, journalled
):
    costs(box)
    box.credits = COST - 0.5
    method, run = sending(worldwide, PEOPLE)
    with pytest.raises(ValidationError, match=f"the balance is {COST - 0.5:g}") as refused:
        await method(**run, require_balance=True, **kept_or_not(journalled))
    assert refused.value.field == "require_balance"
    assert asked(box) == ["/credits/FR", "/credits/US", "/credits/balance"]
    assert box.accepted() == 0
    box.credits = COST
    report = await method(**run, require_balance=True, **kept_or_not(journalled))
    assert report.accepted == box.accepted() == len(PEOPLE)


@pytest.mark.parametrize("journalled", [False, True])
def test_max_credits_of_the_blocking_client_goes_by_the_same_price(hosted, journalled):
    hosted.do(costs)
    with hosted.client(international=True) as sms:
        found = sms.bulk.estimate(content="Hello", destinations=PEOPLE)
        assert found.credits == COST
        run = {**TEXT_TO_MANY, "destinations": PEOPLE, **kept_or_not(journalled)}
        with pytest.raises(ValidationError, match=f"about {COST:g} credits"):
            sms.bulk.send(**run, max_credits=found.credits - 0.5)
        hosted.do(lambda box: setattr(box, "credits", COST - 0.5))
        with pytest.raises(ValidationError, match=f"about {COST:g} credits"):
            sms.bulk.send(**run, require_balance=True)
        hosted.do(lambda box: setattr(box, "credits", COST))
        report = sms.bulk.send(**run, max_credits=COST, require_balance=True)
    assert report.accepted == len(PEOPLE)


async def test_max_credits_lets_more_be_sent_at_a_price_below_double(box, worldwide):
    costs(box, "US", 1.25)
    run = {**TEXT_TO_MANY, "destinations": US}
    report = await worldwide.bulk.send(**run, max_credits=5)
    assert report.accepted == 4


async def test_estimate_is_always_enough_for_max_credits(box, worldwide):
    """Sums of prices that floats cannot represent: 3 times 1.1 is above 3.3."""
    costs(box, "US", 1.1)
    found = await worldwide.bulk.estimate(content="Hello", destinations=US[:3])
    for limit in (found.credits, 3.3):
        for journalled in (False, True):
            run = {**TEXT_TO_MANY, "destinations": US[:3], **kept_or_not(journalled)}
            report = await worldwide.bulk.send(**run, chunk_size=1, max_credits=limit)
            assert report.accepted == 3
    streamed = iter(US[:3])
    report = await worldwide.bulk.send(
        **TEXT_TO_MANY, destinations=streamed, chunk_size=1, max_credits=3.3
    )
    assert report.accepted == 3
    box.credits = 3.3
    found = await worldwide.bulk.estimate(content="Hello", destinations=US[:3])
    assert found.affordable


async def test_max_credits_stops_an_unknown_number_before_the_chunk_that_exceeds_by_its_price(
    box, worldwide
):
    costs(box)
    people = (number for number in [*US, *drama(2)])
    report = await worldwide.bulk.send(
        **TEXT_TO_MANY, destinations=people, chunk_size=2, concurrency=1, max_credits=10
    )
    # Two at home for 2, two in the USA for 7; two more would make it 16.
    assert (report.accepted, report.not_sent) == (4, 2)
    assert report.stopped.field == "max_credits"
    assert box.accepted() == 4
    assert asked(box) == ["/credits/US"]


async def test_a_price_that_cannot_be_asked_ends_a_run_of_an_unknown_number(box, worldwide):
    box.add_fault(Fault(path="/credits/US", error_code=4033, times=0))
    people = (number for number in [*US, *drama(2)])
    report = await worldwide.bulk.send(
        **TEXT_TO_MANY, destinations=people, chunk_size=2, concurrency=1, max_credits=100
    )
    assert isinstance(report.stopped, NotAuthorised)
    assert report.adds_up
    assert report.accepted + report.not_sent == 6
    assert report.accepted == box.accepted() <= 2


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_price_that_cannot_be_asked_is_raised_and_nothing_is_sent(
    box, worldwide, journalled
):
    box.add_fault(Fault(path="/credits/US", error_code=4033, times=0))
    run = {**TEXT_TO_MANY, "destinations": PEOPLE, **kept_or_not(journalled)}
    with pytest.raises(NotAuthorised):
        await worldwide.bulk.send(**run, max_credits=100)
    assert box.accepted() == 0


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_price_that_is_not_known_counts_double_and_the_error_says_so(
    box, worldwide, journalled
):
    priceless(box, "US")
    costs(box, "FR", 0)
    run = {**TEXT_TO_MANY, "destinations": [*drama(1), US[0], FR[0]], **kept_or_not(journalled)}
    with pytest.raises(ValidationError) as refused:
        await worldwide.bulk.send(**run, max_credits=4)
    assert "about 5 credits" in str(refused.value)
    assert "FR, US" in str(refused.value)
    assert "double" in str(refused.value)
    report = await worldwide.bulk.send(**run, max_credits=5)
    assert report.accepted == 3


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_country_that_is_not_known_counts_double_and_the_error_says_so(
    box, worldwide, monkeypatch, journalled
):
    monkeypatch.setattr("smsworks_async._international.country_of", lambda number: None)
    run = {**TEXT_TO_MANY, "destinations": [*drama(1), *US], **kept_or_not(journalled)}
    with pytest.raises(ValidationError, match="unknown country") as refused:
        await worldwide.bulk.send(**run, max_credits=8)
    assert "about 9 credits" in str(refused.value)
    assert asked(box) == []


async def test_send_asks_for_no_price_without_a_limit_or_at_home(box, worldwide, sms):
    await worldwide.bulk.send(**TEXT_TO_MANY, destinations=PEOPLE)
    await worldwide.bulk.send(**TEXT_TO_MANY, destinations=PEOPLE, **kept_or_not(True))
    assert asked(box) == []
    await worldwide.bulk.send(**TEXT_TO_MANY, destinations=drama(2), max_credits=5)
    await sms.bulk.send(**TEXT_TO_MANY, destinations=drama(2), max_credits=5)
    assert asked(box) == []


async def test_a_campaign_that_goes_on_is_checked_by_what_is_left_and_todays_price(box, worldwide):
    box.add_fault(Fault(path="/batch/send", nth=2, times=0, error_code=4033))
    kept = {**TEXT_TO_MANY, "chunk_size": 2, "concurrency": 1, **kept_or_not(True)}
    people = [*US, *drama(2)]
    first = await worldwide.bulk.send(**kept, destinations=people)
    assert (first.accepted, first.all_accepted) == (2, False)
    box.clear_faults()
    costs(box)
    box.credits = 13.5
    with pytest.raises(ValidationError, match="about 14 credits"):
        await worldwide.bulk.send(**kept, require_balance=True)
    with pytest.raises(ValidationError, match="about 16 credits"):
        await worldwide.bulk.send(**kept, max_credits=15.5)
    box.credits = 14
    report = await worldwide.bulk.send(**kept, require_balance=True, max_credits=16)
    assert report.accepted == box.accepted() == 6


async def test_another_price_makes_no_other_campaign(box, worldwide):
    kept = {**TEXT_TO_MANY, "destinations": PEOPLE, **kept_or_not(True)}
    costs(box)
    with pytest.raises(ValidationError, match="credits"):
        await worldwide.bulk.send(**kept, max_credits=1)
    box.clear_faults()
    report = await worldwide.bulk.send(**kept, max_credits=100)
    assert report.accepted == len(PEOPLE)


async def test_a_client_at_home_counts_a_campaign_of_another_client_by_the_same_price(
    box, worldwide, sms
):
    costs(box)
    kept = {**TEXT_TO_MANY, **kept_or_not(True)}
    for client, more in ((worldwide, {"destinations": PEOPLE}), (sms, {})):
        with pytest.raises(ValidationError, match=f"about {COST:g} credits"):
            await client.bulk.send(**kept, **more, max_credits=1)


class Counted(UserDict):
    """A row that counts how often it is read."""

    reads = 0

    def keys(self):
        Counted.reads += 1
        return super().keys()


class Number:
    """A lazy string that counts how often it is read."""

    reads = 0

    def __init__(self, number):
        self.number = number

    def __str__(self):
        return self.number

    def encode(self):
        Number.reads += 1
        return self.number.encode()


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("limits", [{"max_credits": 99}, {"require_balance": True}], ids=str)
async def test_a_list_is_read_once_whatever_the_limits_are(box, sms, sending, journalled, limits):
    method, run = sending(sms, drama(4))
    name = next(name for name in ("destinations", "messages", "rows") if name in run)
    kind = Number if name == "destinations" else Counted
    reads = []
    for options in ({}, limits):
        kind.reads = 0
        values = [kind(value) for value in run[name]]
        report = await method(**{**run, name: values}, **options, **kept_or_not(journalled))
        assert report.accepted == 4
        reads.append(kind.reads)
    assert reads[0] == reads[1] > 0


async def test_what_was_read_to_be_priced_is_in_the_report_of_a_run_that_is_cancelled(box, sms):
    box.add_fault(Fault(path="/batch/send", when="hold", times=0))
    run = {**TEXT_TO_MANY, "destinations": [*drama(6), "nobody"], "max_credits": 99}
    task = asyncio.create_task(sms.bulk.send(**run, chunk_size=2, concurrency=1))
    await until(lambda: box.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await task
    report = cancelled.value.report
    assert (report.read, report.unknown, report.not_sent, report.invalid) == (7, 2, 4, 1)
    assert report.adds_up
