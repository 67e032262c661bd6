"""The protocols of a store: small reads and writes without decisions.

The rules (`rules`, `finding`, `keys` and others) are coroutines over these protocols. A store that
never waits (memory, or SQLite on its own thread) runs a rule to its end with `run`; a store on a
network awaits it. In both cases a rule is one transaction, and the rows that it reads do not change
before it commits: a store with row locks locks the rows that `chunk`, `chunks`, `key_record`,
`report_claim` and `last_opt_out` return, in the order of the calls.

A store may combine statements by overriding a method of `BaseJournal`; the tests that compare
stores check that the result is the same.
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
    """Tells a claim which recipients to leave out. It runs in a transaction and must not wait."""

    @property
    def after(self) -> int | None:
        """The key of the last known opt-out; None if the list is not in this store."""
        ...

    def learn(self, changes: OptOutChanges, /) -> None:
        """Add the opt-outs and opt-ins after that."""
        ...

    def positions(self, claim: StoredChunk, /) -> str:
        """Return the positions of a chunk that its request must leave out, packed."""
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
    """A chunk of any campaign with an unknown outcome, and its contents.

    Attributes:
        key: its campaign's key.
        record: the chunk.
        items: its recipients, packed.
        message: the shared part of its campaign's messages.
    """

    key: int
    record: ChunkRecord
    items: str
    message: Mapping[str, Any]


class Tallies(NamedTuple):
    """The totals of a campaign's chunks by state, without split ones.

    Attributes:
        first: the totals of the first round.
        later: the totals of all later rounds.
        lease: when the first lease of a chunk in flight expires, or None.
    """

    first: Mapping[State, Sums]
    later: Mapping[State, Sums]
    lease: float | None


class ReportClaim(NamedTuple):
    """A claim on a report of a message. A message has at most one.

    Attributes:
        status: the status that is being handled.
        lease: the owner, and when the claim expires.
    """

    status: str
    lease: Lease


class Clock(Protocol):
    """The clock of a store, and the check that it is still in place."""

    async def now(self) -> float:
        """Return the time of this transaction, in POSIX seconds of the journal's clock."""
        ...

    async def check_in_place(self) -> None:
        """Check that other processes will see a claim made here.

        Raises:
            JournalError: they will not, for example because the file was deleted or replaced.
        """
        ...


class CampaignStore(Clock, Protocol):
    """Campaigns, by their keys, and their chunks, problems and events."""

    async def key_of(self, name: str) -> int:
        """Return the key of a campaign.

        Raises:
            ValidationError: the campaign does not exist.
        """
        ...

    async def campaign_ids(self) -> Sequence[str]:
        """Return the ids of all campaigns, in order of insertion."""
        ...

    async def insert_campaign(self, campaign: Campaign) -> None:
        """Insert a campaign, created now, unless its name exists."""
        ...

    async def campaign(self, key: int) -> Campaign:
        """Return a campaign."""
        ...

    async def update_campaign(self, key: int, campaign: Campaign) -> None:
        """Update the changeable fields of a campaign: see `rows.CHANGING`."""
        ...

    async def controls(self, key: int) -> Controls:
        """Return the fields of a campaign that a claim reads."""
        ...

    async def next_number(self, key: int) -> int:
        """Return the number after the last chunk's; 0 if there is none."""
        ...

    async def count(self, key: int) -> tuple[int, int]:
        """Return the number of chunks and the number of problems."""
        ...

    async def insert_chunks(self, key: int, chunks: Sequence[PlannedChunk], round: int) -> None:
        """Insert pending chunks with their recipients, and the event ``"planned"`` of each."""
        ...

    async def insert_problems(self, key: int, problems: Sequence[Problem]) -> None:
        """Insert problems, except at positions that already have one."""
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
        """Return chunks, ordered by number.

        Args:
            key: the campaign's key.
            after: only chunks with a higher number are returned.
            limit: the maximum number of chunks.
            state: only chunks in this state; None for any.
            round: only chunks of this round; None for any.
            marked: only chunks that are reopenable or resent.
        """
        ...

    async def next_pending(
        self, key: int, *, round: int, after: int, international: bool
    ) -> StoredChunk | None:
        """Return the first pending chunk after a number; chunks outside the UK only if allowed."""
        ...

    async def recipients(self, key: int, first: int, last: int) -> Mapping[int, tuple[str, str]]:
        """Return the packed items and positions of chunks, by number, for an inclusive range."""
        ...

    async def write(self, key: int, change: Change, detail: str = "") -> None:
        """Update the changed fields of a chunk, and insert the event."""
        ...

    async def replace_claimed(
        self, key: int, claimed: ChunkRecord, change: Change, batch_id: str | None, detail: str
    ) -> bool:
        """Write a change if the chunk is still being sent under this claim; return whether it is.

        It is if its state is *sending* and its attempt and owner are the claim's. A chunk in this
        state has not changed since the claim, so it need not be read.

        Args:
            key: the campaign's key.
            claimed: the chunk as it was claimed.
            change: what to write.
            batch_id: nothing is written if a chunk or a key was found with this batch; None to skip
                this check.
            detail: the event's detail.
        """
        ...

    async def chunks_with_batch(self, batch_id: str) -> Sequence[Held]:
        """Return the chunks of any campaign with this batch, including doubles."""
        ...

    async def doubtful(self, size: int) -> Sequence[Doubtful]:
        """Return the chunks of any campaign that are *sending* or *unknown*.

        Args:
            size: the number of recipients in their last requests.
        """
        ...

    async def tally(self, key: int) -> Tallies:
        """Return the totals of a campaign's chunks."""
        ...

    async def problems(self, key: int, *, after: int, limit: int) -> Sequence[Problem]:
        """Return problems after a position, ordered by position."""
        ...

    async def events(self, key: int, number: int | None) -> Sequence[Event]:
        """Return the events of one chunk, or of all chunks, in order."""
        ...


