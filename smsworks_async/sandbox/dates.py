"""The API's two ways of writing a moment, both read and both written.

ISO 8601 goes out in delivery reports, JavaScript's `Date.toString()` in records, so that a client
which reads only one of them is found out. Names of days and months are ours, since those of
`strftime` follow the machine's locale, and so is British Summer Time, since not every machine has
a time zone database.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[0-9]{1,2}) (?P<year>[0-9]{4})"
    r" (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r" GMT(?P<offset>[+-][0-9]{4})(?: \([A-Za-z ]{1,40}\))?"
)


def parse(text: str) -> float:
    """Return the POSIX seconds of a date in either form.

    Raises:
        ValueError: it is in neither form, names no real moment, or has no offset from UTC.
    """
    try:
        moment = _parse_javascript(text) or datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("The date has no offset from UTC")
        return moment.astimezone(UTC).timestamp()
    except OverflowError as error:
        raise ValueError("The date is out of range") from error


def _parse_javascript(text: str) -> datetime | None:
    # The weekday is not looked at: the provider's own samples get it wrong.
    found = _JAVASCRIPT.fullmatch(text)
    if found is None:
        return None
    year, day, hour, minute, second = (
        int(found[part]) for part in ("year", "day", "hour", "minute", "second")
    )
    month = _MONTHS.index(found["month"]) + 1
    offset = datetime.strptime(found["offset"], "%z").tzinfo
    return datetime(year, month, day, hour, minute, second, tzinfo=offset)


def iso(moment: float) -> str:
    """Write POSIX seconds as `2017-03-25T21:43:05.667Z`."""
    stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def javascript(moment: float, *, long: bool = False) -> str:
    """Write POSIX seconds as `Wed Jul 19 2017 20:53:46 GMT+0100 (BST)`, whole seconds only.

    `long` spells the zone out: `(British Summer Time)`.
    """
    return _javascript(int(moment), long)


@lru_cache(maxsize=4096)
def _javascript(moment: int, long: bool) -> str:
    utc = datetime.fromtimestamp(moment, UTC)
    summer = _turning(utc.year, 3) <= utc < _turning(utc.year, 10)
    local = utc + timedelta(hours=1) if summer else utc
    zone = ("BST", "British Summer Time") if summer else ("GMT", "Greenwich Mean Time")
    return (
        f"{_DAYS[local.weekday()]} {_MONTHS[local.month - 1]} {local.day:02} {local.year}"
        f" {local:%H:%M:%S} GMT+0{int(summer)}00 ({zone[long]})"
    )


def _turning(year: int, month: int) -> datetime:
    """Return 01:00 UTC on the last Sunday of a month of 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
