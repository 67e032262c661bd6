"""The transitions of chunks whose scheduled batches are cancelled: pure functions."""

from __future__ import annotations

from typing import Any, Final

from smsworks_async.journals.records import ChunkRecord, State
from smsworks_async.journals.transitions import COPY, EARLIER, Change, change, leave_out


#: The event of a cancelled scheduled batch; its detail is the batch's id.
BATCH_CANCELLED: Final = "batch cancelled"


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
        doubt = {"state": State.UNKNOWN, "error": COPY, "restored": True, "reopenable": True}
        return {**fields, "batch_id": None, **doubt}
    if record.excluded > record.opted:  # it has an earlier unknown request
        return {**fields, "batch_id": None, "state": State.UNKNOWN, "error": EARLIER}
    if final:
        return {**fields, "state": State.CANCELLED, **leave_out(record, "")}
    return {**fields, "batch_id": None, "state": State.PENDING, **leave_out(record, "")}


def end_recall(record: ChunkRecord) -> Change | None:
    """Record that a batch was sent before it could be cancelled; None if it had no recall."""
    if record.state is not State.ACCEPTED or not record.reopenable:
        return None
    return change(record, "too late to cancel", reopenable=False)
