"""A Hypothesis state machine of campaigns with all kinds of faults."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign.reschedule import reconcile
from smsworks_async.bulk.campaign.start import send
from smsworks_async.bulk.campaign.stored import open_campaign
from smsworks_async.bulk.payloads import PersonalTexts, SharedText
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import ValidationError
from support.campaigns.checks import Checks
from support.campaigns.deaths import ProcessSteps
from support.campaigns.network import NetworkSteps
from support.campaigns.provider import CONTENT, SENDER, SETTLE, Gateway, Habits
from support.campaigns.steps import (
    CHUNK_SIZE,
    FATES,
    GROUPS,
    NAMES_ARE_NORMALISED,
    SKEW,
    SPELLINGS,
    WITH_POSITIONS,
    of,
    picks,
    seconds,
)
from support.campaigns.visitor import Visitor
from support.campaigns.world import World


class CampaignMachine(ProcessSteps, NetworkSteps, Checks):
    """The events of one campaign, or of two with the same text and recipients."""

    visitor = Visitor()
    chunk_size = CHUNK_SIZE
    #: The number of histories, and of steps.
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
        if not self.each:
            return list(WITH_POSITIONS)
        return [
            {"sender": SENDER, "content": CONTENT, "destination": one} for one in WITH_POSITIONS
        ]

    def _start(self, name, work):
        process = self.world.start()
        process.campaign = options.check_campaign(name)
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
        more = self.more_options(spelt)

        async def work(process, gateway, timer):
            chosen = options.Options(
                chunk_size=self.chunk_size,
                concurrency=self.concurrency,
                journal=process.journal,
                campaign=spelt,
                on_unknown=on_unknown,
                settle=SETTLE,
                **more,
            )
            return await send(self.payload(spelt), self.values(), gateway, chosen, timer)

        self._start(name, work)

    def more_options(self, name):
        """Return the options of a campaign in addition to the common ones."""
        return {}

    def _claim(self, name, entry):
        return self.world.ask(lambda j: j.read_chunk(options.check_campaign(name), entry.number))

    def planned(self):
        for name in self.begun:
            self.begun[name] = self.begun[name] or self._summary(name) is not None
        return [name for name, planned in self.begun.items() if planned]

    def _summary(self, name):
        summary = self.stored(name)
        return None if summary is None or summary.campaign.totals is None else summary

    def stored(self, name):
        """Return the stored summary of a campaign; None if there is none."""

        async def ask(journal):
            try:
                return await journal.summary(options.check_campaign(name))
            except ValidationError:
                return None

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
                report = await reconcile(
                    stored, gateway, SETTLE, timer, restored=restored, opt_outs=None
                )
            if restored:
                self.unsure.discard(name)
            return report

        self._start(name, work)

    # Clocks

    @rule(seconds=seconds)
    def pass_time(self, seconds):
        self.world.pass_time(seconds)

    @of("clocks")
    @rule(seconds=seconds)
    def sleep(self, seconds):
        """Suspend the machine: monotonic clocks stop, as on Linux."""
        self.world.pass_time(seconds, asleep=True)

    @of("clocks")
    @rule(seconds=st.sampled_from([-200.0, -60.0, -15.0, 15.0, 60.0, 200.0]))
    def set_the_clock(self, seconds):
        self.world.skew = min(SKEW, max(-SKEW, self.world.skew + seconds))
        self.world.settle()

    # Copies

    @of("copies", lambda self: self.begun and not self.unsure)
    @rule()
    def copy(self):
        if self.planned() == list(self.begun):
            self.world.make_copy()
            self.copied = set(self.begun)
            self.note_copy()

    def note_copy(self):
        """Record the journal's contents when it is copied."""

    @of("copies", lambda self: self.world.copy is not None and set(self.begun) == self.copied)
    @rule()
    def restore(self):
        self.world.restore()
        self.restored = True
        self.unsure = set(self.begun)
        self.note_restored()

    def note_restored(self):
        """Record that the journal was restored to the copy."""
