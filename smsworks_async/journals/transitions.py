"""The states of a chunk and the transitions between them: pure functions, for all stores.

::

    PENDING --claim--> SENDING --finish--> ACCEPTED | REJECTED | UNKNOWN
       ^                  |
       |                  `-- its lease expired --> UNKNOWN --confirm_found--> ACCEPTED
       |
       `-- only by: the proof that nothing was sent; a rejection that is reopened or split in two;
           the cancellation of a scheduled batch; or `resend`, which a person requests explicitly

    PENDING --suspect--> UNKNOWN --clear_doubt--> PENDING  (a journal restored from a copy)

    PENDING --skip--> SKIPPED      (all its recipients have opted out)
    PENDING --cancel--> CANCELLED

    ACCEPTED --confirm_cancelled--> CANCELLED | PENDING  (a scheduled batch, cancelled in time)

A request has the number of its attempt. The outcome of an attempt before the last changes nothing,
unless it is *accepted*: that is always recorded, and if the chunk was already accepted, the second
batch is recorded as a double.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import attrs

from smsworks_async._failures import may_pass
from smsworks_async.errors import OutcomeUnknown
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Command,
    Control,
    Controls,
    Refused,
    State,
    pack_positions,
    unpack_positions,
)
from smsworks_async.models.checks import SCHEDULE_GRACE
from smsworks_async.models.report import BatchOutcome, Outcome
from smsworks_async.models.window import as_date


_SILENT: Final = OutcomeUnknown(
    "the process that was sending it recorded no outcome, so it may have been accepted",
    operation="bulk",
)
_EARLIER: Final = OutcomeUnknown(
    "the response to an earlier attempt was lost, so it may have been accepted", operation="bulk"
)
_COPY: Final = OutcomeUnknown(
    "the journal was restored from a copy, and this may have been sent after the copy was made",
    operation="bulk",
)

#: The event of a cancelled scheduled batch; its detail is the batch's id.
BATCH_CANCELLED: Final = "batch cancelled"

#: The message fields that are the same for two chunks that a search cannot distinguish.
_COMPARED: Final = ("sender", "content")

#: The seconds by which a scheduled time may be past.
GRACE: Final = SCHEDULE_GRACE.total_seconds()

#: The allowed difference of the provider's clock, before and after a request, in seconds.
_CLOCKS: Final = 600.0


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


class Change(NamedTuple):
    """The changes of a transition.

    Attributes:
        record: the updated chunk.
        event: the event to record.
        fields: the record's changed fields with their values; empty if only the event is recorded.
    """

    record: ChunkRecord
    event: str
    fields: Mapping[str, Any]


def change(record: ChunkRecord, event: str, /, **fields: Any) -> Change:
    """Return the change that sets fields of a record."""
    return Change(attrs.evolve(record, **fields), event, fields)


def claim(
    record: ChunkRecord,
    owner: str,
    now: float,
    lease: float,
    server_time: float | None = None,
    *,
    left_out: str = "",
) -> Change:
    """Start a request for a pending chunk.

    Args:
        record: the chunk.
        owner: unique to this claim.
        now: the time by the journal's clock.
        lease: the seconds during which the request may be sent.
        server_time: the time by the provider's clock, if known.
        left_out: the positions that the request leaves out, packed.
    """
    return change(
        record,
        "started",
        **_leave_out(record, left_out),
        state=State.SENDING,
        attempt=record.attempt + 1,
        owner=owner,
        # Searches cover the time since the first attempt.
        began=now if record.began is None else record.began,
        lease=now + lease,
        lease_seconds=lease,
        ahead=None if server_time is None else server_time - now,
        error=None,
        reopenable=False,
    )


def _leave_out(record: ChunkRecord, left_out: str) -> dict[str, Any]:
    """Return the fields for the positions that a request leaves out; empty if nothing changes.

    A recipient in an earlier unknown request counts as unknown, not as opted out.
    """
    if left_out == record.left_out == "":
        return {}
    before = set(unpack_positions(record.opted_out)) if record.resent else None
    return _excluded(left_out, before)


def _excluded(left_out: str, opted_out: set[int] | None) -> dict[str, Any]:
    """Return the fields for left-out positions.

    Args:
        left_out: the positions, packed.
        opted_out: those that are in no unknown request; None if there is no unknown request.
    """
    positions = set(unpack_positions(left_out))
    opted = positions if opted_out is None else positions & opted_out
    return {
        "left_out": left_out,
        "opted_out": pack_positions(sorted(opted)),
        "excluded": len(positions),
        "opted": len(opted),
    }


def skip(record: ChunkRecord, everybody: str) -> Change:
    """Close a pending chunk without a request, since all its recipients have opted out.

    Args:
        record: the chunk.
        everybody: all its positions, packed.
    """
    if record.resent:
        event = "everybody has opted out, in doubt as before"
        return change(record, event, state=State.UNKNOWN, error=_EARLIER)
    left = _leave_out(record, everybody)
    return change(record, "skipped", state=State.SKIPPED, error=None, **left)


def cancel(record: ChunkRecord) -> Change | None:
    """Close a pending chunk of a cancelled campaign; None if it is not pending."""
    if record.state is not State.PENDING:
        return None
    if record.resent:
        event = "cancelled, in doubt as before"
        return change(record, event, state=State.UNKNOWN, error=_EARLIER)
    return change(record, "cancelled", state=State.CANCELLED, **_leave_out(record, ""))


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


def finish(
    record: ChunkRecord, attempt: int, outcome: BatchOutcome, *, left_out: str | None = None
) -> Change:
    """Record the outcome of a request.

    Args:
        record: the chunk.
        attempt: the attempt of the request.
        outcome: the outcome.
        left_out: the positions that this request left out, packed; None if they are those of
            the chunk's last request.
    """
    if outcome.outcome is Outcome.ACCEPTED:
        return _accept(record, attempt, outcome, left_out)
    if not _current(record, attempt):
        return Change(record, f"{outcome.outcome}, too late to matter", {})
    if record.resent or record.restored:
        # The outcome of this request proves nothing about an earlier one.
        event = f"{outcome.outcome} again"
        return change(record, event, state=State.UNKNOWN, error=_EARLIER)
    if outcome.outcome is Outcome.NOT_SENT:
        left = _leave_out(record, "")
        return change(record, "not sent", state=State.PENDING, error=outcome.error, **left)
    state = State.REJECTED if outcome.outcome is Outcome.REJECTED else State.UNKNOWN
    reopenable = state is State.REJECTED and outcome.error is not None and may_pass(outcome.error)
    return change(record, str(state), state=state, error=outcome.error, reopenable=reopenable)


def _accept(
    record: ChunkRecord, attempt: int, outcome: BatchOutcome, left_out: str | None = None
) -> Change:
    if record.state is State.ACCEPTED and not (record.found and record.attempt == attempt):
        batch_id = outcome.batch_id or ""
        if batch_id in {record.batch_id, *record.doubles}:
            return Change(record, "accepted, as was known", {})
        return change(record, "accepted a second time", doubles=(*record.doubles, batch_id))
    late = "" if _current(record, attempt) else ", late"
    fields = _accepted(outcome.batch_id, found=False)
    if record.state is State.ACCEPTED:  # a recall of the found batch is in progress
        fields["reopenable"] = record.reopenable
    if left_out is not None and left_out != record.left_out:
        # An earlier request was accepted, which left out other recipients than the last one.
        fields |= _excluded(left_out, set(unpack_positions(record.opted_out)))
    return change(record, f"accepted{late}", **fields)


def _accepted(batch_id: str | None, *, found: bool) -> dict[str, Any]:
    return {
        "state": State.ACCEPTED,
        "batch_id": batch_id,
        "error": None,
        "reopenable": False,
        "found": found,
        "resent": False,
        "restored": False,
    }


def _current(record: ChunkRecord, attempt: int) -> bool:
    return record.attempt == attempt and record.state in {State.SENDING, State.UNKNOWN}


def expire(record: ChunkRecord, now: float) -> Change | None:
    """Mark a chunk unknown if its lease has expired; None while the lease is valid."""
    if record.state is not State.SENDING or record.lease is None or now < record.lease:
        return None
    return change(record, "lease ended", state=State.UNKNOWN, error=_SILENT)


def has_lapsed(record: ChunkRecord) -> bool:
    """Return whether a chunk is unknown because its lease expired."""
    return record.error is not None and record.error.args == _SILENT.args


def confirm_found(record: ChunkRecord, attempt: int, batch_id: str) -> Change | None:
    """Accept an unknown chunk with the found batch; None if the chunk has changed."""
    if record.state is not State.UNKNOWN or record.attempt != attempt:
        return None
    return change(record, "found", **_accepted(batch_id, found=True))


def is_alike(
    items: str | None,
    message: Mapping[str, Any],
    other_items: str | None,
    other_message: Mapping[str, Any],
) -> bool:
    """Return whether a search cannot distinguish two chunks.

    The recipients in any order, the sender and the text are compared. Packed items are separated by
    commas, and contain the texts if these are personal. Items are None if not all of them were in
    the request; then the chunks count as alike.
    """
    same = all(message.get(name) == other_message.get(name) for name in _COMPARED)
    if items is None or other_items is None:
        return same
    return same and sorted(items.split(",")) == sorted(other_items.split(","))


def is_twin(record: ChunkRecord, other: ChunkRecord) -> bool:
    """Return whether a batch that looks like one chunk's may be the other's.

    Both have the same text and recipients, and the other's outcome is unknown. A chunk that was
    started long before or after the batch cannot have it.
    """
    if other.state not in {State.SENDING, State.UNKNOWN}:
        return False
    if record.restored or other.restored or record.lease is None or other.lease is None:
        return True
    apart = _CLOCKS + max(record.lease_seconds, other.lease_seconds)
    began, others = record.began or 0.0, other.began or 0.0
    return others <= record.lease + apart and began <= other.lease + apart


def revoke_found(record: ChunkRecord) -> Change:
    """Mark a chunk unknown again because its batch belongs to another chunk.

    If it has a further accepted batch, it keeps that one instead.
    """
    if record.doubles:
        first, *others = record.doubles
        event = "not its batch after all, but it has another"
        return change(record, event, batch_id=first, doubles=tuple(others), found=False)
    event = "not its batch after all"
    return change(record, event, state=State.UNKNOWN, batch_id=None, error=_EARLIER, found=False)


def resend(record: ChunkRecord, attempt: int, now: float, wait: float) -> Change | None:
    """Make an unknown chunk pending, once its lease expired a given time ago.

    Args:
        record: the chunk.
        attempt: the attempt that the caller knows of.
        now: the time by the journal's clock. The caller has also waited by another clock; see
            `bulk.campaign.waits`.
        wait: the seconds since the lease expired.
    """
    if record.state is not State.UNKNOWN or record.attempt != attempt:
        return None
    if now < (record.lease or 0.0) + wait:
        return None
    return change(
        record,
        "to be sent again",
        state=State.PENDING,
        reopenable=False,
        resent=True,
        restored=False,
    )


def reopen(record: ChunkRecord) -> Change | None:
    """Prepare a chunk for another run; None if nothing changes.

    A chunk that was rejected for a temporary reason becomes pending. A chunk that should have been
    resent, and was not, becomes unknown again: the next run searches for it and decides.

    Only chunks that are `reopenable` or `resent` change, so stores need to read only those.
    """
    if record.state is State.REJECTED and record.reopenable:
        left = _leave_out(record, "")
        return change(record, "reopened", state=State.PENDING, reopenable=False, **left)
    if record.state is State.PENDING and record.resent:
        return change(record, "in doubt as before", state=State.UNKNOWN, error=_EARLIER)
    return None


def suspect(record: ChunkRecord) -> Change | None:
    """Mark a chunk unknown because its journal was restored from a copy; None if nothing changes.

    A chunk that is pending, or rejected and reopenable, in the copy may have been sent after the
    copy was made; `clear_doubt` undoes the change if no trace of it is found. A chunk that is
    unknown in the copy may have been resent, so the search for it covers a longer time.
    """
    in_doubt = record.state in {State.SENDING, State.UNKNOWN}
    if in_doubt or (record.state is State.PENDING and record.resent):
        if record.restored:
            return None
        return change(
            record,
            "restored from a copy, still in doubt",
            state=State.UNKNOWN,
            error=record.error or _EARLIER,
            restored=True,
        )
    if record.state is State.PENDING or (record.state is State.REJECTED and record.reopenable):
        return change(
            record,
            "restored from a copy, in doubt",
            state=State.UNKNOWN,
            error=_COPY,
            reopenable=True,
            restored=True,
        )
    return None


def clear_doubt(record: ChunkRecord, attempt: int) -> Change | None:
    """Undo `suspect` for a chunk that was pending, since no trace of it was found."""
    doubted = record.state is State.UNKNOWN and record.restored and record.reopenable
    if not doubted or record.attempt != attempt:
        return None
    return change(
        record,
        "not sent, as far as was found",
        state=State.PENDING,
        error=None,
        reopenable=False,
        restored=False,
    )


def split(record: ChunkRecord, attempt: int) -> Change | None:
    """Close a chunk that is replaced by halves, after a rejection; None if it has changed."""
    if record.state is not State.SENDING or record.attempt != attempt or record.resent:
        return None
    return change(record, "split", state=State.SPLIT)


def begin_recall(record: ChunkRecord, batch_id: str) -> Change | None:
    """Mark a chunk whose batch will be cancelled and scheduled again without some recipients.

    Args:
        record: the chunk.
        batch_id: one of its batches; the function returns None if it is not.
    """
    if record.state is not State.ACCEPTED or batch_id not in {record.batch_id, *record.doubles}:
        return None
    return change(record, "to be scheduled again", reopenable=True)


def confirm_cancelled(
    record: ChunkRecord, batch_id: str, *, final: bool, restored: bool
) -> Change | None:
    """Record that a scheduled batch was cancelled in time, so it will not be sent.

    Args:
        record: the chunk.
        batch_id: one of its batches; the function returns None if it is not.
        final: whether its campaign was cancelled. Otherwise the chunk becomes pending, if this was
            its recall.
        restored: whether the journal was restored from a copy, which does not show whether the
            chunk was scheduled again since.
    """
    batches = [record.batch_id, *record.doubles]
    is_due = record.state is State.ACCEPTED and (final or record.reopenable)
    if not is_due or batch_id not in batches:
        return None
    first, *others = [other for other in batches if other != batch_id] or [None]
    if first is not None:
        fields = {"batch_id": first, "doubles": tuple(others), "found": False}
        return change(record, BATCH_CANCELLED, **fields)
    return change(record, BATCH_CANCELLED, **_cancelled(record, final=final, restored=restored))


def _cancelled(record: ChunkRecord, *, final: bool, restored: bool) -> dict[str, Any]:
    """Return the fields of a chunk whose only batch was cancelled."""
    fields = {"found": False, "reopenable": False}
    if restored:
        doubt = {"state": State.UNKNOWN, "error": _COPY, "restored": True, "reopenable": True}
        return {**fields, "batch_id": None, **doubt}
    if record.excluded > record.opted:  # it has an earlier unknown request
        return {**fields, "batch_id": None, "state": State.UNKNOWN, "error": _EARLIER}
    if final:
        return {**fields, "state": State.CANCELLED, **_leave_out(record, "")}
    return {**fields, "batch_id": None, "state": State.PENDING, **_leave_out(record, "")}


def end_recall(record: ChunkRecord) -> Change | None:
    """Record that a batch was sent before it could be cancelled; None if it had no recall."""
    if record.state is not State.ACCEPTED or not record.reopenable:
        return None
    return change(record, "too late to cancel", reopenable=False)
