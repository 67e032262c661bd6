"""The campaign state machine with opt-outs, pauses and cancellations."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from smsworks_async.bulk import options
from smsworks_async.bulk.payloads import POSITION
from smsworks_async.journals.records import Command, Control
from smsworks_async.models.report import Outcome
from smsworks_async.optouts import OptOuts
from support.campaigns.machine import CampaignMachine
from support.campaigns.steps import PEOPLE, WITH_POSITIONS, of, picks


class ControlledMachine(CampaignMachine):
    """Campaigns with opt-outs and opt-ins, pauses, resumptions and cancellations.

    Each process sends one chunk at a time, so its last claim belongs to its request.
    """

    #: A chunk with a left-out recipient can still be split.
    chunk_size = 3

    def __init__(self):
        super().__init__()
        #: When each recipient opted out, and each campaign was stopped, by the world's counter.
        self.out = {}
        self.stopped = {}
        self.cancelled = set()
        self.faults = []

    def made(self):
        self.concurrency = 1
        self.world.on_arrival = self.check_arrival

    def check_arrival(self, request):
        """Check that a request respects all opt-outs and stops that its claim could see."""
        process, world = request.process, self.world
        people = {number for number, _ in request.messages}
        out = {one for one, since in self.out.items() if since <= process.looked_at}
        since = self.stopped.get(options.check_campaign(request.campaign), world.ticks + 1)
        # An exception raised here would look like a network error to the run.
        if process.looked_at <= process.claimed_at:
            self.faults.append("no look at the opt-outs after the claim")
        if people & out:
            self.faults.append("somebody was sent to after opting out")
        if process.claimed_at >= since:
            self.faults.append("claimed after the campaign was stopped")
        for number, marks in request.messages:
            if marks and WITH_POSITIONS[int(marks[POSITION])] != number:
                self.faults.append("a message bears the mark of somebody else's position")

    def no_run_fails(self):
        super().no_run_fails()
        assert not self.faults, self.faults

    @of("controls", lambda self: self.begun)
    @rule(pick=picks)
    def opt_out(self, pick):
        """Let a recipient reply STOP, possibly again."""
        number, tick = PEOPLE[pick], self.world.tick()
        reply = {"source": "test", "message_id": f"reply-{tick}"}
        self.world.ask(lambda journal: journal.record_opt_out(number, "out", **reply))
        self.out.setdefault(number, tick)
        self.note_change(number, "out")

    @of("controls", lambda self: self.out)
    @rule(pick=picks)
    def opt_in(self, pick):
        number = self._one(pick, sorted(self.out))
        self.world.ask(lambda journal: OptOuts(journal).remove(number))
        self.world.tick()
        del self.out[number]
        self.note_change(number, "in")

    def note_copy(self):
        super().note_copy()
        self.copied_controls = self.stopped.copy(), self.cancelled.copy(), self.out.copy()

    def note_restored(self):
        super().note_restored()
        stopped, cancelled, out = self.copied_controls
        self.stopped, self.cancelled = stopped.copy(), cancelled.copy()
        if self.world.on_disk:  # otherwise the copy contains only the campaigns
            self.out = out.copy()

    def note_change(self, number, change):
        """Record that a number has opted out or in."""

    @of("controls", lambda self: self.begun)
    @rule(
        pick=picks,
        command=st.sampled_from([Command.PAUSE, Command.RESUME, Command.RESUME, Command.CANCEL]),
    )
    def steer(self, pick, command):
        planned = self.planned()
        if not planned or self.unsure:
            return
        name = options.check_campaign(planned[pick % len(planned)])
        kept = self.world.ask(lambda journal: journal.steer(name, command))
        if kept.control is Control.RUNNING:
            self.stopped.pop(name, None)
            self.world.tick()
        else:
            self.stopped.setdefault(name, self.world.tick())
        if kept.control is Control.CANCELLED:
            self.cancelled.add(name)

    def before_last_run(self, name):
        name = options.check_campaign(name)
        # The package itself may have paused a restored campaign.
        there = self.world.ask(lambda journal: journal.campaign_ids())
        if name in there and name not in self.cancelled:
            self.world.ask(lambda journal: journal.steer(name, Command.RESUME))
            self.stopped.pop(name, None)

    def _check(self, reports):
        named = super()._check(reports)
        for name, report in reports.items():
            told = {
                n for b in report.batches if b.outcome is Outcome.OPTED_OUT for n in b.destinations
            }
            assert report.opted_out == len(told)
            if not self.may_leave_unsent(options.check_campaign(name)):
                assert not report.not_sent, "somebody was forgotten"
        return named

    def may_leave_unsent(self, name):
        """Return whether a campaign may have unsent recipients."""
        return name in self.cancelled
