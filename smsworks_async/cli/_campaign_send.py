"""`campaign send`: read the file, show a preview, ask, send, and report the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from smsworks_async.bulk.options import check_campaign
from smsworks_async.cli import _campaign_view
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_bar import Bar
from smsworks_async.cli._campaign_name import campaign_name
from smsworks_async.cli._campaign_prospect import Order, checked, look_ahead, read
from smsworks_async.cli._campaign_view import Prospect
from smsworks_async.cli._campaigns import noting_batches
from smsworks_async.cli._earlier import Earlier, is_over, look, shared_words
from smsworks_async.cli._exit import Exit, exit_of_counts
from smsworks_async.cli._interruptions import Interruptions, StopAsked
from smsworks_async.cli._records import amount, local, plural
from smsworks_async.cli._text import as_commands
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.models import checks
from smsworks_async.models.report import BulkInterrupted, BulkProgress, BulkReport


T = TypeVar("T")


def run(app: App, order: Order) -> int:
    """Send a text to the recipients in a file, and return the exit code.

    Raises:
        SMSWorksError: the campaign failed. Nothing was sent unless the error says so.
    """
    if order.file == "-" and not (order.yes or order.dry_run):
        raise ValidationError(
            "the recipients come from standard input, so the command cannot ask for confirmation: "
            "add --yes or --dry-run",
            field="yes",
        )
    sender = checks.sender(order.sender)
    people = read(order)
    summary = checked(people)
    journal = app.journal(order.journal)
    assert people.message is not None  # noqa: S101 - it was given
    name = (
        campaign_name(people.message.template, sender, people.destinations())
        if order.campaign is None
        else check_campaign(order.campaign)
    )

    def look_back() -> Earlier:
        numbers = lambda: set(people.destinations())  # noqa: E731
        return asyncio.run(look(journal, name, numbers, again=order.again))

    earlier = look_back()
    if earlier.status is not None and is_over(earlier.status):
        return _was_sent(app, earlier)
    prospect = look_ahead(app, order, people, summary, earlier, journal)
    prospect = attrs.evolve(prospect, sender=sender, window=order.window)
    _campaign_view.show(app.out, prospect)
    refused = _refusal(prospect, order)
    if refused:
        app.out.notice(f"{refused}; nothing was sent")
        return Exit.NOTHING_SENT
    if order.dry_run:
        app.out.line("\nNothing was sent, because this is a dry run.")
        return Exit.FAILED if summary.set_aside else Exit.OK
    if not order.yes:
        if not _agreed(app, prospect, again=order.again):
            app.out.line("Nothing was sent.")
            return Exit.NOTHING_SENT
        # The answer may come hours later, after a similar list was sent from another terminal.
        now = look_back()
        if now.count > earlier.count and not order.again:
            app.out.notice(f"{shared_words(now)} after the question was asked; nothing was sent")
            return Exit.NOTHING_SENT
    return _send(app, order, prospect, look_back)


def _was_sent(app: App, earlier: Earlier) -> int:
    """Report that the campaign is finished already; send nothing."""
    status = earlier.status
    assert status is not None  # noqa: S101 - there is one
    when = "" if earlier.begun is None else f" on {local(earlier.begun)}"
    if app.out.json:
        app.out.record(
            {
                "event": "plan",
                "campaign": earlier.name,
                "state": status.state,
                "accepted": status.accepted,
                "not_sent": status.not_sent,
            }
        )
    if status.state == "cancelled":
        words = f"the campaign {earlier.name} was cancelled"
    else:
        count = plural(status.accepted, "recipient")
        words = f"this text was sent to these recipients{when} ({count}, {earlier.name})"
    app.out.notice(f"{words}; nothing was sent now; add --again to send it once more")
    return Exit.NOTHING_SENT


def _refusal(prospect: Prospect, order: Order) -> str:
    """Return the reason why nothing can be sent; an empty string if it can."""
    estimate, earlier = prospect.estimate, prospect.earlier
    if earlier.status is not None and earlier.status.state == "paused":
        why = f" ({earlier.status.why})" if earlier.status.why else ""
        return f"the campaign is paused{why}; run `smsworks campaign resume {earlier.name}`"
    if not estimate.recipients:
        return "the file has no recipient that can be texted"
    left = estimate.credits if earlier.status is None else 0
    if estimate.balance is not None and left > estimate.balance:
        return (
            f"the campaign takes {amount(estimate.credits)} credits, and the account has "
            f"{amount(estimate.balance)}; top it up"
        )
    if earlier.count and order.yes and not order.again and earlier.is_untouched:
        return f"{shared_words(earlier)}; add --again to text them again"
    return ""


def _agreed(app: App, prospect: Prospect, *, again: bool) -> bool:
    earlier, estimate = prospect.earlier, prospect.estimate
    app.out.line()
    is_new = earlier.status is None
    if earlier.is_untouched and earlier.count and not again:
        shared = shared_words(earlier)
        if not app.out.confirm(f"{shared}. Text them again?"):
            return False
    done = 0 if earlier.status is None else earlier.status.accepted
    if not is_new:
        return app.out.confirm(
            f"{plural(done, 'recipient')} were sent to before. Continue with the other "
            f"{amount(max(0, estimate.recipients - done))}?"
        )
    whom = plural(estimate.recipients, "recipient")
    return app.out.confirm(f"Send to {whom} for {plural(estimate.credits, 'credit')}?")


def _send(app: App, order: Order, prospect: Prospect, look_back: Callable[[], Earlier]) -> int:
    """Send the campaign, report the outcome, and return the exit code."""
    with (
        app.client(
            journal=prospect.journal,
            international=order.international,
            trace_configs=[noting_batches(app)],
        ) as sms,
        Interruptions() as stops,
    ):
        try:
            summary = prospect.summary
            with Bar(app.out, summary.taken + summary.mended) as bar:

                def progress(now: BulkProgress) -> None:
                    stops.check()
                    bar.show(now)

                earlier, is_planned = prospect.earlier, False
                if earlier.is_untouched and not order.again:
                    # Another process may have checked the journal at the same time. If both plan
                    # before they check again, at least one of them sees the other's plan.
                    if earlier.status is None or not earlier.status.planned:
                        _run(sms.bulk.plan, sms.bulk.plan_each, order, prospect, progress=progress)
                        is_planned = True
                    now = look_back()
                    if now.count > earlier.count:
                        sms.bulk.cancel(earlier.name)
                        app.out.notice(f"{shared_words(now)} in the meantime; nothing was sent")
                        return Exit.NOTHING_SENT
                report = _run(
                    sms.bulk.send,
                    sms.bulk.send_each,
                    order,
                    prospect,
                    is_planned=is_planned,
                    progress=progress,
                    concurrency=order.concurrency,
                    max_rate=order.max_rate,
                )
        except BulkInterrupted as error:
            if isinstance(error.__cause__, StopAsked):
                return _stopped(app, prospect, error.report)
            if isinstance(error.__cause__, SMSWorksError) and not app.has_begun:
                raise error.__cause__ from None
            raise
        except KeyboardInterrupt as error:
            error.add_note(
                "requests in progress may have been sent; run the same command to look for them "
                "and continue"
            )
            raise
    return _account(app, prospect, report)


def _run(
    one_text: Callable[..., T],
    own_texts: Callable[..., T],
    order: Order,
    prospect: Prospect,
    *,
    is_planned: bool = False,
    **options: Any,
) -> T:
    """Plan or send the campaign.

    Args:
        one_text: `bulk.send` or `bulk.plan`.
        own_texts: `bulk.send_each` or `bulk.plan_each`.
        order: the command's options.
        prospect: the preview of the campaign.
        is_planned: whether this process has just planned the campaign.
        options: further arguments of the method.
    """
    people, status = prospect.people, prospect.earlier.status
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    # The name of a fully planned campaign is derived from its content, so the file is not compared
    # again. A name given with --campaign may stand for another content, so that is compared.
    is_planned |= status is not None and status.planned and order.campaign is None
    common = {
        "sender": order.sender,
        "campaign": prospect.earlier.name,
        "window": prospect.window if status is None else None,
        "chunk_size": order.chunk_size,
        **options,
    }
    if message.plain is None:
        rows = None if is_planned else people.rows()
        return own_texts(template=message.template, rows=rows, **common)
    numbers = None if is_planned else people.destinations()
    return one_text(content=message.plain, destinations=numbers, **common)


def _with_set_aside(prospect: Prospect, report: BulkReport) -> BulkReport:
    """Return a report that also counts the rows of the file that were set aside."""
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


def _stopped(app: App, prospect: Prospect, report: BulkReport) -> int:
    """Report the counts at the time of the interruption."""
    report = _with_set_aside(prospect, report)
    app.out.record(_record(prospect, report, Exit.INTERRUPTED))
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


def _account(app: App, prospect: Prospect, report: BulkReport) -> int:
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
        app.out.notice(f"the campaign stopped early: {as_commands(str(report.stopped))}")
    elif report.unknown and not app.out.json:
        app.out.notice(
            f"{plural(report.unknown, 'recipient')} may have been sent to; run `smsworks campaign "
            f"reconcile {prospect.earlier.name}` later to look again"
        )
    return code
