"""Show a campaign's progress: a bar on a terminal, lines elsewhere, or JSON lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from smsworks_async.cli._records import amount


if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from smsworks_async.cli._output import Output
    from smsworks_async.models.report import BulkProgress


#: The least time between two lines of the same phase, in seconds: text, and JSON.
_BETWEEN: Final = 10.0
_BETWEEN_RECORDS: Final = 1.0


class Bar:
    """A progress display; a context manager that removes the bar at the end.

    Args:
        out: the output.
        expected: the expected number of recipients, used until the campaign is planned.
        monotonic: the clock that limits the rate of lines, in seconds.
    """

    def __init__(
        self, out: Output, expected: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out
        self._expected = expected
        self._monotonic = monotonic
        self._phase = ""
        self._shown = 0.0
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._out.is_terminal and not self._out.json:
            from rich.progress import BarColumn, Progress, TextColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[figures]}"),
                console=self._out.console,
                expand=True,
                transient=True,
                # The console writes to `sys.stdout`; redirecting that would recurse.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._progress.add_task("Planning", total=self._expected, figures="")
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, progress: BulkProgress) -> None:
        """Show a campaign's progress."""
        if self._progress is not None:
            done = progress.read if progress.planned is None else progress.done
            self._progress.update(
                self._task,
                description=described(progress),
                completed=done,
                total=progress.planned or self._expected,
                figures=figures(progress, self._expected),
            )
            return
        now = self._monotonic()
        words = described(progress)
        least = _BETWEEN_RECORDS if self._out.json else _BETWEEN
        if words == self._phase and now - self._shown < least:
            return
        self._phase, self._shown = words, now
        self._out.result(
            as_record(progress), f"{words}: {figures(progress, self._expected)}".rstrip(": ")
        )


def described(progress: BulkProgress) -> str:
    """Return the phase in words, with the time at which it ends if that is known."""
    phase = progress.phase.value
    until = "" if progress.until is None else f" until {_clock(progress.until)}"
    return f"{phase[0].upper()}{phase[1:]}{until}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M}"


def figures(progress: BulkProgress, expected: int) -> str:
    """Return the recipients done and, where known, the rate and the time left."""
    if progress.planned is None:
        return f"{amount(progress.read)}/{amount(expected)}"
    parts = [f"{amount(progress.done)}/{amount(progress.planned)}"]
    if progress.per_second >= 0.1:
        parts.append(f"{progress.per_second:,.0f}/s" if progress.per_second >= 1 else "<1/s")
    if progress.seconds_left and progress.phase.value == "sending":
        parts.append(f"{_lasting(progress.seconds_left)} left")
    return "  ".join(parts)


def _lasting(seconds: float) -> str:
    """Return a duration in words.

    >>> _lasting(5), _lasting(150), _lasting(7300)
    ('5 s', '2 min', '2 h 1 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def as_record(progress: BulkProgress) -> dict[str, Any]:
    """Return the progress as a JSON record."""
    left = progress.seconds_left
    return {
        "event": "progress",
        "phase": progress.phase.value,
        "until": progress.until,
        "planned": progress.planned,
        "read": progress.read,
        "done": progress.done,
        "accepted": progress.accepted,
        "per_second": round(progress.per_second, 1),
        "seconds_left": None if left is None else round(left, 1),
    }
