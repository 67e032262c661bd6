"""The records of a journal: campaigns, their chunks, and the events of each chunk."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import attrs

from smsworks_async.errors import (
    APIError,
    ConfigurationError,
    NotSent,
    OutcomeUnknown,
    SMSWorksError,
    api_error_class,
)
from smsworks_async.models.report import Outcome, Reason


#: A limit that no campaign reaches: all of its chunks in one page, as they are at one moment.
NO_LIMIT: Final = 2**31


class State(enum.StrEnum):
    """The state of a chunk; `transitions` has what leads from one to another."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SPLIT = "split"


#: The outcome that a report has for a chunk in each state. A split chunk is reported by its halves.
OUTCOMES: Mapping[State, Outcome] = {
    State.PENDING: Outcome.NOT_SENT,
    State.SENDING: Outcome.UNKNOWN,
    State.ACCEPTED: Outcome.ACCEPTED,
    State.REJECTED: Outcome.REJECTED,
    State.UNKNOWN: Outcome.UNKNOWN,
}


@attrs.frozen(kw_only=True)
class Totals:
    """What was read when a campaign was planned, whole.

    Attributes:
        read: recipients read.
        set_aside: how many of them were set aside, by reason.
        chunks: how many chunks the rest fills.
    """

    read: int
    set_aside: Mapping[Reason, int]
    chunks: int


@attrs.frozen(kw_only=True)
class Campaign:
    """What makes a campaign the one that it is.

    Attributes:
        id: its name, unique in its journal.
        kind: ``"send"``, ``"send_each"`` or ``"template"``.
        message: what all its messages share, as it goes on the wire.
        chunk_size: recipients in a request.
        deduplicate: whether repeats are set aside.
        totals: what was read, once it is planned whole; None until then.
        round: how often what was not delivered was sent again.
        created: when it was begun, in POSIX seconds of the journal's clock; None until then.
        restored: whether its journal was restored from a copy, so that there may have been rounds
            that it does not know of.
    """

    id: str
    kind: str
    message: Mapping[str, Any] = attrs.field(repr=False)
    chunk_size: int
    deduplicate: bool
    totals: Totals | None = None
    round: int = 0
    created: float | None = attrs.field(default=None, eq=False)
    restored: bool = attrs.field(default=False, eq=False)

    def difference(self, other: Campaign) -> str | None:
        """Name the first argument in which another campaign is not this one, or None."""
        for field in ("kind", "chunk_size", "deduplicate"):
            if getattr(self, field) != getattr(other, field):
                return field
        names = [*self.message, *other.message]
        return next((n for n in names if self.message.get(n) != other.message.get(n)), None)


@attrs.frozen(kw_only=True)
class PlannedChunk:
    """A chunk as it was planned.

    Attributes:
        number: counted from 0 within the campaign.
        items: the recipients, packed by what the campaign sends.
        positions: where they stood in what was read, packed by `pack_positions`.
        size: how many they are.
        international: whether they are outside the UK.
        credits: what they cost, estimated.
    """

    number: int
    items: str = attrs.field(repr=False)
    positions: str
    size: int
    international: bool
    credits: float


@attrs.frozen(kw_only=True)
class ChunkRecord:
    """A chunk as the journal has it.

    Attributes:
        number, size, international, credits: as it was planned.
        round: 0, or the round of `bulk.retry_undelivered` that it belongs to.
        state: how far it has got.
        attempt: how often its request was begun.
        owner: who began it last.
        began: when it was first begun, in POSIX seconds of the journal's clock.
        lease: until when the owner may let its request leave, likewise.
        lease_seconds: how long the lease was when it was given.
        ahead: seconds by which the provider's clock was ahead of the journal's then, where that was
            known.
        batch_id: the batch's id where it was accepted.
        error: why it was not, or None.
        reopenable: whether it may become pending again: it was refused for a reason that may have
            passed, or it was pending in a copy that the journal was restored from.
        found: whether its batch was found, and not answered.
        resent: whether an earlier request of it is still in doubt, and it was resent by name.
        restored: whether it is in doubt because the journal was restored from a copy, which cannot
            tell what was sent after it was made.
        doubles: ids of further batches that it was accepted with: whoever is in it was texted
            once more for each.
    """

    number: int
    size: int
    international: bool
    credits: float
    round: int = 0
    state: State = State.PENDING
    attempt: int = 0
    owner: str = ""
    began: float | None = None
    lease: float | None = None
    lease_seconds: float = 0.0
    ahead: float | None = None
    batch_id: str | None = None
    error: SMSWorksError | None = None
    reopenable: bool = False
    found: bool = False
    resent: bool = False
    restored: bool = False
    doubles: tuple[str, ...] = ()

    @classmethod
    def planned(cls, chunk: PlannedChunk, round: int) -> ChunkRecord:
        """Return the record of a chunk that was just planned."""
        return cls(
            number=chunk.number,
            size=chunk.size,
            international=chunk.international,
            credits=chunk.credits,
            round=round,
        )

    @property
    def is_open(self) -> bool:
        """Whether it is to be sent, is being sent, or may be reopened."""
        return self.state in {State.PENDING, State.SENDING} or self.reopenable


