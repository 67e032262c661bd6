"""What the report of a campaign is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

import attrs

from smsworks_async import phone
from smsworks_async.models.report import BulkStatus


#: How a count has grown: moments in their order, each with the count from then on.
Series: TypeAlias = tuple[tuple[datetime, int], ...]


def moment(at: float) -> datetime:
    """Return a time in POSIX seconds as a datetime."""
    return datetime.fromtimestamp(at, UTC)


def grown(changes: Iterable[tuple[float, int]]) -> Series:
    """Return how a count has grown, by whole seconds: the provider's dates have no more.

    Args:
        changes: times in POSIX seconds, in any order, each with what it adds.
    """
    by_second: Counter[int] = Counter()
    for at, count in changes:
        by_second[int(at)] += count
    total = 0
    found: list[tuple[datetime, int]] = []
    for second in sorted(by_second):
        total += by_second[second]
        found.append((moment(second), total))
    return tuple(found)


@attrs.frozen(kw_only=True)
class Failure:
    """Recipients whom nothing reached, for one reason.

    Attributes:
        stage: ``"set aside"`` before sending, ``"rejected"`` by the API, or ``"not delivered"`` by
            the network.
        reason: in words.
        count: how many.
    """

    stage: str
    reason: str
    count: int


@attrs.frozen(kw_only=True)
class Trouble:
    """A recipient whom nothing reached, or of whom that is not known.

    Attributes:
        position: where it stood in what was read, counted from 0; None where that is not known.
        number: its number, or what stood there.
        outcome: what became of it, in a word or two.
        reason: why, in words.
    """

    position: int | None
    number: str = attrs.field(repr=phone.mask)
    outcome: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class BatchFacts:
    """One request of the campaign, and what became of its recipients.

    Attributes:
        number: the chunk's number, counted from 0.
        size: how many recipients it had.
        outcome: what became of the request.
        attempts: how often it was begun.
        at: when it was accepted, or None.
        batch_id: the provider's id of it, or None.
        delivered: how many were delivered; None where that was not asked.
        failed: how many were not, likewise.
    """

    number: int
    size: int
    outcome: str
    attempts: int
    at: datetime | None = None
    batch_id: str | None = None
    delivered: int | None = None
    failed: int | None = None


@attrs.frozen(kw_only=True)
class Delivery:
    """What the provider's records say of the recipients whose batch was accepted.

    Attributes:
        delivered, failed, waiting: recipients, by the status of their last message.
        over_time: how those delivered have grown.
        credits_delivered, credits_failed, credits_waiting: what their messages cost, as recorded.
    """

    delivered: int = 0
    failed: int = 0
    waiting: int = 0
    over_time: Series = ()
    credits_delivered: float = 0.0
    credits_failed: float = 0.0
    credits_waiting: float = 0.0

    @property
    def credits(self) -> float:
        """What all of them cost, as recorded."""
        return self.credits_delivered + self.credits_failed + self.credits_waiting


@attrs.frozen(kw_only=True)
class CampaignFacts:
    """A campaign, as its report shows it.

    Attributes:
        status: its counts and settings.
        made: when this was read.
        zone: the time zone of all times on the page.
        zone_name: that zone's name.
        begun: when it was planned.
        sender: the sender ID; None where messages have their own, or it was forgotten.
        content: the text, or the template; None likewise.
        credits: what was accepted cost, estimated, later rounds included.
        accepted: how those accepted have grown.
        opted_out: how those who opted out since it was begun have grown, of its recipients.
        list_is_elsewhere: whether it respects an opt-out list that is not in its journal.
        accepted_twice: texts known to have been accepted a second time.
        failures: recipients whom nothing reached, by reason.
        troubles: the first of those recipients.
        troubles_left_out: how many more there are.
        batches: its first requests.
        batches_left_out: how many more there are.
        delivery: what the provider says; None where it was not asked.
        not_asked: why it was not, in words.
    """

    status: BulkStatus
    made: datetime
    zone: tzinfo
    zone_name: str = "UTC"
    begun: datetime | None = None
    sender: str | None = None
    content: str | None = attrs.field(default=None, repr=False)
    credits: float = 0.0
    accepted: Series = ()
    opted_out: Series = ()
    list_is_elsewhere: bool = False
    accepted_twice: int = 0
    failures: tuple[Failure, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    troubles_left_out: int = 0
    batches: tuple[BatchFacts, ...] = ()
    batches_left_out: int = 0
    delivery: Delivery | None = None
    not_asked: str = ""
