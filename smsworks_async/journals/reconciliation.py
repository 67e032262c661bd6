"""The transitions of unknown chunks, and the comparison of chunks: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from smsworks_async.journals.records import ChunkRecord, State
from smsworks_async.journals.transitions import COPY, EARLIER, Change, accepted_fields, change


#: The message fields that are the same for two chunks that a search cannot distinguish.
_COMPARED: Final = ("sender", "content")

#: The allowed difference of the provider's clock, before and after a request, in seconds.
_CLOCKS: Final = 600.0


def confirm_found(record: ChunkRecord, attempt: int, batch_id: str) -> Change | None:
    """Accept an unknown chunk with the found batch; None if the chunk has changed."""
    if record.state is not State.UNKNOWN or record.attempt != attempt:
        return None
    return change(record, "found", **accepted_fields(batch_id, found=True))


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
    return change(record, event, state=State.UNKNOWN, batch_id=None, error=EARLIER, found=False)


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
            error=record.error or EARLIER,
            restored=True,
        )
    if record.state is State.PENDING or (record.state is State.REJECTED and record.reopenable):
        return change(
            record,
            "restored from a copy, in doubt",
            state=State.UNKNOWN,
            error=COPY,
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
