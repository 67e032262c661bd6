"""What a look at the provider's messages proves about a request whose answer was lost.

Pure decisions. A message that may be the chunk's and is not explained otherwise is a *trace*: the
chunk is then neither accepted nor ever sent again. Only a look that shows nothing at all counts
towards sending again.
"""

from __future__ import annotations

import enum
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Final

import attrs

from smsworks_async.bulk.campaign.waits import longest_request
from smsworks_async.journals.records import ChunkRecord


#: Seconds by which the provider's clock and the journal's may differ unnoticed.
MARGIN: Final = 300.0
#: Seconds by which the journal's clock may have been wrong when a request was begun of which the
#: provider's time was not known: a day, for one that was set to another time zone.
WRONG: Final = 86400.0
#: Seconds by which two times that are shown to the second may differ, and be the same.
SAME_TIME: Final = 1.0


class Finding(enum.Enum):
    """What a look, or one message of it, has shown."""

    #: A batch that is this chunk's.
    FOUND = "found"
    #: Something that may be it and cannot be verified, or the look itself failed.
    TRACE = "trace"
    #: Nothing, or what is explained otherwise.
    NOTHING = "nothing"


class Marks(enum.Enum):
    """What a message's metadata says of whose it is."""

    #: It carries this campaign's name and its own position.
    OWN = "own"
    #: It carries another campaign's or position's.
    ANOTHERS = "another's"
    #: It shows none.
    NONE = "none"


@attrs.frozen(kw_only=True)
class Request:
    """A request in doubt.

    Attributes:
        recipients: the numbers that were in it, each with how often it was.
        since: before this moment none of its messages was made, in POSIX seconds.
        until: after this moment none was; None if it is not known.
        searched_since: the moment from which messages are searched for: before `since` where the
            clock may have been wrong; None for `since`.
        marked: whether its messages carry marks that the provider can be asked for, so that one
            without them is not known to be its.
        at: when its messages are due, in POSIX seconds; None for at once.
        is_single: whether it is one message without a batch, which its mark alone tells from
            others, or the moment that it is scheduled for.
    """

    recipients: Mapping[str, int] = attrs.field(repr=False)
    since: float
    until: float | None
    searched_since: float | None = None
    marked: bool = False
    at: float | None = None
    is_single: bool = False


@attrs.frozen(kw_only=True)
class Candidate:
    """A batch, or a message without one, that was sent to a recipient of the request.

    Attributes:
        batch_id: the batch's id, where the provider shows it.
        message_id: the message's id, likewise.
        created: when it was made, in POSIX seconds, where the provider shows that.
        marks: what its metadata says.
        same_text: whether its text is the request's, or cannot be compared.
        recipients: the numbers of the batch, each with how often it is there; None if not known.
        is_held: whether the journal knows it as another request's.
        is_named: whether the API named it when it answered this very request.
        at: when its messages are due, in POSIX seconds, where the provider shows that.
    """

    batch_id: str | None = None
    message_id: str | None = None
    created: float | None = None
    marks: Marks = Marks.NONE
    same_text: bool = False
    recipients: Mapping[str, int] | None = attrs.field(default=None, repr=False)
    is_held: bool = False
    is_named: bool = False
    at: float | None = None

    @property
    def known_as(self) -> str | None:
        """The id of the batch, or of the message where it is of none."""
        return self.batch_id or self.message_id


def window(
    entry: ChunkRecord, *, began: float | None, request_time: float, ahead: float = 0.0
) -> tuple[float, float | None]:
    """Return the moments between which a chunk's messages were made, margins included.

    A request is written after its intent and before the end of its lease, and is accepted within
    the time that a request may take, or never. Where the journal was restored from a copy, there
    may have been later requests that it does not know of.

    Args:
        entry: the chunk.
        began: when its first request was begun; for a restored one, when its campaign was.
        request_time: the seconds that a request of this process may take.
        ahead: seconds by which the provider's clock is ahead of the journal's at present. It may
            have been otherwise when the request was begun, and when the chunk's first one was, so
            that all of it is allowed for.
    """
    known = [0.0, ahead, entry.ahead or 0.0]
    since = (began or 0.0) - MARGIN + min(known)
    if entry.restored or entry.lease is None:
        return since, None
    return since, entry.lease + longest_request(entry, request_time) + MARGIN + max(known)


def judge(candidate: Candidate, request: Request) -> Finding:
    """Decide what one candidate proves about a request."""
    if _is_explained(candidate, request):
        return Finding.NOTHING
    return Finding.FOUND if _is_proven(candidate, request) else Finding.TRACE


def _is_explained(candidate: Candidate, request: Request) -> bool:
    """Return whether a candidate is certainly not of the request."""
    if candidate.is_held or candidate.marks is Marks.ANOTHERS:
        return True
    if candidate.is_named or candidate.marks is Marks.OWN:
        return False
    there = candidate.recipients
    if there is not None and not there.keys() <= request.recipients.keys():
        return True  # somebody is in it who was not in the request
    if not (_is_outside(candidate.created, request) or _is_due_otherwise(candidate, request)):
        return False
    # What is the request's in all but its date is none of its only if clocks are right.
    may_be_it = there is None or Counter(there) == Counter(request.recipients)
    is_alike = request.is_single or candidate.batch_id is not None
    return not (is_alike and candidate.same_text and may_be_it)


def _is_proven(candidate: Candidate, request: Request) -> bool:
    """Return whether a candidate is the request's batch, or its message."""
    known = candidate.message_id if request.is_single else candidate.batch_id
    if known is None or candidate.recipients is None:
        return False
    if Counter(candidate.recipients) != Counter(request.recipients):
        return False
    if candidate.is_named:
        return True
    # Its own marks at another time: of a journal that is gone, or after a clock was set.
    is_its_own = candidate.marks is Marks.OWN or _is_its_own_by_text(candidate, request)
    apart = _is_outside(candidate.created, request) or _is_due_otherwise(candidate, request)
    return is_its_own and not apart


def _is_its_own_by_text(candidate: Candidate, request: Request) -> bool:
    """Return whether its text is enough, without a mark that was seen."""
    if request.is_single:  # the list of scheduled messages shows no marks
        return candidate.same_text and candidate.at is not None and request.at is not None
    return candidate.same_text and not request.marked


def _is_outside(created: float | None, request: Request) -> bool:
    if created is None:
        return False
    if request.at is not None and abs(created - request.at) <= MARGIN:
        return False  # it may be dated when it went out
    return created < request.since or (request.until is not None and created > request.until)


def _is_due_otherwise(candidate: Candidate, request: Request) -> bool:
    """Return whether a candidate was scheduled for another time than the request's messages."""
    if candidate.at is None or request.at is None:
        return False
    return abs(candidate.at - request.at) > SAME_TIME


def is_same_text(stored: str | None, sent: str) -> bool:
    """Return whether two texts are the same after NFC, line ends and outer blanks.

    That is what providers have been seen to change; any other difference is one. A text that is
    not shown is not known to be the same.
    """
    return stored is not None and _comparable(stored) == _comparable(sent)


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", "\n".join(text.splitlines())).strip()
