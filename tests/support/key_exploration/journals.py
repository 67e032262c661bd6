"""The keys of the model: the package's journal and search, one state at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async._idempotency.answers import id_field, pack_answer
from smsworks_async._idempotency.doubts import KeyDoubts, found_by
from smsworks_async._idempotency.fingerprints import hash_fields, hash_key
from smsworks_async.bulk.campaign.evidence import Finding
from smsworks_async.journals import MemoryJournal
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import ChunkRecord, State, pack_error
from smsworks_async.models.incoming import Batch, SentMessage, SentOTP
from smsworks_async.models.otp import OTPRequest
from smsworks_async.models.outgoing import BatchMessage, Message
from smsworks_async.models.report import BatchOutcome
from smsworks_async.resources._calls import Call, Send
from support.exploration.journals import done
from support.exploration.world import LEASE
from support.key_exploration import world
from support.key_exploration.gateway import NUMBERS, TEXTS, Gateway
from support.key_exploration.world import Bound, Made


OWNER: Final = "p"

_SENDS: Final[Mapping[str, Send[Any]]] = {
    "message": Send("messages.send", Operation("POST", "/message/send"), SentMessage),
    "batch": Send("batches.send", Operation("POST", "/batch/send"), Batch),
    "passcode": Send("otp.send", Operation("POST", "/otp/send", passcodes=True), SentOTP),
}


async def _allow() -> None:
    """Continue a call."""


def _call(bound: Bound, made: Made) -> Call[Any]:
    sender, content = "AcmeCorp", TEXTS[made.text]
    message: Any
    if bound.kind == "message":
        message = Message(sender=sender, destination=NUMBERS[0], content=content)
    elif bound.kind == "batch":
        message = BatchMessage(sender=sender, destinations=NUMBERS, content=content)
    else:
        message = OTPRequest(sender=sender, destination=NUMBERS[0])
    return Call(_SENDS[bound.kind], (message,), _allow)


class Journals:
    """All possible journals, by number, and the transitions between them.

    Each transition is the package's own, and is cached by journal, clock and arguments, on which
    alone it depends.
    """

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.into = _SENDS[bound.kind].into
        self._calls = {made: _call(bound, made) for made in bound.calls}
        self._hashes = [hash_key(f"order-{key}", "http://127.0.0.1") for key in range(2)]
        self._fields = {
            made: hash_fields(f"order-{made.key}", call.messages)
            for made, call in self._calls.items()
        }
        self._journals: list[tuple[KeyRecord, ...]] = []
        self._numbers: dict[Hashable, int] = {}
        self._known: dict[tuple[Any, ...], Any] = {}
        self._errors: dict[str | None, Any] = {}
        self._confirmations: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def hash_of(self, key: int) -> str:
        """Return the hash of a key."""
        return self._hashes[key]

    def record(self, journal: int, key: int) -> KeyRecord | None:
        """Return a stored key, without checking its lease."""
        found = (kept for kept in self._journals[journal] if kept.key_hash == self._hashes[key])
        return next(found, None)

    def records(self, journal: int) -> tuple[KeyRecord, ...]:
        """Return all stored keys."""
        return self._journals[journal]

    def empty(self) -> int:
        """Return the journal without keys."""
        return self._number(MemoryJournal(clock=lambda: 0.0))

    def difference(self, kept: KeyRecord, made: Made) -> str | None:
        """Return the difference between a call and the earlier call of the key."""
        return kept.difference(self._calls[made].send.name, self._fields[made])

    # Transitions

    def key(self, journal: int, clock: float, made: Made) -> tuple[KeyRecord | None, int]:
        """Read a key."""
        key_hash = self._hashes[made.key]
        which = ("key", made.key)
        return self._after(journal, clock, which, lambda opened: opened.key(key_hash))

    def claim(self, journal: int, clock: float, made: Made) -> tuple[KeyRecord, int]:
        """Claim a key."""

        def claim(opened: MemoryJournal) -> Any:
            call = self._calls[made]
            return opened.claim_key(
                self._hashes[made.key],
                operation=call.send.name,
                fields=self._fields[made],
                found_by=found_by(call.send, call.messages[0]),
                owner=OWNER,
                lease=LEASE,
            )

        return self._after(journal, clock, ("claim", made), claim)

    def resend(
        self, journal: int, clock: float, made: Made, attempt: int, wait: float
    ) -> tuple[KeyRecord | None, int]:
        """Claim an unknown key."""

        def resend(opened: MemoryJournal) -> Any:
            which = (self._hashes[made.key], attempt, wait)
            return opened.resend_key(*which, owner=OWNER, lease=LEASE)

        return self._after(journal, clock, ("resend", made, attempt, wait), resend)

    def finish(
        self, journal: int, clock: float, made: Made, attempt: int, outcome: BatchOutcome
    ) -> tuple[KeyRecord, int]:
        """Record an outcome."""

        def finish(opened: MemoryJournal) -> Any:
            # `finish_key` uses only the attempt of the claim.
            claimed = ChunkRecord(
                number=0, size=1, international=False, credits=0.0, attempt=attempt, owner=OWNER
            )
            answer = {}
            if outcome.batch_id is not None:
                answer = pack_answer(self.into(**{id_field(self.into): outcome.batch_id}))
            return opened.finish_key(self._hashes[made.key], claimed, outcome, answer)

        said = (outcome.outcome, outcome.batch_id, pack_error(outcome.error))
        return self._after(journal, clock, ("finish", made.key, attempt, *said), finish)

    def look(
        self, journal: int, clock: float, made: Made, seen: tuple[world.Message, ...]
    ) -> tuple[ChunkRecord | None, Finding | None, tuple[Any, ...] | None, int]:
        """Search for a call if it is unknown; return the argument for `confirm` if it is found."""

        async def look(opened: MemoryJournal) -> Any:
            asked = _Asked(opened)
            gateway: Any = Gateway(self.bound, self._hashes, seen)
            doubts = KeyDoubts(
                asked,  # type: ignore[arg-type]
                self._hashes[made.key],
                self._calls[made],
                gateway,
            )
            entries = await doubts.unknown()
            if not entries:
                return None, None, None
            finding = await doubts.look(entries[0])
            if asked.confirmed is None:
                return entries[0], finding, None
            _, attempt, message_id, answer = asked.confirmed
            found = (attempt, message_id, asked.named["is_marked"])
            self._confirmations[made, found] = (answer, asked.named["size"])
            return entries[0], finding, found

        (entry, finding, found), after = self._after(journal, clock, ("look", made, seen), look)
        return entry, finding, found, after

    def confirm(
        self, journal: int, clock: float, made: Made, found: tuple[int, str, bool]
    ) -> tuple[bool, int]:
        """Accept the result of a search."""

        def confirm(opened: MemoryJournal) -> Any:
            answer, size = self._confirmations[made, found]
            attempt, message_id, is_marked = found
            which = (self._hashes[made.key], attempt, message_id, answer)
            return opened.confirm_key(*which, size=size, is_marked=is_marked)

        return self._after(journal, clock, ("confirm", made, found), confirm)

    def older(self, journal: int) -> int:
        """Let a second pass."""
        known = self._known.get((journal, "older"))
        if known is None:
            records = tuple(map(self._older, self._journals[journal]))
            known = self._known[journal, "older"] = self._keep(records)
        older: int = known
        return older

    def _after(
        self, journal: int, clock: float, which: tuple[Any, ...], step: Callable[..., Any]
    ) -> tuple[Any, int]:
        key = (journal, clock, *which)
        known = self._known.get(key)
        if known is None:
            opened = self.open(journal, clock)
            answer = done(step(opened))
            known = self._known[key] = (answer, self._number(opened))
        return known  # type: ignore[no-any-return]

    def open(self, journal: int, clock: float) -> MemoryJournal:
        """Open a journal."""
        opened = MemoryJournal(clock=lambda: clock)
        for kept in self._journals[journal]:
            done(opened.store.write_key(kept))
        return opened

    def _number(self, journal: MemoryJournal) -> int:
        records = (done(journal.store.key_record(key_hash)) for key_hash in self._hashes)
        return self._keep(tuple(self._capped(kept) for kept in records if kept is not None))

    def _keep(self, records: tuple[KeyRecord, ...]) -> int:
        # The fields follow from the call, but a mutant may use another's.
        same = tuple(
            (r.key_hash, r.request, json.dumps(r.answer), tuple(r.fields.values())) for r in records
        )
        number = self._numbers.get(same)
        if number is None:
            number = self._numbers[same] = len(self._journals)
            self._journals.append(records)
        return number

    def _capped(self, kept: KeyRecord) -> KeyRecord:
        """Remove fields that affect no decision: owner, start time, and a settled lease."""
        request = kept.request
        in_doubt = request.state in {State.SENDING, State.UNKNOWN}
        capped = attrs.evolve(
            request,
            owner="",
            began=None if request.began is None else 0.0,
            lease=request.lease if in_doubt else None,
            # Errors are compared by value: each transition creates a new one.
            error=self._errors.setdefault(pack_error(request.error), request.error),
        )
        return attrs.evolve(kept, request=capped, changed=0.0)

    def _older(self, kept: KeyRecord) -> KeyRecord:
        lease = kept.request.lease
        if lease is None:
            return kept
        lease = max(lease - 1, -self.bound.oldest)
        return attrs.evolve(kept, request=attrs.evolve(kept.request, lease=lease))


class _Asked:
    """A journal in which a search confirms its result later, in a separate step."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.now, self.key, self.is_held = journal.now, journal.key, journal.is_held
        self.confirmed: tuple[Any, ...] | None = None
        self.named: dict[str, Any] = {}

    async def confirm_key(self, *which: Any, **named: Any) -> bool:
        self.confirmed, self.named = which, named
        return True
