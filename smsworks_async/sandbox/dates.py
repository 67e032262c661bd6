"""Parse and format dates as the API does.

Delivery reports have dates in ISO 8601, records in the format of JavaScript's `Date.toString()`, so
that tests find a client that supports only one of them. Dates in requests are parsed like
JavaScript's `new Date()`, because the provider's samples and SDKs use several formats: day, month
and year in any order, with or without a weekday, which is ignored because some samples have a wrong
one. A date without a zone is in UTC. The names of days and months are not taken from `strftime`,
which depends on the locale, and British Summer Time is calculated here, because some machines have
no time zone database.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?", re.DOTALL)
_COMMENT = re.compile(r"\([^()]{0,40}\)")  # the zone's name after the offset
_LONGEST = 100  # characters
_TOKEN = re.compile(
    r"[\s,]*(?:"
    r"(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
    r"|(?:(?:GMT|UTC|UT)?(?P<offset>[+-][0-9]{2}:?[0-9]{2}))(?![0-9])"
    r"|(?P<year>[0-9]{4})(?![0-9])"
    r"|(?P<day>[0-9]{1,2})(?![0-9])"
    r"|(?P<word>[A-Za-z]+)\.?"
    r")(?=[\s,+-]|$)"
)
#: The zone names that JavaScript accepts, in hours ahead of UTC. BST is not one of them.
_ZONES = {"UTC": 0, "UT": 0, "GMT": 0, "Z": 0}
_ZONES |= {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}


def parse(text: str) -> float:
    """Return a date in POSIX seconds, parsed like JavaScript; without a zone it is in UTC.

    Raises:
        ValueError: the text is not a date, or the date does not exist.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise ValueError("The text is too long for a date")
    try:
        moment = datetime.fromisoformat(text) if _ISO.fullmatch(text) else _parse_words(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).timestamp()
    except OverflowError as error:
        raise ValueError("The date is out of range") from error


def _parse_words(text: str) -> datetime:
    """Parse a date with the month as a word: `16 October 2031 17:00:00`, `Wed, 26 Nov 2031 …`."""
    found: dict[str, str] = {}
    rest = _COMMENT.sub(" ", text).rstrip(", ")
    at = 0
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if token is None or token.lastgroup is None:
            raise ValueError("The date has a part that is not part of a date")
        name, value = token.lastgroup, token[token.lastgroup]
        if name == "word":
            name, value = _read_word(value)
        if name in found:
            raise ValueError(f"The date has more than one {name}")
        found[name] = value
        at = token.end()
    if not {"year", "month", "day"} <= found.keys():
        raise ValueError("The date has no day, month or year")
    hour, minute, second = _read_time(found.get("time", "0:00"), found.get("half"))
    zone = timedelta(hours=_ZONES[found.get("zone", "UTC")])
    if "offset" in found:
        zone = _read_offset(found["offset"])
    year, month, day = (int(found[part]) for part in ("year", "month", "day"))
    whole = datetime(year, month, day, hour, minute, tzinfo=timezone(zone))
    return whole + timedelta(seconds=second)


def _read_word(word: str) -> tuple[str, str]:
    start = word[:3].title()
    if word.upper() in _ZONES:
        return "zone", word.upper()
    if word.upper() in {"AM", "PM"}:
        return "half", word.upper()
    if start in _MONTHS:
        return "month", str(_MONTHS.index(start) + 1)
    if start in _DAYS:
        return "weekday", start
    raise ValueError("The date has a word that is not a month, weekday or zone")


def _read_time(text: str, half: str | None) -> tuple[int, int, float]:
    hour, minute, second = (*text.split(":"), "0")[:3]
    if half is not None and not 1 <= int(hour) <= 12:
        raise ValueError("The hour is not 1 to 12")
    hours = int(hour) if half is None else int(hour) % 12 + 12 * (half == "PM")
    if float(second) >= 60:
        raise ValueError("The seconds are not below 60")
    return hours, int(minute), float(second)


def _read_offset(text: str) -> timedelta:
    digits = text[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if minutes > 59:
        raise ValueError("The offset from UTC is not valid")
    ahead = timedelta(hours=hours, minutes=minutes)
    return -ahead if text[0] == "-" else ahead


def iso(moment: float) -> str:
    """Format POSIX seconds as `2017-03-25T21:43:05.667Z`."""
    stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def javascript(moment: float, *, long: bool = False) -> str:
    """Format POSIX seconds as `Wed Jul 19 2017 20:53:46 GMT+0100 (BST)`, in whole seconds.

    With `long`, the zone's name is written in full: `(British Summer Time)`.
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
    """Return 01:00 UTC on the last Sunday of a month with 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
