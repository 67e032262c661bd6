"""Reconciling: searching for chunks whose outcome is unknown among the provider's messages.

Finding nothing proves nothing, since a search may lag behind: it is repeated, and nothing is sent
again before every search has found nothing at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import attrs

from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.bulk.campaign.report import make_report
from smsworks_async.bulk.campaign.scheduled import ScheduledBatches
from smsworks_async.bulk.campaign.search import ChunkSearch
from smsworks_async.bulk.campaign.stored import StoredCampaign
from smsworks_async.bulk.campaign.waits import LONGEST_WAIT, until_resend
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.progress import Reporter, log
from smsworks_async.bulk.timer import Timer, request_time
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.journals import Journal, transitions
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.report import BulkReport, Phase


T = TypeVar("T")

#: When to look again, as parts of the time to settle: soon at first, since most lags are short.
LOOKS: Final = (0.0, 1 / 15, 3 / 15, 7 / 15, 1.0)
#: How often a wait is made up for that ended early.
_WAITS: Final = 3
#: How many chunks are searched for at a time.
_AT_A_TIME: Final = 4


class Reconciler(Generic[T]):
    """Searches for the unknown chunks of a campaign.

    Args:
        journal: where the campaign is.
        campaign: its id.
        payload: what it sends.
        gateway: the API.
        timer: how to wait.
        reporter: reports progress.
        at: when the messages of its first round are due, in POSIX seconds; None for at once.
    """

    def __init__(
        self,
        journal: Journal,
        campaign: str,
        payload: Payload[T],
        gateway: BulkGateway,
        *,
        timer: Timer,
        reporter: Reporter,
        at: float | None = None,
    ) -> None:
        self._journal = journal
        self._campaign = campaign
        self._gateway = gateway
        self._search = ChunkSearch(journal, campaign, payload, gateway, at)
        self._timer = timer
        self._reporter = reporter
        self._traced: set[tuple[int, int]] = set()
        # Since when this process has known each of them to be unknown.
        self._first_seen: dict[tuple[int, int], float] = {}

    async def settle(self, seconds: float) -> list[ChunkRecord]:
        """Search for all unknown chunks, several times within so many seconds.

        Returns:
            The chunks of which every look has shown nothing at all: those that may be resent by
            somebody who takes that risk. Chunks with a trace, and chunks that could not be looked
            for, stay in doubt.
        """
        nothing: Counter[tuple[int, int]] = Counter()
        passed = 0.0
        looks = LOOKS if seconds else LOOKS[:1]
        for part in looks:
            if part:
                if not await self._doubts():
                    return []
                await self._reporter.sleep(
                    part * seconds - passed, Phase.RECONCILING, "the provider's search to catch up"
                )
                passed = part * seconds
            for entry, finding in await self._look_for(await self._doubts()):
                nothing[entry.number, entry.attempt] += finding is Finding.NOTHING
        left = await self._doubts()
        return [e for e in left if nothing[e.number, e.attempt] == len(looks)]

    async def rule_out(self, entries: Sequence[ChunkRecord], seconds: float) -> list[ChunkRecord]:
        """Wait until requests in doubt can no longer be accepted, and look a last time.

        Whoever claimed them may have written until the lease was over, and what was written is
        accepted within one request's time. Only then the last looks begin, and they take so many
        seconds again, since what was accepted last may show up as late as that.

        Args:
            entries: the chunks.
            seconds: how long a search may lag behind.

        Returns:
            Those of which nothing at all was found. A lease of which a clock was far ahead is not
            waited for: its chunk is none of them.
        """
        if not entries:
            return []
        for _ in range(_WAITS):
            left = [await self._left(entry) for entry in entries]
            longest = max((wait for wait in left if wait <= LONGEST_WAIT), default=0.0)
            if not longest:
                break
            await self._reporter.sleep(
                longest,
                Phase.WAITING_TO_RESEND,
                "requests in doubt, which may still be accepted",
            )
        nothing = {(entry.number, entry.attempt) for entry in await self.settle(seconds)}
        return [
            entry
            for entry in entries
            if (entry.number, entry.attempt) in nothing and not await self._left(entry)
        ]

    async def _left(self, entry: ChunkRecord) -> float:
        key = (entry.number, entry.attempt)
        watched = self._timer.monotonic() - self._first_seen[key]
        now = await self._journal.now()
        own = request_time(self._gateway.timeout)
        return until_resend(entry, watched=watched, now=now, own=own)

    async def _doubts(self) -> Sequence[ChunkRecord]:
        await self._journal.expire_leases(self._campaign)
        doubts = await self._journal.unknown_chunks(self._campaign)
        now = self._timer.monotonic()
        for entry in doubts:
            key = (entry.number, entry.attempt)
            if key not in self._first_seen:
                self._first_seen[key] = now
                ended = ": its lease ended" if transitions.has_lapsed(entry) else ""
                log.warning(
                    "campaign %s: chunk %d of %d recipients is in doubt%s",
                    *(self._campaign, entry.number, entry.size, ended),
                )
        return doubts

    async def _look_for(self, doubts: Sequence[ChunkRecord]) -> list[tuple[ChunkRecord, Finding]]:
        findings: list[tuple[ChunkRecord, Finding]] = []
        if doubts:
            await self._reporter.enter(Phase.RECONCILING)
            try:
                await self._search.read_scheduled()
            except SMSWorksError:  # the provider cannot be asked
                return [(entry, Finding.TRACE) for entry in doubts]
        for start in range(0, len(doubts), _AT_A_TIME):
            some = doubts[start : start + _AT_A_TIME]
            found = await self._reporter.gather(map(self._search.look, some))
            for entry, finding in zip(some, found, strict=True):
                if isinstance(finding, SMSWorksError):
                    findings.append((entry, Finding.TRACE))
                elif isinstance(finding, BaseException):
                    raise finding
                else:
                    findings.append((entry, finding))
                    self._log_trace(entry, finding)
            if any(isinstance(finding, SMSWorksError) for finding in found):
                # The provider cannot be asked: that is so for the others, too.
                findings.extend((entry, Finding.TRACE) for entry in doubts[start + _AT_A_TIME :])
                break
        return findings

    def _log_trace(self, entry: ChunkRecord, finding: Finding) -> None:
        key = (entry.number, entry.attempt)
        if finding is Finding.TRACE and key not in self._traced:
            self._traced.add(key)
            log.warning(
                "campaign %s: chunk %d has left a trace, and stays unknown unless it is found",
                *(self._campaign, entry.number),
            )


async def reconcile(
    stored: StoredCampaign,
    gateway: BulkGateway,
    settle: float,
    timer: Timer,
    *,
    restored: bool = False,
    opt_outs: OptOutView | None = None,
) -> BulkReport:
    """Search for unknown chunks, and account for every recipient.

    Scheduled batches that must not go out are cancelled: see `ScheduledBatches`.

    Args:
        stored: the campaign.
        gateway: the API.
        settle: seconds within which they are searched for, several times.
        timer: how to wait.
        restored: whether the journal was restored from a copy, so that pending chunks are unknown,
            too. Those of which nothing is found are pending again in the end.
        opt_outs: who has opted out; None where that does not matter.

    Raises:
        ValidationError: the copy was made while the campaign was being planned.
        SMSWorksError: with `restored`, it could not be read what is scheduled; nothing has changed.
    """
    journal, name = stored.journal, stored.campaign.id
    if restored and stored.campaign.totals is None:
        raise ValidationError(
            f"campaign {name!r} was still being planned when this copy was made, so that the "
            "copy lacks recipients who may have been texted since and cannot be searched for; "
            "look for them at the provider, by the tag or the sender, before you send it again",
            field="campaign",
        )
    reporter = Reporter(None, timer, f"campaign {name}")
    batches = ScheduledBatches(
        journal, stored.campaign, stored.payload, gateway, opt_outs=opt_outs, reporter=reporter
    )
    if restored:
        cancelled = await batches.read_cancelled()
        await journal.suspect(name)
        await batches.doubt_cancelled(cancelled)
    reconciler = Reconciler(
        journal,
        name,
        stored.payload,
        gateway,
        timer=timer,
        reporter=reporter,
        at=stored.campaign.at,
    )
    nothing = await reconciler.settle(settle)
    if restored:
        # Whoever used the file before may have had requests on their way.
        for entry in await reconciler.rule_out([e for e in nothing if e.reopenable], settle):
            await journal.clear_doubt(name, entry.number, entry.attempt)
    await batches.tidy()
    report = await make_report(journal, name, stored.payload)
    return attrs.evolve(report, too_late=batches.too_late)
