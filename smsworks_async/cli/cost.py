"""``smsworks cost``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "cost",
    examples="""
smsworks cost FR
smsworks cost IE --json
""",
)
@click.argument("country")
def command(app: App, country: str) -> None:
    """Show the price of one text to a country, given by its two-letter code of ISO 3166."""
    from smsworks_async.cli._records import plural

    with app.client() as sms:
        cost = sms.credits.cost(country=country)
    record = {"code": cost.code, "country": cost.country, "credits": cost.credits}
    app.out.result(record, f"{cost.country or cost.code}: {plural(cost.credits, 'credit')} a text")
