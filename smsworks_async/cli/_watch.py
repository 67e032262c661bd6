"""Show a campaign's status once, or whenever it changes, for ``smsworks campaign status``."""

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
    """Show a campaign's status whenever it changes; return the last one when it is over."""
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


def live(app: App, *, transient: bool = False) -> Live | _NoDisplay:
    """Return a context manager for a display that is redrawn in place.

    Its value is the display, or None if output is not a terminal.

    Args:
        app: the run of the command.
        transient: whether the display is erased at the end (default False).
    """
    if not app.out.is_terminal:
        return _NoDisplay()
    from rich.live import Live

    return Live(console=app.out.console, auto_refresh=False, transient=transient)


class _NoDisplay:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        pass


def is_ascii(app: App) -> bool:
    """Return whether the terminal's encoding lacks line and block characters."""
    return not app.out.console.encoding.lower().startswith("utf")


def is_over(found: BulkStatus) -> bool:
    """Return whether nothing is left to send, in flight or scheduled; some may be unknown."""
    waiting = 0 if found.control == "cancelled" else found.not_sent + found.open_again
    return found.planned and not (waiting or found.in_flight or found.scheduled)


def summary(found: BulkStatus) -> str:
    """Return a status as one line."""
    done, whole = done_of(found)
    parts = [f"{count:,} {name}" for name, count in counts(found) if count]
    return one_line(
        f"{found.campaign}: {found.state}, {done:,} of {whole:,} done; " + ", ".join(parts)
    )


def _differs(now: BulkStatus, before: BulkStatus | None) -> bool:
    """Return whether a status has changed, apart from the time left of a lease."""
    return before is None or _without_lease(now) != _without_lease(before)


def _without_lease(found: BulkStatus) -> dict[str, object]:
    return {name: value for name, value in status_record(found).items() if name != "lease"}
