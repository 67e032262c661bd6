"""The journal of the model: the package's own, one state at a time."""

from __future__ import annotations

from typing import Any

import attrs

from smsworks_async.bulk import options
from smsworks_async.bulk.campaign import search
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.bulk.payloads import SharedText
from smsworks_async.journals import Campaign, MemoryJournal, PlannedChunk, State, memory
from smsworks_async.journals.records import ChunkRecord
from smsworks_async.models.incoming import MessageRecord
from support.exploration.world import (
    OLDEST,
    TIMEOUT,
    Bound,
    Message,
)


TEXT = {"sender": "AcmeCorp", "content": "Hello"}


PAYLOAD = SharedText(TEXT)


# Spellings of one campaign name.
NAMES = ("caf\u00e9", "cafe\u0301 ")


def done(coroutine: Any) -> Any:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


Chunks = tuple[tuple[str, tuple[ChunkRecord, ...]], ...]


class Journals:
    """All possible journals, by number, and the transitions between them.

    Each transition is the package's own, and is cached by journal, clock and arguments, on which
    alone it depends.
    """

    def __init__(self, bound: Bound, recipients: list[str]) -> None:
        self.bound = bound
        self.recipients = recipients
        self.planned = {
            number: PlannedChunk(
                number=number,
                items=recipient,
                positions=str(number),
                size=1,
                international=False,
                credits=1.0,
            )
            for number, recipient in enumerate(recipients)
        }
        self._journals: list[Chunks] = []
        self._numbers: dict[Chunks, int] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def chunks(self, journal: int) -> Chunks:
        """Return the chunks of each campaign of a journal."""
        return self._journals[journal]

    def entry(self, journal: int, name: str, number: int) -> ChunkRecord:
        """Return one chunk."""
        return dict(self._journals[journal])[name][number]

    def planning(self) -> int:
        """Return the journal after every process has planned, with any spelling of the name."""
        journal = MemoryJournal(clock=lambda: 0.0)
        for name in map(options.check_campaign, NAMES):
            done(journal.begin(_campaign(name)))
            done(journal.plan(name, list(self.planned.values()), []))
        return self._number(journal)

    def after(
        self, journal: int, clock: float, method: str, *arguments: Any, **named: Any
    ) -> tuple[Any, int]:
        """Call a method of the package's journal; return its result and the new journal."""
        key = (journal, clock, method, arguments, *named.items())
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, clock)
            answer = done(getattr(opened, method)(*arguments, **named))
            known = self._known[key] = (answer, self._number(opened))
        return known  # type: ignore[no-any-return]

    def look(
        self, journal: int, clock: float, name: str, number: int, seen: tuple[Message, ...]
    ) -> tuple[ChunkRecord | None, Finding | None, int]:
        """Expire leases, and search for a chunk; None if it is not unknown."""
        key = (journal, clock, "look", name, number, seen)
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, clock)
            done(opened.expire_leases(name))
            doubts = {entry.number: entry for entry in done(opened.unknown_chunks(name))}
            entry, finding = doubts.get(number), None
            if entry is not None:
                gateway = Gateway(self, seen)
                looking = search.ChunkSearch(opened, name, PAYLOAD, gateway)  # type: ignore[arg-type]
                finding = done(looking.look(entry))
            known = self._known[key] = (entry, finding, self._number(opened))
        return known  # type: ignore[no-any-return]

    def older(self, journal: int) -> int:
        """Let a second pass."""
        key = (journal, "older")
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, 0.0)
            for tables in opened.store.campaigns:
                tables.records = {n: _older(entry) for n, entry in tables.records.items()}
            known = self._known[key] = self._number(opened)
        return known  # type: ignore[no-any-return]

    def open(self, journal: int, clock: float) -> MemoryJournal:
        """Open a journal."""
        opened = MemoryJournal(clock=lambda: clock)
        for name, entries in self._journals[journal]:
            records = dict(enumerate(entries))
            tables = memory.Tables(_campaign(name), records=records, planned=self.planned)
            opened.store.campaigns.append(tables)
        return opened

    def _number(self, journal: MemoryJournal) -> int:
        chunks = tuple(
            (tables.campaign.id, tuple(map(_capped, tables.records.values())))
            for tables in journal.store.campaigns
        )
        number = self._numbers.get(chunks)
        if number is None:
            number = self._numbers[chunks] = len(self._journals)
            self._journals.append(chunks)
        return number


class Gateway:
    """The search results for the visible messages."""

    timeout = TIMEOUT

    def __init__(self, journals: Journals, seen: tuple[Message, ...]) -> None:
        self._journals = journals
        self._seen = seen

    async def now(self) -> None:
        return None

    def _record(self, message: Message) -> MessageRecord:
        return MessageRecord(
            message.batch_id,
            batch_id=message.batch_id if self._journals.bound.shows_batch_ids else None,
            destination=self._journals.recipients[message.chunk],
            content=TEXT["content"],
        )

    async def iterate(self, *, destination: str, **_: Any) -> Any:
        for record in map(self._record, self._seen):
            if record.destination == destination:
                yield record

    async def get(self, batch_id: str) -> list[MessageRecord]:
        return [self._record(m) for m in self._seen if m.batch_id == batch_id]


def _campaign(name: str) -> Campaign:
    return Campaign(id=name, kind="send", message=TEXT, chunk_size=1, deduplicate=True)


def _capped(entry: ChunkRecord) -> ChunkRecord:
    """Remove fields that affect no decision: owner, start time, and a settled lease."""
    began = None if entry.began is None else 0.0
    lease = entry.lease if entry.state in {State.SENDING, State.UNKNOWN} else None
    return attrs.evolve(entry, owner="", began=began, lease=lease)


def _older(entry: ChunkRecord) -> ChunkRecord:
    lease = entry.lease
    return entry if lease is None else attrs.evolve(entry, lease=max(lease - 1, -OLDEST))
