"""What became of a bulk run: counts that add up, and the details behind them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from smsworks_async import phone
from smsworks_async.errors import APIError, OutcomeUnknown, SMSWorksError
from smsworks_async.models.window import SendWindow


class Outcome(enum.StrEnum):
    """What became of a chunk."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"
    OPTED_OUT = "opted out"


def outcome_of(error: SMSWorksError) -> Outcome:
    """Return the outcome of a chunk whose request failed."""
    if isinstance(error, APIError):
        return Outcome.REJECTED
    return Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.NOT_SENT


class Reason(enum.StrEnum):
    """Why a recipient was set aside before sending."""

    INVALID = "invalid"
    DUPLICATE = "duplicate"


class Phase(enum.StrEnum):
    """What a bulk run is doing."""

    #: Reading, checking and writing down all recipients; nothing is sent yet.
    PLANNING = "planning"
    SENDING = "sending"
    #: Waiting for `max_rate`, or for a pause that the API asked for.
    WAITING_FOR_RATE = "waiting for the rate"
    #: Waiting until the sending window opens.
    WAITING_FOR_WINDOW = "waiting for the window"
    #: Waiting for requests of other processes.
    WAITING_FOR_OTHERS = "waiting for others"
    #: Searching for chunks whose outcome is unknown.
    RECONCILING = "reconciling"
    #: Cancelling scheduled batches.
    CANCELLING = "cancelling"
    #: Waiting until unknown chunks can be sent again.
    WAITING_TO_RESEND = "waiting to resend"


def _masked(value: object) -> str:
    return phone.mask(str(value))


def _count(destinations: tuple[str, ...]) -> str:
    return f"<{len(destinations)} destinations>"


@attrs.frozen
class Problem:
    """A recipient that was set aside.

    Attributes:
        position: where it stood in what was read, counted from 0.
        value: what stood there.
        reason: invalid, or a repeat of one before it.
        message: what is wrong with it, and what to do.
        field: the field that is wrong.
        code: the API's code for it, or None.
    """

    position: int
    value: Any = attrs.field(repr=_masked)
    reason: Reason
    message: str
    field: str = "destination"
    code: int | None = None


@attrs.frozen
class BatchOutcome:
    """What became of one chunk.

    *Accepted* is of the batch; what became of each recipient, `batches.get` tells.

    Attributes:
        number: the chunk's number, counted from 0.
        outcome: what became of it.
        size: how many recipients it has.
        batch_id: the batch's id where it was accepted, or None; of a chunk that was cancelled after
            it was scheduled, the batch that was cancelled.
        error: why it was not accepted, or None.
        destinations: the recipients, unless they were accepted, and once alone.
        doubles: ids of further batches that it was accepted with. Its recipients were texted once
            more for each: an earlier request of it, which was given up, had arrived after all.
    """

    number: int
    outcome: Outcome
    size: int
    batch_id: str | None = None
    error: SMSWorksError | None = None
    destinations: tuple[str, ...] = attrs.field(default=(), repr=_count)
    doubles: tuple[str, ...] = ()

    @property
    def code(self) -> int | None:
        """The API's code where it refused."""
        return self.error.code if isinstance(self.error, APIError) else None


@attrs.frozen(kw_only=True)
class Counts:
    """Recipients, counted.

    Attributes:
        read: recipients that were read.
        accepted: those whose batch was accepted.
        rejected: those whose batch was refused.
        unknown: those whose batch may have been accepted.
        not_sent: those that nothing was sent to.
        invalid: those that cannot be sent to.
        duplicates: those that were there before.
        opted_out: those that were left out since they have opted out.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    not_sent: int = 0
    invalid: int = 0
    duplicates: int = 0
    opted_out: int = 0


@attrs.frozen(kw_only=True)
class BulkProgress(Counts):
    """How far a bulk run has got: the counts of `BulkReport` up to now, and these.

    Who was read, and is in none of them, waits for a turn.

    Attributes:
        phase: what the run is doing.
        waiting_for: what it waits for, in words, or an empty string.
        until: when that wait ends, as far as is known; an aware datetime, or None.
        planned: recipients to send to in all. Without a journal it is None, since they are read as
            they are sent to; while a campaign is being planned it is None, too.
        before: how many of those were done when the run began.
        in_flight: recipients whose batch is on its way.
        seconds: since the run began.
    """

    phase: Phase = Phase.SENDING
    waiting_for: str = ""
    until: datetime | None = None
    planned: int | None = None
    before: int = 0
    in_flight: int = 0
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """Recipients of whom it is known what became of them, those in doubt among them."""
        return self.accepted + self.rejected + self.unknown + self.not_sent

    @property
    def per_second(self) -> float:
        """Recipients done by this run, a second."""
        return (self.done - self.before) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed; None where that is not known."""
        if self.planned is None or not self.per_second:
            return None
        return (self.planned - self.done) / self.per_second


