"""Shared parts of `send`, `flash` and `schedule`: options, and sending one text to one number."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar

import click

from smsworks_async.cli._exit import Exit
from smsworks_async.cli._options import warn_of_password
from smsworks_async.cli._records import amount, local_with_zone, plural


if TYPE_CHECKING:
    from smsworks_async import Acknowledgement, AsyncSMSWorks, SentMessage
    from smsworks_async.cli._app import App
    from smsworks_async.journals import Journal


F = TypeVar("F", bound=Callable[..., Any])
Method = Literal["send", "flash", "schedule"]

_DONE: Final = {"send": "Sent", "flash": "Sent as a flash message", "schedule": "Scheduled"}


class SendRequest(NamedTuple):
    """A text to send, and the options for it.

    Attributes:
        method: the method of `AsyncMessages`.
        fields: the arguments of the method.
        idempotency_key: the value of ``--idempotency-key``; None to derive a key from the text.
        again: send the text even if it was sent within the last hour.
        journal: the value of ``--journal``, or None.
        international: accept numbers outside the UK.
    """

    method: Method
    fields: dict[str, Any]
    idempotency_key: str | None
    again: bool
    journal: str | None
    international: bool


def text_options(function: F) -> F:
    """Add the arguments and options of a command that sends one text."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS: Final = (
    click.argument("text"),
    click.option(
        "--to", required=True, metavar="NUMBER", help="The recipient, in any usual spelling."
    ),
    click.option(
        "--sender",
        required=True,
        metavar="ID",
        help="3 to 11 letters and digits, or 3 to 15 digits.",
    ),
    click.option("--gsm", is_flag=True, help="Replace typographic characters by GSM characters."),
    click.option("--reference", metavar="NAME", help="Your own reference for the message."),
    click.option("--tag", metavar="LABEL", help="A label by which the message can be searched."),
    click.option(
        "--validity",
        type=int,
        metavar="MINUTES",
        help="How long delivery is attempted: 1 to 2880; 2880 by default.",
    ),
    click.option("--international", is_flag=True, help="Accept numbers outside the UK."),
    click.option(
        "--respect-opt-outs",
        is_flag=True,
        help="Send nothing to a number that is on the journal's opt-out list.",
    ),
    click.option(
        "--idempotency-key",
        metavar="KEY",
        help="Your own name for this send; a second send with the same name sends nothing.",
    ),
    click.option(
        "--again", is_flag=True, help="Send even if the same text was sent within the last hour."
    ),
    click.option(
        "--journal",
        metavar="PATH_OR_URL",
        callback=warn_of_password,
        help="The journal in which sends are recorded.",
    ),
)


def run_send(app: App, method: Method, text: str, **options: Any) -> int:
    """Send one text to one number, show the result, and return the exit code.

    Args:
        app: the run of the command.
        method: the method of `AsyncMessages`.
        text: the content, or ``-`` to read it from standard input.
        options: the values of `text_options`, and ``at`` for a scheduled text.
    """
    import asyncio

    from smsworks_async import text as texts

    content = _read_text() if text == "-" else text
    if options.pop("gsm"):
        content = texts.to_gsm(content)
    own = {name: options.pop(name) for name in ("idempotency_key", "again", "journal")}
    international = options.pop("international")
    fields = {"destination": options.pop("to"), "content": content, **options}
    request = SendRequest(
        method,
        {k: v for k, v in fields.items() if v is not None},
        **own,
        international=international,
    )
    if own["again"] and own["idempotency_key"]:
        raise click.UsageError("--again and --idempotency-key exclude each other; use one of them")
    return asyncio.run(_send(app, request))


def _read_text() -> str:
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError:
        raise click.UsageError("standard input is not UTF-8 text") from None


async def _send(app: App, request: SendRequest) -> int:
    from smsworks_async import phone
    from smsworks_async.journals import open_journal

    # Check the number before a journal is created.
    number = phone.normalise(request.fields["destination"], international=request.international)
    account = app.account()
    journal, _ = open_journal(app.journal(request.journal))
    try:
        async with app.async_client(journal=journal, international=request.international) as sms:
            key = request.idempotency_key or await _key(
                app, request, journal, account.base_url, number
            )
            if key is None:
                app.out.notice("nothing was sent")
                return Exit.NOTHING_SENT
            return await _send_with(app, sms, request, key, number)
    finally:
        await journal.close()


