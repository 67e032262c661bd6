"""Sending windows: the hours of the day in which the requests of a bulk run may be sent."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time
from typing import Final, Literal
from zoneinfo import ZoneInfo

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTE: Final = 60
#: Days to look ahead: a window opens at least once a week, unless a clock change skips it.
_LONGEST_WAIT: Final = 15 * 24 * 60
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_MIDNIGHT: Final = time()
#: The end of the day: as the end of a window it is the same as ``"00:00"``.
_END_OF_DAY: Final = "24:00"


def _field(name: str) -> str:
    return f"window.{name}"


def _time(value: str | time, name: str) -> time:
    if isinstance(value, time):
        if value.second or value.microsecond or value.tzinfo is not None:
            raise ValidationError(
                f"{_field(name)} must be a whole minute without a time zone; set the zone with tz",
                field=_field(name),
            )
        return value
    found = _TIME.fullmatch((values.as_text(value) or "").strip())
    if found is None:
        raise ValidationError(
            f'{_field(name)} must have hours and minutes, as in SendWindow("09:00", "20:00")',
            field=_field(name),
        )
    return time(int(found[1]), int(found[2]))


def _start(value: str | time) -> time:
    return _time(value, "start")


def _end(value: str | time) -> time:
    text = None if isinstance(value, time) else values.as_text(value)
    return _MIDNIGHT if text is not None and text.strip() == _END_OF_DAY else _time(value, "end")


def _zone(value: str) -> str:
    name = values.as_text(value) or ""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValidationError(
            f'{_field("tz")} must be a time zone such as "Europe/London", and it must be '
            "installed on this machine (the package tzdata has all of them)",
            field=_field("tz"),
        ) from error
    return name


def _days(value: str | frozenset[int]) -> frozenset[int]:
    if isinstance(value, frozenset) and value and value <= {*range(len(DAY_NAMES))}:
        return value
    found: set[int] = set()
    for part in (values.as_text(value) or "").replace(" ", "").lower().split(","):
        first, dash, last = part.partition("-")
        if first not in DAY_NAMES or (dash and last not in DAY_NAMES):
            raise ValidationError(
                f'{_field("days")} must be days such as "mon-fri" or "mon,wed,sat"',
                field=_field("days"),
            )
        begin, end = DAY_NAMES.index(first), DAY_NAMES.index(last or first)
        found.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(found)


def _outside(value: str) -> Literal["wait", "stop"]:
    match values.as_text(value):
        case "wait":
            return "wait"
        case "stop":
            return "stop"
    raise ValidationError(f'{_field("outside")} must be "wait" or "stop"', field=_field("outside"))


@attrs.frozen
class SendWindow:
    """The hours in which the requests of a bulk run may be sent.

    Daylight saving time follows the time zone: an hour that is skipped is never open, and one that
    is repeated is open twice.

    Args:
        start: the first open minute, such as ``"09:00"`` (inclusive).
        end: the minute at which it closes (exclusive). If it is before the start, it is on the
            next day; ``"24:00"`` and ``"00:00"`` are the end of the day.
        tz: the time zone of both, default ``"Europe/London"``.
        days: the days on which it opens, such as ``"mon-fri"`` or ``"mon,wed"``; default
            ``"mon-sun"``. The ``days`` of another window are taken as well.
        outside: what a run does outside the window: ``"wait"`` (the default) until it opens, or
            ``"stop"``.

    Raises:
        ValidationError: an argument is invalid, or the window would never be open.

    >>> SendWindow("09:00", "20:00").is_open(1_900_000_000.0)
    True
    """

    start: time = attrs.field(converter=_start)
    end: time = attrs.field(converter=_end)
    tz: str = attrs.field(default="Europe/London", kw_only=True, converter=_zone)
    days: frozenset[int] = attrs.field(
        default="mon-sun",  # pyright: ignore[reportAssignmentType] - the converter parses it
        kw_only=True,
        converter=_days,
    )
    outside: Literal["wait", "stop"] = attrs.field(default="wait", kw_only=True, converter=_outside)

    def __attrs_post_init__(self) -> None:
        if self.start == self.end != _MIDNIGHT:
            raise ValidationError(
                "window: start and end are the same, so it would never be open; for whole days, "
                'pass "00:00" and "24:00"',
                field=_field("end"),
            )

    def is_open(self, at: float) -> bool:
        """Return whether requests may be sent at a time, in POSIX seconds."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.tz))
        now, day = local.time(), local.weekday()
        if self.start < self.end:
            return day in self.days and self.start <= now < self.end
        if now >= self.start:
            return day in self.days
        return now < self.end and (day - 1) % 7 in self.days

    def opens(self, at: float) -> float | None:
        """Return when it is open next, in POSIX seconds; ``at`` itself if it is open then.

        Return None if it does not open within 15 days because a clock change skips it.
        """
        if self.is_open(at):
            return at
        closed, opens = _CLOSED.get(self, (0.0, 0.0))
        if closed <= at < opens:
            return opens
        # Both opening times and clock changes fall on whole minutes.
        minute = (int(at) // _MINUTE + 1) * _MINUTE
        for later in range(minute, minute + _LONGEST_WAIT * _MINUTE, _MINUTE):
            if self.is_open(later):
                _CLOSED.clear()
                _CLOSED[self] = at, float(later)
                return float(later)
        return None

    def pack(self) -> str:
        """Return the window as JSON."""
        return json.dumps(
            {
                "start": f"{self.start:%H:%M}",
                "end": self._shown_end,
                "tz": self.tz,
                "days": ",".join(DAY_NAMES[day] for day in sorted(self.days)),
                "outside": self.outside,
            }
        )

    @classmethod
    def unpack(cls, packed: str) -> SendWindow:
        """Return the window from the JSON of `pack`."""
        fields = json.loads(packed)
        return cls(fields.pop("start"), fields.pop("end"), **fields)

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self._shown_end}, {self.tz}"

    @property
    def _shown_end(self) -> str:
        return _END_OF_DAY if self.end == _MIDNIGHT else f"{self.end:%H:%M}"


#: The last window, and the period in which it is known to be closed; a cache, since a waiting run
#: checks every second.
_CLOSED: Final[dict[SendWindow, tuple[float, float]]] = {}


def as_date(at: float) -> str:
    """Format a time in POSIX seconds for a message."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def check_window(value: object) -> SendWindow | None:
    """Validate a window, or None.

    Raises:
        ValidationError: it is not a `SendWindow`.
    """
    if value is None or isinstance(value, SendWindow):
        return value
    raise ValidationError(
        f"window must be a SendWindow, not {type(value).__name__}", field="window"
    )


def describe(window: SendWindow) -> str:
    """Return all settings of a window in words."""
    every = len(window.days) == len(DAY_NAMES)
    days = "every day" if every else ",".join(DAY_NAMES[day] for day in sorted(window.days))
    return f"{window}, {days}, outside={window.outside}"
