"""Calls with an idempotency key, with clock changes of hours: no recipient is texted twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smsworks_async.sandbox import ManualClock, Sandbox
from support.keyed_calls import Journaled


HOURS = 3600.0
#: How the first call ends: at a fault, or killed.
ENDS = {
    "cut after accepting": {"when": "after"},
    "killed after the claim": "after the claim",
    "killed before the record": "before the record",
}
#: The clock changes before the first call, and before each further one.
STEPS = {
    "forward": [0, 5, 5, 5],
    "back": [0, -5, -5, -5],
    "to and fro": [0, 5, -10, 5],
    "wrong at first, forward": [-5, 5, 0, 0],
    "wrong at first, back": [5, -5, 0, 0],
}
SOME_WAYS = ["messages.send", "messages.schedule", "batches.send", "otp.send"]


@pytest.mark.parametrize("way", SOME_WAYS)
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("steps", STEPS)
async def test_a_keyed_call_between_whose_repetitions_the_clock_is_set_texts_nobody_twice(
    tmp_path, callers, steps, end, way
):
    """Each repetition sends a further text, 6 hours after the previous one."""
    first, *others = STEPS[steps]
    async with Sandbox(clock=ManualClock(datetime.now(UTC))) as box:
        case = Journaled(box, tmp_path / "journal.db", callers.first, way)
        case.set_ahead(first * HOURS)
        if isinstance(ENDS[end], str):
            await case.call_and_die(ENDS[end])
        else:
            box.add_fault({"path": "*", **ENDS[end]})
            assert (await case.call()).verdict == "OutcomeUnknown"
        accepted = case.is_accepted
        for step in others:
            case.set_ahead(step * HOURS)
            said = await case.send_again()
            assert case.is_accepted or not accepted
            if said.verdict == "accepted":
                assert said.id == case.accepted_id
            await case.let_pass_everywhere(6 * HOURS)
        said = await case.send_again()
        assert case.is_accepted or end == "killed after the claim"
        assert said.outcome in {("accepted", _id(case)), ("OutcomeUnknown", None)}


def _id(case):
    return case.accepted_id if case.is_accepted else None
