"""`campaign send`: read the file, show a preview, ask, send, and report the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from smsworks_async.bulk.options import check_campaign
from smsworks_async.cli import _campaign_view
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_bar import Bar
from smsworks_async.cli._campaign_name import campaign_name
from smsworks_async.cli._campaign_outcome import show_outcome, show_stopped
from smsworks_async.cli._campaign_preview import SendOptions, checked, make_preview, read
from smsworks_async.cli._campaign_questions import confirm, refusal, report_finished
from smsworks_async.cli._campaign_view import Preview
from smsworks_async.cli._campaigns import sending_client
from smsworks_async.cli._concurrent_sends import find_conflict
from smsworks_async.cli._earlier import GAVE_WAY, Earlier, find_earlier, is_over, shared_message
from smsworks_async.cli._exit import Exit
from smsworks_async.cli._interruptions import Interruptions, StopRequested
from smsworks_async.errors import SMSWorksError, ValidationError
from smsworks_async.journals.checks import check_window
from smsworks_async.models import checks
from smsworks_async.models.report import BulkInterrupted, BulkProgress, BulkReport, Counts


if TYPE_CHECKING:
    from smsworks_async import SMSWorks


T = TypeVar("T")


def run(app: App, options: SendOptions) -> int:
    """Send a text to the recipients in a file, and return the exit code.

    Raises:
        SMSWorksError: the campaign failed. Nothing was sent unless the error says so.
        KeyboardInterrupt: it was interrupted; a note says how to continue.
    """
    try:
        return _preview_and_send(app, options)
    except KeyboardInterrupt as error:
        error.add_note(
            "run the same command to look for texts whose outcome is unknown, and to continue"
            if app.has_begun
            else "nothing was sent"
        )
        raise


def _preview_and_send(app: App, options: SendOptions) -> int:
    if options.file == "-" and not (options.yes or options.dry_run):
        raise ValidationError(
            "the recipients come from standard input, so the command cannot ask for confirmation: "
            "add --yes or --dry-run",
            field="yes",
        )
    sender = checks.sender(options.sender)
    people = read(options)
    summary = checked(people)
    journal = app.journal(options.journal)
    assert people.message is not None  # noqa: S101 - it was given
    name = (
        campaign_name(people.message.source, sender, people.destinations())
        if options.campaign is None
        else check_campaign(options.campaign)
    )

    def reload_earlier(before: Earlier | None = None) -> Earlier:
        numbers = lambda: set(people.destinations())  # noqa: E731
        return asyncio.run(
            find_earlier(
                journal, name, numbers, again=options.again, recent=options.recent, before=before
            )
        )

    earlier = reload_earlier()
    window = options.window
    if earlier.status is not None:
        if is_over(earlier.status):
            return report_finished(app, earlier)
        check_window(name, earlier.status.window, window)
        window = earlier.status.window
    preview = make_preview(app, options, people, summary, earlier, journal)
    preview = attrs.evolve(preview, sender=sender, window=window)
    _campaign_view.show(app.out, preview)
    refused = refusal(preview, options)
    if refused:
        app.out.notice(f"{refused}; nothing was sent")
        return Exit.NOTHING_SENT
    if options.dry_run:
        app.out.line("\nNothing was sent, because this is a dry run.")
        return Exit.FAILED if summary.set_aside else Exit.OK
    if not options.yes:
        if not confirm(app, preview, again=options.again):
            app.out.line("Nothing was sent.")
            return Exit.NOTHING_SENT
        # The answer may come hours later, after a similar list was sent from another terminal.
        now = reload_earlier(earlier)
        if now.new_overlaps(earlier) and not options.again:
            app.out.notice(f"{shared_message(now)} after the question was asked; nothing was sent")
            return Exit.NOTHING_SENT
    return _send(app, options, preview, partial(reload_earlier, earlier))


def _send(
    app: App, options: SendOptions, preview: Preview, reload_earlier: Callable[[], Earlier]
) -> int:
    """Send the campaign, report the outcome, and return the exit code."""
    with (
        sending_client(
            app,
            preview.journal,
            options.account_rate,
            journal=preview.journal,
            international=options.international,
        ) as sms,
        Interruptions() as stops,
    ):
        try:
            summary = preview.summary
            with Bar(app.out, summary.taken + summary.mended) as bar:

                def progress(now: BulkProgress) -> None:
                    stops.check()
                    bar.show(now)

                is_planned = _is_planned(options, preview)
                if not options.again:
                    if not (is_planned and preview.earlier.is_untouched):
                        # It also makes pending what was refused and is tried again, so that other
                        # processes count it.
                        _run(sms.bulk.plan, sms.bulk.plan_each, options, preview, progress=progress)
                        is_planned = True
                    other = find_conflict(reload_earlier, preview.earlier, check=stops.check)
                    if other is not None:
                        app.out.notice(_give_way(sms, options, preview.earlier, other))
                        return Exit.NOTHING_SENT
                report = _run(
                    sms.bulk.send,
                    sms.bulk.send_each,
                    options,
                    preview,
                    is_planned=is_planned,
                    progress=progress,
                    concurrency=options.concurrency,
                    max_rate=options.max_rate,
                )
        except BulkInterrupted as error:
            if isinstance(error.__cause__, StopRequested):
                return show_stopped(app, preview, error.report)
            if isinstance(error.__cause__, SMSWorksError) and not app.has_begun:
                raise error.__cause__ from None
            raise
        except StopRequested:  # while it waited for another campaign
            status = sms.bulk.status(preview.earlier.name)
            counts = {field.name: getattr(status, field.name) for field in attrs.fields(Counts)}
            return show_stopped(app, preview, BulkReport(**counts))
    return show_outcome(app, preview, report)


def _give_way(sms: SMSWorks, options: SendOptions, earlier: Earlier, other: Earlier) -> str:
    """Cancel the campaign, unless the user planned it or it was begun before; return a message.

    Args:
        sms: the client.
        options: the command's options.
        earlier: the journal's record of the campaign before it was planned.
        other: the record that shows another campaign with its recipients.
    """
    words = f"{shared_message(other)} in the meantime; nothing was sent"
    is_ours = earlier.status is None or options.campaign is None
    if earlier.is_untouched and is_ours:
        sms.bulk.cancel(earlier.name, why=GAVE_WAY)
    return words


def _is_planned(options: SendOptions, preview: Preview) -> bool:
    """Return whether the campaign is fully planned, from what is surely the same content.

    That is the case if its name is derived from its text and its numbers. It is not if the texts
    have fields, whose values may have changed, or if the name was given with ``--campaign``.
    """
    status, message = preview.earlier.status, preview.people.message
    is_derived = options.campaign is None and message is not None and message.plain is not None
    return is_derived and status is not None and status.planned


def _run(
    one_text: Callable[..., T],
    own_texts: Callable[..., T],
    options: SendOptions,
    preview: Preview,
    *,
    is_planned: bool = False,
    **further: Any,
) -> T:
    """Plan or send the campaign.

    Args:
        one_text: `bulk.send` or `bulk.plan`.
        own_texts: `bulk.send_each` or `bulk.plan_each`.
        options: the command's options.
        preview: the preview of the campaign.
        is_planned: whether to pass no recipients, because they need not be compared.
        further: further arguments of the method.
    """
    people = preview.people
    message = people.message
    assert message is not None  # noqa: S101 - it was given
    common = {
        "sender": options.sender,
        "campaign": preview.earlier.name,
        "window": options.window,
        "chunk_size": options.chunk_size,
        **further,
    }
    try:
        if message.plain is None:
            rows = None if is_planned else people.rows()
            return own_texts(template=message.template, rows=rows, **common)
        numbers = None if is_planned else people.destinations()
        return one_text(content=message.plain, destinations=numbers, **common)
    except ValidationError as error:
        if error.field != "destinations" or options.campaign is not None:
            raise
        name = preview.earlier.name
        raise ValidationError(
            f"the texts have changed since the campaign {name} was begun; to send the rest as they "
            f"were then, run `smsworks campaign work {name}`; to send the new ones, run `smsworks "
            f"campaign cancel {name}`, and add --campaign with a new name",
            field="message",
        ) from None
