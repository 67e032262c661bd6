"""The implementation of ``smsworks demo``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async import phone
from smsworks_async.cli._demo_view import Progress, show
from smsworks_async.cli._exit import exit_of_counts
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import ValidationError
from smsworks_async.models.incoming import MessageRecord


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


#: The time between two polls, and after which the demo stops waiting for delivery, in seconds.
POLL_INTERVAL: Final = 0.25
DELIVERY_TIMEOUT: Final = 60.0


async def run(
    app: App,
    settings: dict[str, Any] | None,
    recipients: list[str],
    message: dict[str, Any],
) -> int:
    """Send one message and a bulk, wait for their delivery, and show the outcomes.

    Args:
        app: the run of the command.
        settings: arguments of the client; None to start a sandbox and use that.
        recipients: numbers in any usual spelling.
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
            app.out.prose(f"A sandbox runs at {box.base_url}; it sends nothing to phones.")
            app.out.line()
        sms = await stack.enter_async_context(AsyncSMSWorks(**settings))
        before = await sms.credits.balance()
        single = await sms.messages.send(destination=_first(recipients), **message)
        with Progress(app.out) as progress:
            progress.start("Sending", len(recipients))
            report = await sms.bulk.send(
                destinations=recipients,
                progress=lambda counts: progress.update(counts.read),
                **message,
            )
            batches = [outcome.batch_id for outcome in report.batches if outcome.batch_id]
            progress.start("Delivering", report.accepted + 1)
            records = await _delivered(sms, single.message_id, batches, progress)
        spent = before - await sms.credits.balance()
    seconds = time.monotonic() - started
    show(app.out, report, records, spent, seconds)
    # The demo's file has invalid lines on purpose.
    return exit_of_counts(attrs.evolve(report, invalid=0))


def _first(recipients: Sequence[str]) -> str:
    for recipient in recipients:
        try:
            return phone.normalise(recipient)
        except ValidationError:
            continue
    raise ValidationError("the file has no number that can be texted", field="recipients")


async def _delivered(
    sms: AsyncSMSWorks, message_id: str, batches: Sequence[str], progress: Progress
) -> list[MessageRecord]:
    """Poll until every message has its final status, or the timeout is reached."""
    until = time.monotonic() + DELIVERY_TIMEOUT
    while True:
        records = [await sms.messages.get(message_id)]
        for batch_id in batches:
            records += await sms.batches.get(batch_id)
        progress.update(sum(record.is_final for record in records))
        if all(record.is_final for record in records) or time.monotonic() > until:
            return records
        await asyncio.sleep(POLL_INTERVAL)
