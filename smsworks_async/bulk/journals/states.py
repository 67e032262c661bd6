"""What leads a chunk from one state to another: pure functions, which every journal goes by.

::

    PENDING --start--> SENDING --finish--> ACCEPTED | REJECTED | UNKNOWN
       ^                  |
       |                  `-- its lease ended --> UNKNOWN --found--> ACCEPTED
       |
       `-- only by: the proof that no byte left; an answered refusal, reopened or split in two;
           or `resend`, which a person asks for by name

A request carries the number of its attempt. What comes of an older attempt than the last changes
nothing any more, unless it is that the chunk was accepted: that is never forgotten.
"""

from __future__ import annotations

from typing import Final

import attrs

from smsworks_async.bulk.journals.records import Entry, State
from smsworks_async.bulk.report import BatchOutcome, Outcome
from smsworks_async.bulk.verdicts import may_pass
from smsworks_async.errors import OutcomeUnknown


_SILENT: Final = OutcomeUnknown(
    "the process that was sending it said nothing more, so it may have been accepted",
    operation="bulk",
)
_EARLIER: Final = OutcomeUnknown(
    "an earlier request of it was lost, and may have been accepted", operation="bulk"
)

#: An entry as it is from now on, and what to write down. The same entry means: no change.
Change = tuple[Entry, str]


def start(entry: Entry, owner: str, now: float, lease: float) -> Change:
    """Begin a request for a pending chunk, which may leave for so many seconds."""
    begun = attrs.evolve(
        entry,
        state=State.SENDING,
        attempt=entry.attempt + 1,
        owner=owner,
        # Whatever was asked since the first attempt may be found.
        began=now if entry.began is None else entry.began,
        lease=now + lease,
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
    if entry.resent:
        # That this request came to nothing says nothing of the one before it.
        return attrs.evolve(entry, state=State.UNKNOWN, error=_EARLIER), f"{outcome.outcome} again"
    if outcome.outcome is Outcome.NOT_SENT:
        return attrs.evolve(entry, state=State.PENDING, error=outcome.error), "not sent"
    state = State.REJECTED if outcome.outcome is Outcome.REJECTED else State.UNKNOWN
    again = state is State.REJECTED and outcome.error is not None and may_pass(outcome.error)
    return attrs.evolve(entry, state=state, error=outcome.error, again=again), str(state)


def _accept(entry: Entry, attempt: int, outcome: BatchOutcome) -> Change:
    if entry.state is State.ACCEPTED and not (entry.found and entry.attempt == attempt):
        twice = outcome.batch_id != entry.batch_id
        return entry, "accepted a second time" if twice else "accepted, as was known"
    late = "" if _current(entry, attempt) else ", late"
    accepted = attrs.evolve(
        entry,
        state=State.ACCEPTED,
        batch_id=outcome.batch_id,
        error=None,
        again=False,
        found=False,
        resent=False,
    )
    return accepted, f"accepted{late}"


def _current(entry: Entry, attempt: int) -> bool:
    return entry.attempt == attempt and entry.state in {State.SENDING, State.UNKNOWN}


def stall(entry: Entry, now: float) -> Change | None:
    """Give up a chunk whose lease has ended: whether its request left, nobody can say."""
    if entry.state is not State.SENDING or entry.lease is None or now < entry.lease:
        return None
    return attrs.evolve(entry, state=State.UNKNOWN, error=_SILENT), "lease ended"


def found(entry: Entry, attempt: int, batch_id: str) -> Change | None:
    """Keep the batch that reconciliation has found, unless the chunk has moved on."""
    if entry.state is not State.UNKNOWN or entry.attempt != attempt:
        return None
    accepted = attrs.evolve(
        entry, state=State.ACCEPTED, batch_id=batch_id, error=None, found=True, resent=False
    )
    return accepted, "found"


def unfind(entry: Entry) -> Change:
    """Put a chunk in doubt again, whose batch turns out to be another chunk's."""
    doubt = attrs.evolve(entry, state=State.UNKNOWN, batch_id=None, error=_EARLIER, found=False)
    return doubt, "not its batch after all"


def resend(entry: Entry, attempt: int, now: float, wait: float) -> Change | None:
    """Let a chunk in doubt be sent again, once its lease and so many seconds more are over."""
    if entry.state is not State.UNKNOWN or entry.attempt != attempt:
        return None
    if now < (entry.lease or 0.0) + wait:
        return None
    return attrs.evolve(entry, state=State.PENDING, resent=True), "to be sent again"


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


def split(entry: Entry, attempt: int) -> Change | None:
    """Put two halves in the place of a chunk that was refused for the sake of one recipient."""
    if entry.state is not State.SENDING or entry.attempt != attempt or entry.resent:
        return None
    return attrs.evolve(entry, state=State.SPLIT), "split"
