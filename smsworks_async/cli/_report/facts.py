"""The data of a campaign's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

import attrs

from smsworks_async import phone
from smsworks_async.models.report import BulkStatus


#: A count over time: times in order, each with the count from then on.
Series: TypeAlias = tuple[tuple[datetime, int], ...]


def moment(at: float) -> datetime:
    """Return a time in POSIX seconds as a datetime."""
    return datetime.fromtimestamp(at, UTC)


def grown(changes: Iterable[tuple[float, int]]) -> Series:
    """Return a cumulative count over time, in whole seconds, the precision of the provider's dates.

    Args:
        changes: times in POSIX seconds, in any order, each with the number to add.
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
    """The number of recipients that were not reached for one reason.

    Attributes:
        stage: ``"set aside"`` before sending, ``"rejected"`` by the API, or ``"not delivered"`` by
            the network.
        reason: the reason.
        count: the number of recipients.
    """

    stage: str
    reason: str
    count: int


@attrs.frozen(kw_only=True)
class Trouble:
    """A recipient that was not reached, or whose outcome is unknown.

    Attributes:
        position: its position in the list of recipients, from 0; None if that is not known.
        number: its number, or the invalid value in its place.
        outcome: the outcome, in a word or two.
        reason: the reason; an empty string if none is known.
    """

    position: int | None
    number: str = attrs.field(repr=phone.mask)
    outcome: str
    reason: str = ""


@attrs.frozen(kw_only=True)
class BatchFacts:
    """One request of the campaign, and the outcomes of its recipients.

    Attributes:
        number: the chunk's number, from 0.
        size: the number of recipients in the request.
        outcome: the outcome of the request.
        attempts: the number of times it was attempted.
        at: when it was accepted, or None.
        batch_id: the provider's id of the batch, or None.
        delivered: the number of delivered messages; None if the provider was not asked.
        failed: the number of failed messages; None if the provider was not asked.
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
    """The provider's records of the recipients whose batch was accepted.

    Attributes:
        delivered, failed, waiting: numbers of recipients, by the status of their last message.
        over_time: the number of delivered recipients over time.
        credits_delivered, credits_failed, credits_waiting: the recorded cost of their messages.
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
        """The recorded cost of all messages, in credits."""
        return self.credits_delivered + self.credits_failed + self.credits_waiting


@attrs.frozen(kw_only=True)
class CampaignFacts:
    """The data of a campaign's report.

    Attributes:
        status: its counts and settings.
        made: when the data was read.
        zone: the time zone of all times on the page.
        zone_name: the name of that time zone.
        begun: when the campaign was planned.
        sender: the sender ID; None if messages have different ones, or it was forgotten.
        content: the text or the template; None if messages have different texts, or it was
            forgotten.
        credits: the estimated cost of all accepted messages, later rounds included.
        accepted: the number of accepted recipients over time.
        opted_out: the number of its recipients that opted out since it was planned, over time.
        list_is_elsewhere: whether it uses an opt-out list that is not in its journal.
        accepted_twice: the number of texts known to have been accepted a second time.
        failures: the numbers of recipients that were not reached, by reason.
        troubles: the first recipients that were not reached.
        troubles_left_out: the number of further such recipients.
        batches: its first requests.
        batches_left_out: the number of further requests.
        delivery: the provider's records; None if the provider was not asked.
        not_asked: the reason why the provider was not asked.
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
