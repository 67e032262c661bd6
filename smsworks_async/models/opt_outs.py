"""Opt-outs and opt-ins, as a list of them records each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

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
