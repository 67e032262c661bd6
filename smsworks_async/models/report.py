"""The report and the progress of a bulk run, and the status of a campaign."""

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
    """The outcome of a chunk."""

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
    """The reason why a recipient was excluded before sending."""

    INVALID = "invalid"
    DUPLICATE = "duplicate"


class Phase(enum.StrEnum):
    """The phase of a bulk run."""

    #: Reading, validating and storing all recipients; nothing has been sent yet.
    PLANNING = "planning"
    SENDING = "sending"
    #: Waiting for `max_rate`, or for a pause requested by the API.
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
    """A recipient that was excluded before sending.

    Attributes:
        position: its position in the input, from 0.
        value: the value at that position.
        reason: invalid, or a duplicate of an earlier recipient.
        message: the problem, and what to do about it.
        field: the invalid field.
        code: the API's code for the problem, or None.
    """

    position: int
    value: Any = attrs.field(repr=_masked)
    reason: Reason
    message: str
    field: str = "destination"
    code: int | None = None


@attrs.frozen
class BatchOutcome:
    """The outcome of one chunk.

    *Accepted* means that the API accepted the batch; use `batches.get` for each recipient's status.

    Attributes:
        number: the chunk's number, from 0.
        outcome: its outcome.
        size: the number of its recipients.
        batch_id: the id of its batch if it was accepted, else None. If it was scheduled and then
            cancelled, the id of the cancelled batch.
        error: why it was not accepted, or None.
        destinations: the recipients; empty if they were accepted exactly once.
        doubles: the ids of further batches that were accepted for this chunk, because an earlier
            request that was presumed lost did arrive. The recipients were texted once more for
            each.
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
        """The API's code if it rejected the chunk."""
        return self.error.code if isinstance(self.error, APIError) else None


@attrs.frozen(kw_only=True)
class Counts:
    """Counts of recipients.

    Attributes:
        read: recipients read from the input.
        accepted: recipients whose batch was accepted.
        rejected: recipients whose batch was rejected.
        unknown: recipients whose batch may have been accepted.
        not_sent: recipients for whom no request was sent.
        invalid: recipients that failed validation.
        duplicates: duplicates of earlier recipients.
        opted_out: recipients that were left out because they have opted out.
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
    """The progress of a bulk run: the counts of `BulkReport` so far, and the attributes below.

    Recipients in ``read`` that are in no other count are still waiting.

    Attributes:
        phase: the run's phase.
        waiting_for: a description of what it waits for, or an empty string.
        until: the expected end of the wait, an aware datetime, or None.
        planned: the total number of recipients to send to. It is None without a journal, where
            recipients are read while sending, and while a campaign is being planned.
        before: how many of those were done when the run began.
        in_flight: recipients whose batch is being sent.
        seconds: the seconds since the run began.
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
        """The recipients that have an outcome, including unknown ones."""
        return self.accepted + self.rejected + self.unknown + self.not_sent

    @property
    def per_second(self) -> float:
        """The recipients done by this run per second."""
        return (self.done - self.before) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The estimated seconds until the end at the current speed; None if it is not known."""
        if self.planned is None or not self.per_second:
            return None
        return (self.planned - self.done) / self.per_second


@attrs.frozen(kw_only=True)
class BulkReport(Counts):
    """The outcomes of all recipients of a bulk run. The counts after ``read`` add up to it.

    Attributes:
        read: recipients read from the input.
        accepted: recipients whose batch was accepted.
        rejected: recipients whose batch was rejected.
        unknown: recipients whose batch may have been accepted.
        not_sent: recipients for whom no request was sent.
        invalid: recipients that failed validation.
        duplicates: duplicates of earlier recipients.
        opted_out: recipients that were left out because they have opted out.
        batches: the outcome of each chunk, by number. A chunk with left-out recipients has an entry
            for each outcome.
        problems: the excluded recipients, by position.
        credits: the estimated cost of the accepted recipients, since batch responses do not tell.
            Every text outside the UK counts double, whatever its price.
        accepted_twice: the number of texts known to have been accepted in addition to the first one
            to a recipient, after `on_unknown="resend"` or a clock change. See ``batches``.
        stopped: why the run stopped early, or None.
        again: chunks of `bulk.retry_undelivered`, which the counts do not include; only in the
            report of a whole campaign.
        warnings: content that was sent unchanged and is probably a mistake.
        too_late: scheduled batches that should not be sent but could not be cancelled in time: of a
            cancelled campaign, or with recipients who opted out before the messages were due. Their
            ``destinations`` are those recipients. ``error`` is None if the batch has been sent;
            otherwise it says why it is unknown whether the batch was cancelled.
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
        """Whether all recipients were accepted, including any that were sent to again.

        It is true when ``rejected``, ``unknown``, ``not_sent`` and ``invalid`` are all 0.
        Duplicates do not matter, since their recipient was accepted.
        """
        again = all(batch.outcome is Outcome.ACCEPTED for batch in self.again)
        return again and self.rejected == self.unknown == self.not_sent == self.invalid == 0

    def totals(self) -> dict[str, float]:
        """Return the counts by name as plain numbers, without phone numbers and errors."""
        names = (*(a.name for a in attrs.fields(Counts)), "credits", "accepted_twice")
        return {name: getattr(self, name) for name in names}

    @property
    def adds_up(self) -> bool:
        """Whether every recipient that was read is accounted for."""
        outcomes = self.accepted + self.rejected + self.unknown + self.not_sent
        return outcomes + self.invalid + self.duplicates + self.opted_out == self.read


