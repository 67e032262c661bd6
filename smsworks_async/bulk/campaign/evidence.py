"""What a search of the provider's messages proves about an unknown request: pure decisions.

A message that may belong to the chunk, and has no other explanation, is a *trace*: the chunk is
then neither accepted nor ever sent again. Only a search without any trace counts towards a resend.
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


#: The allowed difference in seconds between the clocks of the provider and the journal.
MARGIN: Final = 300.0
#: The allowed error of the journal's clock for a request without the provider's time: a day, as for
#: a clock in the wrong time zone.
WRONG: Final = 86400.0
#: The seconds by which two times with a resolution of a second may differ and still be the same.
SAME_TIME: Final = 1.0


class Finding(enum.Enum):
    """The result of a search, or of one message in it."""

    #: The batch of this chunk.
    FOUND = "found"
    #: A possible match that cannot be verified, or the search failed.
    TRACE = "trace"
    #: Nothing, or messages with another explanation.
    NOTHING = "nothing"


class Marks(enum.Enum):
    """What a message's metadata tells about its owner."""

    #: It has this campaign's name and the right position.
    OWN = "own"
    #: It has another campaign's name or another position.
    ANOTHERS = "another's"
    #: It has no marks.
    NONE = "none"


@attrs.frozen(kw_only=True)
class Request:
    """An unknown request.

    Attributes:
        recipients: the numbers in it, with their counts.
        since: the earliest time at which its messages can have been created, in POSIX seconds.
        until: the latest such time; None if it is not known.
        searched_since: the time from which to search: before `since` if the clock may have been
            wrong; None for `since`.
        marked: whether its messages have marks that can be searched for, so that a message without
            marks is no proof.
        at: when its messages are due, in POSIX seconds; None for at once.
        is_single: whether it is one message without a batch, which only its mark or its scheduled
            time identifies.
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
        batch_id: the batch's id, if the provider shows it.
        message_id: the message's id, if the provider shows it.
        created: when it was created, in POSIX seconds, if the provider shows that.
        marks: the marks in its metadata.
        same_text: whether its text is the request's, or cannot be compared.
        recipients: the numbers of the batch, with their counts; None if not known.
        is_held: whether it belongs to another request in the journal.
        is_named: whether the API's response to this request contained its id.
        at: when its messages are due, in POSIX seconds, if the provider shows that.
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
        """The id of the batch, or of the message if it has no batch."""
        return self.batch_id or self.message_id


def window(
    entry: ChunkRecord, *, began: float | None, request_time: float, ahead: float = 0.0
) -> tuple[float, float | None]:
    """Return the period in which a chunk's messages were created, including margins.

    A request is written after its intent and before the end of its lease, and is accepted within
    the time-out of a request, or never. A journal that was restored from a copy may lack later
    requests.

    Args:
        entry: the chunk.
        began: when its first request was started; for a restored one, when its campaign was
            created.
        request_time: the time-out of a request of this process in seconds.
        ahead: the seconds by which the provider's clock is ahead of the journal's now. The
            difference may have been another at the request and at the chunk's first one, so all
            three are allowed for.
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
    """Return whether a candidate certainly does not belong to the request."""
    if candidate.is_held or candidate.marks is Marks.ANOTHERS:
        return True
    if candidate.is_named or candidate.marks is Marks.OWN:
        return False
    there = candidate.recipients
    if there is not None and not there.keys() <= request.recipients.keys():
        return True  # it has a recipient who was not in the request
    if not (_is_outside(candidate.created, request) or _is_due_otherwise(candidate, request)):
        return False
    # If only the date does not fit, the candidate is not the request's only if clocks are right.
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
    # Own marks at a different time: from a deleted journal, or after a clock was set.
    is_its_own = candidate.marks is Marks.OWN or _is_its_own_by_text(candidate, request)
    apart = _is_outside(candidate.created, request) or _is_due_otherwise(candidate, request)
    return is_its_own and not apart


def _is_its_own_by_text(candidate: Candidate, request: Request) -> bool:
    """Return whether its text is sufficient proof without a visible mark."""
    if request.is_single:  # the list of scheduled messages has no marks
        return candidate.same_text and candidate.at is not None and request.at is not None
    return candidate.same_text and not request.marked


def _is_outside(created: float | None, request: Request) -> bool:
    if created is None:
        return False
    if request.at is not None and abs(created - request.at) <= MARGIN:
        return False  # its date may be that of sending
    return created < request.since or (request.until is not None and created > request.until)


def _is_due_otherwise(candidate: Candidate, request: Request) -> bool:
    """Return whether a candidate was scheduled for a different time than the request."""
    if candidate.at is None or request.at is None:
        return False
    return abs(candidate.at - request.at) > SAME_TIME


def is_same_text(stored: str | None, sent: str) -> bool:
    """Return whether two texts are the same after NFC, line ends and outer blanks.

    Providers are known to change these; any other difference is significant. A hidden text does
    not count as the same.
    """
    return stored is not None and _comparable(stored) == _comparable(sent)


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", "\n".join(text.splitlines())).strip()
