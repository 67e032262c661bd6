"""Mistakes of those who test with the sandbox are told, rather than taken."""

from __future__ import annotations

import pytest

from smsworks_async.sandbox import Fault, Sandbox


async def test_a_destination_may_be_counted_in_any_usual_spelling_but_must_be_one():
    async with Sandbox() as box:
        for spelling in ("447700900123", "07700 900123", "+44 7700 900123", "0044 7700-900123"):
            assert box.accepted(spelling) == 0
        with pytest.raises(ValueError, match="no destination"):
            box.accepted("nobody")


def test_a_path_that_strikes_nothing_is_refused():
    with pytest.raises(ValueError, match="below /v1"):
        Fault(path="/v1/message/send")


def test_a_sandbox_that_does_not_listen_has_no_address():
    with pytest.raises(RuntimeError, match="async with"):
        _ = Sandbox().base_url
