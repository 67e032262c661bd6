"""The campaign state machine with scheduling, recalls for opt-outs, and cancellation."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from smsworks_async.bulk import options
from smsworks_async.errors import ValidationError
from smsworks_async.journals.steering import is_past
from smsworks_async.models.report import Outcome
from support.campaigns.controlled import ControlledMachine
from support.campaigns.steps import of


class ScheduledMachine(ControlledMachine):
    """Campaigns that are due some time after their creation.

    Recipients who opt out before that are not texted if a run can still cancel the batch in time,
    and are reported otherwise; in a cancelled campaign this applies to all recipients.
    """

    def __init__(self):
        super().__init__()
        self.delay, self.shows_waiting = 0.0, True
        #: The due time of a campaign that is not stored yet.
        self.due = {}
        #: The unchecked claims, with campaign and time.
        self.claims = []
        #: When each number opted out, and in, by the journal's clock.
        self.changes = {}

    @initialize(delay=st.sampled_from([90.0, 400.0, 2000.0]), shows_waiting=st.booleans())
    def choose_delay(self, delay, shows_waiting):
        self.delay, self.shows_waiting = delay, shows_waiting
        self._choose_habits()

    def _choose_habits(self):
        # The initial steps can come in any order.
        if self.world is not None:
            habits = self.world.habits
            self.world.habits = attrs.evolve(habits, shows_waiting=self.shows_waiting)

    def made(self):
        super().made()
        self._choose_habits()
        self.world.on_claim = lambda process: self.claims.append(
            (process.campaign, self.world.wall())
        )

    def more_options(self, name):
        kept = self.stored(name)
        now = self.world.wall()
        if kept is not None:
            self.due[name] = kept.campaign.at
        elif is_past(self.due.get(name, 0.0), now):
            self.due[name] = now + self.delay
        at = datetime.fromtimestamp(self.due[name], UTC)
        return {**super().more_options(name), "at": at}

    def may_fail(self, process, error):
        # It was stopped before it created the campaign, until it was too late or another process
        # did.
        is_late = isinstance(error, ValidationError) and error.field == "at"
        return is_late or super().may_fail(process, error)

    @of("schedules")
    @rule(how=st.sampled_from(["answer", "hold", "lost before", "lost after", "refused after"]))
    def cancel_batches(self, how):
        """Set the result of further requests to cancel a batch."""
        self.world.let_cancels_go(how)
        self.world.settle()

    def note_change(self, number, change):
        super().note_change(number, change)
        self.changes.setdefault(number, []).append((self.world.wall(), change))

    def note_copy(self):
        super().note_copy()
        self.copied_changes = copy.deepcopy(self.changes)

    def note_restored(self):
        super().note_restored()
        if self.world.on_disk:
            self.changes = copy.deepcopy(self.copied_changes)

    def no_run_fails(self):
        super().no_run_fails()
        claims, self.claims = self.claims, []
        for name, when in claims:
            assert not is_past(self.stored(name).campaign.at, when), "claimed after its time"

    def may_leave_unsent(self, name):
        at = self.stored(name).campaign.at
        return is_past(at, self.world.wall()) or super().may_leave_unsent(name)

    def _was_out(self, number, at):
        """Return whether a number has opted out, and had done so at a given time."""
        before = [change for when, change in self.changes.get(number, ()) if when <= at]
        return number in self.out and before[-1:] == ["out"]

    def _check(self, reports):
        named = super()._check(reports)
        for name, report in reports.items():
            at = self.stored(name).campaign.at
            known = options.check_campaign(name)
            ours = [r for r in self.world.requests if options.check_campaign(r.campaign) == known]
            assert {request.due for request in ours} <= {at}, "scheduled for another time"
            accepted, doubted = (
                {one for one, outcome in named[name] if outcome is wanted}
                for wanted in (Outcome.ACCEPTED, Outcome.UNKNOWN)
            )
            out = {one for one in accepted if self._was_out(one, at)}
            must_not_go = accepted if known in self.cancelled else out
            told = {one for batch in report.too_late for one in batch.destinations}
            assert told == must_not_go, "too late, and not named"
            if self.world.provider_time() < at:
                waiting = set(self._texts(r.batch for r in ours if r.batch is not None))
                gone = waiting if known in self.cancelled else waiting & self.out.keys()
                assert gone <= doubted | self.hidden, "due although it can still be cancelled"
        return named
