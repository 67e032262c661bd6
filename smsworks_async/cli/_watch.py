"""``smsworks campaign status``: shown once, or again and again while the campaign lasts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from smsworks_async.bulk.campaign.stored import open_campaign, status
from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._status_view import Rate, counts, done_of, draw, fields
from smsworks_async.cli._text import one_line


if TYPE_CHECKING:
    from rich.live import Live

    from smsworks_async.cli._app import App
    from smsworks_async.models.report import BulkStatus


async def show(app: App, journal: str, campaign: str, _: float) -> BulkStatus:
    """Show a campaign's status once, and return it."""
    async with open_campaign(journal, campaign, forgotten_too=True) as stored:
        found = await status(stored)
    app.out.record(status_record(found))
    if app.out.is_terminal:
        app.out.console.print(draw(found, app.out.width, ascii_only=is_ascii(app)))
    else:
        app.out.fields(fields(found))
    return found


async def watch_status(app: App, journal: str, campaign: str, every: float) -> BulkStatus:
    """Show a campaign's status whenever it changes, until it is over; return the last one."""
    rate = Rate(time.monotonic)
    before: BulkStatus | None = None
    async with open_campaign(journal, campaign, forgotten_too=True) as stored:
        with live(app) as shown:
            while True:
                found = await status(stored)
                rate.see(found)
                if shown is not None:
                    ascii_only = is_ascii(app)
                    picture = draw(found, app.out.width, rate.per_second, ascii_only=ascii_only)
                    shown.update(picture, refresh=True)
                elif _differs(found, before):
                    app.out.record(status_record(found))
                    app.out.line(summary(found))
                before = found
                if is_over(found):
                    return found
                await asyncio.sleep(every)


def live(app: App, *, transient: bool = False) -> Live | _Nothing:
    """Return what redraws a picture in place; None stands for it where there is no terminal.

    Args:
        app: where it is written.
        transient: whether the picture is erased at the end.
    """
    if not app.out.is_terminal:
        return _Nothing()
    from rich.live import Live

    return Live(console=app.out.console, auto_refresh=False, transient=transient)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        pass


def is_ascii(app: App) -> bool:
    """Return whether the terminal cannot show lines and blocks."""
    return not app.out.console.encoding.lower().startswith("utf")


def is_over(found: BulkStatus) -> bool:
    """Return whether nothing is to be sent, on its way, or scheduled; some may be unknown."""
    waiting = 0 if found.control == "cancelled" else found.not_sent + found.open_again
    return found.planned and not (waiting or found.in_flight or found.scheduled)


def summary(found: BulkStatus) -> str:
    """Return a status in one line."""
    done, whole = done_of(found)
    parts = [f"{count:,} {name}" for name, count in counts(found) if count]
    return one_line(
        f"{found.campaign}: {found.state}, {done:,} of {whole:,} done; " + ", ".join(parts)
    )


def _differs(now: BulkStatus, before: BulkStatus | None) -> bool:
    """Return whether something changed but the seconds that a lease still lasts."""
    return before is None or _without_lease(now) != _without_lease(before)


def _without_lease(found: BulkStatus) -> dict[str, object]:
    return {name: value for name, value in status_record(found).items() if name != "lease"}
