"""The start of the searches of `smsworks listen`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async.cli._app import App
from smsworks_async.cli._ledger import Ledger
from smsworks_async.cli._listening import OVERLAP, STATUS_TIMEOUT, Forwarder


NOON = datetime(2031, 3, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("newest", "is_open", "start"),
    [
        (NOON - 2 * HOUR, False, NOON - 2 * HOUR - OVERLAP),
        (NOON - 2 * HOUR, True, NOON - 2 * HOUR - OVERLAP),
        (NOON + 5 * HOUR, False, NOON - OVERLAP),
        (NOON + 5 * HOUR, True, NOON - OVERLAP),
    ],
)
def test_listen_searches_from_the_newest_message_but_not_from_the_future(
    newest, is_open, start, tmp_path
):
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.begin(NOON - STATUS_TIMEOUT)
        ledger.record("1", newest, is_open=is_open)
        forwarder = Forwarder(App(), ledger, "http://127.0.0.1:5000/sms", 5.0)
        assert forwarder._search_from(NOON) == start
