"""What ``smsworks demo`` does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async import phone
from smsworks_async.cli._exit import exit_of_counts
from smsworks_async.cli._table import table
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ValidationError
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BulkReport


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


#: Seconds between two looks at the batches, and until the demo stops waiting.
LOOK: Final = 0.25
PATIENCE: Final = 60.0


async def run(
    app: App,
    settings: dict[str, Any] | None,
    recipients: list[str],
    message: dict[str, Any],
) -> int:
    """Send one message and a bulk, wait for delivery, and print what became of them.

    Args:
        app: where the table goes.
        settings: of the client; None for a sandbox of its own.
        recipients: numbers, as they stand in a file.
        message: the sender and the content.

    Returns:
        An exit code.
    """
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        if settings is None:
            from smsworks_async.sandbox import Sandbox

            box = await stack.enter_async_context(Sandbox())
            settings = {"token": box.token, "base_url": box.base_url}
            app.out.line(f"A sandbox runs at {box.base_url}; nothing in it reaches a phone.\n")
        sms = await stack.enter_async_context(AsyncSMSWorks(**settings))
        before = await sms.credits.balance()
        single = await sms.messages.send(destination=_first(recipients), **message)
        report = await sms.bulk.send(destinations=recipients, **message)
        batches = [outcome.batch_id for outcome in report.batches if outcome.batch_id]
        records = await _delivered(sms, single.message_id, batches)
        spent = before - await sms.credits.balance()
    seconds = time.monotonic() - started
    app.out.record(_record(report, records, spent, seconds))
    app.out.line(table(_rows(report, records, spent, seconds)))
    if report.stopped is not None:
        app.out.line(f"\nThe run stopped early: {report.stopped}")
    # The invalid lines are there on purpose.
    return exit_of_counts(attrs.evolve(report, invalid=0))


def _first(recipients: Sequence[str]) -> str:
    for recipient in recipients:
        try:
            return phone.normalise(recipient)
        except ValidationError:
            continue
    raise ValidationError("the file holds no number that can be texted", field="recipients")


async def _delivered(
    sms: AsyncSMSWorks, message_id: str, batches: Sequence[str]
) -> list[MessageRecord]:
    """Look until every message has its final status, or patience ends."""
    until = time.monotonic() + PATIENCE
    while True:
        records = [await sms.messages.get(message_id)]
        for batch_id in batches:
            records += await sms.batches.get(batch_id)
        if all(record.is_final for record in records) or time.monotonic() > until:
            return records
        await asyncio.sleep(LOOK)


def _record(
    report: BulkReport, records: Sequence[MessageRecord], spent: float, seconds: float
) -> dict[str, Any]:
    delivered = sum(record.status == "DELIVERED" for record in records)
    is_final = sum(record.is_final for record in records)
    return {
        "read": report.read,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "unknown": report.unknown,
        "not_sent": report.not_sent,
        "invalid": report.invalid,
        "duplicates": report.duplicates,
        "opted_out": report.opted_out,
        "delivered": delivered,
        "not_delivered": is_final - delivered,
        "waiting": len(records) - is_final,
        "credits": spent,
        "seconds": seconds,
    }


def _rows(
    report: BulkReport, records: Sequence[MessageRecord], spent: float, seconds: float
) -> list[tuple[str, object, str]]:
    delivered = sum(record.status == "DELIVERED" for record in records)
    waiting = sum(not record.is_final for record in records)
    failed = Counter(
        f"{record.failure_reason.code}  {record.failure_reason.details}"
        if record.failure_reason
        else record.status
        for record in records
        if record.is_final and record.status != "DELIVERED"
    )
    invalid = Counter(
        problem.message.partition(": ")[2].partition("; ")[0]
        for problem in report.problems
        if problem.reason == "invalid"
    )
    return [
        ("one message", 1, ""),
        ("read from the file", report.read, ""),
        ("  invalid, set aside", report.invalid, ""),
        *((f"    {why}", count, "") for why, count in invalid.most_common()),
        ("  there before, set aside", report.duplicates, ""),
        ("  sent", report.accepted, f"in {len(report.batches)} requests"),
        *(
            (f"  {name}", count, "")
            for name, count in (
                ("refused", report.rejected),
                ("not known whether sent", report.unknown),
                ("not sent", report.not_sent),
            )
            if count
        ),
        ("delivered", delivered, ""),
        ("not delivered", sum(failed.values()), ""),
        *((f"  {why}", count, "") for why, count in failed.most_common()),
        *([("still on their way", waiting, "")] if waiting else []),
        ("credits", f"{spent:g}", "undelivered texts to the UK are refunded"),
        ("seconds", f"{seconds:.1f}", ""),
    ]
