"""Times on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click


_AGO: Final = r"(\d{1,6})\s*([smhdw])"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Span(click.ParamType[timedelta]):
    """A length of time, such as ``20h`` or ``6d``."""

    name = "span"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return a length of time, or raise a usage error."""
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(_AGO, str(value).strip())
        if not found:
            self.fail(f"{value!r} is no length of time; write it as 90m, 20h, 6d or 2w", param, ctx)
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


#: Units of `span`, each used from twice its length on.
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def span(length: timedelta) -> str:
    """Return a length of time in words, such as ``6 days`` or ``20 hours``, rounded down."""
    seconds = max(0, int(length.total_seconds()))
    for name, unit in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds // unit:,} {name}s"
    return f"{seconds} second{'s' * (seconds != 1)}"


def ago(age: timedelta) -> str:
    """Return in words how long ago something was, such as ``2 days ago``."""
    return "just now" if age < timedelta(minutes=2) else f"{span(age)} ago"


class Moment(click.ParamType[datetime]):
    """A moment: ISO 8601, in the machine's own time zone where it names none.

    Args:
        ago: also read how long ago it was, such as ``2h`` or ``7d``.
    """

    name = "time"

    def __init__(self, *, ago: bool = False) -> None:
        self._ago = ago

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return an aware datetime, or raise a usage error."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        span = re.fullmatch(_AGO, text) if self._ago else None
        if span:
            return datetime.now(UTC) - timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            more = ", or how long ago, such as 2h or 7d" if self._ago else ""
            self.fail(
                f"{text!r} is no time; write it as 2031-04-01T09:00, or "
                f"2031-04-01T09:00+01:00{more}",
                param,
                ctx,
            )
        return moment if moment.tzinfo is not None else self._localised(moment, param, ctx)

    def _localised(
        self, moment: datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return a local time with its offset; one that the clocks skip or repeat is refused."""
        earlier = moment.astimezone()
        later = moment.replace(fold=1).astimezone()
        if earlier.replace(tzinfo=None) != moment:
            self.fail(f"the clocks skip {moment.isoformat()}; choose another time", param, ctx)
        if earlier.utcoffset() != later.utcoffset():
            self.fail(
                f"{moment.isoformat()} comes twice, as the clocks go back: name the offset, "
                f"{earlier.isoformat()} or {later.isoformat()}",
                param,
                ctx,
            )
        return earlier
