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

`reconciliation` has the transitions of unknown chunks, `recalls` those of cancelled batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import attrs

from smsworks_async._failures import may_pass
from smsworks_async.errors import OutcomeUnknown
from smsworks_async.journals.records import (
    ChunkRecord,
    State,
    pack_positions,
    unpack_positions,
)
from smsworks_async.models.report import BatchOutcome, Outcome


_SILENT: Final = OutcomeUnknown(
    "the process that was sending it recorded no outcome, so it may have been accepted",
    operation="bulk",
)
EARLIER: Final = OutcomeUnknown(
    "the response to an earlier attempt was lost, so it may have been accepted", operation="bulk"
)
COPY: Final = OutcomeUnknown(
    "the journal was restored from a copy, and this may have been sent after the copy was made",
    operation="bulk",
)


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
        **leave_out(record, left_out),
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


def leave_out(record: ChunkRecord, left_out: str) -> dict[str, Any]:
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
        return change(record, event, state=State.UNKNOWN, error=EARLIER)
    left = leave_out(record, everybody)
    return change(record, "skipped", state=State.SKIPPED, error=None, **left)


def cancel(record: ChunkRecord) -> Change | None:
    """Close a pending chunk of a cancelled campaign; None if it is not pending."""
    if record.state is not State.PENDING:
        return None
    if record.resent:
        event = "cancelled, in doubt as before"
        return change(record, event, state=State.UNKNOWN, error=EARLIER)
    return change(record, "cancelled", state=State.CANCELLED, **leave_out(record, ""))


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
        return change(record, event, state=State.UNKNOWN, error=EARLIER)
    if outcome.outcome is Outcome.NOT_SENT:
        left = leave_out(record, "")
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
    fields = accepted_fields(outcome.batch_id, found=False)
    if record.state is State.ACCEPTED:  # a recall of the found batch is in progress
        fields["reopenable"] = record.reopenable
    if left_out is not None and left_out != record.left_out:
        # An earlier request was accepted, which left out other recipients than the last one.
        fields |= _excluded(left_out, set(unpack_positions(record.opted_out)))
    return change(record, f"accepted{late}", **fields)


def accepted_fields(batch_id: str | None, *, found: bool) -> dict[str, Any]:
    """Return the fields of an accepted chunk; `found` is whether a search found its batch."""
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


def reopen(record: ChunkRecord) -> Change | None:
    """Prepare a chunk for another run; None if nothing changes.

    A chunk that was rejected for a temporary reason becomes pending. A chunk that should have been
    resent, and was not, becomes unknown again: the next run searches for it and decides.

    Only chunks that are `reopenable` or `resent` change, so stores need to read only those.
    """
    if record.state is State.REJECTED and record.reopenable:
        left = leave_out(record, "")
        return change(record, "reopened", state=State.PENDING, reopenable=False, **left)
    if record.state is State.PENDING and record.resent:
        return change(record, "in doubt as before", state=State.UNKNOWN, error=EARLIER)
    return None


def split(record: ChunkRecord, attempt: int) -> Change | None:
    """Close a chunk that is replaced by halves, after a rejection; None if it has changed."""
    if record.state is not State.SENDING or record.attempt != attempt or record.resent:
        return None
    return change(record, "split", state=State.SPLIT)
