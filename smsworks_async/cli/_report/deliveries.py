"""What became of the messages of a campaign, as the provider's records say."""

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


#: Batches that are asked for at a time.
_AT_ONCE: Final = 4


class _Last(NamedTuple):
    """A recipient's last message. There may be millions, so that it keeps no more than this."""

    round: int
    fate: str
    at: float | None
    reason: str


class Deliveries:
    """The last message of each recipient, and what all messages cost.

    Args:
        deduplicated: whether each number is a recipient once.
    """

    def __init__(self, *, deduplicated: bool) -> None:
        self._deduplicated = deduplicated
        self._last: dict[str, _Last] = {}
        self._credits = {"delivered": 0.0, "failed": 0.0, "waiting": 0.0}
        self._by_batch: dict[str, tuple[int, int]] = {}

    def add(self, batch_id: str, round: int, records: Sequence[MessageRecord]) -> None:
        """Add the records of a batch, which belongs to a round of the campaign."""
        fates: Counter[str] = Counter()
        for record in records:
            fate = _fate(record)
            fates[fate] += 1
            self._credits[fate] += record.credits or 0.0
            key = record.destination if self._deduplicated else None
            key = key or record.message_id
            known = self._last.get(key)
            if known is None or known.round <= round:
                changed = record.modified or record.created
                at = None if changed is None else changed.timestamp()
                reason = intern(_reason(record)) if fate == "failed" else ""
                self._last[key] = _Last(round, fate, at, reason)
        if records:
            self._by_batch[batch_id] = fates["delivered"], fates["failed"]

    def added_to(self, facts: CampaignFacts, most: int) -> CampaignFacts:
        """Return the facts of a campaign with these.

        Args:
            facts: what the journal has.
            most: how many recipients whom nothing reached are listed; 0 for none, and no mention.
        """
        fates = Counter(last.fate for last in self._last.values())
        failed = [(key, last) for key, last in self._last.items() if last.fate == "failed"]
        reasons = Counter(last.reason for _, last in failed)
        listed = tuple(
            Trouble(position=None, number=number, outcome="not delivered", reason=last.reason)
            for number, last in failed[: max(most - len(facts.troubles), 0)]
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
                delivered=fates["delivered"],
                failed=fates["failed"],
                waiting=fates["waiting"],
                over_time=grown(
                    (last.at, 1)
                    for last in self._last.values()
                    if last.fate == "delivered" and last.at is not None
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
    """Read the records of batches, one request for each.

    Args:
        sms: the client.
        batches: their ids, each with its round.
        into: what they are added to. A batch that is not there adds nothing: it is scheduled, or
            its records have vanished, as they do after three months.
        on_batch: called with how many were read, and how many there are.

    Raises:
        SMSWorksError: one could not be read.
    """
    rest = iter(batches)
    read = 0

    async def take() -> None:
        nonlocal read
        for batch_id, round in rest:
            try:
                into.add(batch_id, round, await sms.batches.get(batch_id))
            except NotFound:
                pass
            read += 1
            if on_batch is not None:
                on_batch(read, len(batches))

    tasks = [asyncio.ensure_future(take()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _fate(record: MessageRecord) -> str:
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
