"""Gather the data of a campaign's report from its journal and the provider's records."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from smsworks_async._redaction import redact
from smsworks_async.bulk.campaign.export import rows_of
from smsworks_async.bulk.campaign.packing import groups
from smsworks_async.bulk.campaign.stored import StoredCampaign, open_campaign, status
from smsworks_async.cli._report.deliveries import Deliveries, read_batches
from smsworks_async.cli._report.facts import (
    BatchFacts,
    CampaignFacts,
    Failure,
    Series,
    Trouble,
    grown,
    moment,
)
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import CODES, APIError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import NO_LIMIT, OUTCOMES, ChunkRecord, State
from smsworks_async.models.report import Outcome, Problem, Reason
from smsworks_async.optouts import OptOuts


#: The numbers of recipients and of requests that a page lists.
TROUBLES, BATCHES = 200, 100
#: The time zone of the page for a campaign without sending hours: that of most recipients.
_ZONE: Final = "Europe/London"
# The number of characters that are shown of an invalid value.
_LONGEST: Final = 40
#: The states of chunks whose recipients are listed; those of others were, or may yet be, reached.
_LISTED: Final = frozenset({State.REJECTED, State.UNKNOWN})


async def gather(
    sms: AsyncSMSWorks | None,
    journal: Journal | str,
    campaign: str,
    *,
    not_asked: str = "",
    on_batch: Callable[[int, int], object] | None = None,
) -> CampaignFacts:
    """Return the data of a campaign's report. Nothing is sent.

    Args:
        sms: the client that reads the records of batches, with one request for each; None to read
            only the journal.
        journal: the journal, or its path or URL.
        campaign: the campaign's name.
        not_asked: the reason why ``sms`` is None, for the report.
        on_batch: called after each batch with the number of batches read and of all.

    Raises:
        ValidationError: the journal has no such campaign.
        JournalError: the journal cannot be read.
        SMSWorksError: the provider's records could not be read.
    """
    async with open_campaign(journal, campaign, forgotten_too=True) as stored:
        reader = _Reader(stored, await stored.journal.chunks(stored.campaign.id, limit=NO_LIMIT))
        facts = await reader.facts(not_asked)
        if sms is None:
            return facts
        deliveries = Deliveries(deduplicated=stored.campaign.deduplicate)
        await read_batches(sms, reader.batches(), deliveries, on_batch)
        # The provider still has the numbers of a forgotten campaign; do not list them.
        return deliveries.added_to(facts, most=0 if stored.campaign.is_forgotten else TROUBLES)


class _Reader:
    """A reader of one campaign's data.

    Args:
        stored: the campaign.
        entries: its chunks.
    """

    def __init__(self, stored: StoredCampaign, entries: Sequence[ChunkRecord]) -> None:
        self._journal = stored.journal
        self._stored = stored
        self._id = stored.campaign.id
        self._entries = [entry for entry in entries if entry.state is not State.SPLIT]
        self._accepted_at: dict[int, float] = {}

    def batches(self) -> list[tuple[str, int]]:
        """Return the id and the round of each accepted batch."""
        return [(entry.batch_id, entry.round) for entry in self._accepted() if entry.batch_id]

    def _accepted(self) -> list[ChunkRecord]:
        accepted = [entry for entry in self._entries if entry.state is State.ACCEPTED]
        return sorted(accepted, key=lambda entry: (entry.round, entry.number))

    async def facts(self, not_asked: str) -> CampaignFacts:
        """Return the data from the journal."""
        found = self._stored.campaign
        window = found.window
        zone = _ZONE if window is None else window.tz
        await self._read_events()
        elsewhere = bool(found.opt_outs) and found.opt_outs != await self._journal.opt_out_list()
        shared = {} if found.is_forgotten else found.message
        failures, troubles, left_out = await self._failures()
        accepted = self._accepted()
        first_round = [entry for entry in accepted if not entry.round]
        return CampaignFacts(
            status=await status(self._stored),
            made=moment(await self._journal.now()),
            zone=ZoneInfo(zone),
            zone_name=zone,
            begun=None if found.created is None else moment(found.created),
            sender=shared.get("sender"),
            content=shared.get("content"),
            credits=sum(entry.credits_requested for entry in accepted),
            accepted=grown(
                (self._accepted_at[entry.number], entry.requested)
                for entry in first_round
                if entry.number in self._accepted_at
            ),
            opted_out=() if elsewhere else await self._opted_out(),
            list_is_elsewhere=elsewhere,
            accepted_twice=sum(entry.requested * len(entry.doubles) for entry in self._entries),
            failures=failures,
            troubles=troubles,
            troubles_left_out=left_out,
            batches=tuple(self._batch(entry) for entry in self._entries[:BATCHES]),
            batches_left_out=max(len(self._entries) - BATCHES, 0),
            not_asked=not_asked,
        )

    async def _read_events(self) -> None:
        for event in await self._journal.events(self._id):
            if event.what.partition(",")[0] in {"accepted", "found"}:
                self._accepted_at.setdefault(event.number, event.at)

    def _batch(self, entry: ChunkRecord) -> BatchFacts:
        at = self._accepted_at.get(entry.number)
        is_accepted = entry.state is State.ACCEPTED
        return BatchFacts(
            number=entry.number,
            size=entry.requested if is_accepted else entry.size,
            outcome="being sent" if entry.state is State.SENDING else OUTCOMES[entry.state].value,
            attempts=entry.attempt,
            at=None if at is None or not is_accepted else moment(at),
            batch_id=entry.batch_id,
        )

    async def _failures(self) -> tuple[tuple[Failure, ...], tuple[Trouble, ...], int]:
        """Return failures by reason, the first recipients concerned, and the number of others."""
        reasons: Counter[tuple[str, str]] = Counter()
        troubles: list[Trouble] = []
        forgotten = self._stored.campaign.is_forgotten
        listed = [e for e in self._entries if not e.round and e.state in _LISTED]
        for entry in listed:
            if entry.state is State.REJECTED:
                reasons["rejected", _refusal(entry.error)] += entry.requested
            if len(troubles) < TROUBLES and not forgotten:
                troubles += await self._troubles_of(entry)
        if not forgotten:
            async for problem in self._problems():
                reasons["set aside", _problem(problem.message)] += 1
                if len(troubles) < TROUBLES:
                    troubles.append(_trouble(problem))
        counted = tuple(
            Failure(stage=stage, reason=reason, count=number)
            for (stage, reason), number in reasons.items()
        )
        set_aside = sum(one.count for one in counted if one.stage == "set aside")
        count = set_aside + sum(entry.requested for entry in listed)
        shown = tuple(troubles[:TROUBLES])
        return counted, shown, 0 if forgotten else count - len(shown)

    async def _troubles_of(self, entry: ChunkRecord) -> list[Trouble]:
        rows = await rows_of(self._journal, self._id, self._stored.payload, entry)
        return [
            Trouble(
                position=row.position,
                number=row.destination,
                outcome=row.outcome,
                reason=redact(row.reason),
            )
            for row in rows
            if row.outcome not in {Outcome.ACCEPTED, Outcome.OPTED_OUT}
        ]

    async def _problems(self) -> AsyncIterator[Problem]:
        """Yield the recipients that were set aside as invalid."""
        after = -1
        while page := await self._journal.problems(self._id, after):
            for problem in page:
                if problem.reason is Reason.INVALID:
                    yield problem
            after = page[-1].position

    async def _opted_out(self) -> Series:
        """Return the number of recipients that opted out since the planning, over time."""
        created = self._stored.campaign.created
        if created is None or self._stored.campaign.is_forgotten:
            return ()
        since = {
            event.number: event.at.timestamp()
            async for event in OptOuts(self._journal).iterate()
            if event.at.timestamp() >= created
        }
        moments: list[tuple[float, int]] = []
        for entry in self._accepted() if since else ():
            if not entry.round:
                claim = await self._journal.read_chunk(self._id, entry.number)
                payload: Any = self._stored.payload
                for group in groups(claim, payload):
                    if group.outcome is Outcome.ACCEPTED:
                        numbers = payload.destinations(group.items)
                        moments += [(since[number], 1) for number in numbers if number in since]
        return grown(moments)


def _trouble(problem: Problem) -> Trouble:
    value = problem.value
    value = value.get("destination", "") if isinstance(value, dict) else value
    return Trouble(
        position=problem.position,
        number=str(value)[:_LONGEST],
        outcome="set aside",
        reason=_problem(problem.message),
    )


def _refusal(error: Exception | None) -> str:
    if isinstance(error, APIError) and (known := CODES.get(error.code or 0)):
        return f"{known.code} {known.meaning}"
    return redact(str(error or "refused"))


def _problem(message: str) -> str:
    """Return the problem from a message, without the recipient's number and the advice."""
    words = message.partition(": ")[2] or message
    return redact(words.partition("; ")[0])
