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
from smsworks_async.models.window import SendWindow


#: A limit that no campaign reaches: all of its chunks in one page, as they are at one moment.
NO_LIMIT: Final = 2**31

#: `Campaign.forgotten` while the journal's files may still hold what was erased from its tables.
NOT_SWEPT: Final = 0.0


class State(enum.StrEnum):
    """The state of a chunk; `transitions` has what leads from one to another."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SPLIT = "split"
    #: Nobody in it was left to send to.
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Control(enum.StrEnum):
    """Whether a campaign's chunks may be claimed."""

    RUNNING = "running"
    #: By a person, until `bulk.resume`.
    PAUSED = "paused"
    #: By a refusal that is about the account, until the next `bulk.send`, `plan` or `resume`.
    HALTED = "halted"
    #: For good.
    CANCELLED = "cancelled"


class Command(enum.StrEnum):
    """What changes a campaign's control; see `transitions.steer`."""

    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    #: Lift a halt, but not a pause.
    LIFT = "lift"
    CANCEL = "cancel"


#: The outcome that a report has for a chunk in each state. A split chunk is reported by its halves.
OUTCOMES: Mapping[State, Outcome] = {
    State.PENDING: Outcome.NOT_SENT,
    State.SENDING: Outcome.UNKNOWN,
    State.ACCEPTED: Outcome.ACCEPTED,
    State.REJECTED: Outcome.REJECTED,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.SKIPPED: Outcome.OPTED_OUT,
    State.CANCELLED: Outcome.NOT_SENT,
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
        control: whether its chunks may be claimed.
        why: why they may not, in words.
        window: when its requests may leave; None for always.
        opt_outs: the id of the opt-out list that it respects; an empty string where it respects
            none; None if that was not asked yet.
        at: when its messages are due, in POSIX seconds; None for at once.
        forgotten: when its numbers and texts were erased, or None; `NOT_SWEPT` until that is done.
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
    control: Control = attrs.field(default=Control.RUNNING, eq=False)
    why: str = attrs.field(default="", eq=False)
    window: SendWindow | None = attrs.field(default=None, eq=False)
    opt_outs: str | None = attrs.field(default=None, eq=False)
    at: float | None = attrs.field(default=None, eq=False)
    forgotten: float | None = attrs.field(default=None, eq=False)

    @property
    def is_forgotten(self) -> bool:
        """Whether its numbers and texts were erased."""
        return self.forgotten is not None

    @property
    def respects_opt_outs(self) -> bool:
        """Whether it leaves out who has opted out."""
        return self.opt_outs != ""

    def difference(self, other: Campaign) -> str | None:
        """Name the first argument in which another campaign is not this one, or None."""
        for field in ("kind", "chunk_size", "deduplicate", "at"):
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
            passed, or it was pending in a copy that the journal was restored from, or its scheduled
            batch is being cancelled, to be scheduled again.
        found: whether its batch was found, and not answered.
        resent: whether an earlier request of it is still in doubt, and it was resent by name.
        restored: whether it is in doubt because the journal was restored from a copy, which cannot
            tell what was sent after it was made.
        doubles: ids of further batches that it was accepted with: whoever is in it was texted
            once more for each.
        left_out: the positions that its last request left out, packed, since their recipients had
            opted out; an empty string where there are none.
        opted_out: those of them that are in no earlier request whose outcome is unknown, likewise.
        excluded: how many are left out.
        opted: how many of these are opted out.
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
    left_out: str = ""
    opted_out: str = ""
    excluded: int = 0
    opted: int = 0

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
    def requested(self) -> int:
        """How many recipients its last request held."""
        return self.size - self.excluded

    @property
    def credits_requested(self) -> float:
        """What those cost, estimated."""
        return self.credits * self.requested / self.size if self.excluded else self.credits

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


@attrs.frozen
class Controls:
    """What a claim reads of its campaign: see `Campaign`."""

    control: Control
    why: str
    window: SendWindow | None
    at: float | None = None


@attrs.frozen
class Refused:
    """Why no chunk of a campaign may be claimed now.

    Attributes:
        control: the campaign's control; *running* where it is outside its window, or its messages
            were due before now.
        why: in words.
        opens: when its window opens, in POSIX seconds; None if that is not the reason.
        window: the window, likewise.
    """

    control: Control
    why: str
    opens: float | None = None
    window: SendWindow | None = None


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
    """The chunks of one state, summed up.

    Attributes:
        chunks: how many they are.
        recipients: how many recipients they have.
        credits: what those cost, estimated.
        excluded: how many of the recipients their last requests left out.
        opted: how many of these are opted out, and in no earlier request that is in doubt.
    """

    chunks: int
    recipients: int
    credits: float
    excluded: int = 0
    opted: int = 0


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


def without_words(error: SMSWorksError, instead: str = "(erased)") -> SMSWorksError:
    """Return an error with another message, since its own may quote a number or a text."""
    fields = json.loads(pack_error(error) or "{}")
    return unpack_error(json.dumps({**fields, "message": instead})) or error


def storable(text: str) -> str:
    """Return a text that every database can hold: without half surrogate pairs, and without NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def pack_positions(positions: Sequence[int]) -> str:
    """Return ascending positions as runs, such as ``"0-498,500"``."""
    if not positions:
        return ""
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
    if not packed:
        return ()
    runs = [run.partition("-") for run in packed.split(",")]
    ranges = [range(int(start), int(end or start) + 1) for start, _, end in runs]
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))
