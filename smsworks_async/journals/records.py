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


#: A limit larger than any campaign, to read all chunks in one page and so in one snapshot.
NO_LIMIT: Final = 2**31

#: The value of `Campaign.forgotten` while the files may still contain the data erased from the
#: tables.
NOT_SWEPT: Final = 0.0


class State(enum.StrEnum):
    """The state of a chunk; see `transitions` for the changes between states."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SPLIT = "split"
    #: Every recipient was left out.
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Control(enum.StrEnum):
    """Whether a campaign's chunks may be claimed."""

    RUNNING = "running"
    #: Paused by a person, until `bulk.resume`.
    PAUSED = "paused"
    #: Halted by a rejection that concerns the account, until the next `bulk.send`, `plan` or
    #: `resume`.
    HALTED = "halted"
    #: Cancelled permanently.
    CANCELLED = "cancelled"


class Command(enum.StrEnum):
    """A command that changes a campaign's control; see `steering.steer`."""

    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    #: Lift a halt, but not a pause.
    LIFT = "lift"
    CANCEL = "cancel"


#: The reported outcome of a chunk in each state. A split chunk is reported through its halves.
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
    """The totals of a completed plan.

    Attributes:
        read: the number of recipients read.
        set_aside: the number of excluded recipients, by reason.
        chunks: the number of chunks for the rest.
    """

    read: int
    set_aside: Mapping[Reason, int]
    chunks: int


@attrs.frozen(kw_only=True)
class Campaign:
    """A campaign: its identity, its settings and its control.

    Attributes:
        id: its name, unique in its journal.
        kind: ``"send"``, ``"send_each"`` or ``"template"``.
        message: the shared part of its messages, in wire format.
        chunk_size: recipients in a request.
        deduplicate: whether duplicates are excluded.
        totals: the totals of the plan; None until it is complete.
        round: the number of rounds of `bulk.retry_undelivered`.
        created: when it was created, in POSIX seconds of the journal's clock; None until then.
        restored: whether its journal was restored from a copy, and may lack later rounds.
        control: whether its chunks may be claimed.
        why: the reason why they may not, in words.
        window: its sending window; None for any time.
        opt_outs: the id of the opt-out list that it respects; an empty string if it respects none;
            None if that was not determined yet.
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
        """Return whether its numbers and texts were erased."""
        return self.forgotten is not None

    @property
    def respects_opt_outs(self) -> bool:
        """Return whether it leaves out recipients who have opted out."""
        return self.opt_outs != ""

    def difference(self, other: Campaign) -> str | None:
        """Return the name of the first argument that differs from another campaign's, or None."""
        for field in ("kind", "chunk_size", "deduplicate", "at"):
            if getattr(self, field) != getattr(other, field):
                return field
        names = [*self.message, *other.message]
        return next((n for n in names if self.message.get(n) != other.message.get(n)), None)


@attrs.frozen(kw_only=True)
class PlannedChunk:
    """A planned chunk.

    Attributes:
        number: its number within the campaign, from 0.
        items: the recipients, packed by the campaign's payload.
        positions: their positions in the input, packed by `pack_positions`.
        size: the number of recipients.
        international: whether they are outside the UK.
        credits: their estimated cost.
    """

    number: int
    items: str = attrs.field(repr=False)
    positions: str
    size: int
    international: bool
    credits: float


@attrs.frozen(kw_only=True)
class ChunkRecord:
    """The record of a chunk in the journal.

    Attributes:
        number, size, international, credits: as planned.
        round: 0, or the round of `bulk.retry_undelivered` that it belongs to.
        state: its state.
        attempt: the number of requests that were started for it.
        owner: the owner of the last one.
        began: when the first one was started, in POSIX seconds of the journal's clock.
        lease: when the owner's right to send the request expires, by the same clock.
        lease_seconds: the length of that lease.
        ahead: the seconds by which the provider's clock was ahead of the journal's, if known.
        batch_id: the id of its batch, if it was accepted.
        error: why it was not accepted, or None.
        reopenable: whether it may become pending again: it was rejected for a temporary reason, or
            it was pending in the copy from which the journal was restored, or its scheduled batch
            is being cancelled in order to be scheduled again.
        found: whether its batch was found by a search, and not in a response.
        resent: whether it was resent on request while an earlier attempt is unknown.
        restored: whether it is unknown because the journal was restored from a copy, which does not
            contain what was sent after it was made.
        doubles: the ids of further batches that were accepted for it. Its recipients were texted
            once more for each.
        left_out: the positions that its last request left out, packed, since their recipients had
            opted out; an empty string for none.
        opted_out: those of them that are in no earlier unknown request, packed.
        excluded: the number of positions in `left_out`.
        opted: the number of positions in `opted_out`.
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
        """Return the record of a newly planned chunk."""
        return cls(
            number=chunk.number,
            size=chunk.size,
            international=chunk.international,
            credits=chunk.credits,
            round=round,
        )

    @property
    def requested(self) -> int:
        """The number of recipients in its last request."""
        return self.size - self.excluded

    @property
    def credits_requested(self) -> float:
        """The estimated cost of those."""
        return self.credits * self.requested / self.size if self.excluded else self.credits

    @property
    def is_open(self) -> bool:
        """Whether it is pending, in flight, or may be reopened."""
        return self.state in {State.PENDING, State.SENDING} or self.reopenable


@attrs.frozen
class StoredChunk:
    """A chunk with its recipients.

    Attributes:
        record: the chunk.
        items: all planned recipients, packed.
        positions: their positions, packed.
    """

    record: ChunkRecord
    items: str = attrs.field(repr=False)
    positions: str


@attrs.frozen
class Controls:
    """The fields of a campaign that a claim reads; see `Campaign`."""

    control: Control
    why: str
    window: SendWindow | None
    at: float | None = None


@attrs.frozen
class Refused:
    """The reason why no chunk of a campaign may be claimed now.

    Attributes:
        control: the campaign's control; *running* if it is outside its window, or its time is past.
        why: the reason in words.
        opens: when its window opens, in POSIX seconds; None if that is not the reason.
        window: the window; None if that is not the reason.
    """

    control: Control
    why: str
    opens: float | None = None
    window: SendWindow | None = None


@attrs.frozen(kw_only=True)
class Event:
    """An event of a chunk.

    Attributes:
        number: the chunk's number.
        at: the time, in POSIX seconds of the journal's clock.
        attempt: the attempt that it concerns.
        owner: the owner of that attempt.
        what: the kind of event, such as ``"started"``, ``"accepted"`` or ``"lease ended"``.
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
    """The totals of the chunks in one state.

    Attributes:
        chunks: the number of chunks.
        recipients: the number of their recipients.
        credits: the estimated cost of those.
        excluded: the number of recipients that their last requests left out.
        opted: the number of these that are in no earlier unknown request.
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
        campaign: the campaign.
        states: the totals of the first round's chunks, by state, without split ones.
        later_rounds: the totals of all later rounds.
        lease: seconds until the first lease of a chunk in flight expires, or None.
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
    """Return the error from the JSON of `pack_error`."""
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
    """Return an error with its message replaced, since it may quote a number or a text."""
    fields = json.loads(pack_error(error) or "{}")
    return unpack_error(json.dumps({**fields, "message": instead})) or error


def storable(text: str) -> str:
    """Return a text without lone surrogates and NUL, which databases cannot store."""
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
    """Return the positions from the string of `pack_positions`."""
    if not packed:
        return ()
    runs = [run.partition("-") for run in packed.split(",")]
    ranges = [range(int(start), int(end or start) + 1) for start, _, end in runs]
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))
