"""The delivery of a campaign's messages, from the provider's records."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from sys import intern
from typing import Final, NamedTuple

import attrs

from smsworks_async.cli._report.facts import CampaignFacts, Delivery, Failure, Trouble, grown
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import CODES, NotFound
from smsworks_async.models.incoming import MessageRecord


#: The number of batches that are requested at the same time.
_AT_ONCE: Final = 4


class _Last(NamedTuple):
    """The state of a recipient's last message; small, because there may be millions."""

    number: str
    round: int
    status: str
    at: float | None
    reason: str


class Deliveries:
    """The last message of each recipient, and the cost of all messages.

    Args:
        deduplicated: whether each pair of number and text occurs only once in the campaign.
    """

    def __init__(self, *, deduplicated: bool) -> None:
        self._deduplicated = deduplicated
        # By the hash of number and text: rows with one number and different texts are recipients
        # of their own, and a later round sends the same text.
        self._last: dict[int, _Last] = {}
        self._credits = {"delivered": 0.0, "failed": 0.0, "waiting": 0.0}
        self._by_batch: dict[str, tuple[int, int]] = {}

    def add(self, batch_id: str, round: int, records: Sequence[MessageRecord]) -> None:
        """Add the records of a batch, and the round of the campaign in which it was sent."""
        counts: Counter[str] = Counter()
        for record in records:
            status = _status(record)
            counts[status] += 1
            self._credits[status] += record.credits or 0.0
            number = record.destination
            by_text = self._deduplicated and number
            key = hash((number, record.content) if by_text else record.message_id)
            known = self._last.get(key)
            if known is None or known.round <= round:
                changed = record.modified or record.created
                at = None if changed is None else changed.timestamp()
                reason = intern(_reason(record)) if status == "failed" else ""
                self._last[key] = _Last(number or "", round, status, at, reason)
        if records:
            self._by_batch[batch_id] = counts["delivered"], counts["failed"]

    def added_to(self, facts: CampaignFacts, most: int) -> CampaignFacts:
        """Return the facts of a campaign with the deliveries added.

        Args:
            facts: the facts from the journal.
            most: the most recipients to list that were not reached; 0 to list none, and not to
                count those left out.
        """
        counts = Counter(last.status for last in self._last.values())
        failed = [last for last in self._last.values() if last.status == "failed"]
        reasons = Counter(last.reason for last in failed)
        listed = tuple(
            Trouble(position=None, number=last.number, outcome="not delivered", reason=last.reason)
            for last in failed[: max(most - len(facts.troubles), 0)]
        )
        failures = tuple(
            Failure(stage="not delivered", reason=reason, count=count)
            for reason, count in reasons.items()
        )
        return attrs.evolve(
            facts,
            failures=facts.failures + failures,
            troubles=facts.troubles + listed,
            troubles_left_out=facts.troubles_left_out + (len(failed) - len(listed) if most else 0),
            batches=tuple(
                attrs.evolve(batch, delivered=found[0], failed=found[1])
                if (found := self._by_batch.get(batch.batch_id or ""))
                else batch
                for batch in facts.batches
            ),
            delivery=Delivery(
                delivered=counts["delivered"],
                failed=counts["failed"],
                waiting=counts["waiting"],
                over_time=grown(
                    (last.at, 1)
                    for last in self._last.values()
                    if last.status == "delivered" and last.at is not None
                ),
                credits_delivered=self._credits["delivered"],
                credits_failed=self._credits["failed"],
                credits_waiting=self._credits["waiting"],
            ),
        )


async def read_batches(
    sms: AsyncSMSWorks,
    batches: Sequence[tuple[str, int]],
    into: Deliveries,
    on_batch: Callable[[int, int], object] | None = None,
) -> None:
    """Read the records of batches from the provider, with one request for each.

    Args:
        sms: the client.
        batches: the id and the round of each batch.
        into: the object to add the records to. A batch that is not found adds nothing: it is
            scheduled, or the provider has deleted its records, which it does after three months.
        on_batch: called after each batch with the number of batches read and of all.

    Raises:
        SMSWorksError: a batch could not be read.
    """
    rest = iter(batches)
    read = 0

    async def read_next() -> None:
        nonlocal read
        for batch_id, round in rest:
            try:
                into.add(batch_id, round, await sms.batches.get(batch_id))
            except NotFound:
                pass
            read += 1
            if on_batch is not None:
                on_batch(read, len(batches))

    tasks = [asyncio.ensure_future(read_next()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _status(record: MessageRecord) -> str:
    if not record.is_final:
        return "waiting"
    return "delivered" if record.status == "DELIVERED" else "failed"


def _reason(record: MessageRecord) -> str:
    status = record.status.capitalize()
    found = record.failure_reason
    if found is None:
        return status
    known = CODES.get(found.code or 0)
    words = found.details or ("" if known is None else known.meaning)
    return f"{found.code or ''} {words}".strip() or status
