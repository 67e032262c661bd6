"""Steps of the campaign machine that affect processes and their open files."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from smsworks_async.journals import SQLiteJournal
from support.campaigns.steps import of, picks
from support.internals import run_in_journal


class ProcessSteps(RuleBasedStateMachine):
    """The part of `CampaignMachine` in which processes are killed and stopped."""

    def _one(self, pick, those):
        return those[pick % len(those)] if those else None

    @of("deaths", lambda self: self.world.living)
    @rule(pick=picks)
    def kill(self, pick):
        self.world.kill(self._one(pick, self.world.living))

    @of("deaths", lambda self: self.world.living)
    @rule(
        pick=picks,
        calls=st.integers(0, 12),
        what=st.sampled_from(["stop", "kill"]),
        when=st.sampled_from(["before", "after"]),
    )
    def befall_at_a_journal_call(self, pick, calls, what, when):
        self._one(pick, self.world.living).doom = (calls, (what, when))

    @of("stops", lambda self: any(not p.loop.frozen for p in self.world.living))
    @rule(pick=picks)
    def stop(self, pick):
        self._one(pick, [p for p in self.world.living if not p.loop.frozen]).loop.frozen = True

    @of("stops", lambda self: any(p.loop.frozen for p in self.world.living))
    @rule(
        pick=picks,
        fate=st.sampled_from([[], ["write"], ["write", "accept"], ["write", "accept", "answer"]]),
    )
    def go_on(self, pick, fate):
        self.continue_process(
            self._one(pick, [p for p in self.world.living if p.loop.frozen]), fate
        )

    def continue_process(self, process, fate):
        """Continue a process, whose loop handles its connections before its timers."""
        process.loop.frozen = False
        for request in self.world.requests:
            if request.process is process and request.is_waited_for:
                self.meet_fate(request, fate)
        self.world.settle()

    @property
    def _on_their_way(self):
        going = self._going
        return [r for r in self.world.requests if r.is_waited_for and r.process in going]

    @property
    def _going(self):
        return [p for p in self.world.living if not p.loop.frozen]

    @of("stops", lambda self: len(self._going) > 1 and self._on_their_way)
    @rule(
        pick=picks,
        fate=st.sampled_from([[], ["write"], ["write", "accept"], ["write", "hide", "accept"]]),
        # The last is about as long as the wait before a resend.
        seconds=st.sampled_from([9.0, 30.0, 42.0]),
    )
    def stop_in_the_middle_of_a_request(self, pick, fate, seconds):
        request = self._one(pick, self._on_their_way)
        self.meet_fate(request, fate)
        request.process.loop.frozen = True
        self.world.pass_time(seconds)

    @of("handles", lambda self: self.world.on_disk and self.world.living)
    @rule(pick=picks)
    def use_a_second_handle(self, pick):
        """Open the file again in the same process, use it, and close it."""
        process = self._one(pick, [p for p in self.world.living if not p.loop.frozen])
        if process is None:
            return

        async def use():
            second = SQLiteJournal(self.world.path, clock=self.world.wall)
            process.loop.outstanding += 1
            try:
                await second.add_seen("1", "DELIVERED")
                await second.close()
            finally:
                process.loop.outstanding -= 1

        process.do(use())
        self.world.settle()

    @of("handles", lambda self: self.world.on_disk and self.begun)
    @rule()
    def be_visited(self):
        """Let another program open and close the file; it must see the same contents."""
        ours = self.world.ask(
            lambda journal: run_in_journal(
                journal, lambda db: db.execute("SELECT count(*) FROM event").fetchone()[0]
            )
        )
        theirs = self.visitor.ask("visit", self.world.path)
        assert theirs == [ours, "ok"], "another program sees another file"
