"""The ticks of axes, and the formatting of figures and times for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
#: Steps between the ticks of a time axis, in seconds.
_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28, 91, 182, 365)),
)


def figure(value: float) -> str:
    """Return a figure with thousands separators, such as ``"20,000"`` or ``"19,841.5"``."""
    rounded = round(value, 2)
    return f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.2f}".rstrip("0")


def share(part: float, whole: float) -> str:
    """Return a part in per cent, such as ``"98.7 %"``; an empty string if the whole is 0.

    A part below the whole is never shown as 100 %, and a part above 0 never as 0 %.
    """
    if not whole:
        return ""
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in {0, 100} else f"{percent:.1f} %"


def counts(highest: int, ticks: int = 4) -> list[int]:
    """Return ticks from 0 to at least ``highest``, in steps of 1, 2 or 5 times a power of ten."""
    step = max(highest, 1) / ticks
    power = 10 ** math.floor(math.log10(step)) if step > 1 else 1
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= step)
    return [step * n for n in range(math.ceil(max(highest, 1) / step) + 1)]


def moments(first: datetime, last: datetime, zone: tzinfo, ticks: int = 6) -> list[datetime]:
    """Return the ticks of a time axis between two times, at round times of a time zone."""
    seconds = (last - first).total_seconds()
    step = next((step for step in _STEPS if seconds / step <= ticks), _STEPS[-1])
    shift = (first.astimezone(zone).utcoffset() or timedelta()).total_seconds()
    begin = math.ceil((first.timestamp() + shift) / step) * step - shift
    found: list[datetime] = []
    while begin <= last.timestamp() and len(found) <= 2 * ticks:
        found.append(datetime.fromtimestamp(begin, zone))
        begin += step
    return found


def tick_labels(ticks: Sequence[datetime]) -> list[tuple[str, str]]:
    """Return a time for each tick, and its date if that differs from the previous tick's."""
    labels: list[tuple[str, str]] = []
    before = ""
    days = all(tick.hour == tick.minute == tick.second == 0 for tick in ticks)
    seconds = any(tick.second for tick in ticks)
    for tick in ticks:
        date = f"{tick.day} {tick:%b}"
        time = f"{tick:%H:%M:%S}" if seconds else f"{tick:%H:%M}"
        labels.append((date, "") if days else (time, date if date != before else ""))
        before = date
    return labels


def as_written(moment: datetime, zone: tzinfo) -> str:
    """Return a time as written in a sentence, such as ``"4 May 2031, 09:00:12"``."""
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M:%S}"
