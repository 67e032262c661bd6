"""A model of campaigns under everything that may befall them, for Hypothesis to play with."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign.packing import groups
from smsworks_async.bulk.campaign.reconcile import reconcile
from smsworks_async.bulk.campaign.run import send
from smsworks_async.bulk.campaign.stored import open_campaign
from smsworks_async.bulk.payloads import PersonalTexts, SharedText
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import APIError, NotSent, OutcomeUnknown
from smsworks_async.journals import SQLiteJournal, State
from smsworks_async.journals.records import NO_LIMIT
from smsworks_async.models.report import Outcome
from support.campaigns.provider import CONTENT, SENDER, SETTLE, Gateway, Habits, lost
from support.campaigns.visitor import Visitor
from support.campaigns.world import World
from support.internals import run_in_journal


PEOPLE = [f"447700900{n:03d}" for n in range(6)]
#: Beside them somebody invalid, and somebody who is there twice.
READ = len(PEOPLE) + 2
CHUNK_SIZE = 2
#: One name, as people type it.
SPELLINGS = ("café", unicodedata.normalize("NFD", "café"), " café ", "café")
NAMES_ARE_NORMALISED = len(set(map(options.check_campaign, SPELLINGS))) == 1
#: How far the journal's clock may be from the provider's, in seconds.
SKEW = 200.0
ENDLESS = 1e9

REFUSALS = {
    "for a while": {"code": 5006, "permanent": False},
    "for good": {"code": 4006},
    "one number": {"code": 5020},
    "no credit": {"code": 4021},
}
#: What may become of a request: each a list of what happens to it one after the other.
FATES = {
    "written": ["write"],
    "sent": ["write", "accept", "answer"],
    "answer lost": ["write", "accept", "lose"],
    "answer outstanding": ["write", "accept"],
    "accepted late": ["write", "accept late"],
    "lost, accepted late": ["write", "accept late", "lose"],
    "hidden": ["write", "hide", "accept", "lose"],
    "hidden, answer outstanding": ["write", "hide", "accept"],
    "lost on the way": ["write", "drop", "lose"],
    "not connected": ["fail"],
    "refused with the id of a batch": ["write", "accept", "name"],
    "refused with the id of no batch": ["write", "drop", "name nothing"],
    **{f"refused: {why}": ["write", "drop", why] for why in REFUSALS},
}

#: What else happens; a machine may leave some of it out.
GROUPS = frozenset(
    {"twin", "each", "habits", "deaths", "stops", "clocks", "reads", "handles", "copies"}
)


def of(group, condition=lambda _: True):
    """Return the precondition that a group of rules is played with, and another one holds."""
    return precondition(lambda self: group in self.groups and condition(self))


picks = st.integers(0, 5)
fractions = st.sampled_from([0.0, 0.3, 1.0])
seconds = st.sampled_from([1.0, 4.0, 9.0, 14.0, 25.0, 60.0, 200.0])


class CampaignMachine(RuleBasedStateMachine):
    """Everything that happens to a campaign, or two of the same text to the same people."""

    visitor = Visitor()
    chunk_size = CHUNK_SIZE
    #: How many histories were played, and how many steps.
    played: ClassVar = Counter()
    journals = ("memory", "file")
    groups = GROUPS
    fates = tuple(FATES)
    spellings = SPELLINGS if NAMES_ARE_NORMALISED else SPELLINGS[:1]

    def __init__(self):
        super().__init__()
        self.world = None
        self.begun = {}
        self.unsure = set()
        self.resent = self.restored = False
        self.hidden = set()
        self.played["histories"] += 1

    @initialize(
        journal=st.sampled_from(("memory", "file", "file, opened and closed")),
        each=st.booleans(),
        twin=st.booleans(),
        concurrency=st.integers(1, 2),
        habits=st.builds(
            Habits,
            content=st.sampled_from([CONTENT, CONTENT, f" {CONTENT}\r\n", "Hallo", None]),
            shows_batch=st.sampled_from([True, True, True, False]),
            shows_date=st.sampled_from([True, True, True, False]),
            shows_marks=st.booleans(),
            metadata=st.sampled_from(["obeys", "ignores", "nothing"]),
            tells_time=st.booleans(),
        ),
    )
    def begin(self, journal, each, twin, concurrency, habits):
        if journal.partition(",")[0] not in self.journals:
            journal = self.journals[0]
        each, twin = each and "each" in self.groups, twin and "twin" in self.groups
        habits = habits if "habits" in self.groups else Habits()
        self.each, self.concurrency = each, concurrency
        self.names = (self.spellings[0], "another")[: 1 + twin]
        self.world = self.make_world(journal, habits)
        self.made()

    def make_world(self, journal, habits):
        """Return the world of a history."""
        return World(
            on_disk=journal != "memory",
            kept_open="," not in journal,
            habits=habits,
            visitor=self.visitor,
        )

    def made(self):
        """Prepare the world, before anything happens in it."""

    # Processes

    def payload(self, name):
        return (
            PersonalTexts(name) if self.each else SharedText({"sender": SENDER, "content": CONTENT})
        )

    def values(self):
        values = [PEOPLE[0], *PEOPLE, "nobody"]
        if not self.each:
            return values
        return [{"sender": SENDER, "content": CONTENT, "destination": one} for one in values]

    def _start(self, name, work):
        process = self.world.start()
        process.run = process.do(
            work(process, Gateway(process, name), Timer(monotonic=process.monotonic))
        )
        self.world.settle()

    @precondition(lambda self: len(self.world.living) < 3)
    @rule(which=picks, spelling=picks, on_unknown=st.sampled_from(["report", "resend"]))
    def send(self, which, spelling, on_unknown):
        name = self.names[which % len(self.names)]
        if name not in self.unsure:
            self.run_send(name, on_unknown, spelling)

    def run_send(self, name, on_unknown, spelling=0):
        self.resent |= on_unknown == "resend"
        self.begun.setdefault(name, False)
        spelt = self.spellings[spelling % len(self.spellings)] if name == self.names[0] else name
        spelt = options.check_campaign(spelt)

        async def work(process, gateway, timer):
            chosen = options.Options(
                chunk_size=self.chunk_size,
                concurrency=self.concurrency,
                journal=process.journal,
                campaign=spelt,
                on_unknown=on_unknown,
                settle=SETTLE,
            )
            return await send(self.payload(spelt), self.values(), gateway, chosen, timer)

        self._start(name, work)

    def _claim(self, name, entry):
        return self.world.ask(lambda j: j.read_chunk(options.check_campaign(name), entry.number))

    def planned(self):
        for name in self.begun:
            self.begun[name] = self.begun[name] or self._summary(name) is not None
        return [name for name, planned in self.begun.items() if planned]

    def _summary(self, name):
        async def ask(journal):
            try:
                summary = await journal.summary(options.check_campaign(name))
            except options.ValidationError:
                return None
            return summary if summary.campaign.totals is not None else None

        return self.world.ask(ask)

    @precondition(lambda self: self.begun and len(self.world.living) < 3)
    @rule(which=picks)
    def reconcile(self, which):
        planned = self.planned()
        if planned:
            name = planned[which % len(planned)]
            self.run_reconcile(name, restored=name in self.unsure)

    def run_reconcile(self, name, *, restored):
        async def work(process, gateway, timer):
            async with open_campaign(process.journal, name) as stored:
                report = await reconcile(stored, gateway, SETTLE, timer, restored=restored)
            if restored:
                self.unsure.discard(name)
            return report

        self._start(name, work)

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
        """Continue a process, whose loop hears of its connections before it looks at its timers."""
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
        # The last is about as long as whoever resends waits.
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
        """Open the file once more in the same process, use it, and let it go."""
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
        """Have another program open the file and close it; it sees what the processes see."""
        ours = self.world.ask(
            lambda journal: run_in_journal(
                journal, lambda db: db.execute("SELECT count(*) FROM event").fetchone()[0]
            )
        )
        theirs = self.visitor.ask("visit", self.world.path)
        assert theirs == [ours, "ok"], "another program sees another file"

    # Clocks

    @rule(seconds=seconds)
    def pass_time(self, seconds):
        self.world.pass_time(seconds)

    @of("clocks")
    @rule(seconds=seconds)
    def sleep(self, seconds):
        """Suspend the machine: monotonic clocks stand still, as they do on Linux."""
        self.world.pass_time(seconds, asleep=True)

    @of("clocks")
    @rule(seconds=st.sampled_from([-200.0, -60.0, -15.0, 15.0, 60.0, 200.0]))
    def set_the_clock(self, seconds):
        self.world.skew = min(SKEW, max(-SKEW, self.world.skew + seconds))
        self.world.settle()

    # The network and the provider

    @property
    def open_requests(self):
        return [
            r
            for r in self.world.requests
            if r.is_waited_for or (r.batch is None and self.world.may_be_accepted(r))
        ]

    @precondition(lambda self: self.open_requests)
    @rule(
        pick=picks,
        fate=st.runner().flatmap(lambda self: st.sampled_from(self.fates)),
        part=fractions,
        lag=st.sampled_from([0.0, 1.0, SETTLE]),
    )
    def befall(self, pick, fate, part, lag):
        """Let something happen to a request."""
        request = self._one(pick, self.open_requests)
        self.meet_fate(request, FATES[fate], part, lag)
        self.world.settle()

    def meet_fate(self, request, fate, part=0.0, lag=0.0):
        world = self.world
        if request.batch is None:
            request.lag = lag
        happen = {
            "accept": lambda: world.accept(request),
            "accept late": lambda: world.accept_later(request, part),
            "hide": lambda: self._hide(request),
            "drop": lambda: world.drop(request),
            "answer": lambda: world.answer(request),
            "lose": lambda: world.refuse(request, lost()),
            "name": lambda: world.refuse(request, named(request.batch and request.batch.id)),
            "name nothing": lambda: world.refuse(request, named("none")),
        }
        for what in fate:
            if what == "write":
                world.write(request)
            elif what == "fail" and request.written is None:
                world.refuse(request, NotSent("no connection"))
            elif request.written is None or (what in REFUSALS and request.batch is not None):
                return
            elif what in REFUSALS:
                world.refuse(request, APIError("no", status=400, **REFUSALS[what]))
            elif what in happen:
                happen[what]()

    def _hide(self, request):
        if self.world.may_be_accepted(request):
            request.lag = ENDLESS
            self.hidden.update(number for number, _ in request.messages)

    @of("reads")
    @rule(reads=st.sampled_from(["answer", "hold", "fail"]))
    def read(self, reads):
        self.world.let_reads_go(reads)
        self.world.settle()

    # Copies

    @of("copies", lambda self: self.begun and not self.unsure)
    @rule()
    def copy(self):
        if self.planned() == list(self.begun):
            self.world.make_copy()
            self.copied = set(self.begun)

    @of("copies", lambda self: self.world.copy is not None and set(self.begun) == self.copied)
    @rule()
    def restore(self):
        self.world.restore()
        self.restored = True
        self.unsure = set(self.begun)

    # What must hold

    @invariant()
    def holds(self):
        """Check what must hold after every step."""
        self.played["steps"] += 1
        if self.world is not None:
            self.no_run_fails()
            self.nobody_is_accepted_twice()
            self.what_was_written_down_stays()

    def no_run_fails(self):
        for process in self.world.living:
            if process.run is not None and process.run.done():
                process.report = process.run.result()
                self.world.leave(process)

    def nobody_is_accepted_twice(self):
        # Two campaigns of one text to the same people cannot be told apart by what the provider
        # shows: either may take the other's batch for its own. People get one for each.
        counts = Counter(one for batch in self.world.batches for one in batch.recipients)
        twice = {one for one, count in counts.items() if count > len(self.begun)}
        if self.resent or self.restored:
            twice -= self.hidden
        assert not twice, f"accepted twice: {sorted(twice)}"

    def _entries(self, name):
        return self.world.ask(lambda j: j.chunks(options.check_campaign(name), limit=NO_LIMIT))

    def what_was_written_down_stays(self):
        kept = {
            batch_id
            for name in self.planned()
            for entry in self._entries(name)
            for batch_id in (entry.batch_id, *entry.doubles)
        }
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
        for process in list(world.living):
            if process.loop.frozen:
                self.continue_process(process, ["write"])
        self._let_all_end()
        for name in sorted(self.unsure):
            self.run_reconcile(name, restored=True)
            self._let_all_end()
        reports = {}
        for name in self.begun:
            self.before_last_run(name)
            self.run_send(name, "report")
            self._let_all_end()
            reports[name] = world.processes[-1].report
        self._check(reports)

    def before_last_run(self, name):
        """Lift what would keep the last run of a campaign from sending."""

    def _let_all_end(self):
        self.no_run_fails()
        for _ in range(100):
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
        there = Counter(one for batch in self.world.batches for one in batch.recipients)
        assert accepted <= there, "accepted in the report, and not by the provider"
        doubted = Counter(
            one for those in named.values() for one, outcome in those if outcome is Outcome.UNKNOWN
        )
        for one, count in there.items():
            # A double that the provider had hidden may never be found.
            must_be_told = 1 if one in self.hidden else count
            assert accepted[one] + doubted[one] >= must_be_told, "accepted, and not told"


def named(batch_id):
    return OutcomeUnknown("refused, with an id", operation="POST /batch/send", batch_id=batch_id)
