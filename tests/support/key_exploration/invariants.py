"""The invariants of the model of calls with idempotency keys."""

from __future__ import annotations

from typing import Any, Final

from smsworks_async._idempotency.answers import id_field
from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import State
from support.key_exploration.journals import Journals
from support.key_exploration.world import Bound, Message, World, as_shown, is_of


#: A time at which all leases and watches have ended, by any clock of the model.
_MUCH_LATER: Final = 1000.0
#: In these states a call may make a request.
_FREE: Final = frozenset({State.PENDING, State.REJECTED})


class Invariants:
    """The invariants within a bound."""

    def __init__(self, bound: Bound, journals: Journals) -> None:
        self._bound = bound
        self._journals = journals
        self._settled: dict[tuple[Any, ...], str | None] = {}

    def problem(self, world: World) -> str | None:
        """Return the violation in a state, or an empty result."""
        if world.wrong:
            return world.wrong
        for key in {made.key for made in self._bound.calls}:
            got = [m for m in world.messages if m.made.key == key]
            if len(got) > self._most(world, key):
                return f"key {key} is accepted {len(got)} times"
            kept = self._journals.record(world.journal, key)
            reason = self._misjudged(world, key, kept, got)
            if reason is not None:
                return reason
        return self._shared(world) or self._stays_in_doubt(world)

    def _most(self, world: World, key: int) -> int:
        """Return how often a key may have been accepted.

        If two keys have batches with the same recipients and text, and neither can get a response
        any more, each may be assigned either batch. The other key is then resent, so there can be
        two in total.
        """
        if not self._bound.resends:
            return 1
        alike = world.messages
        if self._bound.kind != "batch":
            alike = tuple(m for m in alike if m.made.key == key)
        if any(message.hidden for message in alike):
            return len(alike)
        others = sum(m.made.key != key for m in alike)
        keys = len({made.key for made in self._bound.calls}) if self._bound.kind == "batch" else 1
        return keys - others

    def _misjudged(
        self, world: World, key: int, kept: KeyRecord | None, got: list[Message]
    ) -> str | None:
        """Return the violation in a key's record."""
        if kept is None or kept.request.state in _FREE:
            if got:
                return f"key {key} is free, and was accepted"
            if any(request.made.key == key for request in world.wire):
                return f"key {key} is free, and is on its way"
            return None
        request = kept.request
        if request.state is State.ACCEPTED and kept.answer.get(id_field(self._journals.into)) != (
            request.batch_id
        ):
            return f"key {key} has {request.batch_id}, and another's answer"
        lost = [m for m in got if m.answered]
        if any(m.message_id not in {request.batch_id, *request.doubles} for m in lost):
            return f"key {key} does not have what it was answered with"
        return None

    def _shared(self, world: World) -> str | None:
        """Return a message that two keys have, or that one has while another waits for it."""
        held = [
            (kept, one)
            for kept in self._journals.records(world.journal)
            for one in (kept.request.batch_id, *kept.request.doubles)
            if one is not None
        ]
        ids = [one for _, one in held]
        if len(set(ids)) < len(ids):
            return f"two keys have the same of {', '.join(sorted(ids))}"
        if not self._bound.prompt:
            return None
        for kept, one in held:
            taken = [
                m
                for m in world.messages
                if m.message_id == one and self._journals.hash_of(m.made.key) != kept.key_hash
            ]
            if any(p.doing == "waiting" and is_of(p, m) for p in world.processes for m in taken):
                return f"{one} is taken for another key's, and may still be answered"
        return None

    def _stays_in_doubt(self, world: World) -> str | None:
        """Return a key that stays unknown after all leases have ended and the search shows all."""
        searched = self._bound.kind == "batch" or self._bound.shows_marks
        if self._bound.kind == "passcode" or not searched:
            return None
        shown = tuple(sorted(map(as_shown, world.messages)))
        if not shown:
            return None
        if (world.journal, shown) not in self._settled:
            self._settled[world.journal, shown] = self._settle(world.journal, shown)
        return self._settled[world.journal, shown]

    def _settle(self, journal: int, shown: tuple[Message, ...]) -> str | None:
        for made in self._bound.calls:
            kept = self._journals.record(journal, made.key)
            if kept is None or self._journals.difference(kept, made) is not None:
                continue
            *_, found, journal = self._journals.look(journal, _MUCH_LATER, made, shown)
            if found is not None:
                _, journal = self._journals.confirm(journal, _MUCH_LATER, made, found)
        accepted = [
            kept for kept in self._journals.records(journal) if kept.request.state is State.ACCEPTED
        ]
        if len(accepted) < len({m.made.key for m in shown}):
            return f"only {len(accepted)} keys are accepted in the end, of {len(shown)} messages"
        return None
