"""The events of an opt-out list, and their net changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, Self, TypeAlias

import attrs

from smsworks_async import phone


Change: TypeAlias = Literal["out", "in"]


@attrs.frozen
class OptOutEvent:
    """An opt-out or opt-in of one number. The last event of a number determines its state.

    Attributes:
        number: the number, such as ``"447700900123"``.
        change: ``"out"`` or ``"in"``.
        at: when the message arrived, if that is known, otherwise when the event was recorded, UTC.
        source: how the request was made: ``"message"``, ``"manual"``, ``"import"``, or your own
            term.
        word: the keyword in the message, such as ``"STOP"``, or an empty string.
        message_id: the id of the incoming message, or an empty string.
    """

    number: str = attrs.field(repr=phone.mask)
    change: Change
    at: datetime
    source: str = "manual"
    word: str = ""
    message_id: str = ""


class OptOutChanges(NamedTuple):
    """The net changes in an opt-out list after a given event.

    Attributes:
        last: the key of the last event. Keys begin at 1 and increase.
        out: the numbers whose last event is an opt-out.
        back: the numbers whose last event is an opt-in.
    """

    last: int
    out: Collection[str]
    back: Collection[str]

    @classmethod
    def of(cls, after: int, events: Iterable[tuple[int, str, bool]]) -> Self:
        """Return the net changes of a sequence of events.

        Args:
            after: the key after which the events begin.
            events: for each event, in order: its key, its number, and whether it opts out.
        """
        last, is_out = after, dict[str, bool]()
        for last, number, is_out[number] in events:  # noqa: B007
            pass
        out = [number for number, now in is_out.items() if now]
        return cls(last, out, [number for number, now in is_out.items() if not now])
