"""The controls of a campaign: commands, and whether its chunks may be claimed. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from smsworks_async.journals.records import Campaign, Command, Control, Controls, Refused
from smsworks_async.models.checks import SCHEDULE_GRACE
from smsworks_async.models.window import as_date


#: The seconds by which a scheduled time may be past.
GRACE: Final = SCHEDULE_GRACE.total_seconds()

#: The controls to which each command applies, and the resulting control.
_STEERED: Final[Mapping[Command, frozenset[Control]]] = {
    Command.PAUSE: frozenset({Control.RUNNING, Control.HALTED}),
    Command.HALT: frozenset({Control.RUNNING}),
    Command.LIFT: frozenset({Control.HALTED}),
    Command.RESUME: frozenset({Control.PAUSED, Control.HALTED}),
    Command.CANCEL: frozenset({Control.RUNNING, Control.PAUSED, Control.HALTED}),
}
_INTO: Final[Mapping[Command, Control]] = {
    Command.PAUSE: Control.PAUSED,
    Command.HALT: Control.HALTED,
    Command.LIFT: Control.RUNNING,
    Command.RESUME: Control.RUNNING,
    Command.CANCEL: Control.CANCELLED,
}


def refuse(controls: Controls, now: float, round: int = 0) -> Refused | None:
    """Return why no chunk of a campaign may be claimed; None if one may.

    The window of a scheduled campaign applies to the time at which its messages are due.

    Args:
        controls: the campaign's controls.
        now: the time, in POSIX seconds.
        round: the chunk's round; only chunks of the first round are scheduled.
    """
    if controls.control is not Control.RUNNING:
        return Refused(controls.control, controls.why)
    if controls.at is not None and not round:
        if not is_past(controls.at, now):
            return None
        return Refused(controls.control, f"past the time of its messages, {as_date(controls.at)}")
    window = controls.window
    if window is None or window.is_open(now):
        return None
    return Refused(controls.control, f"outside its window, {window}", window.opens(now), window)


def is_past(at: float, now: float) -> bool:
    """Return whether it is too late to schedule for a time; both in POSIX seconds."""
    return at < now - GRACE


def steer(campaign: Campaign, command: Command, why: str = "") -> Campaign:
    """Return a campaign after a command; a cancelled campaign stays cancelled."""
    before = campaign.control
    if before is Control.CANCELLED or before not in _STEERED[command]:
        return campaign
    return attrs.evolve(campaign, control=_INTO[command], why=why)
