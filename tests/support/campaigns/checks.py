"""The invariants after each step of the campaign machine, and at the end of a history."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis.stateful import RuleBasedStateMachine, invariant

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign.packing import groups
from smsworks_async.journals import State
from smsworks_async.journals.records import NO_LIMIT
from smsworks_async.models.report import Outcome
from support.campaigns.steps import FATES, PEOPLE, READ, WITH_POSITIONS


class Checks(RuleBasedStateMachine):
    """The part of `CampaignMachine` that checks invariants."""

    @invariant()
    def holds(self):
        """Check the invariants after every step."""
        self.played["steps"] += 1
        if self.world is not None:
            self.no_run_fails()
            self.nobody_is_accepted_twice()
            self.what_was_written_down_stays()

    def no_run_fails(self):
        for process in self.world.living:
            if process.run is not None and process.run.done():
                if not self.may_fail(process, process.run.exception()):
                    process.report = process.run.result()
                self.world.leave(process)

    def may_fail(self, process, error):
        """Return whether a run may end with an error, which is true of only a few errors."""
        return False

    def nobody_is_accepted_twice(self):
        # Two campaigns with the same text and recipients cannot be distinguished at the provider:
        # either may be assigned the other's batch. Recipients get one text for each.
        counts = self._texts(self.world.batches)
        twice = {one for one, count in counts.items() if count > len(self.begun)}
        if self.resent or self.restored:
            twice -= self.hidden
        assert not twice, f"accepted twice: {sorted(twice)}"

    def _texts(self, batches):
        """Count the texts of each recipient in batches that were not cancelled."""
        return Counter(one for batch in batches if not batch.cancelled for one in batch.recipients)

    def _entries(self, name):
        return self.world.ask(lambda j: j.chunks(options.check_campaign(name), limit=NO_LIMIT))

    def what_was_written_down_stays(self):
        kept = {
            batch_id
            for name in self.planned()
            for entry in self._entries(name)
            for batch_id in (entry.batch_id, *entry.doubles)
        }
        kept |= {batch.id for batch in self.world.batches if batch.cancelled}
        assert self.world.recorded <= kept, "an answer is not in the journal"
        told = {
            r.batch.id
            for r in self.world.requests
            if r.returned and not r.process.dead and not r.process.loop.frozen
        }
        assert told <= kept, "an answer that arrived is not in the journal"

    # The end

    def teardown(self):
        if self.world is None:
            return
        try:
            self._end()
        finally:
            self.world.close()

    def _end(self):
        world = self.world
        world.willing = True
        for batch in world.batches:
            batch.lag = 0.0
        for process in world.living:
            process.doom = None
        for request in self.open_requests:
            self.meet_fate(request, FATES["sent"])
        world.let_reads_go("answer")
        world.let_cancels_go("answer")
        for process in list(world.living):
            if process.loop.frozen:
                self.continue_process(process, ["write"])
        self._let_all_end()
        for name in sorted(self.unsure):
            self.run_reconcile(name, restored=True)
            self._let_all_end()
        reports = {}
        for name in self.to_report():
            self.before_last_run(name)
            self.run_send(name, "report")
            self._let_all_end()
            reports[name] = world.processes[-1].report
        self._check(reports)

    def let_runs_end(self):
        """Remove the obstacles that would prevent runs from ending."""

    def to_report(self):
        """Return the campaigns to run a last time."""
        return list(self.begun)

    def before_last_run(self, name):
        """Remove the obstacles that would prevent the last run of a campaign from sending."""

    def _let_all_end(self):
        self.no_run_fails()
        for _ in range(100):
            self.let_runs_end()
            if not self.world.living:
                return
            self.world.pass_time(60.0)
            self.holds()
        raise AssertionError("a run does not end")

    def _check(self, reports):
        accepted = Counter()
        named = defaultdict(set)
        for name, report in reports.items():
            assert report.adds_up, "the report does not add up"
            assert report.read == READ, "somebody is missing in the report"
            kind = self.payload(name)
            doubles = 0
            for entry in self._entries(name):
                if entry.state is State.SPLIT:
                    continue
                doubles += entry.requested * len(entry.doubles)
                for group in groups(self._claim(name, entry), kind):
                    numbers = list(map(kind.destination, group.items))
                    planned = [WITH_POSITIONS[position] for position in group.positions]
                    assert numbers == planned, "named by the position of somebody else"
                    named[name].update((one, group.outcome) for one in numbers)
                    if group.outcome is Outcome.ACCEPTED:
                        accepted.update(numbers * (1 + len(entry.doubles)))
            assert {one for one, _ in named[name]} == set(PEOPLE), "somebody is not named"
            assert report.accepted_twice == doubles
            told = {
                (n, b.outcome)
                for b in report.batches
                if b.outcome != "accepted"
                for n in b.destinations
            }
            assert told == {pair for pair in named[name] if pair[1] is not Outcome.ACCEPTED}
        there = self._texts(self.batches_of(reports))
        assert accepted <= there, "accepted in the report, and not by the provider"
        doubted = Counter(
            one for those in named.values() for one, outcome in those if outcome is Outcome.UNKNOWN
        )
        for one, count in there.items():
            # A double that the provider had hidden may never be found.
            must_be_told = 1 if one in self.hidden else count
            assert accepted[one] + doubted[one] >= must_be_told, "accepted, and not told"
        return named

    def batches_of(self, names):
        """Return the batches of campaigns."""
        return self.world.batches
