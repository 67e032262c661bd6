"""``smsworks demo``: send a message and a bulk, wait for delivery, and tell what became of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from smsworks_async import text
from smsworks_async.cli.table import table
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BulkReport


SENDER: Final = "AcmeCorp"
CONTENT: Final = "Hello from smsworks-async: your order is on its way."
#: Seconds between two looks at the batches, and until the demo stops waiting.
LOOK, PATIENCE = 0.25, 60.0


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="send one message and a bulk, to a sandbox",
        description="Starts a sandbox, sends one message and a bulk to 1,200 recipients, waits for "
        "their delivery and prints a table. Nothing reaches a phone, unless --base-url says so.",
    )
    parser.add_argument("--base-url", help="an API elsewhere, which costs credits; asks first")
    parser.add_argument("--token", help="the token for it; or SMSWORKS_TOKEN")
    parser.add_argument(
        "--recipients",
        type=Path,
        metavar="FILE",
        help="one number a line (default: a file that comes along)",
    )
    parser.add_argument("--sender", default=SENDER, help="(%(default)s)")
    parser.add_argument("--content", default=CONTENT, help="(%(default)r)")
    parser.add_argument("--yes", action="store_true", help="do not ask before spending")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo; 0 if everything that can be delivered was accepted."""
    try:
        source = options.recipients or files("smsworks_async.cli") / "recipients.txt"
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        print(f"smsworks: the recipients cannot be read: {error}", file=sys.stderr)
        return 1
    recipients = [line for line in lines if line.strip()]
    if not recipients:
        print("smsworks: the recipients file is empty", file=sys.stderr)
        return 1
    elsewhere = options.base_url is not None or options.token is not None
    if elsewhere and not options.yes and not _agreed(len(recipients), options.content):
        print("Nothing was sent.")
        return 1
    return asyncio.run(_demo(options, recipients, elsewhere=elsewhere))


def _agreed(recipients: int, content: str) -> bool:
    credits = (recipients + 1) * text.measure(content).credits
    print(
        f"This sends texts, through the API that you named, to up to {recipients} recipients, for "
        f"about {credits:g} credits."
    )
    try:
        return input("Go on? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        print("\nThere is nobody to ask; say --yes to go on.", file=sys.stderr)
        return False


async def _demo(options: argparse.Namespace, recipients: list[str], *, elsewhere: bool) -> int:
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        base_url, token = options.base_url, options.token
        if not elsewhere:
            from smsworks_async.sandbox import Sandbox

            box = await stack.enter_async_context(Sandbox())
            base_url, token = box.base_url, box.token
            print(f"A sandbox runs at {box.base_url}; nothing in it reaches a phone.\n")
        sms = await stack.enter_async_context(AsyncSMSWorks(token, base_url=base_url))
        message = {"sender": options.sender, "content": options.content}
        before = await sms.credits.balance()
        single = await sms.messages.send(destination=_first(recipients), **message)
        report = await sms.bulk.send(destinations=recipients, **message)
        batches = [outcome.batch_id for outcome in report.batches if outcome.batch_id]
        records = await _delivered(sms, single.message_id, batches)
        spent = before - await sms.credits.balance()
    _print(report, records, spent, time.monotonic() - started)
    return 1 if report.rejected or report.unknown or report.not_sent else 0


def _first(recipients: Sequence[str]) -> str:
    from smsworks_async import phone
    from smsworks_async.errors import ValidationError

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


def _print(
    report: BulkReport, records: Sequence[MessageRecord], spent: float, seconds: float
) -> None:
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
    rows = [
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
    print(table(rows))
    if report.stopped is not None:
        print(f"\nThe run stopped early: {report.stopped}")
