"""Mutants of sending and reconciling."""

from __future__ import annotations

from pathlib import Path

import attrs

from smsworks_async.bulk import engine, options
from smsworks_async.bulk.campaign import candidates, evidence, journal_source, stored
from smsworks_async.journals import memory, reconciliation, records, transitions
from smsworks_async.journals.sqlite import handles, store, worker
from smsworks_async.models.report import Outcome
from support.campaigns.mutation import Mutants


MUTANTS = Mutants()


@MUTANTS.add("habits")
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


@MUTANTS.add(quick=True)
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


@MUTANTS.add(
    "stops",
    fates=("sent", "written", "lost on the way"),
    found="accepted twice|not in the journal",
    quick=True,
)
def any_attempt_is_the_current_one(patch):
    patch.setattr(transitions, "_current", lambda entry, attempt: True)


@MUTANTS.add("stops", fates=("sent",))
def no_lease_at_the_write(patch):
    patch.setattr(journal_source, "lease_is_over", lambda lease, **_: False)


@MUTANTS.add("stops", "habits", found="not in the journal", quick=True)
def a_late_answer_is_lost(patch):
    accept = transitions._accept

    def accept_in_time(entry, attempt, outcome, *more):
        if not transitions._current(entry, attempt) or entry.state is not records.State.SENDING:
            return transitions.Change(entry, "too late", {})
        return accept(entry, attempt, outcome, *more)

    patch.setattr(transitions, "_accept", accept_in_time)


@MUTANTS.add(found="accepted twice|not in the journal", quick=True)
def names_as_they_are_typed(patch):
    for module in (options, stored):
        patch.setattr(module, "check_campaign", lambda name: name)


@MUTANTS.add("handles", journals=("file",), found="sees another file", quick=True)
def a_descriptor_for_each_handle(patch):
    share = handles._share

    def look_and_share(path, open):
        shared = share(path, open)
        Path(path).open("rb").close()
        return shared

    patch.setattr(handles, "_share", look_and_share)
    # Otherwise the deletion of the log by another process is detected at the next claim.
    patch.setattr(worker, "find_log", lambda path: (None, None))


@MUTANTS.add(found="and not told", quick=True)
def a_refusal_with_an_id_is_a_rejection(patch):
    outcome_of = engine.outcome_of
    patch.setattr(
        engine,
        "outcome_of",
        lambda error: Outcome.REJECTED if getattr(error, "batch_id", None) else outcome_of(error),
    )


@MUTANTS.add("twin", found="not by the provider")
def found_whoever_else_holds_it(patch):
    async def none(self, batch_id):
        return []

    patch.setattr(memory.MemoryStore, "chunks_with_batch", none)
    patch.setattr(store.SQLiteStore, "chunks_with_batch", none)
    patch.setattr(reconciliation, "is_twin", lambda entry, other: False)


@MUTANTS.add("copies", fates=("sent", "written"))
def a_copy_that_is_trusted(patch):
    suspect = reconciliation.suspect

    def suspect_what_was_sent(entry):
        return None if entry.state is records.State.PENDING else suspect(entry)

    patch.setattr(reconciliation, "suspect", suspect_what_was_sent)
