"""What the journal knows of a campaign that is about to be sent, and of those before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.bulk.campaign.export import recipients
from smsworks_async.bulk.campaign.stored import StoredCampaign, open_journal, status_of
from smsworks_async.cli._records import amount


if TYPE_CHECKING:
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkStatus


#: Seconds for which a campaign is recent. Less than a day, so that a daily one is not refused.
RECENT: Final = 20 * 3600.0
#: The outcomes of those who were texted, may have been, or will be.
_TEXTED: Final = frozenset({"accepted", "unknown", "not sent"})


@attrs.frozen
class Earlier:
    """What a journal knows.

    Attributes:
        name: the name to send under.
        status: how far that campaign has got; None where it is new.
        begun: when it was begun, or None.
        shared: recipients of recent other campaigns who are in this one, by the campaign's name.
        count: how many recipients those are.
    """

    name: str
    status: BulkStatus | None = None
    begun: datetime | None = None
    shared: dict[str, int] = attrs.field(factory=dict)
    count: int = 0

    @property
    def is_untouched(self) -> bool:
        """Whether nothing of the campaign was sent yet, so that nobody in it may have a text."""
        status = self.status
        return status is None or not (status.accepted or status.unknown or status.rejected)


def shared_words(earlier: Earlier) -> str:
    """Return in words how many recipients were in recent campaigns, and in which."""
    names = ", ".join(list(earlier.shared)[:3])
    were = "recipient was" if earlier.count == 1 else "recipients were"
    hours = round(RECENT / 3600)
    return f"{amount(earlier.count)} {were} in a campaign of the last {hours} hours ({names})"


def exists(journal: str) -> bool:
    """Return whether there may be campaigns in a journal: a file that is there, or a server."""
    return "://" in journal or Path(journal).exists()


async def look(journal: str, name: str, numbers: Callable[[], set[str]], *, again: bool) -> Earlier:
    """Return what a journal knows of a campaign and of recent ones; nothing is changed.

    Args:
        journal: a path or a URL.
        name: the campaign's name.
        numbers: returns the recipients' numbers; called where there are recent campaigns.
        again: take the first name of ``NAME``, ``NAME-2`` and so on whose campaign is not done.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not exists(journal):
        return Earlier(name)
    async with open_journal(journal) as opened:
        names = list(await opened.campaign_ids())
        known = set(names)
        wanted, status, begun = name, None, None
        for number in count(2):
            if wanted not in known:
                status = begun = None
                break
            status = await status_of(opened, wanted)
            created = (await opened.summary(wanted)).campaign.created
            begun = None if created is None else datetime.fromtimestamp(created, UTC)
            if not again or not is_over(status):
                break
            wanted = f"{name}-{number}"
        shared, texted = await _shared(opened, [one for one in names if one != wanted], numbers)
        return Earlier(wanted, status, begun, shared, texted)


def is_over(status: BulkStatus) -> bool:
    """Return whether a campaign sends nothing any more: it was cancelled, or all were accepted.

    One with refusals is gone on with, since the reason may have passed: a wrong token, for one.
    """
    if status.forgotten is not None:
        return True
    return status.state == "cancelled" or (status.state == "done" and not status.rejected)


async def _shared(
    journal: Journal, names: list[str], numbers: Callable[[], set[str]]
) -> tuple[dict[str, int], int]:
    """Return how many recipients recent campaigns share with this one, of each and in all."""
    since = await journal.now() - RECENT
    ours: set[str] | None = None
    found: set[str] = set()
    shared: dict[str, int] = {}
    for name in reversed(names):
        campaign = (await journal.summary(name)).campaign
        if (campaign.created or 0) < since:
            break  # they come in the order in which they were begun
        if campaign.is_forgotten:
            continue
        ours = numbers() if ours is None else ours
        is_cancelled = campaign.control.value == "cancelled"
        of_this: set[str] = set()
        payload = StoredCampaign(journal, campaign).payload
        async for one in recipients(journal, name, payload):
            waits = one.outcome == "not sent"
            if one.outcome in _TEXTED and not (waits and is_cancelled) and one.destination in ours:
                of_this.add(one.destination)
        if of_this:
            shared[name] = len(of_this)
            found |= of_this
    return shared, len(found)
