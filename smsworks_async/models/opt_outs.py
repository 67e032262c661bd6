"""Opt-outs and opt-ins, as a list of them records each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, Self, TypeAlias

import attrs

from smsworks_async import phone


Change: TypeAlias = Literal["out", "in"]


@attrs.frozen
class OptOutEvent:
    """An opt-out or an opt-in of one number; the last one of a number counts.

    Attributes:
        number: the number, such as ``"447700900123"``.
        change: ``"out"`` or ``"in"``.
        at: when the message came, where that is known, and otherwise when it was recorded, UTC.
        source: how it was asked for: ``"message"``, ``"manual"``, ``"import"``, or a word of yours.
        word: the word that the message contained, such as ``"STOP"``; empty where there is none.
        message_id: the id of the incoming message; empty where it came without one.
    """

    number: str = attrs.field(repr=phone.mask)
    change: Change
    at: datetime
    source: str = "manual"
    word: str = ""
    message_id: str = ""


class OptOutChanges(NamedTuple):
    """What has changed in a list of opt-outs after one of its events.

    Attributes:
        last: the key of the last event. Keys begin at 1, and each event has a higher one than those
            before it.
        out: the numbers whose last event is an opt-out.
        back: the numbers whose last event is an opt-in.
    """

    last: int
    out: Collection[str]
    back: Collection[str]

    @classmethod
    def of(cls, after: int, events: Iterable[tuple[int, str, bool]]) -> Self:
        """Return what events come to.

        Args:
            after: the key that theirs are above.
            events: the key, the number, and whether it is out, of each, in their order.
        """
        last, is_out = after, dict[str, bool]()
        for last, number, is_out[number] in events:  # noqa: B007
            pass
        out = [number for number, now in is_out.items() if now]
        return cls(last, out, [number for number, now in is_out.items() if not now])
