"""The campaign state machine with erasure at any time."""

from __future__ import annotations

from hypothesis.stateful import rule

from smsworks_async.bulk import options
from smsworks_async.errors import ValidationError
from smsworks_async.journals import State
from support.campaigns.controlled import ControlledMachine
from support.campaigns.steps import PEOPLE, of, picks


OPEN = {State.PENDING, State.SENDING, State.UNKNOWN}


class ForgettingMachine(ControlledMachine):
    """Campaigns that can be forgotten as soon as they are finished, and not before."""

    def __init__(self):
        super().__init__()
        #: The counts of each forgotten campaign at that time.
        self.forgotten = {}

    @of("forgets", lambda self: self.begun)
    @rule(pick=picks)
    def forget(self, pick):
        planned = self.planned()
        if not planned:
            return
        name = options.check_campaign(planned[pick % len(planned)])
        summary = self.stored(name)
        is_open = not OPEN.isdisjoint(summary.states)
        try:
            self.world.ask(lambda journal: journal.forget(name))
        except ValidationError:
            assert is_open, "not forgotten, although nothing is open"
        else:
            self.forgotten.setdefault(name, summary.states)
            assert not is_open, "forgotten, although something is open"
            self._check_erased(name)

    def _check_erased(self, name):
        async def ask(journal):
            for read in (journal.read_chunk(name, 0), journal.problems(name)):
                try:
                    await read
                except ValidationError:
                    continue
                raise AssertionError("what was erased is read")
            return [*await journal.events(name), *await journal.chunks(name)]

        kept = repr(self.world.ask(ask))
        assert not [one for one in PEOPLE if one in kept], "a number is left"

    def check_arrival(self, request):
        super().check_arrival(request)
        if request.process.campaign in self.forgotten:
            self.faults.append("sent although it was forgotten")

    def may_fail(self, process, error):
        refused = isinstance(error, ValidationError) and process.campaign in self.forgotten
        return refused or super().may_fail(process, error)

    def to_report(self):
        return [n for n in super().to_report() if options.check_campaign(n) not in self.forgotten]

    def batches_of(self, names):
        known = {options.check_campaign(name) for name in names}
        return [b for b in self.world.batches if options.check_campaign(b.campaign) in known]

    def _check(self, reports):
        for name, states in self.forgotten.items():
            assert self.stored(name).states == states, "other counts than when it was forgotten"
            accepted = {
                batch_id
                for entry in self._entries(name)
                for batch_id in (entry.batch_id, *entry.doubles)
            }
            untold = [
                batch
                for batch in self.batches_of([name])
                if batch.id not in accepted and not self.hidden.intersection(batch.recipients)
            ]
            assert not untold, "accepted, and not told before it was forgotten"
        return super()._check(reports)
