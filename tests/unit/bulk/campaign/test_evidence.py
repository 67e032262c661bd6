"""The evidence of a found message about an unknown request."""

from __future__ import annotations

from collections import Counter

import pytest

from smsworks_async.bulk.campaign.candidates import merge_scheduled
from smsworks_async.bulk.campaign.evidence import (
    MARGIN,
    Candidate,
    Finding,
    Marks,
    Request,
    is_same_text,
    judge,
    window,
)
from smsworks_async.journals.records import ChunkRecord, State


THEM = Counter({"447700900001": 1, "447700900002": 1})
REQUEST = Request(recipients=THEM, since=1000.0, until=2000.0)
MARKED = Request(recipients=THEM, since=1000.0, until=2000.0, marked=True)


def candidate(**changes):
    usual = {"batch_id": "1", "created": 1500.0, "same_text": True, "recipients": THEM}
    return Candidate(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({}, Finding.FOUND),
        ({"created": None}, Finding.FOUND),
        ({"same_text": False}, Finding.TRACE),
        ({"batch_id": None}, Finding.TRACE),
        ({"recipients": None}, Finding.TRACE),
        ({"recipients": Counter({"447700900001": 1})}, Finding.TRACE),
        ({"recipients": Counter({"447700900001": 2, "447700900002": 1})}, Finding.TRACE),
        ({"recipients": THEM + Counter({"447700900003": 1})}, Finding.NOTHING),
        ({"is_held": True}, Finding.NOTHING),
        ({"marks": Marks.ANOTHERS}, Finding.NOTHING),
        # At another time: nothing, unless all but the date is the request's.
        ({"created": 999.0}, Finding.TRACE),
        ({"created": 2001.0, "recipients": None}, Finding.TRACE),
        ({"created": 2001.0, "same_text": False}, Finding.NOTHING),
        ({"created": 2001.0, "batch_id": None}, Finding.NOTHING),
        ({"created": 999.0, "recipients": Counter({"447700900001": 1})}, Finding.NOTHING),
        ({"created": 999.0, "marks": Marks.OWN}, Finding.TRACE),
        # An id in the API's rejection needs no date and no text.
        ({"is_named": True, "created": None, "same_text": False}, Finding.FOUND),
        ({"is_named": True, "recipients": None}, Finding.TRACE),
    ],
)
def test_judge_takes_a_message_for_found_a_trace_or_nothing(changes, finding):
    assert judge(candidate(**changes), REQUEST) is finding


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"marks": Marks.OWN}, Finding.FOUND),
        ({}, Finding.TRACE),  # a text alone does not identify a message
        ({"same_text": False}, Finding.TRACE),
        ({"is_held": True}, Finding.NOTHING),
        # At another time: nothing, unless all but the date is the request's.
        ({"created": 999.0}, Finding.TRACE),
        ({"created": 2001.0}, Finding.TRACE),
        ({"created": 2001.0, "recipients": None}, Finding.TRACE),
        ({"created": 999.0, "same_text": False}, Finding.NOTHING),
        ({"created": 999.0, "is_held": True}, Finding.NOTHING),
        ({"created": 999.0, "marks": Marks.OWN}, Finding.TRACE),
    ],
)
def test_judge_goes_by_the_mark_of_a_single_message(changes, finding):
    one = Counter({"447700900001": 1})
    request = Request(recipients=one, since=1000.0, until=2000.0, is_single=True)
    usual = {"batch_id": None, "message_id": "1", "recipients": one}
    assert judge(candidate(**{**usual, **changes}), request) is finding


def test_judge_goes_by_marks_and_not_by_the_text_where_marks_can_be_asked_for():
    assert judge(candidate(), MARKED) is Finding.TRACE
    own = candidate(marks=Marks.OWN, same_text=False)
    assert judge(own, MARKED) is Finding.FOUND


def test_is_same_text_ignores_composition_line_ends_and_outer_blanks():
    assert is_same_text("caf\u00e9\nopen", " cafe\u0301\r\nopen\n")
    assert not is_same_text("It's", "It\u2019s")
    assert not is_same_text(None, "")


def test_window_allows_for_margins_for_clocks_and_for_the_longest_request():
    entry = ChunkRecord(
        number=0,
        size=2,
        international=False,
        credits=2.0,
        state=State.UNKNOWN,
        began=1000.0,
        lease=1038.5,
        lease_seconds=38.5,
    )
    since, until = window(entry, began=1000.0, request_time=10.0)
    assert (since, until) == (1000.0 - MARGIN, 1038.5 + 30.0 + MARGIN)
    since, until = window(entry, began=1000.0, request_time=10.0, ahead=-7200.0)
    assert (since, until) == (1000.0 - MARGIN - 7200.0, 1038.5 + 30.0 + MARGIN)


def test_window_of_a_restored_journal_reaches_from_the_copy_to_now():
    entry = ChunkRecord(
        number=0, size=2, international=False, credits=2.0, restored=True, lease=1038.5
    )
    assert window(entry, began=500.0, request_time=10.0) == (500.0 - MARGIN, None)


DUE = Request(recipients=THEM, since=1000.0, until=2000.0, at=5000.0)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"at": 5000.0}, Finding.FOUND),
        ({"at": 4999.1, "created": None}, Finding.FOUND),
        ({"at": None}, Finding.FOUND),
        ({"at": 5000.0, "created": 2001.0}, Finding.TRACE),
        ({"at": 5000.0, "created": 5001.0}, Finding.FOUND),  # dated when it was sent
        ({"at": 5000.0, "same_text": False}, Finding.TRACE),
        # For another time: nothing, unless all but the time is the request's.
        ({"at": 5060.0}, Finding.TRACE),
        ({"at": 5060.0, "same_text": False}, Finding.NOTHING),
        ({"at": 4940.0, "recipients": Counter({"447700900001": 1})}, Finding.NOTHING),
    ],
)
def test_judge_compares_when_a_scheduled_batch_is_due(changes, finding):
    assert judge(candidate(**changes), DUE) is finding


def test_judge_compares_no_time_where_nothing_was_scheduled():
    assert judge(candidate(at=1500.0), REQUEST) is Finding.FOUND


def test_merge_scheduled_has_each_batch_once_with_all_that_is_known():
    seen = [
        candidate(batch_id="1", recipients=None),
        candidate(batch_id="2"),
        candidate(batch_id=None),
    ]
    listed = [
        candidate(batch_id="1", created=None, at=5000.0, same_text=False),
        candidate(batch_id="3", created=None, at=5000.0),
        candidate(batch_id=None, created=None),
    ]
    first, second, alone, third, other = merge_scheduled(seen, listed)
    assert first == candidate(batch_id="1", at=5000.0, same_text=False)
    assert (second, alone, third, other) == (seen[1], seen[2], listed[1], listed[2])
