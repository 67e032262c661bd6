"""Reasons why `campaign send` sends nothing, and the questions that it asks before it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async.cli._earlier import Earlier, shared_message
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._records import amount, local, plural


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.cli._campaign_preview import SendOptions
    from smsworks_async.cli._campaign_view import Preview


def report_finished(app: App, earlier: Earlier) -> int:
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
    count, again = plural(status.accepted, "recipient"), "to all of them once more"
    if status.state != "cancelled":
        words = f"this text was sent to these recipients{when} ({count}, {earlier.name})"
    elif status.accepted:
        words = f"the campaign {earlier.name} was cancelled after this text was sent to {count}"
    else:
        words, again = f"the campaign {earlier.name} was cancelled before it was sent", "it"
    app.out.notice(f"{words}; nothing was sent now; add --again to send {again}")
    return Exit.NOTHING_SENT


def refusal(preview: Preview, options: SendOptions) -> str:
    """Return the reason why nothing can be sent; an empty string if it can."""
    estimate, earlier = preview.estimate, preview.earlier
    if earlier.status is not None and earlier.status.state == "paused":
        why = f" ({earlier.status.why})" if earlier.status.why else ""
        return f"the campaign is paused{why}; run `smsworks campaign resume {earlier.name}`"
    if not estimate.recipients and estimate.opted_out:
        return f"of the recipients that can be texted, all {amount(estimate.opted_out)} opted out"
    if not estimate.recipients:
        return "the file has no recipient that can be texted"
    left = estimate.credits if earlier.status is None else 0
    if estimate.balance is not None and left > estimate.balance:
        return (
            f"the campaign takes {amount(estimate.credits)} credits, and the account has "
            f"{amount(estimate.balance)}; top it up"
        )
    if earlier.count and options.yes and not options.again:
        return f"{shared_message(earlier)}; add --again to text them again"
    return ""


def confirm(app: App, preview: Preview, *, again: bool) -> bool:
    """Ask whether to send, and whether to text recipients of other campaigns; return the answer."""
    earlier, estimate = preview.earlier, preview.estimate
    app.out.line()
    is_new = earlier.status is None
    if earlier.count and not again:
        shared = shared_message(earlier)
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
