"""`campaign send`: read, look, show, ask, send, and account for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import attrs

from smsworks_async.bulk.options import check_campaign
from smsworks_async.cli import _campaign_view
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_bar import Bar
from smsworks_async.cli._campaign_name import campaign_name
from smsworks_async.cli._campaign_outcome import show_outcome, show_stopped
from smsworks_async.cli._campaign_prospect import Order, checked, look_ahead, read
from smsworks_async.cli._campaign_view import Prospect
from smsworks_async.cli._campaigns import sending_client
from smsworks_async.cli._earlier import Earlier, is_over, look, shared_words
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._interruptions import Interruptions, StopAsked
from smsworks_async.cli._records import amount, local, plural
from smsworks_async.cli._right_of_way import yield_to
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.journals.checks import check_window
from smsworks_async.models import checks
from smsworks_async.models.report import BulkInterrupted, BulkProgress


T = TypeVar("T")


def run(app: App, order: Order) -> int:
    """Send a text to the recipients in a file.

    Raises:
        SMSWorksError: it cannot be; nothing was sent, unless the error says so.
    """
    if order.file == "-" and not (order.yes or order.dry_run):
        raise ValidationError(
            "the recipients come from standard input, so that there is nobody to ask: say --yes or "
            "--dry-run",
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

    def look_back(before: Earlier | None = None) -> Earlier:
        numbers = lambda: set(people.destinations())  # noqa: E731
        return asyncio.run(
            look(journal, name, numbers, again=order.again, recent=order.recent, before=before)
        )

    earlier = look_back()
    window = order.window
    if earlier.status is not None:
        if is_over(earlier.status):
            return _was_sent(app, earlier)
        check_window(name, earlier.status.window, window)
        window = earlier.status.window
    prospect = look_ahead(app, order, people, summary, earlier, journal)
    prospect = attrs.evolve(prospect, sender=sender, window=window)
    _campaign_view.show(app.out, prospect)
    refused = _refusal(prospect, order)
    if refused:
        app.out.notice(f"{refused}; nothing was sent")
        return Exit.NOTHING_SENT
    if order.dry_run:
        app.out.line("\nNothing was sent, since this is a dry run.")
        return Exit.FAILED if summary.set_aside else Exit.OK
    if not order.yes:
        if not _agreed(app, prospect, again=order.again):
            app.out.line("Nothing was sent.")
            return Exit.NOTHING_SENT
        # A person may answer after hours, and have sent a like list from another terminal.
        now = look_back(earlier)
        if now.news(earlier) and not order.again:
            app.out.notice(f"{shared_words(now)} since you were asked; nothing was sent")
            return Exit.NOTHING_SENT
    return _send(app, order, prospect, partial(look_back, earlier))


def _was_sent(app: App, earlier: Earlier) -> int:
    """Report that a campaign is over; nothing is sent."""
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
    app.out.notice(f"{words}; nothing was sent now; --again sends it once more")
    return Exit.NOTHING_SENT


def _refusal(prospect: Prospect, order: Order) -> str:
    """Return why nothing can be sent; an empty string where it can."""
    estimate, earlier = prospect.estimate, prospect.earlier
    if earlier.status is not None and earlier.status.state == "paused":
        why = f" ({earlier.status.why})" if earlier.status.why else ""
        return f"the campaign is paused{why}: smsworks campaign resume {earlier.name}"
    if not estimate.recipients:
        return "nobody in the file can be texted"
    left = estimate.credits if earlier.status is None else 0
    if estimate.balance is not None and left > estimate.balance:
        return (
            f"it takes {amount(estimate.credits)} credits, and the account has "
            f"{amount(estimate.balance)}: top it up"
        )
    if earlier.count and order.yes and not order.again and earlier.is_untouched:
        return f"{shared_words(earlier)}: to text them again, say --again"
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
            f"{amount(done)} were sent to before. Go on with the other "
            f"{amount(max(0, estimate.recipients - done))}?"
        )
    whom = plural(estimate.recipients, "recipient")
    return app.out.confirm(f"Send to {whom} for {plural(estimate.credits, 'credit')}?")


def _send(app: App, order: Order, prospect: Prospect, look_back: Callable[[], Earlier]) -> int:
    """Send, and account for everybody."""
    with (
        sending_client(
            app,
            prospect.journal,
            order.account_rate,
            journal=prospect.journal,
            international=order.international,
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
                    if earlier.status is None or not earlier.status.planned:
                        _run(sms.bulk.plan, sms.bulk.plan_each, order, prospect, progress=progress)
                        is_planned = True
                    if (other := yield_to(look_back, earlier, check=stops.check)) is not None:
                        sms.bulk.cancel(earlier.name)
                        app.out.notice(f"{shared_words(other)} meanwhile; nothing was sent")
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
                return show_stopped(app, prospect, error.report)
            if isinstance(error.__cause__, SMSWorksError) and not app.has_begun:
                raise error.__cause__ from None
            raise
        except KeyboardInterrupt as error:
            error.add_note(
                "what was under way may have been sent; the same command looks for it, and goes on"
            )
            raise
    return show_outcome(app, prospect, report)


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
        order: what was asked for.
        prospect: what is to be sent.
        is_planned: whether this process has just planned it.
        options: further arguments.
    """
    people, status = prospect.people, prospect.earlier.status
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    # A campaign that is planned whole is what it is: the file may have been saved anew since. One
    # that the person named may be another, so it is compared.
    is_planned |= status is not None and status.planned and order.campaign is None
    common = {
        "sender": order.sender,
        "campaign": prospect.earlier.name,
        "window": order.window,
        "chunk_size": order.chunk_size,
        **options,
    }
    if message.plain is None:
        rows = None if is_planned else people.rows()
        return own_texts(template=message.template, rows=rows, **common)
    numbers = None if is_planned else people.destinations()
    return one_text(content=message.plain, destinations=numbers, **common)
