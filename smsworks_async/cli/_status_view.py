"""Show a campaign's status as text: a bar and counts, at most as wide as the terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async.cli._records import plural
from smsworks_async.cli._text import one_line


if TYPE_CHECKING:
    from rich.text import Text

    from smsworks_async.models.report import BulkStatus


#: The time over which the rate is measured, in seconds.
_SPAN: Final = 15.0
#: The least width, in columns, at which counts are shown in several columns.
_BESIDE: Final = 64
_STATE_STYLES: Final = {
    "done": "green",
    "running": "blue",
    "planning": "blue",
    "paused": "yellow",
    "halted": "yellow",
    "cancelled": "red",
}


def done_of(status: BulkStatus) -> tuple[int, int]:
    """Return the number of recipients that are finished, and of all that are to be sent to."""
    done = status.accepted + status.rejected + status.unknown + status.opted_out
    waiting = status.not_sent + status.in_flight
    return done, done + waiting


class Rate:
    """The rate of a campaign, measured from its recent statuses.

    Args:
        clock: a function that returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, status: BulkStatus) -> None:
        """Record the current status."""
        now = self._clock()
        self._seen.append((now, done_of(status)[0]))
        while now - self._seen[0][0] > _SPAN and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """Recipients per second; 0 while that is not known."""
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return max(after - before, 0) / (end - begin) if end > begin else 0.0


def duration(seconds: float) -> str:
    """Return a duration in words, such as ``"2 min 10 s"``."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def counts(status: BulkStatus) -> list[tuple[str, int]]:
    """Return the counts to show, with their names."""
    left = "not sent" if status.control == "cancelled" else "to be sent"
    rows = [
        ("accepted", status.accepted),
        (left, status.not_sent),
        ("in flight", status.in_flight),
        ("rejected", status.rejected),
        ("unknown", status.unknown),
        ("opted out", status.opted_out),
        ("invalid", status.invalid),
        ("repeats", status.duplicates),
        ("scheduled", status.scheduled),
        ("sent again", status.sent_again),
    ]
    always = {"accepted", left, "unknown"}
    return [(name, count) for name, count in rows if count or name in always]


def remarks(status: BulkStatus, rate: float = 0.0) -> list[str]:
    """Return remarks on a status, one line each."""
    found: list[str] = []
    if status.why:
        found.append(one_line(status.why))
    if status.unknown:
        found.append("run `smsworks campaign reconcile` to look for the unknown ones")
    pace = [plural(status.credits, "credit")] if status.credits else []
    if rate and status.state == "running":
        done, whole = done_of(status)
        pace += [f"{rate:,.0f} per second", f"about {duration((whole - done) / rate)} left"]
    if pace:
        found.append(", ".join(pace))
    if status.window is not None:
        found.append(f"sending hours {status.window}")
    if status.at is not None:
        found.append(f"due at {status.at:%Y-%m-%d %H:%M} UTC")
    if status.lease is not None and status.state != "done":
        found.append(f"the lease of requests in flight ends in {duration(status.lease)}")
    if status.forgotten is not None:
        found.append(f"numbers and texts were erased at {status.forgotten:%Y-%m-%d %H:%M} UTC")
    return found


def fields(status: BulkStatus) -> list[tuple[str, object]]:
    """Return names and values, for output that is not a terminal."""
    done, whole = done_of(status)
    return [
        ("campaign", status.campaign),
        ("state", status.state),
        ("done", f"{done:,} of {whole:,}"),
        *((name, f"{count:,}") for name, count in counts(status)),
        *(("", remark) for remark in remarks(status)),
    ]


@attrs.frozen
class _Share:
    count: int
    style: str


def draw(status: BulkStatus, width: int, rate: float = 0.0, *, ascii_only: bool = False) -> Text:
    """Return a status as lines for a terminal of ``width`` columns."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ellipsis")
    state = status.state
    name = _cut(one_line(status.campaign), width - len(state) - 2)
    text.append(name, "bold")
    text.append(" " * max(width - len(name) - len(state), 1))
    text.append(f"{state}\n", _STATE_STYLES.get(state, ""))
    done, whole = done_of(status)
    part = f"{100 * done // whole if whole else 100:>4} %"
    text.append_text(_bar(status, width - len(part), whole, ascii_only=ascii_only))
    text.append(f"{part}\n\n")
    text.append_text(_grid(counts(status), width))
    for remark in remarks(status, rate):
        text.append(f"\n{_cut(remark, width)}", "dim")
    return text


def _bar(status: BulkStatus, width: int, whole: int, *, ascii_only: bool) -> Text:
    from rich.text import Text

    shares = [
        _Share(status.accepted, "green"),
        _Share(status.opted_out, "magenta"),
        _Share(status.rejected, "red"),
        _Share(status.unknown, "yellow"),
        _Share(status.in_flight, "blue"),
    ]
    full, empty = ("#", ".") if ascii_only else ("━", "─")
    bar = Text()
    used = passed = 0
    for share in shares:
        passed += share.count
        end = max(width * passed // whole if whole else width, used)
        if share.count and end == used < width:
            end += 1  # a share above zero gets at least one column
        bar.append(full * (end - used), share.style)
        used = end
    bar.append((full if not whole else empty) * (width - used), "" if not whole else "dim")
    return bar


def _grid(rows: list[tuple[str, int]], width: int) -> Text:
    from rich.text import Text

    columns = 3 if width >= _BESIDE else 1
    cell = width // columns
    text = Text()
    for index, (name, count) in enumerate(rows):
        figure = f"{count:,}"
        gap = 4 if (index + 1) % columns and index + 1 < len(rows) else 0
        inside = max(min(cell, 26) - 4, len(name) + len(figure) + 1)
        style = "" if count else "dim"
        text.append(name, style)
        text.append(f"{figure:>{inside - len(name)}}", f"bold {style}".strip())
        if gap:
            text.append(" " * (cell - inside))
        elif index + 1 < len(rows):
            text.append("\n")
    return text


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
