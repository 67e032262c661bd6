"""JSON records of a campaign's status and report, and the report as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smsworks_async.cli._text import as_commands


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.models.report import BulkReport, BulkStatus


def status_record(status: BulkStatus) -> dict[str, Any]:
    """Return a campaign's status as a JSON record."""
    return {
        "campaign": status.campaign,
        "state": status.state,
        "why": status.why,
        "settled": status.settled,
        **counts_record(status),
        "in_flight": status.in_flight,
        "lease": status.lease,
        "scheduled": status.scheduled,
        "credits": status.credits,
        "rounds": status.rounds,
        "sent_again": status.sent_again,
        "open_again": status.open_again,
        "window": None if status.window is None else json.loads(status.window.pack()),
        "at": status.at,
        "forgotten": status.forgotten,
    }


def report_record(campaign: str, report: BulkReport) -> dict[str, Any]:
    """Return a report as a JSON record without any recipient's number."""
    return {
        "campaign": campaign,
        **counts_record(report),
        "credits": report.credits,
        "accepted_twice": report.accepted_twice,
        "all_accepted": report.all_accepted,
        "stopped": None if report.stopped is None else str(report.stopped),
        "batches": [batch.batch_id for batch in report.batches if batch.batch_id],
        "too_late": [
            {
                "batch_id": batch.batch_id,
                "recipients": len(batch.destinations) or batch.size,
                "why": None if batch.error is None else str(batch.error),
            }
            for batch in report.too_late
        ],
        "warnings": list(report.warnings),
    }


def counts_record(counts: Any) -> dict[str, int]:
    """Return the counts of a status or a report, by name."""
    names = ("read", "accepted", "rejected", "unknown", "not_sent")
    return {name: getattr(counts, name) for name in (*names, "invalid", "duplicates", "opted_out")}


def show_report(app: App, campaign: str, report: BulkReport) -> None:
    """Write a report, as text or as JSON."""
    from smsworks_async.cli._records import amount

    app.out.record(report_record(campaign, report))
    rows = [
        ("accepted", report.accepted),
        ("rejected", report.rejected),
        ("unknown", report.unknown),
        ("not sent", report.not_sent),
        ("opted out", report.opted_out),
        ("invalid", report.invalid),
        ("repeats", report.duplicates),
    ]
    app.out.line(f"{campaign}: {report.read:,} recipients")
    app.out.fields(
        [
            *((name, f"{count:,}") for name, count in rows if count or name == "accepted"),
            ("credits", f"{amount(report.credits)} (estimated)" if report.credits else None),
            ("accepted twice", report.accepted_twice or None),
        ]
    )
    for batch in report.too_late:
        why = "was sent" if batch.error is None else f"may have been sent: {batch.error}"
        app.out.line(f"too late: batch {batch.batch_id} {why}")
    for warning in report.warnings:
        app.out.notice(warning)
    if report.stopped is not None:
        app.out.line(f"stopped early: {as_commands(str(report.stopped))}")
