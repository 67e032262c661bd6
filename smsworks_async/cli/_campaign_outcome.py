"""What became of a `campaign send`, in words, as a record, and as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._records import amount, plural
from smsworks_async.cli._text import as_commands


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.cli._campaign_view import Prospect
    from smsworks_async.models.report import BulkReport


def _with_set_aside(prospect: Prospect, report: BulkReport) -> BulkReport:
    """Return a report that accounts for the rows of the file that were set aside, too."""
    count = prospect.summary.set_aside
    return attrs.evolve(report, read=report.read + count, invalid=report.invalid + count)


def _record(prospect: Prospect, report: BulkReport, code: int) -> dict[str, Any]:
    return {
        "event": "report",
        "campaign": prospect.earlier.name,
        "read": report.read,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "unknown": report.unknown,
        "not_sent": report.not_sent,
        "invalid": report.invalid,
        "duplicates": report.duplicates,
        "opted_out": report.opted_out,
        "credits": report.credits,
        "stopped": report.stopped and str(report.stopped),
        "exit_code": int(code),
    }


def show_stopped(app: App, prospect: Prospect, report: BulkReport) -> int:
    """Show how far it got before it was interrupted, and return the exit code."""
    report = _with_set_aside(prospect, report)
    app.out.record(_record(prospect, report, Exit.INTERRUPTED))
    if not app.out.json:
        app.out.notice(
            f"stopped: {amount(report.accepted)} accepted, {amount(report.not_sent)} not sent; "
            "nobody is in doubt, and the same command goes on"
            if not report.unknown
            else f"stopped: {amount(report.accepted)} accepted, {amount(report.unknown)} unknown, "
            f"{amount(report.not_sent)} not sent; the same command looks for those, and goes on"
        )
    return Exit.INTERRUPTED


def show_outcome(app: App, prospect: Prospect, report: BulkReport) -> int:
    """Account for every row of the file, and return the exit code."""
    report = _with_set_aside(prospect, report)
    code = exit_of_counts(report)
    app.out.record(_record(prospect, report, code))
    rows = [
        ("Accepted", report.accepted),
        ("Refused", report.rejected),
        ("Unknown", report.unknown),
        ("Not sent", report.not_sent),
        ("Set aside", report.invalid),
        ("Repeats", report.duplicates),
        ("Opted out", report.opted_out),
    ]
    app.out.line()
    shown = [(name, amount(n)) for name, n in rows if n or name == "Accepted"]
    app.out.fields([*shown, ("Credits", amount(report.credits))])
    if report.stopped is not None:
        app.out.notice(f"it ended early: {as_commands(str(report.stopped))}")
    elif report.unknown and not app.out.json:
        app.out.notice(
            f"{plural(report.unknown, 'recipient')} may have been sent to; look again later: "
            f"smsworks campaign reconcile {prospect.earlier.name}"
        )
    return code
