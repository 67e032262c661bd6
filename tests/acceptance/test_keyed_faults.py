"""Calls with an idempotency key, of each kind, whose request fails or whose process is killed.

New processes make the same call again. Their results are compared with the sandbox's count of
accepted texts. Clocks are advanced instead of waiting.
"""

from __future__ import annotations

import signal
from typing import Any

import attrs
import pytest

from smsworks_async.sandbox import Sandbox
from support.keyed import WAYS
from support.keyed_calls import LEASE, Journaled, Said


@attrs.frozen
class Position:
    """The position at which the first call fails.

    Attributes:
        accepts: whether the sandbox accepts it nevertheless.
        fault: how the sandbox fails, or None.
        kill: where the call's process is killed, or None.
        held: the signal that the process gets while the sandbox holds the request, or None;
            SIGUSR1 ends the time of the call.
        says: the result of the first call if its process survives.
        is_free: whether the next call may make a request.
        names: whether the answer contains the id of the accepted message.
    """

    accepts: bool
    fault: dict[str, Any] | None = None
    kill: str | None = None
    held: int | None = None
    says: str = "OutcomeUnknown"
    is_free: bool = False
    names: bool = False

    @property
    def is_leased(self) -> bool:
        """Whether the journal has only the request's lease afterwards."""
        return not self.is_free and (
            self.held == signal.SIGKILL or self.kill in {"after the claim", "before the record"}
        )


_UNPAID = {"error_code": 4021}
_BUT_ACCEPTED = {"when": "after", "error_code": 5006, "carry_ids": True}
POSITIONS = {
    "the connection is cut before accepting": Position(False, {"when": "before"}),
    "the connection is cut after accepting": Position(True, {"when": "after"}),
    "the answer is cut in the middle": Position(True, {"when": "mid"}),
    "a bare 503 after accepting": Position(True, {"when": "after", "status": 503}),
    "the answer is held": Position(True, {"when": "hold"}, held=signal.SIGUSR1),
    "the request is accepted late": Position(True, {"when": "late"}, held=signal.SIGUSR1),
    "the request hangs": Position(False, {"when": "hang"}, held=signal.SIGUSR1),
    "the account is refused": Position(False, _UNPAID, says="InsufficientCredit", is_free=True),
    "a refusal names what was accepted": Position(True, _BUT_ACCEPTED, names=True),
    "killed before the intent": Position(False, kill="before the claim", is_free=True),
    "killed after the intent": Position(False, kill="after the claim"),
    "killed after the request, accepted": Position(True, {"when": "hold"}, held=signal.SIGKILL),
    "killed after the request, accepted late": Position(
        True, {"when": "late"}, held=signal.SIGKILL
    ),
    "killed after the request, not accepted": Position(
        False, {"when": "hang"}, held=signal.SIGKILL
    ),
    "killed before the record": Position(True, kill="before the record"),
    "killed before a refusal's record": Position(False, _UNPAID, kill="before the record"),
    "killed after the record": Position(True, kill="after the record"),
    "killed after a refusal's record": Position(
        False, _UNPAID, kill="after the record", is_free=True
    ),
}


async def fail(case: Journaled, where: Position) -> None:
    """Make the first call, which fails, and complete the sandbox's later actions."""
    if where.fault is not None:
        case.box.add_fault({"path": "*", **where.fault})
    if where.kill is not None:
        await case.call_and_die(where.kill)
    elif where.held == signal.SIGKILL:
        assert await case.call_until_held(signal.SIGKILL) == signal.SIGKILL
    else:
        if where.held is not None:
            [said] = await case.call_until_held(where.held)
        else:
            said = await case.call()
        assert said.verdict == where.says
        assert said.repeatable
    await case.release()


def expect(case: Journaled, where: Position) -> list[Said]:
    """Return the expected results of three calls after the lease, given the sandbox's messages."""
    if where.is_free:
        sent = Said("accepted", case.accepted_id, replayed=False)
        return [sent, *[attrs.evolve(sent, replayed=True)] * 2]
    is_recorded = where.kill == "after the record"
    # Passcodes cannot be distinguished.
    is_found = where.accepts and (case.way != "otp.send" or where.names or is_recorded)
    if is_found:
        return [Said("accepted", case.accepted_id, replayed=True)] * 3
    return [Said("OutcomeUnknown", repeatable=True)] * 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("position", POSITIONS)
async def test_a_keyed_call_is_accepted_once_and_calls_after_it_agree(
    tmp_path, callers, position, way
):
    where = POSITIONS[position]
    async with Sandbox() as box:
        case = Journaled(box, tmp_path / "journal.db", callers.first, way)
        await fail(case, where)
        assert case.is_accepted == where.accepts
        if where.is_leased:
            assert (await case.call()).verdict == "KeyInUse"
            assert case.is_accepted == where.accepts
            case.let_pass(LEASE)
        said = [attrs.evolve(await case.call(), words="") for _ in range(3)]
        assert case.is_accepted == (where.accepts or where.is_free)
        assert said == expect(case, where)

        # With a resend: accepted calls are not sent again, others are sent once.
        last = await case.send_again()
        assert case.is_accepted, last
        if said[0].verdict == "accepted":
            assert last.outcome == said[0].outcome
            assert last.replayed
        elif where.accepts:
            assert last.verdict == "OutcomeUnknown"
        else:
            assert (last.outcome, last.replayed) == (("accepted", case.accepted_id), False)
