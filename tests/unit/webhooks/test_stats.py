"""Delivery statistics."""

from __future__ import annotations

import statistics
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import DeliveryReport, FailureReason, MessageRecord
from smsworks_async.webhooks import DeliveryStats


NOON = datetime(2031, 3, 25, 12, tzinfo=UTC)


def report(status="DELIVERED", seconds=4.0, **changes):
    fields = {
        "credits": 1.0,
        "destination": "447700900123",
        "created": NOON,
        "modified": NOON + timedelta(seconds=seconds),
        **changes,
    }
    return DeliveryReport("1", status, **fields)


def counted(*records):
    stats = DeliveryStats()
    for record in records:
        stats.add(record)
    return stats


@pytest.mark.parametrize(
    ("status", "abroad", "spent", "refunded"),
    [
        ("DELIVERED", False, 2, 0),
        ("DELIVERED", True, 2, 0),
        ("UNDELIVERED", False, 0, 2),
        ("UNDELIVERED", True, 2, 0),
        ("EXPIRED", False, 0, 2),
        ("EXPIRED", True, 2, 0),
        ("UNKNOWN", False, 2, 0),
        ("UNDELIVERABLE", False, 2, 0),
        ("REJECTED", False, 0, 0),
        ("REJECTED", True, 0, 0),
        ("FAILED", False, 0, 0),
        ("CANCELLED", False, 0, 0),
    ],
)
def test_stats_count_credits_as_spent_or_returned_by_the_providers_rules(
    status, abroad, spent, refunded
):
    told = report(status, credits=2.0, international=abroad)
    by_number = report(status, credits=2.0, destination="33123456789" if abroad else "447700900123")
    for record in (told, by_number):
        total = counted(record).total
        assert (total.spent, total.refunded) == (spent, refunded)


def test_stats_count_messages_by_status_and_by_the_code_of_their_failure():
    total = counted(
        report(),
        report(failure_reason=FailureReason(5006)),  # on a delivery it is no failure
        report("UNDELIVERED", failure_reason=FailureReason(5006)),
        report("UNDELIVERED", failure_reason=FailureReason(5006)),
        report("REJECTED", failure_reason=FailureReason(details="in words")),
        report("EXPIRED"),
    ).total
    assert total.messages == 6
    assert total.by_status == {"DELIVERED": 2, "UNDELIVERED": 2, "REJECTED": 1, "EXPIRED": 1}
    assert total.by_failure == {5006: 2, None: 1}
    assert repr(total).startswith("<6 messages")


def test_stats_pass_over_what_is_not_final():
    stats = DeliveryStats()
    assert not stats.add(report("SENT"))
    assert stats.add(MessageRecord("1", "DELIVERED"))
    assert stats.total.messages == 1
    assert (stats.total.spent, stats.total.median, stats.total.slowest) == (0.0, None, None)


def test_stats_count_time_from_when_a_message_was_to_go():
    total = counted(
        report(seconds=3605, schedule=NOON + timedelta(hours=1)),
        report(seconds=-1),  # clocks differ
        report("EXPIRED", seconds=9999),
        report(modified=None),
        report(created=None),
    ).total
    assert total.slowest == 5
    assert total.median == pytest.approx(0.001, rel=0.01)


@given(st.lists(st.floats(0.01, 259_200), min_size=1))
def test_stats_median_is_within_one_per_cent_and_the_slowest_is_exact(times):
    total = counted(*(report(seconds=seconds) for seconds in times)).total
    exact = [timedelta(seconds=seconds).total_seconds() for seconds in times]
    assert total.median == pytest.approx(statistics.median_low(exact), rel=0.0101)
    assert total.slowest == max(exact)


def test_stats_count_each_tag_and_each_batch_and_a_campaign_as_its_batches():
    stats = counted(
        report(tag="spring", batch_id="1", seconds=1),
        report(tag="spring", batch_id="2", seconds=9),
        report("EXPIRED", tag="spring", batch_id="2"),
        report(tag="autumn", batch_id="3", seconds=99),
        report(tag=""),
    )
    assert {tag: tally.messages for tag, tally in stats.by_tag.items()} == {
        "spring": 3,
        "autumn": 1,
    }
    spring = stats.campaign(["1", "2", "2", "no such batch"])
    assert spring.by_status == {"DELIVERED": 2, "EXPIRED": 1}
    assert (spring.messages, spring.spent, spring.refunded, spring.slowest) == (3, 2, 1, 9)
    assert spring.median == pytest.approx(1, rel=0.0101)
    assert stats.by_batch["2"].messages == 2  # which adding up leaves alone
    assert stats.campaign([]).slowest is None


def test_stats_memory_is_bounded():
    stats = DeliveryStats(groups=2)
    for number in range(10):
        stats.add(report(tag=f"tag {number}", batch_id=str(number)))
    assert {tag: tally.messages for tag, tally in stats.by_tag.items()} == {
        "tag 0": 1,
        "tag 1": 1,
        "(others)": 8,
    }
    assert stats.campaign("0123").messages == 2


def test_stats_are_counted_by_many_threads_together():
    stats = DeliveryStats()

    def count():
        for number in range(2000):
            stats.add(report(seconds=number, tag="spring"))
            assert stats.total.median is not None

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats.total.messages == stats.by_tag["spring"].messages == 8000
    assert stats.total.spent == 8000