@attrs.frozen(kw_only=True)
class BulkReport(Counts):
    """What became of every recipient of a bulk run: the counts add up to ``read``.

    Attributes:
        read: recipients that were read.
        accepted: those whose batch was accepted.
        rejected: those whose batch was refused.
        unknown: those whose batch may have been accepted.
        not_sent: those that nothing was sent to.
        invalid: those that cannot be sent to.
        duplicates: those that were there before.
        opted_out: those that were left out since they have opted out.
        batches: what became of each chunk, by number. A chunk of which somebody was left out has an
            entry for each outcome of its recipients.
        problems: recipients that were set aside, by position.
        credits: what the accepted ones cost, estimated: batch answers do not say. Every text
            outside the UK counts double, whatever its price.
        accepted_twice: texts known to have been accepted beside the first one to the same
            recipient: after `on_unknown="resend"`, or a clock that was set. ``batches`` names them.
        stopped: why the run stopped early, or None.
        again: chunks of `bulk.retry_undelivered`, of which the counts do not speak; only in the
            report of a whole campaign.
        warnings: what was sent as it was given, and is probably a mistake.
        too_late: scheduled batches that should not go out, and could not be cancelled in time: of a
            cancelled campaign, or with recipients who opted out before the messages were due. Their
            ``destinations`` are those recipients, and ``error`` is None where the batch has gone,
            and otherwise says why it is not known whether it was cancelled.
    """

    batches: tuple[BatchOutcome, ...] = attrs.field(default=(), repr=False)
    problems: tuple[Problem, ...] = attrs.field(default=(), repr=False)
    credits: float = 0.0
    accepted_twice: int = 0
    stopped: SMSWorksError | None = None
    again: tuple[BatchOutcome, ...] = attrs.field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    too_late: tuple[BatchOutcome, ...] = attrs.field(default=(), repr=False)

    @property
    def all_accepted(self) -> bool:
        """Whether everybody was accepted, and again where that was tried.

        It is true when ``rejected``, ``unknown``, ``not_sent`` and ``invalid`` are all 0. Repeats
        do not count: their recipient was accepted.
        """
        again = all(batch.outcome is Outcome.ACCEPTED for batch in self.again)
        return again and self.rejected == self.unknown == self.not_sent == self.invalid == 0

    def totals(self) -> dict[str, float]:
        """Return the counts, by name, as plain numbers: without anybody's number or error."""
        names = (*(a.name for a in attrs.fields(Counts)), "credits", "accepted_twice")
        return {name: getattr(self, name) for name in names}

    @property
    def adds_up(self) -> bool:
        """Whether every recipient that was read is accounted for."""
        outcomes = self.accepted + self.rejected + self.unknown + self.not_sent
        return outcomes + self.invalid + self.duplicates + self.opted_out == self.read


class BulkInterrupted(SMSWorksError):
    """The caller's own code raised during a bulk run; its exception is this one's ``__cause__``.

    Chunks in flight were waited for, and nothing more was started. Repeating the whole call would
    text again whoever was accepted, so ``safe_to_repeat`` is False.

    Attributes:
        report: what became of every recipient that was read. One that is rebuilt from ``args``
            has the counts alone: the rest names recipients.
    """

    safe_to_repeat = False

    def __init__(self, message: str, report: BulkReport | Mapping[str, Any] | None = None) -> None:
        if not isinstance(report, BulkReport):
            report = BulkReport(**report or {})
        super().__init__(message, report.totals())
        self.report = report


@attrs.frozen(kw_only=True)
class BulkStatus(Counts):
    """How far a campaign has got, as its journal has it: the counts of `BulkReport`, and these.

    Here ``not_sent`` are those who are still to be sent to.

    Attributes:
        campaign: its name.
        planned: whether it is planned whole; only then is anything sent.
        in_flight: recipients whose batch is on its way, or was when its process ended.
        lease: seconds until the first of those batches is looked for, unless its process tells
            before what became of it; None where none is in flight.
        credits: what the accepted ones cost, estimated as in `BulkReport`.
        rounds: how often what was not delivered was sent again.
        sent_again: recipients of those rounds whose batch was accepted.
        open_again: recipients of those rounds who are still to be sent to, on the way, or in doubt.
        control: ``"running"``, ``"paused"``, ``"halted"`` or ``"cancelled"``: whether its chunks
            may be sent.
        why: why they may not, in words.
        window: when they may be sent, or None for always.
        at: when its messages are due, UTC, or None for at once.
        scheduled: those of the accepted ones whose messages are not due yet, so that their batch
            can still be cancelled.
        forgotten: when its numbers and texts were erased, an aware datetime; or None.
    """

    campaign: str
    planned: bool
    in_flight: int = 0
    lease: float | None = None
    credits: float = 0.0
    rounds: int = 0
    sent_again: int = 0
    open_again: int = 0
    control: str = "running"
    why: str = ""
    window: SendWindow | None = None
    at: datetime | None = None
    scheduled: int = 0
    forgotten: datetime | None = None

    @property
    def state(self) -> str:
        """What the campaign is: ``"planning"``, ``"done"``, or its ``control``."""
        if self.control != "running":
            return self.control
        if not self.planned:
            return "planning"
        return "done" if self.settled else "running"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: nobody is to be sent to, on the way, or in doubt.

        Nor is there a scheduled batch whose messages are not due yet. Those whom a cancelled
        campaign did not send to are not to be sent to.
        """
        waiting = 0 if self.control == "cancelled" else self.not_sent
        open_now = waiting or self.in_flight or self.unknown or self.scheduled
        return self.planned and not (open_now or self.open_again)


@attrs.frozen(kw_only=True)
class RecipientOutcome:
    """What became of one recipient of a campaign.

    Attributes:
        position: where it stood in what was read, counted from 0.
        destination: the number; what stood there, where it cannot be sent to or is a repeat.
        outcome: ``"accepted"``, ``"rejected"``, ``"unknown"``, ``"not sent"``, ``"invalid"`` or
            ``"duplicate"``; of the last time, where it was sent to again.
        batch_id: the batch's id where it was accepted, or was scheduled and then cancelled.
        code: the API's code where it was refused.
        reason: why it was not accepted, or an empty string.
        round: 0, or the round of `bulk.retry_undelivered` that this is about.
    """

    position: int
    destination: str = attrs.field(repr=_masked)
    outcome: str
    batch_id: str | None = None
    code: int | None = None
    reason: str = ""
    round: int = 0
