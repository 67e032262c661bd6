"""Calls with an idempotency key, of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from smsworks_async.journals import MemoryJournal
from support.clock import FakeClock, use_clock


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Order 1234 is ready"}
MANY = {"sender": "AcmeCorp", "content": "We open at nine"}
PEOPLE = ["07700 900001", "07700 900002", "07700 900003"]
AT = datetime(2051, 5, 1, 9, tzinfo=UTC)

#: Each way to send, as (name, path, arguments).
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "messages.send": ("/message/send", TEXT),
    "messages.send_binary": (
        "/binary/send",
        {"sender": "AcmeCorp", "destination": "07700 900123", "data": b"\x01\x02"},
    ),
    "messages.flash": ("/message/flash", TEXT),
    "messages.schedule": ("/message/schedule", {**TEXT, "at": AT}),
    "batches.send": ("/batch/send", {**MANY, "destinations": PEOPLE}),
    "batches.send_each": ("/batch/any", {"messages": [TEXT, {**TEXT, "destination": PEOPLE[0]}]}),
    "batches.schedule": ("/batch/schedule", {**MANY, "destinations": PEOPLE, "at": AT}),
    "otp.send": ("/otp/send", {"sender": "AcmeCorp", "destination": "07700 900123"}),
}
FOUND_AGAIN = [name for name in WAYS if name != "otp.send"]


def fake_clock(sms: Any, journal: Any) -> FakeClock:
    """Make a client and its journal use one clock."""
    clock = FakeClock()
    use_clock(sms, clock)
    journal.clock = clock
    if isinstance(journal, MemoryJournal):
        journal.store._clock = clock
    return clock


def call(sms: Any, way: str, /, key: str | None = "order-1234", **more: Any) -> Any:
    """Send in one way; the arguments are always the same."""
    resource, _, method = way.partition(".")
    arguments = WAYS[way][1]
    return getattr(getattr(sms, resource), method)(**{**arguments, "idempotency_key": key, **more})


def posts(box: Any, way: str) -> int:
    """Return the number of requests of one kind that a sandbox received."""
    return [request.path for request in box.requests].count(WAYS[way][0])