@attrs.frozen
class StoredChunk:
    """A chunk with its recipients.

    Attributes:
        record: the chunk.
        items: the recipients, packed, as they were planned.
        positions: their positions, packed, likewise.
    """

    record: ChunkRecord
    items: str = attrs.field(repr=False)
    positions: str


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened to a chunk.

    Attributes:
        number: the chunk's.
        at: when, in POSIX seconds of the journal's clock.
        attempt: which of the chunk's requests it is about.
        owner: whose request that was.
        what: such as ``"started"``, ``"accepted"`` or ``"lease ended"``.
        detail: a batch id, or an error.
    """

    number: int
    at: float
    attempt: int
    owner: str
    what: str
    detail: str = ""


@attrs.frozen(kw_only=True)
class Sums:
    """The chunks of one state, summed up."""

    chunks: int
    recipients: int
    credits: float


@attrs.frozen(kw_only=True)
class Summary:
    """The progress of a campaign.

    Attributes:
        campaign: what it is.
        states: the chunks of its first round, summed up by state; split ones are left out.
        later_rounds: likewise of all later rounds.
        lease: seconds until the first lease of a chunk that is being sent ends, or None.
    """

    campaign: Campaign
    states: Mapping[State, Sums]
    later_rounds: Mapping[State, Sums]
    lease: float | None


_ABSENT: Final = object()


def pack_error(error: SMSWorksError | None) -> str | None:
    """Return an error as JSON."""
    if error is None:
        return None
    known = ("status", "code", "permanent", "operation", "message_id", "batch_id")
    fields = {
        name: value for name in known if (value := getattr(error, name, _ABSENT)) is not _ABSENT
    }
    said = str(error.args[0]) if error.args else ""
    return json.dumps({"error": type(error).__name__, "message": said, **fields})


def unpack_error(packed: str | None) -> SMSWorksError | None:
    """Return the error that `pack_error` was given."""
    if packed is None:
        return None
    fields = json.loads(packed)
    name, message = fields.pop("error"), fields.pop("message")
    if "status" in fields:
        refused: APIError = api_error_class(fields["status"], fields["code"])(message, **fields)
        return refused
    if "operation" in fields:
        return OutcomeUnknown(message, **fields)
    return (ConfigurationError if name == "ConfigurationError" else NotSent)(message)


def storable(text: str) -> str:
    """Return a text that a database can hold: without half surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()


def pack_positions(positions: Sequence[int]) -> str:
    """Return ascending positions as runs, such as ``"0-498,500"``."""
    first, last = positions[0], positions[-1]
    if last - first == len(positions) - 1:
        return f"{first}-{last}"
    runs: list[list[int]] = []
    for position in positions:
        if runs and position == runs[-1][1] + 1:
            runs[-1][1] = position
        else:
            runs.append([position, position])
    return ",".join(f"{start}-{end}" if end > start else f"{start}" for start, end in runs)


def unpack_positions(packed: str) -> Sequence[int]:
    """Return the positions that `pack_positions` was given."""
    runs = [run.partition("-") for run in packed.split(",")]
    ranges = [range(int(start), int(end or start) + 1) for start, _, end in runs]
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))
