"""The statements that a store of journals runs: small reads and writes, without a rule in them.

The rules (`rules`, `finding`, `keys` and others) are coroutines over these protocols. A store
that does not wait (in memory, or SQLite on its own thread) runs a rule to its end with `run`; a
store behind a network awaits it. Either way one rule is one transaction, and what is read in it
does not change before it is committed: a store with row locks locks the rows that `chunk`,
`chunks`, `key_record`, `report_claim` and `last_opt_out` return, in the order in which they are
asked for.

A store may run several statements as one where its database can, by overriding a method of
`BaseJournal`; the tests that compare stores hold it to the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.leases import Lease
from smsworks_async.journals.records import (
    Campaign,
    ChunkRecord,
    Controls,
    Event,
    PlannedChunk,
    State,
    StoredChunk,
    Sums,
)
from smsworks_async.journals.transitions import Change
from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent
from smsworks_async.models.report import Problem


T = TypeVar("T")


class LeaveOut(Protocol):
    """Tells a claim whom to leave out. It runs within a transaction, and must not wait."""

    @property
    def after(self) -> int | None:
        """The key of the last opt-out that it knows; None if the list is in no store of ours."""
        ...

    def learn(self, changes: OptOutChanges, /) -> None:
        """Take in the opt-outs and opt-ins after that."""
        ...

    def positions(self, claim: StoredChunk, /) -> str:
        """Return the positions of a chunk that its request leaves out, packed."""
        ...


class Held(NamedTuple):
    """A chunk of any campaign.

    Attributes:
        key: its campaign's key.
        record: the chunk.
    """

    key: int
    record: ChunkRecord


class Doubtful(NamedTuple):
    """A chunk of any campaign whose outcome is not known, with what was sent.

    Attributes:
        key: its campaign's key.
        record: the chunk.
        items: its recipients, packed.
        message: what all messages of its campaign share.
    """

    key: int
    record: ChunkRecord
    items: str
    message: Mapping[str, Any]


class Tallies(NamedTuple):
    """The chunks of a campaign, summed up by state; split ones are left out.

    Attributes:
        first: those of the first round.
        later: those of all later rounds.
        lease: when the first lease of a chunk that is being sent ends, or None.
    """

    first: Mapping[State, Sums]
    later: Mapping[State, Sums]
    lease: float | None


class ReportClaim(NamedTuple):
    """A claim on a report of a message; a message has one at most.

    Attributes:
        status: the status that is being handled.
        lease: who handles it, and until when.
    """

    status: str
    lease: Lease


class Clock(Protocol):
    """The place and the time of a store."""

    async def now(self) -> float:
        """Return the time of this transaction, in POSIX seconds of the journal's clock."""
        ...

    async def check_in_place(self) -> None:
        """Check that other processes will see a claim that is made here.

        Raises:
            JournalError: they will not; such as where the file was deleted or replaced.
        """
        ...


class CampaignStore(Clock, Protocol):
    """Campaigns, by their keys, and their chunks, problems and events."""

    async def key_of(self, name: str) -> int:
        """Return the key of a campaign.

        Raises:
            ValidationError: there is none of this name.
        """
        ...

    async def campaign_ids(self) -> Sequence[str]:
        """Return the ids of all campaigns, in the order in which they were inserted."""
        ...

    async def insert_campaign(self, campaign: Campaign) -> None:
        """Insert a campaign, created now, unless there is one of its name."""
        ...

    async def campaign(self, key: int) -> Campaign:
        """Return a campaign."""
        ...

    async def update_campaign(self, key: int, campaign: Campaign) -> None:
        """Write what may change of a campaign: see `rows.CHANGING`."""
        ...

    async def controls(self, key: int) -> Controls:
        """Return what a claim reads of a campaign."""
        ...

    async def next_number(self, key: int) -> int:
        """Return the number after the last chunk's; 0 if there is none."""
        ...

    async def count(self, key: int) -> tuple[int, int]:
        """Return how many chunks and how many problems there are."""
        ...

    async def insert_chunks(self, key: int, chunks: Sequence[PlannedChunk], round: int) -> None:
        """Insert pending chunks with their recipients, and the event ``"planned"`` of each."""
        ...

    async def insert_problems(self, key: int, problems: Sequence[Problem]) -> None:
        """Insert problems; one at a position that has one already is left out."""
        ...

    async def chunk(self, key: int, number: int) -> ChunkRecord:
        """Return a chunk."""
        ...

    async def chunks(
        self,
        key: int,
        *,
        after: int,
        limit: int,
        state: State | None = None,
        round: int | None = None,
        marked: bool = False,
    ) -> Sequence[ChunkRecord]:
        """Return chunks by their numbers.

        Args:
            key: the campaign's key.
            after: the number that theirs are above.
            limit: how many at most.
            state: the state that they have, or None for any.
            round: the round that they are of, or None for any.
            marked: whether only those that are reopenable or resent are returned.
        """
        ...

    async def next_pending(
        self, key: int, *, round: int, after: int, international: bool
    ) -> StoredChunk | None:
        """Return the first pending chunk above a number; one outside the UK only if allowed."""
        ...

    async def recipients(self, key: int, first: int, last: int) -> Mapping[int, tuple[str, str]]:
        """Return the packed items and positions of chunks, by number, both ends included."""
        ...

    async def write(self, key: int, change: Change, detail: str = "") -> None:
        """Write the changed fields of a chunk, and the event."""
        ...

    async def replace_claimed(
        self, key: int, claimed: ChunkRecord, change: Change, batch_id: str | None, detail: str
    ) -> bool:
        """Write a change if the chunk is still being sent under this claim; return whether.

        That is where its state is *sending* and its attempt and owner are the claim's. A chunk that
        is being sent is as it was claimed, so that nothing of it need be read.

        Args:
            key: the campaign's key.
            claimed: the chunk as it was claimed.
            change: what to write.
            batch_id: nothing is written where a chunk or a key was found with this batch; None:
                none was.
            detail: of the event.
        """
        ...

    async def chunks_with_batch(self, batch_id: str) -> Sequence[Held]:
        """Return the chunks of any campaign that have this batch, or have it as a double."""
        ...

    async def doubtful(self, size: int) -> Sequence[Doubtful]:
        """Return the chunks of any campaign that are *sending* or *unknown*.

        Args:
            size: how many recipients their last requests held.
        """
        ...

    async def tally(self, key: int) -> Tallies:
        """Sum the chunks of a campaign up."""
        ...

    async def problems(self, key: int, *, after: int, limit: int) -> Sequence[Problem]:
        """Return problems by their positions, above one of them."""
        ...

    async def events(self, key: int, number: int | None) -> Sequence[Event]:
        """Return the events of one chunk, or of all, in their order."""
        ...


