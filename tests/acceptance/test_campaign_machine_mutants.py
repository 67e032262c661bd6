"""Faults put into the package on purpose: the machine must find each of them."""

from __future__ import annotations

import os
from collections import Counter

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from campaign_machine import FATES, NAMES_ARE_NORMALISED, SPELLINGS, CampaignMachine
from smsworks_async.bulk import campaign as runs
from smsworks_async.bulk import evidence, ledger, options, reconcile, waits
from smsworks_async.bulk.journals import handles, memory, sqlite, states, transactions
from smsworks_async.bulk.journals import records
from smsworks_async.bulk.report import Outcome


MUTANTS = {}


def mutant(*groups, fates=tuple(FATES)):
    """Add a mutant; it is looked for by a machine that plays these groups and fates alone."""

    def add(function):
        MUTANTS[function.__name__] = function, frozenset(groups), fates
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

    patch.setattr(reconcile, "judge", judge_without)


@mutant("clocks", "stops", fates=("sent", "accepted late", "written"))
def the_wall_clock_only(patch):
    def until_resend(entry, *, watched, now, own):
        return max(0.0, (entry.lease or 0.0) + waits.longest_request(entry, own) - now)

    patch.setattr(reconcile, "until_resend", until_resend)
    patch.setattr(
        ledger, "lease_is_over", lambda lease, *, since_claim, now, lease_end: now >= lease_end
    )


@mutant()
def a_claim_of_what_is_not_pending(patch):
    start = memory.MemoryJournal.start

    async def start_anything(self, campaign, *, owner, after, **kwargs):
        claim = await start(self, campaign, owner=owner, after=after, **kwargs)
        kept = self._kept(campaign)
        mine = owner.rpartition(":")[0]
        for number, entry in sorted(kept.entries.items()):
            if claim is not None or number <= after:
                continue
            if entry.state is records.State.SENDING and not entry.owner.startswith(mine):
                kept.entries[number] = attrs.evolve(entry, state=records.State.PENDING)
                claim = await start(self, campaign, owner=owner, after=number - 1, **kwargs)
        return claim

    patch.setattr(memory.MemoryJournal, "start", start_anything)


@mutant("stops", fates=("sent", "written", "lost on the way"))
def any_attempt_is_the_current_one(patch):
    patch.setattr(states, "_current", lambda entry, attempt: True)


@mutant("stops", fates=("sent", "written", "lost on the way"))
def no_lease_at_the_write(patch):
    patch.setattr(ledger, "lease_is_over", lambda lease, **_: False)


@mutant("stops", "habits")
def a_late_answer_is_lost(patch):
    accept = states._accept

    def accept_in_time(entry, attempt, outcome):
        if not states._current(entry, attempt) or entry.state is not records.State.SENDING:
            return entry, "too late"
        return accept(entry, attempt, outcome)

    patch.setattr(states, "_accept", accept_in_time)


@mutant()
def names_as_they_are_typed(patch):
    patch.setattr(options, "check_campaign", lambda name: name)


@mutant("clocks", fates=("sent", "accepted late", "written"))
def resending_without_a_watch(patch):
    async def left(self, entry):
        now = await self._journal.now()
        own = waits.request_time(self._provider.timeout)
        return waits.until_resend(entry, watched=1e9, now=now, own=own)

    patch.setattr(reconcile.Reconciler, "_left", left)


@mutant("handles")
def a_descriptor_for_each_handle(patch):
    def share(path, open):
        identity = handles.find(path)
        made = identity is None
        if made:
            identity = handles.make(path)
        return handles.Worker(path, identity, open=open), made

    patch.setattr(handles, "_share", share)


@mutant()
def a_refusal_with_an_id_is_a_rejection(patch):
    from smsworks_async.bulk import engine

    outcome_of = engine.outcome_of
    patch.setattr(
        engine,
        "outcome_of",
        lambda error: Outcome.REJECTED if getattr(error, "batch_id", None) else outcome_of(error),
    )


@mutant("twin")
def found_whoever_else_holds_it(patch):
    async def nobody(self, campaign, batch_id):
        return False

    patch.setattr(memory.MemoryJournal, "holds", nobody)
    patch.setattr(sqlite.SQLiteJournal, "holds", nobody)
    patch.setattr(transactions.Transaction, "holds", lambda self, batch_id: False)
    patch.setattr(transactions.Transaction, "_has_a_twin", lambda self, number: False)


@mutant("copies", fates=("sent", "written"))
def a_copy_that_is_trusted(patch):
    patch.setattr(
        states,
        "suspect",
        lambda entry: None if entry.state is records.State.PENDING else suspect(entry),
    )


suspect = states.suspect


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds(name, monkeypatch):
    mutate, chosen_groups, chosen_fates = MUTANTS[name]
    mutate(monkeypatch)

    class Machine(CampaignMachine):
        played = Counter()
        groups = chosen_groups
        fates = chosen_fates
        journals = ("file",) if "descriptor" in name else ("memory",)
        spellings = SPELLINGS if "names" in name else CampaignMachine.spellings

    try:
        with pytest.raises(AssertionError) as caught:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=int(os.environ.get("N", 2000)),
                    stateful_step_count=50,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        print("FOUND", name, str(caught.value).split("\n")[0])
    finally:
        print(name, dict(Machine.played))
