"""The types of options that take a time or a duration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click


_AGO: Final = r"(\d{1,6})\s*([smhdw])"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Span(click.ParamType[timedelta]):
    """A type of option: a duration, such as ``20h`` or ``6d``."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return a duration, or raise a usage error."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(_AGO, str(value).strip())
        if not found:
            self.fail(f"{value!r} is not a duration; write it as 90m, 20h, 6d or 2w", param, ctx)
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


#: The units of `span`; each is used for durations of at least twice its length.
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def span(length: timedelta) -> str:
    """Return a duration as text, such as ``6 days`` or ``20 hours``, rounded down."""
    seconds = max(0, int(length.total_seconds()))
    for name, unit in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds // unit:,} {name}s"
    return f"{seconds} second{'s' * (seconds != 1)}"


def ago(age: timedelta) -> str:
    """Return an age as text, such as ``2 days ago``."""
    return "just now" if age < timedelta(minutes=2) else f"{span(age)} ago"


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; in the machine's time zone if it has no offset.

    Args:
        ago: also accept an age, such as ``2h`` or ``7d`` (default False).
    """

    name = "time"

    def __init__(self, *, ago: bool = False) -> None:
        self._ago = ago

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return an aware datetime.

        Raises:
            BadParameter: the value is not a time.
        """
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        try:
            moment = self._parsed(text, param, ctx)
            # Dates near the ends of the calendar do not exist in other time zones.
            for zone in (UTC, None):
                moment.astimezone(zone)
        except (OverflowError, ValueError, OSError):
            self.fail(f"{text!r} is beyond the calendar", param, ctx)
        return moment

    def _parsed(
        self, text: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        span = re.fullmatch(_AGO, text) if self._ago else None
        if span:
            return datetime.now(UTC) - timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            more = ", or as an age, such as 2h or 7d" if self._ago else ""
            self.fail(
                f"{text!r} is not a time; write it as 2031-04-01T09:00, or "
                f"2031-04-01T09:00+01:00{more}",
                param,
                ctx,
            )
        return moment if moment.tzinfo is not None else self._localised(moment, param, ctx)

    def _localised(
        self, moment: datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return a local time with its offset; refuse one that the clocks skip or repeat."""
        earlier = moment.astimezone()
        later = moment.replace(fold=1).astimezone()
        if earlier.replace(tzinfo=None) != moment:
            self.fail(
                f"{moment.isoformat()} does not exist, because the clocks go forward; choose "
                "another time",
                param,
                ctx,
            )
        if earlier.utcoffset() != later.utcoffset():
            self.fail(
                f"{moment.isoformat()} occurs twice, because the clocks go back; add the offset: "
                f"{earlier.isoformat()} or {later.isoformat()}",
                param,
                ctx,
            )
        return earlier
