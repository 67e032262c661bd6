"""``smsworks otp send``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command
from smsworks_async.cli._options import warn_of_password


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "send",
    sends=True,
    examples="""
smsworks otp send --to "07700 900123" --sender AcmeCorp
smsworks otp send --to 07700900123 --sender AcmeCorp --length 4 --validity 300
""",
)
@click.option("--to", required=True, metavar="NUMBER", help="The recipient, in any usual spelling.")
@click.option(
    "--sender", required=True, metavar="ID", help="3 to 11 letters and digits, or 3 to 15 digits."
)
@click.option(
    "--length", type=int, metavar="DIGITS", help="The length of the passcode; 6 by default."
)
@click.option("--validity", type=int, metavar="SECONDS", help="How long the passcode is valid.")
@click.option(
    "--template", metavar="TEXT", help="The text, with {{passcode}} where the passcode goes."
)
@click.option("--international", is_flag=True, help="Accept numbers outside the UK.")
@click.option(
    "--idempotency-key",
    metavar="KEY",
    help="Your own name for this send; a second send with the same name sends nothing.",
)
@click.option(
    "--journal",
    metavar="PATH_OR_URL",
    callback=warn_of_password,
    help="The journal in which keys are recorded.",
)
def command(
    app: App,
    *,
    to: str,
    sender: str,
    length: int | None,
    validity: int | None,
    template: str | None,
    international: bool,
    idempotency_key: str | None,
    journal: str | None,
) -> None:
    """Send a one-time passcode to a number. The passcode itself is not shown."""
    from smsworks_async import phone
    from smsworks_async.cli._records import local_with_zone

    number = phone.normalise(to, international=international)
    kept = app.journal(journal) if idempotency_key else None
    with app.client(journal=kept, international=international) as sms:
        sent = sms.otp.send(
            sender=sender,
            destination=number,
            length=length,
            validity=validity,
            template=template,
            idempotency_key=idempotency_key,
        )
    app.out.record(
        {
            "message_id": sent.message_id,
            "status": sent.status,
            "destination": number,
            "expires": sent.expires,
            "credits_used": sent.credits_used,
            "balance": sent.balance,
            "replayed": sent.replayed,
        }
    )
    app.out.line(
        f"Already accepted for {number}; nothing was sent now."
        if sent.replayed
        else f"A passcode was sent to {number}."
    )
    app.out.fields(
        [
            ("Message id", sent.message_id),
            ("Valid until", sent.expires and local_with_zone(sent.expires)),
        ]
    )
