"""The campaign state machine with sending windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from smsworks_async.bulk import options
from smsworks_async.errors import ValidationError
from smsworks_async.journals.records import Command, Control
from smsworks_async.models.window import SendWindow
from support.campaigns.controlled import ControlledMachine
from support.campaigns.provider import BEGINNING
from support.campaigns.steps import of, picks


def _window(start, end, outside="wait"):
    """Return a window between two minutes, counted from the start minute."""
    first = datetime.fromtimestamp(BEGINNING, UTC)
    times = [f"{first + timedelta(minutes=minute):%H:%M}" for minute in (start, end)]
    return SendWindow(*times, tz="UTC", outside=outside)


#: Open except for the minute before the start minute.
OPEN = _window(0, -1)
WINDOWS = (
    _window(0, 1),
    _window(0, 3, "stop"),
    _window(1, 4),
    _window(2, 1),  # closed for a minute
    _window(2, 1, "stop"),
    _window(3, 0),  # closed at the start
    _window(5, 2),
)


class WindowedMachine(ControlledMachine):
    """Campaigns with a window, which `resume` changes; nothing is claimed outside it."""

    def __init__(self):
        super().__init__()
        self.window = None
        #: The window of each stored campaign.
        self.windows = {}

    @initialize(window=st.sampled_from(WINDOWS))
    def choose_window(self, window):
        self.window = window

    def made(self):
        super().made()
        self.world.on_claim = self.check_claim

    def check_claim(self, process):
        """Check that a chunk was claimed while its campaign's window was open."""
        window = self.windows.get(process.campaign, self.window)
        if not window.is_open(self.world.wall()):
            self.faults.append("claimed outside its window")

    def more_options(self, name):
        kept = self.stored(name)
        return {**super().more_options(name), "window": self.window if kept is None else None}

    def may_fail(self, process, error):
        # Another process created the campaign, and its window was changed since.
        is_late = isinstance(error, ValidationError) and error.field == "window"
        return is_late or super().may_fail(process, error)

    @of("windows", lambda self: self.begun)
    @rule(pick=picks, window=st.sampled_from((OPEN, *WINDOWS)))
    def change_the_window(self, pick, window):
        planned = self.planned()
        if planned and not self.unsure:
            self._resume(planned[pick % len(planned)], window)

    def _resume(self, name, window):
        name = options.check_campaign(name)
        kept = self.world.ask(lambda journal: journal.steer(name, Command.RESUME, window=window))
        self.windows[name] = kept.window
        if kept.control is Control.RUNNING:
            self.stopped.pop(name, None)
            self.world.tick()

    def let_runs_end(self):
        super().let_runs_end()
        self.window = OPEN
        for name in self.begun:
            kept = self.stored(name)
            if kept is not None and kept.campaign.window != OPEN:
                self._resume(name, OPEN)
