"""Campaigns for tests of the command: planned by the package, driven by the command."""

from __future__ import annotations

from typing import Any

from smsworks_async import SMSWorks
from support.command_line import CommandLine


CAMPAIGN = "2031-05-opening"
PEOPLE = [f"447700900{n:03d}" for n in range(100, 130)]
CHUNK = 5
CHUNKS = len(PEOPLE) // CHUNK
#: The keys of the records of `status` and `report`.
COUNTS = [
    *("read", "accepted", "rejected", "unknown", "not_sent", "invalid", "duplicates", "opted_out"),
]
STATUS = [
    *("campaign", "state", "why", "settled", *COUNTS, "in_flight", "lease", "scheduled", "credits"),
    *("rounds", "sent_again", "open_again", "window", "at", "forgotten"),
]
REPORT = [
    *("campaign", *COUNTS, "credits", "accepted_twice", "all_accepted", "stopped", "batches"),
    *("too_late", "warnings"),
]


def plan(journal: str, campaign: str = CAMPAIGN, **more: Any) -> None:
    """Plan a campaign of six chunks, as `bulk.plan` does."""
    settings = {"destinations": PEOPLE, "chunk_size": CHUNK, **more}
    with SMSWorks("none") as sms:
        sms.bulk.plan(
            sender="AcmeCorp", content="Hi", journal=journal, campaign=campaign, **settings
        )


def planned(smsworks: CommandLine, journal: str, **more: Any) -> CommandLine:
    """Plan a campaign, and name its journal to the command."""
    plan(journal, **more)
    smsworks.set(JOURNAL=journal)
    return smsworks


def counts(record: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a record that are not 0."""
    return {name: record[name] for name in COUNTS if record[name]}
