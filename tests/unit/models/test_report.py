"""Reports and statuses of bulk runs."""

from __future__ import annotations

import pytest

from smsworks_async import BulkStatus


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({"planned": False}, "planning"),
        ({"planned": True, "not_sent": 3}, "running"),
        ({"planned": True, "not_sent": 3, "control": "paused"}, "paused"),
        ({"planned": True, "accepted": 3}, "done"),
    ],
)
def test_bulk_status_repr_begins_with_the_name_and_the_state_and_has_every_count(counts, state):
    status = BulkStatus(campaign="spring", read=3, **counts)
    assert repr(status).startswith(f"BulkStatus(campaign='spring', state={state!r}, read=3, ")
    for name, value in counts.items():
        assert f", {name}={value!r}" in repr(status)
    assert repr(status).count("campaign=") == 1
