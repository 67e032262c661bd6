"""Calls with an idempotency key whose process is forked or stopped between intent and request.

The clocks of the processes are advanced instead of waiting.
"""

from __future__ import annotations

import pytest

from smsworks_async.sandbox import Sandbox
from support.keyed import WAYS
from support.keyed_calls import AGES, Journaled


HOURS = 3600.0


def sends(box):
    """Return the requests that send something."""
    return [
        record
        for record in box.requests
        if record.method == "POST"
        and record.path.startswith(("/message/", "/binary/", "/batch/", "/otp/"))
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["token", "trace"])
async def test_a_process_that_was_forked_before_the_request_neither_sends_nor_records(
    tmp_path, callers, where, way
):
    """The child ends before its parent sends."""
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.first, way)
        call = await callers.first.start(case.order(fork={"where": where, "goes_first": True}))
        await call.stopped()
        assert not sends(box)
        assert case.state() == "sending"
        call.go_on()
        child, parent = await call.ended()
        assert child.forked
        assert child.verdict != "accepted"
        assert (parent.outcome, parent.replayed) == (("accepted", case.accepted_id), False)
        assert len(sends(box)) == 1
        after = await case.call()
        assert (after.outcome, after.replayed) == (parent.outcome, True)
        assert case.is_accepted


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["token", "trace"])
async def test_a_process_that_was_forked_before_the_request_and_goes_on_after_it_sends_nothing(
    tmp_path, callers, where, way
):
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.first, way)
        call = await callers.first.start(case.order(fork={"where": where, "goes_first": False}))
        parent, child = await call.ended()
        assert child.forked
        assert child.verdict != "accepted"
        assert (parent.outcome, parent.replayed) == (("accepted", case.accepted_id), False)
        assert len(sends(box)) == 1
        assert case.state() == "accepted"
        assert case.is_accepted


@pytest.mark.parametrize("way", WAYS)
async def test_a_process_that_is_stopped_for_longer_than_its_lease_sends_nothing(
    tmp_path, callers, way
):
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.second, way)
        stopped = await stop_after_its_claim(case, callers)
        case.let_pass(AGES)
        assert (await case.call()).verdict == "OutcomeUnknown"
        stopped.go_on()
        [said] = await stopped.ended()
        assert said.verdict == "NotSent"
        assert not sends(box)
        sent = await case.call()
        assert (sent.outcome, sent.replayed) == (("accepted", case.accepted_id), False)
        assert case.is_accepted


@pytest.mark.parametrize("way", WAYS)
async def test_a_process_that_is_stopped_while_another_sends_again_sends_nothing(
    tmp_path, callers, way
):
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.second, way)
        stopped = await stop_after_its_claim(case, callers)
        case.let_pass(AGES)
        sent = await case.send_again()
        assert (sent.outcome, sent.replayed) == (("accepted", case.accepted_id), False)
        stopped.go_on()
        [said] = await stopped.ended()
        # Its own request was not sent, but the call was accepted.
        assert said.verdict == "OutcomeUnknown"
        after = await case.call()
        assert (after.outcome, after.replayed) == (sent.outcome, True)
        assert len(sends(box)) == 1
        assert case.is_accepted


@pytest.mark.parametrize("way", WAYS)
async def test_a_process_that_is_stopped_while_the_clock_is_set_back_goes_by_its_other_clock(
    tmp_path, callers, way
):
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.second, way)
        stopped = await stop_after_its_claim(case, callers)
        case.let_pass(AGES)
        case.set_ahead(-5 * HOURS)
        assert (await case.call()).verdict == "KeyInUse"
        stopped.go_on()
        [said] = await stopped.ended()
        assert said.verdict == "NotSent"
        assert not sends(box)
        sent = await case.call()
        assert (sent.outcome, sent.replayed) == (("accepted", case.accepted_id), False)
        assert case.is_accepted


async def stop_after_its_claim(case, callers):
    strike = {"where": "after the claim", "signal": "SIGSTOP"}
    call = await callers.first.start(case.order(strike=strike))
    await call.stopped()
    return call
