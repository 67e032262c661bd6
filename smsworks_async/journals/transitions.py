"""What leads a chunk from one state to another: pure functions, which every journal goes by.

::

    PENDING --start--> SENDING --finish--> ACCEPTED | REJECTED | UNKNOWN
       ^                  |
       |                  `-- its lease ended --> UNKNOWN --found--> ACCEPTED
       |
       `-- only by: the proof that no byte left; an answered refusal, reopened or split in two;
           or `resend`, which a person asks for by name

    PENDING --suspect--> UNKNOWN --clear--> PENDING    (a journal that was restored from a copy)

A request carries the number of its attempt. What comes of an older attempt than the last changes
nothing any more, unless it is that the chunk was accepted: that is never forgotten, and where it
was accepted before, the second batch is kept as a double.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from smsworks_async._failures import may_pass
from smsworks_async.errors import OutcomeUnknown
from smsworks_async.journals.records import Entry, State
from smsworks_async.models.report import BatchOutcome, Outcome


_SILENT: Final = OutcomeUnknown(
    "the process that was sending it said nothing more, so it may have been accepted",
    operation="bulk",
)
_EARLIER: Final = OutcomeUnknown(
    "an earlier request of it was lost, and may have been accepted", operation="bulk"
)
_COPY: Final = OutcomeUnknown(
    "the journal was restored from a copy, and this may have been sent after the copy was made",
    operation="bulk",
)

#: Seconds by which the provider's clock may differ, before a request and after it.
_CLOCKS: Final = 600.0

#: An entry as it is from now on, and what to write down. The same entry means: no change.
Change = tuple[Entry, str]


def start(entry: Entry, owner: str, now: float, lease: float, there: float | None = None) -> Change:
    """Begin a request for a pending chunk.

    Args:
        entry: the chunk.
        owner: who sends it.
        now: by the journal's clock.
        lease: seconds for which the request may leave.
        there: the time by the provider's clock, where it is known.
    """
    begun = attrs.evolve(
        entry,
        state=State.SENDING,
        attempt=entry.attempt + 1,
        owner=owner,
        # Whatever was asked since the first attempt may be found.
        began=now if entry.began is None else entry.began,
        lease=now + lease,
        lease_seconds=lease,
        ahead=None if there is None else there - now,
        error=None,
        again=False,
    )
    return begun, "started"


def finish(entry: Entry, attempt: int, outcome: BatchOutcome) -> Change:
    """Keep what came of a request."""
    if outcome.outcome is Outcome.ACCEPTED:
        return _accept(entry, attempt, outcome)
    if not _current(entry, attempt):
        return entry, f"{outcome.outcome}, too late to matter"
    if entry.resent or entry.restored:
        # That this request came to nothing says nothing of the one before it.
        return attrs.evolve(entry, state=State.UNKNOWN, error=_EARLIER), f"{outcome.outcome} again"
    if outcome.outcome is Outcome.NOT_SENT:
        return attrs.evolve(entry, state=State.PENDING, error=outcome.error), "not sent"
    state = State.REJECTED if outcome.outcome is Outcome.REJECTED else State.UNKNOWN
    again = state is State.REJECTED and outcome.error is not None and may_pass(outcome.error)
    return attrs.evolve(entry, state=state, error=outcome.error, again=again), str(state)


def _accept(entry: Entry, attempt: int, outcome: BatchOutcome) -> Change:
    if entry.state is State.ACCEPTED and not (entry.found and entry.attempt == attempt):
        batch_id = outcome.batch_id or ""
        if batch_id in {entry.batch_id, *entry.doubles}:
            return entry, "accepted, as was known"
        twice = attrs.evolve(entry, doubles=(*entry.doubles, batch_id))
        return twice, "accepted a second time"
    late = "" if _current(entry, attempt) else ", late"
    accepted = attrs.evolve(
        entry,
        state=State.ACCEPTED,
        batch_id=outcome.batch_id,
        error=None,
        again=False,
        found=False,
        resent=False,
        restored=False,
    )
    return accepted, f"accepted{late}"


def _current(entry: Entry, attempt: int) -> bool:
    return entry.attempt == attempt and entry.state in {State.SENDING, State.UNKNOWN}


def stall(entry: Entry, now: float) -> Change | None:
    """Give up a chunk whose lease has ended: whether its request left, nobody can say."""
    if entry.state is not State.SENDING or entry.lease is None or now < entry.lease:
        return None
    return attrs.evolve(entry, state=State.UNKNOWN, error=_SILENT), "lease ended"


def has_lapsed(entry: Entry) -> bool:
    """Return whether a chunk is in doubt because its lease ended."""
    return entry.error is not None and entry.error.args == _SILENT.args


def found(entry: Entry, attempt: int, batch_id: str) -> Change | None:
    """Keep the batch that reconciliation has found, unless the chunk has moved on."""
    if entry.state is not State.UNKNOWN or entry.attempt != attempt:
        return None
    accepted = attrs.evolve(
        entry,
        state=State.ACCEPTED,
        batch_id=batch_id,
        error=None,
        again=False,
        found=True,
        resent=False,
        restored=False,
    )
    return accepted, "found"


def is_alike(
    items: str, message: Mapping[str, Any], other_items: str, other_message: Mapping[str, Any]
) -> bool:
    """Return whether two chunks cannot be told apart by what a search shows.

    That is the recipients in any order, the sender and the text. Packed items are lists with
    commas; those that have texts of their own hold them.
    """
    same = all(message.get(name) == other_message.get(name) for name in ("sender", "content"))
    return same and sorted(items.split(",")) == sorted(other_items.split(","))


def is_twin(entry: Entry, other: Entry) -> bool:
    """Return whether a batch that looks like one chunk's may be the other's.

    Both have the same text and recipients, and nobody knows what became of the other; what it was
    begun long before or after is none of its.
    """
    if other.state not in {State.SENDING, State.UNKNOWN}:
        return False
    if entry.restored or other.restored or entry.lease is None or other.lease is None:
        return True
    apart = _CLOCKS + max(entry.lease_seconds, other.lease_seconds)
    began, others = entry.began or 0.0, other.began or 0.0
    return others <= entry.lease + apart and began <= other.lease + apart


def unfind(entry: Entry) -> Change:
    """Put a chunk in doubt again, whose batch turns out to be another chunk's.

    Unless it was accepted with a further batch, which is its own then.
    """
    if entry.doubles:
        first, *others = entry.doubles
        own = attrs.evolve(entry, batch_id=first, doubles=tuple(others), found=False)
        return own, "not its batch after all, but it has another"
    doubt = attrs.evolve(entry, state=State.UNKNOWN, batch_id=None, error=_EARLIER, found=False)
    return doubt, "not its batch after all"


def resend(entry: Entry, attempt: int, now: float, wait: float) -> Change | None:
    """Let a chunk in doubt be sent again, once its lease and so many seconds more are over.

    Args:
        entry: the chunk.
        attempt: the attempt that whoever asks knows of.
        now: by the journal's clock. Whoever asks has waited by another clock, too; see `waits`.
        wait: seconds after the lease's end.
    """
    if entry.state is not State.UNKNOWN or entry.attempt != attempt:
        return None
    if now < (entry.lease or 0.0) + wait:
        return None
    pending = attrs.evolve(entry, state=State.PENDING, again=False, resent=True, restored=False)
    return pending, "to be sent again"


def reopen(entry: Entry) -> Change | None:
    """Prepare a chunk for another run.

    One that was refused for a reason that may have passed is tried again. One that was to be
    resent, and was not, is in doubt as before: another run looks for it, and decides by itself.
    """
    if entry.state is State.REJECTED and entry.again:
        return attrs.evolve(entry, state=State.PENDING, again=False), "reopened"
    if entry.state is State.PENDING and entry.resent:
        return attrs.evolve(entry, state=State.UNKNOWN, error=_EARLIER), "in doubt as before"
    return None


def suspect(entry: Entry) -> Change | None:
    """Put a chunk in doubt, since its journal was restored from a copy.

    What the copy has as pending, or as refused and to be tried again, may have been sent after the
    copy was made; `clear` undoes that where nothing is found. What it has in doubt may have been
    sent again, so that it is looked for over a longer time.
    """
    in_doubt = entry.state in {State.SENDING, State.UNKNOWN}
    if in_doubt or (entry.state is State.PENDING and entry.resent):
        if entry.restored:
            return None
        doubt = attrs.evolve(
            entry, state=State.UNKNOWN, error=entry.error or _EARLIER, restored=True
        )
        return doubt, "restored from a copy, still in doubt"
    if entry.state is State.PENDING or (entry.state is State.REJECTED and entry.again):
        doubt = attrs.evolve(entry, state=State.UNKNOWN, error=_COPY, again=True, restored=True)
        return doubt, "restored from a copy, in doubt"
    return None


def clear(entry: Entry, attempt: int) -> Change | None:
    """Take back what `suspect` said of a pending chunk: nothing of it was found."""
    doubted = entry.state is State.UNKNOWN and entry.restored and entry.again
    if not doubted or entry.attempt != attempt:
        return None
    pending = attrs.evolve(entry, state=State.PENDING, error=None, again=False, restored=False)
    return pending, "not sent, as far as was found"


def split(entry: Entry, attempt: int) -> Change | None:
    """Put two halves in the place of a chunk that was refused for the sake of one recipient."""
    if entry.state is not State.SENDING or entry.attempt != attempt or entry.resent:
        return None
    return attrs.evolve(entry, state=State.SPLIT), "split"
