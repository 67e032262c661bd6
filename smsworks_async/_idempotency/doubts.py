"""The search for a keyed call whose outcome is unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from smsworks_async._idempotency.answers import answer_found
from smsworks_async.bulk.campaign.candidates import MessageSearch, Probe, named_by_the_answer
from smsworks_async.bulk.campaign.evidence import (
    WRONG,
    Candidate,
    Finding,
    Marks,
    Request,
    window,
)
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.timer import request_time
from smsworks_async.journals import Journal
from smsworks_async.journals.key_records import FoundBy, KeyRecord
from smsworks_async.journals.records import ChunkRecord, State
from smsworks_async.models.incoming import Batch
from smsworks_async.models.outgoing import KEY
from smsworks_async.resources._calls import Call, Send


def found_by(send: Send[Any], message: Any) -> FoundBy:
    """Return how a search identifies the messages of a call."""
    if send.operation.passcodes:
        return "nothing"  # passcodes cannot be distinguished
    return "mark" if hasattr(message, "metadata") else "recipients"


class KeyDoubts:
    """One keyed call, if it is unknown; implements `reconciler.Doubts`.

    Args:
        journal: the journal with the key.
        key_hash: the key's hash.
        call: the call.
        gateway: the API.
    """

    def __init__(
        self, journal: Journal, key_hash: str, call: Call[Any], gateway: BulkGateway
    ) -> None:
        self._journal = journal
        self._key_hash = key_hash
        self._call = call
        self._gateway = gateway
        self._found_by: Final = found_by(call.send, call.messages[0])
        self._numbers = [number for one in call.messages for number in _numbers(one)]
        at = getattr(call.messages[0], "at", None)
        self._at = None if at is None else at.timestamp()
        self._search = MessageSearch(gateway, journal.is_held)
        self.now = journal.now
        self.request_time = request_time(gateway.timeout)

    async def unknown(self) -> Sequence[ChunkRecord]:
        """Return the call's request, if it is unknown now."""
        kept: KeyRecord | None = await self._journal.key(self._key_hash)
        if kept is None or kept.request.state is not State.UNKNOWN:
            return []
        return [kept.request]

    async def prepare(self) -> None:
        """Read the list of scheduled messages, if the call may be in it."""
        if self._at is not None:
            await self._search.read_scheduled()

    async def look(self, entry: ChunkRecord) -> Finding:
        """Search once for the request, and accept it if it is found."""
        theirs, ours = await self._gateway.now(), await self._journal.now()
        since, until = window(
            entry,
            began=entry.began,
            request_time=self.request_time,
            ahead=0.0 if theirs is None else theirs - ours,
        )
        request = Request(
            recipients=Counter(self._numbers),
            since=since,
            until=until,
            # A process that makes a single call has had no response yet that tells the time.
            searched_since=since - WRONG if entry.ahead is None else since,
            at=self._at,
            is_single=self._call.send.into is not Batch,
        )
        named = named_by_the_answer(entry)
        finding, found = await self._search.look(self._probes(), request, named)
        if finding is not Finding.FOUND:
            return finding
        is_named = found[0].is_named
        if self._found_by == "nothing" and not is_named:
            return Finding.TRACE
        return await self._accept(entry, found[0])

    def _probes(self) -> list[Probe]:
        """Return a few messages of the request: its first, middle and last one."""
        size = len(self._numbers)
        marks = {KEY: self._key_hash} if self._found_by == "mark" else {}
        probes = []
        for index in sorted({0, size // 2, size - 1}):
            message = self._call.messages[index if self._call.send.is_list else 0]
            reworded = getattr(message, "ai", None)
            probes.append(
                Probe(
                    destination=self._numbers[index],
                    sender=message.sender,
                    content=None if reworded else getattr(message, "content", None),
                    marks=marks,
                )
            )
        return probes

    async def _accept(self, entry: ChunkRecord, found: Candidate) -> Finding:
        into = self._call.send.into
        message_id = found.batch_id if into is Batch else found.message_id
        if message_id is None:  # a record without an id is never found
            raise AssertionError
        taken = await self._journal.confirm_key(
            self._key_hash,
            entry.attempt,
            message_id,
            answer_found(message_id, into),
            size=len(self._numbers),
            is_marked=found.marks is Marks.OWN or found.is_named,
        )
        # Otherwise it may belong to another request in flight, or this one has changed.
        return Finding.FOUND if taken else Finding.TRACE

    def describe(self, _: ChunkRecord) -> str:
        """Return the name of the call for the log."""
        return f"the outcome of {self._call.send.name} (key hash {self._key_hash[:8]})"


def _numbers(message: Any) -> Sequence[str]:
    several: Sequence[str] | None = getattr(message, "destinations", None)
    return (message.destination,) if several is None else several
