"""The next step of a campaign in a queue."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import attrs
import pytest

from smsworks_async import SendWindow
from smsworks_async.models.report import BulkStatus
from smsworks_async.queues._decisions import INTERVAL, PATIENCE, SOONEST, Held, Next, decide
from support.waiting import PATIENCE as WAIT


NOON = datetime(2031, 5, 1, 12, tzinfo=UTC).timestamp()
NOTHING = BulkStatus(campaign="x", planned=True, read=10, accepted=10)
TO_SEND = attrs.evolve(NOTHING, accepted=0, not_sent=10)


@pytest.mark.parametrize(
    ("status", "waited", "expected"),
    [
        (NOTHING, 0.0, Next(is_over=True, dispatches=False, seconds=0.0)),
        (TO_SEND, 0.0, Next(is_over=False, dispatches=True, seconds=INTERVAL)),
        (
            attrs.evolve(TO_SEND, in_flight=5, lease=12.5),
            0.0,
            Next(is_over=False, dispatches=False, seconds=12.5),
        ),
        (
            attrs.evolve(TO_SEND, in_flight=5, lease=0.0),  # it has expired since
            0.0,
            Next(is_over=False, dispatches=False, seconds=SOONEST),
        ),
        (
            attrs.evolve(TO_SEND, in_flight=5),
            0.0,
            Next(is_over=False, dispatches=False, seconds=INTERVAL),
        ),
        (
            attrs.evolve(TO_SEND, control="paused"),
            0.0,
            Next(is_over=False, dispatches=False, seconds=INTERVAL),
        ),
        (
            attrs.evolve(TO_SEND, control="cancelled"),
            0.0,
            Next(is_over=True, dispatches=False, seconds=0.0),
        ),
        (
            attrs.evolve(TO_SEND, planned=False),
            0.0,
            Next(is_over=False, dispatches=False, seconds=INTERVAL),
        ),
        (
            attrs.evolve(TO_SEND, window=SendWindow("15:00", "20:00", tz="UTC")),
            0.0,
            Next(is_over=False, dispatches=False, seconds=3 * 3600),
        ),
        (
            attrs.evolve(TO_SEND, window=SendWindow("09:00", "20:00", tz="UTC")),
            0.0,
            Next(is_over=False, dispatches=True, seconds=INTERVAL),
        ),
        (
            attrs.evolve(NOTHING, unknown=5),
            0.0,
            Next(is_over=False, dispatches=False, seconds=INTERVAL),
        ),
        (
            attrs.evolve(NOTHING, unknown=5),
            PATIENCE,
            Next(is_over=True, dispatches=False, seconds=0.0),
        ),
        (
            attrs.evolve(NOTHING, unknown=5, not_sent=5),
            PATIENCE,
            Next(is_over=False, dispatches=True, seconds=INTERVAL),
        ),
        (
            attrs.evolve(NOTHING, open_again=5),
            0.0,
            Next(is_over=False, dispatches=True, seconds=INTERVAL),
        ),
        (
            attrs.evolve(NOTHING, scheduled=5),
            0.0,
            Next(is_over=False, dispatches=False, seconds=INTERVAL),
        ),
    ],
)
def test_decide(status, waited, expected):
    assert decide(status, NOON, waited) == expected


def test_held_makes_one_client(monkeypatch):
    made = []
    held = Held(lambda: made.append(object()) or made[-1])
    assert held.client() is held.client()
    monkeypatch.setattr("os.getpid", lambda: -1)  # as in a process that was forked since
    assert held.client() is made[1]


def test_held_has_one_client_where_two_threads_create_the_first_at_once():
    both = threading.Barrier(2, timeout=WAIT)

    def make():
        both.wait()
        return object()

    held = Held(make)
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(held.client) for _ in range(2))
    assert first.result() is second.result() is held.client()
