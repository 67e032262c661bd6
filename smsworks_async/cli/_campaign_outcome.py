"""Report the outcome of `campaign send`: as text, as a JSON record, and as an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from smsworks_async.cli._campaign_records import counts_record
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._records import amount, plural
from smsworks_async.cli._text import as_commands


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.cli._campaign_view import Preview
    from smsworks_async.models.report import BulkReport


def _with_set_aside(preview: Preview, report: BulkReport) -> BulkReport:
    """Return a report that also counts the rows of the file that were set aside."""
    count = preview.summary.set_aside
    return attrs.evolve(report, read=report.read + count, invalid=report.invalid + count)


def _record(preview: Preview, report: BulkReport, code: int) -> dict[str, Any]:
    return {
        "event": "report",
        "campaign": preview.earlier.name,
        **counts_record(report),
        "credits": report.credits,
        "stopped": report.stopped and str(report.stopped),
        "exit_code": int(code),
    }


def show_stopped(app: App, preview: Preview, report: BulkReport) -> int:
    """Show the counts at the time of an interruption, and return the exit code."""
    report = _with_set_aside(preview, report)
    app.out.record(_record(preview, report, Exit.INTERRUPTED))
    if not app.out.json:
        app.out.notice(
            f"stopped: {amount(report.accepted)} accepted, {amount(report.not_sent)} not sent, "
            "none unknown; run the same command to continue"
            if not report.unknown
            else f"stopped: {amount(report.accepted)} accepted, {amount(report.unknown)} unknown, "
            f"{amount(report.not_sent)} not sent; run the same command to look for the unknown "
            "ones and continue"
        )
    return Exit.INTERRUPTED


def show_outcome(app: App, preview: Preview, report: BulkReport) -> int:
    """Show the outcome of all rows of the file, and return the exit code."""
    report = _with_set_aside(preview, report)
    code = exit_of_counts(report)
    app.out.record(_record(preview, report, code))
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
        app.out.notice(f"the campaign stopped early: {as_commands(str(report.stopped))}")
    elif report.unknown and not app.out.json:
        app.out.notice(
            f"{plural(report.unknown, 'recipient')} may have been sent to; run `smsworks campaign "
            f"reconcile {preview.earlier.name}` later to look again"
        )
    elif report.accepted:
        app.out.line(
            f"\nLater, `smsworks campaign report {preview.earlier.name}` shows what was delivered."
        )
    return code
