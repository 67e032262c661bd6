"""Faults put into the package on purpose: the machine must find each of them.

Those of the clocks before a resend take too many steps together for a random search; the
exploration finds them (`test_exploration.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from smsworks_async.bulk import engine, options
from smsworks_async.bulk.campaign import candidates, evidence, journal_source, stored
from smsworks_async.journals import memory, records, transitions
from smsworks_async.journals.sqlite import handles, store, worker
from smsworks_async.models.report import Outcome
from support.campaigns.controlled import ControlledMachine
from support.campaigns.machine import FATES, SPELLINGS, CampaignMachine


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
PROFILE = settings(
    max_examples=6000,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MUTANTS = {}


@attrs.frozen
class Mutation:
    """A fault, and the machine that looks for it: the groups of rules and the fates it plays."""

    mutate: Callable
    groups: frozenset
    fates: tuple
    journals: tuple
    found: str
    quick: bool


def mutant(*groups, fates=tuple(FATES), journals=("memory",), found="accepted twice", quick=False):
    """Add a mutant."""

    def add(function):
        MUTANTS[function.__name__] = Mutation(
            function, frozenset(groups), fates, journals, found, quick
        )
        return function

    return add


@mutant("habits")
def a_trace_is_nothing(patch):
    judge = evidence.judge

    def judge_without(candidate, request):
        finding = judge(candidate, request)
        if finding is evidence.Finding.TRACE and candidate.recipients is not None:
            return evidence.Finding.NOTHING
        if finding is evidence.Finding.TRACE and candidate.batch_id is None:
            return evidence.Finding.NOTHING
        return finding

    patch.setattr(candidates, "judge", judge_without)


@mutant(quick=True)
def a_claim_of_what_is_not_pending(patch):
    claim_next = memory.MemoryJournal.claim_next

    async def claim_anything(self, campaign, *, owner, after, **kwargs):
        claim = await claim_next(self, campaign, owner=owner, after=after, **kwargs)
        tables = self.store.campaigns[await self.store.key_of(campaign)]
        mine = owner.rpartition(":")[0]
        for number, entry in sorted(tables.records.items()):
            if claim is not None or number <= after:
                continue
            if entry.state is records.State.SENDING and not entry.owner.startswith(mine):
                tables.records[number] = attrs.evolve(entry, state=records.State.PENDING)
                claim = await claim_next(self, campaign, owner=owner, after=number - 1, **kwargs)
        return claim

    patch.setattr(memory.MemoryJournal, "claim_next", claim_anything)


@mutant(
    "stops",
    fates=("sent", "written", "lost on the way"),
    found="accepted twice|not in the journal",
    quick=True,
)
def any_attempt_is_the_current_one(patch):
    patch.setattr(transitions, "_current", lambda entry, attempt: True)


@mutant("stops", fates=("sent",))
def no_lease_at_the_write(patch):
    patch.setattr(journal_source, "lease_is_over", lambda lease, **_: False)


@mutant("stops", "habits", found="not in the journal", quick=True)
def a_late_answer_is_lost(patch):
    accept = transitions._accept

    def accept_in_time(entry, attempt, outcome, *more):
        if not transitions._current(entry, attempt) or entry.state is not records.State.SENDING:
            return transitions.Change(entry, "too late", {})
        return accept(entry, attempt, outcome, *more)

    patch.setattr(transitions, "_accept", accept_in_time)


@mutant(found="accepted twice|not in the journal", quick=True)
def names_as_they_are_typed(patch):
    for module in (options, stored):
        patch.setattr(module, "check_campaign", lambda name: name)


@mutant("handles", journals=("file",), found="sees another file", quick=True)
def a_descriptor_for_each_handle(patch):
    share = handles._share

    def look_and_share(path, open):
        shared = share(path, open)
        Path(path).open("rb").close()
        return shared

    patch.setattr(handles, "_share", look_and_share)
    # Otherwise the log that somebody else deletes then is missed at the next claim.
    patch.setattr(worker, "find_log", lambda path: (None, None))


@mutant(found="and not told", quick=True)
def a_refusal_with_an_id_is_a_rejection(patch):
    outcome_of = engine.outcome_of
    patch.setattr(
        engine,
        "outcome_of",
        lambda error: Outcome.REJECTED if getattr(error, "batch_id", None) else outcome_of(error),
    )


@mutant("twin", found="not by the provider", quick=True)
def found_whoever_else_holds_it(patch):
    async def none(self, batch_id):
        return []

    patch.setattr(memory.MemoryStore, "chunks_with_batch", none)
    patch.setattr(store.SQLiteStore, "chunks_with_batch", none)
    patch.setattr(transitions, "is_twin", lambda entry, other: False)


@mutant("copies", fates=("sent", "written"))
def a_copy_that_is_trusted(patch):
    suspect = transitions.suspect

    def suspect_what_was_sent(entry):
        return None if entry.state is records.State.PENDING else suspect(entry)

    patch.setattr(transitions, "suspect", suspect_what_was_sent)


@mutant("controls", "deaths", found="no look at the opt-outs|after opting out", quick=True)
def no_second_look(patch):
    async def pass_(self, chunk, *, again):
        pass

    patch.setattr(journal_source.JournalSource, "check", pass_)


@mutant("controls", found="claimed after the campaign was stopped", quick=True)
def a_claim_that_does_not_read_the_controls(patch):
    patch.setattr(transitions, "refuse", lambda *_: None)


@mutant("controls", found="accepted, and not told", quick=True)
def a_cancellation_that_forgets_what_is_unknown(patch):
    steer = memory.MemoryJournal.steer

    async def steer_and_forget(self, campaign, command, *args, **kwargs):
        kept = await steer(self, campaign, command, *args, **kwargs)
        tables = self.store.campaigns[await self.store.key_of(campaign)]
        for number, record in tables.records.items():
            if command == "cancel" and record.state is records.State.UNKNOWN:
                tables.records[number] = attrs.evolve(record, state=records.State.CANCELLED)
        return kept

    patch.setattr(memory.MemoryJournal, "steer", steer_and_forget)


@mutant(
    "controls",
    fates=("sent", "refused: one number"),
    found="not named|was forgotten|missing",
)
def halves_of_the_shrunken_chunk(patch):
    unpack_chunk = journal_source.unpack_chunk
    patch.setattr(
        journal_source,
        "unpack_chunk",
        lambda claim, payload, **_: unpack_chunk(claim, payload),
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if mutation.quick else pytest.mark.slow)
        for name, mutation in MUTANTS.items()
    ],
)
def test_the_machine_finds(name, monkeypatch, record_property):
    mutation = MUTANTS[name]
    mutation.mutate(monkeypatch)

    class Machine(ControlledMachine if "controls" in mutation.groups else CampaignMachine):
        played: ClassVar = Counter()
        groups = mutation.groups
        fates = mutation.fates
        journals = mutation.journals
        # Where names are not normalised yet, the package is this mutant itself.
        spellings = SPELLINGS if "names" in name else CampaignMachine.spellings

    with pytest.raises(AssertionError, match=mutation.found):
        run_state_machine_as_test(Machine, settings=PROFILE)
    played = Machine.played
    record_property("histories", f"found in {played['histories']}, {played['steps']} steps")