class ErasureStore(CampaignStore, Protocol):
    """The statements for erasing campaigns, in addition to `CampaignStore`."""

    async def last_events(self) -> Mapping[str, float]:
        """Return the time of each campaign's last event, or of its creation, by id."""
        ...

    async def erase_texts(self, key: int) -> None:
        """Erase a campaign's message, its packed recipients, and the values in its problems.

        The message becomes an empty mapping, a problem's value None, and the rest empty strings.
        """
        ...

    async def erase_details(self, key: int, *, but_of: Collection[str]) -> None:
        """Erase the details of a campaign's events, except for events of these kinds."""
        ...


class ReportStore(Clock, Protocol):
    """Handled reports, and the claims on messages whose report is being handled."""

    async def statuses(self, message_id: str) -> Collection[str]:
        """Return the handled statuses of a message, in any order."""
        ...

    async def report_claim(self, message_id: str) -> ReportClaim | None:
        """Return the claim on a message, even if its lease has expired."""
        ...

    async def write_report_claim(self, message_id: str, claim: ReportClaim) -> None:
        """Write the claim on a message, replacing an existing one."""
        ...

    async def delete_report_claim(self, message_id: str, owner: str) -> None:
        """Delete an owner's claim on a message, if it exists."""
        ...

    async def insert_status(self, message_id: str, status: str) -> None:
        """Record that a status was handled, unless it is recorded.

        A claim on the same message and status is deleted, even another owner's.
        """
        ...


class OptOutStore(Clock, Protocol):
    """Opt-outs and opt-ins. Events are only added; the last one of a number counts."""

    async def insert_opt_out(self, event: OptOutEvent) -> bool:
        """Insert an event unless its message is recorded; return whether it was inserted."""
        ...

    async def last_opt_out(self, number: str) -> OptOutEvent | None:
        """Return the last event of a number, or None if it has none."""
        ...

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        """Return the events of a number, in order."""
        ...

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        """Return the numbers whose last event is an opt-out."""
        ...

    async def opt_out_page(self, *, after: str, limit: int) -> Sequence[OptOutEvent]:
        """Return the last events that are opt-outs, after a number, ordered by number."""
        ...

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        """Return the net changes of all events after a key."""
        ...

    async def opt_out_list(self) -> str:
        """Return the unique id of the list."""
        ...


class KeyStore(Clock, Protocol):
    """Idempotency keys, by their hashes."""

    async def key_record(self, key_hash: str) -> KeyRecord | None:
        """Return a key, or None if there is none."""
        ...

    async def write_key(self, record: KeyRecord) -> None:
        """Insert a key, or update its request, its response and its time of change."""
        ...

    async def keys_with(self, message_id: str, *, found: bool = False) -> Sequence[KeyRecord]:
        """Return the keys with this message or batch, including doubles.

        Args:
            message_id: the id of the message or the batch.
            found: only keys that were found with it, without doubles.
        """
        ...

    async def keys_in_doubt(self) -> Sequence[KeyRecord]:
        """Return the keys whose requests are *sending* or *unknown*."""
        ...

    async def delete_keys(self, before: float) -> int:
        """Delete keys last changed before a time, except unknown ones; return their number."""
        ...


class RequestStore(CampaignStore, KeyStore, Protocol):
    """All requests: the chunks of campaigns, and idempotency keys."""


class ClaimStore(CampaignStore, OptOutStore, Protocol):
    """The statements of a claim."""


class Store(ErasureStore, RequestStore, ReportStore, OptOutStore, Protocol):
    """All statements of a journal."""


def run(rule: Coroutine[Any, Any, T]) -> T:
    """Run a rule to its end over a store that never waits."""
    try:
        rule.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    rule.close()
    raise AssertionError("a store used with run() must not wait")