class BulkInterrupted(SMSWorksError):
    """The caller's code raised an exception during a bulk run. It is this one's ``__cause__``.

    Chunks in flight were completed, and no new ones were started. Repeating the whole call would
    text the accepted recipients again, so ``safe_to_repeat`` is False.

    Attributes:
        report: the outcomes of all recipients that were read. If the exception is rebuilt from
            ``args`` it has only the counts, since the rest contains phone numbers.
    """

    safe_to_repeat = False

    def __init__(self, message: str, report: BulkReport | Mapping[str, Any] | None = None) -> None:
        if not isinstance(report, BulkReport):
            report = BulkReport(**report or {})
        super().__init__(message, report.totals())
        self.report = report


@attrs.frozen(kw_only=True)
class BulkStatus(Counts):
    """The status of a campaign in its journal: the counts of `BulkReport`, and these attributes.

    Here ``not_sent`` counts the recipients that are still pending.

    Attributes:
        campaign: the campaign's name.
        planned: whether planning is complete; nothing is sent before that.
        in_flight: recipients whose batch is being sent, or was when its process ended.
        lease: seconds until the first of those leases expires, after which the batch is reconciled
            if its process has not recorded an outcome; None if none is in flight.
        credits: the estimated cost of the accepted recipients, as in `BulkReport`.
        rounds: the number of rounds of `bulk.retry_undelivered`.
        sent_again: recipients of those rounds whose batch was accepted.
        open_again: recipients of those rounds that are pending, in flight or unknown.
        control: ``"running"``, ``"paused"``, ``"halted"`` or ``"cancelled"``: whether its chunks
            may be sent.
        why: the reason why they may not be sent, or an empty string.
        window: the sending window, or None for any time.
        at: the time at which its messages are due, UTC, or None for at once.
        scheduled: accepted recipients whose messages are not due yet, so their batch can still be
            cancelled.
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
        """The state of the campaign: ``"planning"``, ``"done"``, or its ``control``."""
        if self.control != "running":
            return self.control
        if not self.planned:
            return "planning"
        return "done" if self.settled else "running"

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: no recipient is pending, in flight or unknown.

        There is also no scheduled batch whose messages are not due yet. The unsent recipients of a
        cancelled campaign do not count as pending.
        """
        waiting = 0 if self.control == "cancelled" else self.not_sent
        open_now = waiting or self.in_flight or self.unknown or self.scheduled
        return self.planned and not (open_now or self.open_again)

    def __repr__(self) -> str:
        names = ["campaign", "state", *(a.name for a in attrs.fields(BulkStatus))]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in dict.fromkeys(names))
        return f"BulkStatus({shown})"


@attrs.frozen(kw_only=True)
class RecipientOutcome:
    """The outcome of one recipient of a campaign.

    Attributes:
        position: its position in the input, from 0.
        destination: the number; for an invalid or duplicate recipient, the value in the input.
        outcome: ``"accepted"``, ``"rejected"``, ``"unknown"``, ``"not sent"``, ``"invalid"`` or
            ``"duplicate"``; the last one if it was sent to again.
        batch_id: the id of the batch if it was accepted, or scheduled and then cancelled.
        code: the API's code if it was rejected.
        reason: why it was not accepted, or an empty string.
        round: 0, or the round of `bulk.retry_undelivered`.
    """

    position: int
    destination: str = attrs.field(repr=_masked)
    outcome: str
    batch_id: str | None = None
    code: int | None = None
    reason: str = ""
    round: int = 0