async def _key(
    app: App, request: SendRequest, journal: Journal, base_url: str, number: str
) -> str | None:
    """Return the key to send with; None if the text must not be sent again."""
    from smsworks_async.cli._repeats import choose_key
    from smsworks_async.errors import NotSent

    fields = request.fields
    at: datetime | None = fields.get("at")
    moment = "" if at is None else str(at.astimezone(UTC))
    values = (request.method, fields["sender"], number, fields["content"], moment)
    choice = await choose_key(journal, base_url, *values)
    if request.again:
        if choice.is_in_doubt:
            app.out.notice(
                "the outcome of an earlier send of this text is unknown; it may have been accepted"
            )
        return choice.next_key
    if choice.is_in_doubt:
        app.out.notice(
            "the outcome of an earlier send of this text is unknown; it is being looked for"
        )
    if not choice.is_repeat:
        return choice.key
    earlier = choice.earlier.request.batch_id if choice.earlier else None
    words = f"this text was sent to {number} {_ago(choice.age)} (message {earlier})"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if app.json:
            raise NotSent(f"nothing was sent: {words}; add --again to send it again")
        app.out.notice(f"{words}; add --again to send it again")
        return None
    return (
        choice.next_key
        if app.out.confirm(f"{words[0].upper()}{words[1:]}. Send it again?")
        else None
    )


def _ago(seconds: float) -> str:
    if seconds < 90:
        return f"{plural(round(seconds), 'second')} ago"
    return f"{plural(round(seconds / 60), 'minute')} ago"


async def _send_with(
    app: App, sms: AsyncSMSWorks, request: SendRequest, key: str, number: str
) -> int:
    from smsworks_async.errors import KeyInUse, OptedOut, OutcomeUnknown, ValidationError

    send = getattr(sms.messages, request.method)
    try:
        answer = await send(**request.fields, idempotency_key=key)
    except OutcomeUnknown as error:
        error.add_note(
            "run the same command again in a minute: it looks for the text before it sends anything"
        )
        raise
    except KeyInUse:
        raise KeyInUse(
            "nothing was sent: another command is sending this text, or was killed while it did; "
            "run this command again in a minute"
        ) from None
    except OptedOut:
        app.out.record({"destination": number, "status": "OPTED_OUT"})
        app.out.line(f"Nothing was sent: {number} has opted out.")
        return Exit.OK
    except ValidationError as error:
        if error.field == "idempotency_key" and request.idempotency_key is None:
            raise ValidationError(
                "nothing was sent: an earlier send of this text, with other options, has an "
                "unknown outcome; repeat that command to look for it, or add --again to send this "
                "text"
            ) from None
        raise
    _show(app, request, answer, number)
    return Exit.OK


def _show(
    app: App, request: SendRequest, answer: SentMessage | Acknowledgement, number: str
) -> None:
    from smsworks_async import text

    segments = text.measure(request.fields["content"]).segments
    at: datetime | None = request.fields.get("at")
    used = getattr(answer, "credits_used", None)
    balance = getattr(answer, "balance", None)
    app.out.record(
        {
            "message_id": answer.message_id,
            "status": answer.status,
            "destination": number,
            "sender": request.fields["sender"],
            "segments": segments,
            "schedule": at,
            "credits_used": used,
            "balance": balance,
            "replayed": answer.replayed,
        }
    )
    if answer.replayed:
        app.out.line(f"Already accepted for {number}; nothing was sent now.")
    else:
        app.out.line(f"{_DONE[request.method]} to {number}.")
    app.out.fields(
        [
            ("Message id", answer.message_id),
            ("Status", answer.status),
            ("Time", at and local_with_zone(at)),
            ("Segments", segments),
            ("Credits used", None if used is None else amount(used)),
            ("Balance", None if balance is None else amount(balance)),
        ]
    )
