"""All journals do the same in the same histories: the naive one, and those of the package.

With ``SMSWORKS_TEST_SLOW=1`` there are many more histories, and others each time.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import ClassVar

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from smsworks_async.journals import (
    finding,
    leases,
    transitions,
)
from smsworks_async.journals.memory import MemoryStore
from smsworks_async.journals.sqlite import keys as sqlite_keys
from smsworks_async.journals.sqlite import store as sqlite_store
from smsworks_async.journals.sqlite import worker
from smsworks_async.journals.sqlite.store import SQLiteStore
from support.journal_machines import (
    Campaigns,
    Reports,
)
from support.key_machine import Keys


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"


PROFILE = settings(
    max_examples=2000 if SLOW else 100,
    stateful_step_count=40,
    deadline=None,
    derandomize=not SLOW,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _nobody_else_comes_while_a_call_waits(monkeypatch):
    monkeypatch.setattr(worker, "GROUP_COMMIT_WINDOW", 0.0)


@pytest.mark.parametrize(
    "machine", [Campaigns, Reports, Keys], ids=lambda machine: machine.__name__
)
def test_journals_do_the_same_in_the_same_histories(machine, record_property):
    class Machine(machine):
        played: ClassVar = Counter()

    # Each step of keys reads all of them again.
    profile = PROFILE if machine is not Keys or SLOW else settings(PROFILE, max_examples=60)
    run_state_machine_as_test(Machine, settings=profile)
    played = Machine.played
    record_property("histories", f"{played['histories']} histories, {played['steps']} steps")


# Proof that faults are found: in one store, or in the shared rules.


def sqlite_replaces_any_claim(patch):
    patch.setattr(
        sqlite_store,
        "_replace",
        lambda fields, *, unless_found: (
            f"{sqlite_store._update(fields)} AND ? IS NOT NULL AND ? IS NOT NULL"
            f"{' AND ? IS NOT NULL' * 2 if unless_found else ''}"
        ),
    )


def sqlite_leaves_a_batch_with_whoever_found_it(patch):
    replace = sqlite_store._replace

    def without(fields, *, unless_found):
        return replace(fields, unless_found=False) + " AND ? IS NOT NULL" * 2 * unless_found

    patch.setattr(sqlite_store, "_replace", without)


def sqlite_goes_back_to_an_earlier_round(patch):
    query = sqlite_store._NEXT_PENDING.replace("round = ?", "round <= ?")
    patch.setattr(sqlite_store, "_NEXT_PENDING", query)


def sqlite_forgets_doubles(patch):
    query = sqlite_store._WITH_BATCH.replace("value = ?", "value = ? AND 0")
    patch.setattr(sqlite_store, "_WITH_BATCH", query)


def sqlite_has_no_keys_in_doubt_but_unknown_ones(patch):
    async def unknown(self):
        found = self._db.execute(f"{sqlite_keys._SELECT} WHERE state = 'unknown'")
        return list(map(sqlite_keys._read, found))

    patch.setattr(SQLiteStore, "keys_in_doubt", unknown)


def sqlite_forgets_doubles_of_keys(patch):
    query = sqlite_keys._WITH_MESSAGE.replace("value = ?", "value = ? AND 0")
    patch.setattr(sqlite_keys, "_WITH_MESSAGE", query)


def sqlite_removes_keys_in_doubt(patch):
    async def delete(self, before):
        deleted = self._db.execute("DELETE FROM idempotency_key WHERE changed < ?", (before,))
        return deleted.rowcount

    patch.setattr(SQLiteStore, "delete_keys", delete)


def sqlite_leaves_a_batch_with_the_key_that_found_it(patch):
    replace = sqlite_store._replace

    def of_chunks_alone(fields, *, unless_found):
        query = replace(fields, unless_found=unless_found)
        return query.replace("FROM idempotency_key WHERE", "FROM idempotency_key WHERE 0 AND")

    patch.setattr(sqlite_store, "_replace", of_chunks_alone)


def sqlite_leaves_an_answer_as_it_was(patch):
    async def write(self, record, write_key=SQLiteStore.write_key):
        kept = await self.key_record(record.key_hash)
        if kept is not None and kept.answer:
            record = attrs.evolve(record, answer=kept.answer)
        await write_key(self, record)

    patch.setattr(SQLiteStore, "write_key", write)


def memory_reopens_the_refused_alone(patch):
    chunks = MemoryStore.chunks

    async def some(self, key, *, marked=False, **which):
        return [r for r in await chunks(self, key, **which) if r.reopenable or not marked]

    patch.setattr(MemoryStore, "chunks", some)


def sqlite_keeps_what_a_statement_refused(patch):
    async def insert(self, key, chunks, round, insert=SQLiteStore.insert_chunks):
        await insert(self, key, chunks[:1], round)

    patch.setattr(SQLiteStore, "insert_chunks", insert)


def twins_do_not_matter(patch):
    async def none(store, key, record):
        return 0

    patch.setattr(finding, "_count_twins", none)


def a_round_may_begin_at_any_time(patch):
    update = MemoryStore.update_campaign

    async def without_the_round(self, key, campaign):
        await update(self, key, attrs.evolve(campaign, round=0))

    patch.setattr(MemoryStore, "update_campaign", without_the_round)


def a_claim_of_another_is_not_cut_short(patch):
    acquire = leases.acquire

    def as_it_was(held, owner, now, seconds):
        lease = acquire(held, owner, now, seconds)
        return held if held is not None and lease.owner != owner else lease

    patch.setattr(leases, "acquire", as_it_was)


def a_claim_leaves_the_last_error(patch):
    claim = transitions.claim

    def with_error(record, *args):
        change = claim(record, *args)
        fields = {name: value for name, value in change.fields.items() if name != "error"}
        return change._replace(fields=fields)

    patch.setattr(transitions, "claim", with_error)


MUTANTS_OF_KEYS = [
    sqlite_has_no_keys_in_doubt_but_unknown_ones,
    sqlite_forgets_doubles_of_keys,
    sqlite_removes_keys_in_doubt,
    sqlite_leaves_a_batch_with_the_key_that_found_it,
    sqlite_leaves_an_answer_as_it_was,
]


MUTANTS = [
    *MUTANTS_OF_KEYS,
    sqlite_replaces_any_claim,
    sqlite_leaves_a_batch_with_whoever_found_it,
    sqlite_goes_back_to_an_earlier_round,
    sqlite_forgets_doubles,
    sqlite_keeps_what_a_statement_refused,
    memory_reopens_the_refused_alone,
    twins_do_not_matter,
    a_round_may_begin_at_any_time,
    a_claim_of_another_is_not_cut_short,
    a_claim_leaves_the_last_error,
]


#: They take more histories than the others.
SLOWLY = {
    sqlite_goes_back_to_an_earlier_round,
    sqlite_forgets_doubles_of_keys,
    sqlite_leaves_a_batch_with_whoever_found_it,
    sqlite_forgets_doubles,
    memory_reopens_the_refused_alone,
    a_claim_of_another_is_not_cut_short,
    a_claim_leaves_the_last_error,
}


def machine_for(mutant):
    if mutant in MUTANTS_OF_KEYS:
        return Keys
    return Reports if mutant is a_claim_of_another_is_not_cut_short else Campaigns


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, marks=pytest.mark.slow if mutant in SLOWLY else ())
        for mutant in MUTANTS
    ],
    ids=lambda mutant: mutant.__name__,
)
def test_agreement_finds_a_journal_that_does_otherwise(mutant, monkeypatch, record_property):
    mutant(monkeypatch)

    class Machine(machine_for(mutant)):
        played: ClassVar = Counter()

    profile = settings(PROFILE, max_examples=6000, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError, match=r"of one journal differs|different keys"):
        run_state_machine_as_test(Machine, settings=profile)
    played = Machine.played
    record_property("histories", f"found in {played['histories']}, {played['steps']} steps")
