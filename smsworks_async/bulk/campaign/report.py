"""The report of a campaign, from its journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from smsworks_async.bulk.campaign.packing import groups
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.payloads import warnings_of
from smsworks_async.errors import OutcomeUnknown, SMSWorksError
from smsworks_async.journals import Journal
from smsworks_async.journals.records import NO_LIMIT, ChunkRecord, State, StoredChunk
from smsworks_async.models.report import BatchOutcome, BulkReport, Outcome, Problem, Reason


T = TypeVar("T")

#: How many chunks are read at a time.
_PAGE: Final = 200


async def make_report(
    journal: Journal,
    campaign: str,
    payload: Payload[T],
    stopped: SMSWorksError | None = None,
    *,
    round: int = 0,
    not_sent: Mapping[bool, SMSWorksError | None] | None = None,
) -> BulkReport:
    """Return the report of a round of a campaign.

    Args:
        journal: the campaign's journal.
        campaign: the campaign's id.
        payload: the payload.
        stopped: why the run ended early, or None.
        round: the round.
        not_sent: why pending chunks were not sent, in the UK (False) and outside it (True).
    """
    everything = await journal.chunks(campaign, limit=NO_LIMIT)
    entries = [e for e in everything if e.round == round and e.state is not State.SPLIT]
    reasons = not_sent or {}
    batches = await _outcomes(
        journal,
        campaign,
        payload,
        entries,
        lambda entry: reasons.get(entry.international) or reasons.get(False),
    )
    later = [e for e in everything if e.round > round == 0 and e.state is not State.SPLIT]
    problems = [] if round else await _all_problems(journal, campaign)
    recipients = dict.fromkeys(Outcome, 0)
    for batch in batches:
        recipients[batch.outcome] += batch.size
    invalid = sum(problem.reason is Reason.INVALID for problem in problems)
    return BulkReport(
        read=sum(recipients.values()) + len(problems),
        accepted=recipients[Outcome.ACCEPTED],
        rejected=recipients[Outcome.REJECTED],
        unknown=recipients[Outcome.UNKNOWN],
        not_sent=recipients[Outcome.NOT_SENT],
        invalid=invalid,
        duplicates=len(problems) - invalid,
        opted_out=recipients[Outcome.OPTED_OUT],
        batches=tuple(batches),
        problems=tuple(problems),
        credits=sum(entry.credits_requested for entry in entries if entry.state is State.ACCEPTED),
        accepted_twice=sum(entry.requested * len(entry.doubles) for entry in entries + later),
        stopped=stopped,
        again=tuple(await _outcomes(journal, campaign, payload, later, lambda _: None)),
        warnings=warnings_of(payload),
    )


async def _outcomes(
    journal: Journal,
    campaign: str,
    payload: Payload[T],
    entries: Sequence[ChunkRecord],
    why: Callable[[ChunkRecord], SMSWorksError | None],
) -> list[BatchOutcome]:
    """Return the outcomes of chunks; `why` returns the error of one that was not sent."""
    outcomes: list[BatchOutcome] = []
    for start in range(0, len(entries), _PAGE):
        page = entries[start : start + _PAGE]
        numbers = [entry.number for entry in page if not _has_all_accepted(entry)]
        kept: dict[int, StoredChunk] = {}
        if numbers:
            read = await journal.read_chunks(campaign, numbers[0], numbers[-1])
            kept = {chunk.record.number: chunk for chunk in read}
        for entry in page:
            if _has_all_accepted(entry):
                outcomes.append(
                    BatchOutcome(entry.number, Outcome.ACCEPTED, entry.size, entry.batch_id)
                )
            else:
                outcomes += _outcomes_of(kept[entry.number], payload, entry, why(entry))
    return outcomes


def _has_all_accepted(entry: ChunkRecord) -> bool:
    """Return whether all recipients were accepted exactly once, and need not be listed."""
    return entry.state is State.ACCEPTED and not entry.doubles and not entry.excluded


def _outcomes_of(
    chunk: StoredChunk, payload: Payload[T], entry: ChunkRecord, why: SMSWorksError | None
) -> list[BatchOutcome]:
    """Return the outcomes of a chunk: one for each group of its recipients."""
    error = entry.error or why
    if entry.state is State.SENDING:
        error = OutcomeUnknown("another process is sending it, or has died", operation="bulk")
    return [
        BatchOutcome(
            entry.number,
            group.outcome,
            len(group.items),
            entry.batch_id if group.is_of(entry) else None,
            error if group.is_of(entry) else _error_of(group.outcome),
            tuple(map(payload.destination, group.items)),
            entry.doubles if group.outcome is Outcome.ACCEPTED else (),
        )
        for group in groups(chunk, payload)
    ]


def _error_of(outcome: Outcome) -> SMSWorksError | None:
    """Return the error for recipients whose outcome differs from their chunk's."""
    if outcome is Outcome.UNKNOWN:
        return OutcomeUnknown("an earlier attempt may have been accepted", operation="bulk")
    return None


async def _all_problems(journal: Journal, campaign: str) -> list[Problem]:
    problems: list[Problem] = []
    while page := await journal.problems(campaign, problems[-1].position if problems else -1):
        problems.extend(page)
    return problems
