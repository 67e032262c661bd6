"""Mutants of opt-outs, controls, windows, schedules and forgetting."""

from __future__ import annotations

import attrs

from smsworks_async.bulk.campaign import journal_source, packing, scheduled
from smsworks_async.errors import SMSWorksError
from smsworks_async.journals import erasure, memory, records, steering
from support.campaigns.mutation import Mutants


MUTANTS = Mutants()


@MUTANTS.add("controls", "deaths", found="no look at the opt-outs|after opting out", quick=True)
def no_second_look(patch):
    async def pass_(self, chunk, *, again):
        pass

    patch.setattr(journal_source.JournalSource, "check", pass_)


@MUTANTS.add("controls", found="claimed after the campaign was stopped", quick=True)
def a_claim_that_does_not_read_the_controls(patch):
    patch.setattr(steering, "refuse", lambda *_: None)


@MUTANTS.add("controls", found="accepted, and not told", quick=True)
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


@MUTANTS.add(
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


@MUTANTS.add(
    "controls", "each", fates=("sent",), found="mark of somebody else's position", quick=True
)
def positions_without_metadata(patch):
    """Filter items but not positions, so that a request has the marks of the first ones."""

    def unpack_chunk(claim, payload, **more):
        chunk = packing.unpack_chunk(claim, payload, **more)
        planned = records.unpack_positions(claim.positions)
        return attrs.evolve(chunk, positions=planned[: len(chunk.items)])

    patch.setattr(journal_source, "unpack_chunk", unpack_chunk)


@MUTANTS.add("controls", "each", found="position of somebody else", quick=True)
def outcomes_by_positions_without_metadata(patch):
    """The same for reported outcomes."""
    select = packing._select

    def select_items(items, positions, keep):
        kept, _ = select(items, positions, keep)
        return kept, positions[: len(kept)]

    patch.setattr(packing, "_select", select_items)


@MUTANTS.add("windows", "controls", fates=("sent",), found="outside its window", quick=True)
def a_claim_at_any_time_of_day(patch):
    refuse = steering.refuse
    patch.setattr(
        steering,
        "refuse",
        lambda controls, *args: refuse(attrs.evolve(controls, window=None), *args),
    )


@MUTANTS.add("schedules", "controls", fates=("sent",), found="after its time", quick=True)
def a_claim_after_the_time_of_its_messages(patch):
    patch.setattr(steering, "is_past", lambda at, now: False)


@MUTANTS.add("schedules", "controls", fates=("sent",), found="due although|not named", quick=True)
def no_recall(patch):
    async def nothing(self, at):
        return []

    patch.setattr(scheduled.ScheduledBatches, "_to_recall", nothing)


@MUTANTS.add("schedules", "controls", fates=("sent",), found="accepted twice|not told", quick=True)
def a_delete_that_is_not_read_back(patch):
    """Treat a batch whose DELETE got no response as cancelled."""

    async def cancel_batch(gateway, batch_id):
        try:
            await gateway.cancel(batch_id)
        except SMSWorksError:
            pass
        return True

    patch.setattr(scheduled, "cancel_batch", cancel_batch)


@MUTANTS.add("schedules", "controls", fates=("answer lost",), found="although|named", quick=True)
def a_cancellation_that_forgets_what_is_found_later(patch):
    """Do not cancel batches that are found or accepted after the cancellation."""

    async def nothing(self, *_):
        return False

    patch.setattr(scheduled.ScheduledBatches, "_cancel", nothing)


@MUTANTS.add("schedules", "controls", "copies", fates=("sent",), found="not by the provider")
def a_copy_that_is_trusted_in_what_was_scheduled(patch):
    async def nothing(self):
        return frozenset()

    patch.setattr(scheduled.ScheduledBatches, "read_cancelled", nothing)


@MUTANTS.add("forgets", "controls", found="although something is open|although it was", quick=True)
def forgotten_in_doubt(patch):
    patch.setattr(erasure, "what_is_open", lambda *_: "")