class ErasureStore(CampaignStore, Protocol):
    """What erasing a campaign needs beside `CampaignStore`."""

    async def last_events(self) -> Mapping[str, float]:
        """Return when each campaign had its last event, by its id; or when it was begun."""
        ...

    async def erase_texts(self, key: int) -> None:
        """Empty a campaign's message, its packed recipients, and what its problems quote.

        A message becomes an empty mapping, a problem's value None, and the rest an empty string.
        """
        ...

    async def erase_details(self, key: int, *, but_of: Collection[str]) -> None:
        """Empty the details of a campaign's events, but for events of these kinds."""
        ...


class ReportStore(Clock, Protocol):
    """Reports that were handled, and the claim on each message whose report is being handled."""

    async def statuses(self, message_id: str) -> Collection[str]:
        """Return the statuses of a message that were handled, in any order."""
        ...

    async def report_claim(self, message_id: str) -> ReportClaim | None:
        """Return the claim on a message, whether or not its lease has ended."""
        ...

    async def write_report_claim(self, message_id: str, claim: ReportClaim) -> None:
        """Write the claim on a message, in the place of the one that is there."""
        ...

    async def delete_report_claim(self, message_id: str, owner: str) -> None:
        """Delete an owner's claim on a message, if it is there."""
        ...

    async def insert_status(self, message_id: str, status: str) -> None:
        """Record that a status was handled, unless that is recorded.

        A claim on the same message and status is deleted, whoever has it: nothing is left to do.
        """
        ...


class OptOutStore(Clock, Protocol):
    """Opt-outs and opt-ins, which are only added; the last event of a number counts."""

    async def insert_opt_out(self, event: OptOutEvent) -> bool:
        """Insert an event, unless its message is recorded already; return whether it was."""
        ...

    async def last_opt_out(self, number: str) -> OptOutEvent | None:
        """Return the last event of a number, or None if it has none."""
        ...

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        """Return the events of a number, in their order."""
        ...

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        """Return those of some numbers whose last event is an opt-out."""
        ...

    async def opt_out_page(self, *, after: str, limit: int) -> Sequence[OptOutEvent]:
        """Return the last events that are opt-outs, by their numbers, above one of them."""
        ...

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        """Return what all events above a key come to."""
        ...

    async def opt_out_list(self) -> str:
        """Return the id of the list, which tells it from all others."""
        ...


class KeyStore(Clock, Protocol):
    """Idempotency keys, by their hashes."""

    async def key_record(self, key_hash: str) -> KeyRecord | None:
        """Return a key, or None if there is none."""
        ...

    async def write_key(self, record: KeyRecord) -> None:
        """Insert a key, or write what may change of it: its request, answer and last change."""
        ...

    async def keys_with(self, message_id: str, *, found: bool = False) -> Sequence[KeyRecord]:
        """Return the keys that have this message or batch, or have it as a double.

        Args:
            message_id: the id of the message or the batch.
            found: whether only keys are returned whose own it is, and that were found with it.
        """
        ...

    async def keys_in_doubt(self) -> Sequence[KeyRecord]:
        """Return the keys whose requests are *sending* or *unknown*."""
        ...

    async def delete_keys(self, before: float) -> int:
        """Delete the keys that last changed before a moment, but not those; return how many."""
        ...


class RequestStore(CampaignStore, KeyStore, Protocol):
    """All requests: those of campaigns' chunks, and those of idempotency keys."""


class ClaimStore(CampaignStore, OptOutStore, Protocol):
    """What a claim reads and writes."""


class Store(ErasureStore, RequestStore, ReportStore, OptOutStore, Protocol):
    """All that a journal keeps."""


def run(rule: Coroutine[Any, Any, T]) -> T:
    """Run a rule to its end over a store that never waits."""
    try:
        rule.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    rule.close()
    raise AssertionError("a store that is run like this must not wait")
