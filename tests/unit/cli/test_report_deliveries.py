"""The sums that a report makes of the provider's records, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async.cli._report.deliveries import Deliveries
from smsworks_async.cli._report.facts import BatchFacts, CampaignFacts
from smsworks_async.models.failure import FailureReason
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BulkStatus


AT = datetime(2031, 5, 4, 8, tzinfo=UTC)
NOBODY = FailureReason(5001, "Nobody has it")


def record(number, status, *, after=0, **more):
    given = {"credits": 1.0, "modified": AT + timedelta(seconds=after), **more}
    return MessageRecord(f"m{number}{after}", status, destination=f"44770090000{number}", **given)


FIRST = [
    record(1, "DELIVERED"),
    record(2, "UNDELIVERED", failure_reason=NOBODY, credits=0.0),
    record(3, "SENT"),
]
AGAIN = [record(2, "DELIVERED", after=60)]


def facts():
    return CampaignFacts(
        status=BulkStatus(campaign="x", planned=True, read=3, accepted=3),
        made=AT,
        zone=UTC,
        batches=(
            BatchFacts(number=0, size=3, outcome="accepted", attempts=1, batch_id="b0"),
            BatchFacts(number=1, size=1, outcome="accepted", attempts=1, batch_id="b1"),
            BatchFacts(number=2, size=1, outcome="accepted", attempts=1, batch_id="gone"),
        ),
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_deliveries_go_by_the_last_round_of_each_recipient(order):
    deliveries = Deliveries(deduplicated=True)
    for round in order:
        deliveries.add(f"b{round}", round, (FIRST, AGAIN)[round])
    deliveries.add("gone", 0, [])
    found = deliveries.added_to(facts(), most=10)
    delivery = found.delivery
    assert (delivery.delivered, delivery.failed, delivery.waiting) == (2, 0, 1)
    assert [count for _, count in delivery.over_time] == [1, 2]
    assert (delivery.credits_delivered, delivery.credits_failed, delivery.credits) == (2, 0, 3)
    assert found.failures == ()
    assert [(batch.delivered, batch.failed) for batch in found.batches] == [
        (1, 1),
        (1, 0),
        (None, None),
    ]


def test_deliveries_name_the_reasons_of_failures():
    deliveries = Deliveries(deduplicated=True)
    deliveries.add("b0", 0, [*FIRST, record(4, "EXPIRED")])
    found = deliveries.added_to(facts(), most=1)
    assert {(one.reason, one.count) for one in found.failures} == {
        ("5001 Nobody has it", 1),
        ("Expired", 1),
    }
    assert len(found.troubles) == found.troubles_left_out == 1


def test_deliveries_of_repeated_numbers_are_counted_one_by_one():
    twice = [record(1, "DELIVERED"), record(1, "DELIVERED", after=1)]
    for deduplicated, count in ((True, 1), (False, 2)):
        deliveries = Deliveries(deduplicated=deduplicated)
        deliveries.add("b0", 0, twice)
        assert deliveries.added_to(facts(), most=1).delivery.delivered == count


def test_deliveries_of_different_texts_to_one_number_are_counted_each():
    deliveries = Deliveries(deduplicated=True)
    texts = [record(2, "UNDELIVERED", after=at, content=f"Hi {at}") for at in range(2)]
    deliveries.add("b0", 0, texts)
    deliveries.add("b1", 1, [record(2, "DELIVERED", after=9, content="Hi 1")])
    found = deliveries.added_to(facts(), most=10)
    assert (found.delivery.delivered, found.delivery.failed) == (1, 1)
    assert [trouble.number for trouble in found.troubles] == ["447700900002"]
