"""The progress display and the signal handling of ``smsworks campaign work``."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from smsworks_async._stops import StopRequest, stopping_on_sigterm
from smsworks_async.cli._status_view import Rate, draw
from smsworks_async.cli._watch import is_ascii, live
from smsworks_async.models.report import BulkStatus


if TYPE_CHECKING:
    from smsworks_async.cli._app import App
    from smsworks_async.models.report import BulkProgress


#: The time between two lines if output is not a terminal, in seconds.
_LINES: Final = 10.0
#: The least time between two redraws, in seconds, because drawing takes time from sending.
_PICTURES: Final = 0.1


@contextmanager
def stopping(notice: Callable[[str], object]) -> Iterator[StopRequest]:
    """Yield a request to stop, which is made by SIGTERM or by the first Ctrl-C.

    A second Ctrl-C interrupts the requests in progress.

    Args:
        notice: a function that is called with a message when the request is made.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def notify(number: int, _frame: FrameType | None) -> None:
        more = "; press Ctrl-C again to stop at once" if number == signal.SIGINT else ""
        with suppress(RuntimeError):  # the signal interrupted another notice
            notice(f"stopping after the requests in progress{more}")

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
        notify(number, frame)
        request.make()

    signal.signal(signal.SIGTERM, notify)  # called by the handler of `stopping_on_sigterm`
    try:
        with stopping_on_sigterm() as request:
            signal.signal(signal.SIGINT, interrupt)
            yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Worker:
    """A campaign's progress display: redrawn in place on a terminal, otherwise a line every 10 s.

    Args:
        app: the run of the command.
        campaign: the campaign's name.
        clock: a function that returns seconds.
    """

    def __init__(
        self, app: App, campaign: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._campaign = campaign
        self._live = live(app, transient=True)
        self._rate = Rate(clock)
        self._clock = clock
        self._written = clock()
        self._shown: Any = None

    def __enter__(self) -> Self:
        self._shown = self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def progress(self, found: BulkProgress) -> None:
        """Show the campaign's progress."""
        status = _as_status(self._campaign, found)
        self._rate.see(status)
        rate, passed = self._rate.per_second, self._clock() - self._written
        if self._shown is not None:
            if passed < _PICTURES:
                return
            self._written = self._clock()
            ascii_only = is_ascii(self._app)
            picture = draw(status, self._app.out.width, rate, ascii_only=ascii_only)
            self._shown.update(picture, refresh=True)
        elif passed >= _LINES:
            self._written = self._clock()
            self._app.out.line(
                f"{found.done:,} of {found.planned or 0:,} done, {rate:,.0f} per second"
                + (f"; waiting for {found.waiting_for}" if found.waiting_for else "")
            )


def _as_status(campaign: str, found: BulkProgress) -> BulkStatus:
    known = found.accepted + found.rejected + found.unknown + found.opted_out + found.in_flight
    return BulkStatus(
        campaign=campaign,
        planned=True,
        read=found.read,
        accepted=found.accepted,
        rejected=found.rejected,
        unknown=found.unknown,
        not_sent=max((found.planned or 0) - known, 0),
        invalid=found.invalid,
        duplicates=found.duplicates,
        opted_out=found.opted_out,
        in_flight=found.in_flight,
        why=found.waiting_for,
    )
