"""What the journal knows of a campaign that is about to be sent, and of those before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.bulk.campaign.export import recipients
from smsworks_async.bulk.campaign.stored import StoredCampaign, open_journal, status_of
from smsworks_async.cli._records import amount
from smsworks_async.cli._times import ago, span


if TYPE_CHECKING:
    from smsworks_async.journals import Journal
    from smsworks_async.models.report import BulkStatus


#: How long a campaign is recent by default: longer than any weekend, after which a list may be sent
#: once more by mistake, and shorter than a week, so that a weekly campaign is not refused.
RECENT: Final = timedelta(days=6)
#: The outcomes of those who were texted, may have been, or will be.
_TEXTED: Final = frozenset({"accepted", "unknown", "not sent"})


@attrs.frozen
class Sharing:
    """A recent campaign with recipients of the one that is about to be sent.

    Attributes:
        name: its name.
        count: how many recipients they share.
        age: how long ago it was begun, or its last request was made.
        is_later: whether it was begun after the one that is about to be sent.
        has_begun: whether a request of it was made.
    """

    name: str
    count: int
    age: timedelta
    is_later: bool
    has_begun: bool


@attrs.frozen
class Earlier:
    """What a journal knows.

    Attributes:
        name: the name to send under.
        status: how far that campaign has got; None where it is new.
        begun: when it was begun, or None.
        sharing: recent other campaigns with recipients of this one, the latest first.
        count: how many recipients of this one are in them.
        recent: how long a campaign is recent.
        since: a campaign is recent if it was begun, or a request of it was made, after this time of
            the journal's clock.
    """

    name: str
    status: BulkStatus | None = None
    begun: datetime | None = None
    sharing: tuple[Sharing, ...] = ()
    count: int = 0
    recent: timedelta = RECENT
    since: float | None = None

    @property
    def shared(self) -> dict[str, int]:
        """How many recipients of this campaign each of the others has, by its name."""
        return {one.name: one.count for one in self.sharing}

    @property
    def is_untouched(self) -> bool:
        """Whether nobody in the campaign has its text, or may have it."""
        status = self.status
        return status is None or not (status.accepted or status.unknown or status.in_flight)

    def news(self, before: Earlier) -> list[Sharing]:
        """Return the campaigns that share more recipients than they did when it was looked before.

        Not the whole count is compared: somebody who was in one campaign may be in another now.
        """
        known = before.shared
        return [one for one in self.sharing if one.count > known.get(one.name, 0)]


def _has_begun(status: BulkStatus) -> bool:
    return bool(status.accepted or status.unknown or status.rejected or status.in_flight)


def shared_words(earlier: Earlier) -> str:
    """Return in words how many recipients were in recent campaigns, in which, and how long ago."""
    names = ", ".join(f"{one.name}, {ago(one.age)}" for one in earlier.sharing[:3])
    were = "recipient was" if earlier.count == 1 else "recipients were"
    recent = span(earlier.recent)
    return f"{amount(earlier.count)} {were} in a campaign of the last {recent} ({names})"


def exists(journal: str) -> bool:
    """Return whether there may be campaigns in a journal: a file that is there, or a server."""
    return "://" in journal or Path(journal).exists()


async def look(
    journal: str,
    name: str,
    numbers: Callable[[], set[str]],
    *,
    again: bool,
    recent: timedelta = RECENT,
    before: Earlier | None = None,
) -> Earlier:
    """Return what a journal knows of a campaign and of recent ones; nothing is changed.

    Args:
        journal: a path or a URL.
        name: the campaign's name.
        numbers: returns the recipients' numbers; called where there are recent campaigns.
        again: take the first name of ``NAME``, ``NAME-2`` and so on whose campaign is not done.
        recent: how long a campaign is recent.
        before: what was known at the first look, so that the campaigns that were recent then, or
            were begun afterwards, are recent however much time passes until this one.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not exists(journal):
        return Earlier(name, since=time.time() - recent.total_seconds())
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
        since = None if before is None else before.since
        if since is None:
            since = await opened.now() - recent.total_seconds()
        sharing, texted = await _sharing(opened, names, wanted, numbers, since)
        return Earlier(wanted, status, begun, sharing, texted, recent, since)


def is_over(status: BulkStatus) -> bool:
    """Return whether a campaign sends nothing any more: it was cancelled, or all were accepted.

    One with refusals is gone on with, since the reason may have passed: a wrong token, for one.
    """
    if status.forgotten is not None:
        return True
    return status.state == "cancelled" or (status.state == "done" and not status.rejected)


async def _last_request(journal: Journal, name: str) -> float:
    """Return when the last request of a campaign began, by the journal's clock; 0 for none."""
    latest, after = 0.0, -1
    while page := await journal.chunks(name, after):
        latest = max(latest, *(chunk.began or 0.0 for chunk in page))
        after = page[-1].number
    return latest


async def _sharing(
    journal: Journal,
    names: list[str],
    wanted: str,
    numbers: Callable[[], set[str]],
    since: float,
) -> tuple[tuple[Sharing, ...], int]:
    """Return the recent campaigns that share recipients with this one, and how many in all."""
    now = await journal.now()
    ours: set[str] | None = None
    found: set[str] = set()
    sharing: list[Sharing] = []
    is_later = wanted in names
    for name in reversed(names):
        if name == wanted:
            is_later = False
            continue
        campaign = (await journal.summary(name)).campaign
        if campaign.is_forgotten:
            continue
        latest = max(campaign.created or 0, await _last_request(journal, name))
        if latest < since:
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
            has_begun = _has_begun(await status_of(journal, name))
            age = timedelta(seconds=max(0.0, now - latest))
            sharing.append(Sharing(name, len(of_this), age, is_later, has_begun))
            found |= of_this
    return tuple(sharing), len(found)
