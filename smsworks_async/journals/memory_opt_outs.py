"""The opt-outs of a journal in memory."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from smsworks_async.models.opt_outs import OptOutChanges, OptOutEvent


class MemoryOptOuts:
    """An `OptOutStore` of lists. The protocol documents the methods."""

    def __init__(self) -> None:
        super().__init__()
        self._list_id = uuid.uuid4().hex
        # The key of an event is its index in this list plus 1.
        self._opt_outs: list[OptOutEvent] = []
        self._last: dict[str, OptOutEvent] = {}
        self._opt_out_messages: set[str] = set()

    async def insert_opt_out(self, event: OptOutEvent) -> bool:
        if event.message_id in self._opt_out_messages:
            return False
        if event.message_id:
            self._opt_out_messages.add(event.message_id)
        self._opt_outs.append(event)
        self._last[event.number] = event
        return True

    async def last_opt_out(self, number: str) -> OptOutEvent | None:
        return self._last.get(number)

    async def opt_out_events(self, number: str) -> Sequence[OptOutEvent]:
        return [event for event in self._opt_outs if event.number == number]

    async def opted_out(self, numbers: Sequence[str]) -> Collection[str]:
        return {n for n in numbers if n in self._last and self._last[n].change == "out"}

    async def opt_out_page(self, *, after: str, limit: int) -> Sequence[OptOutEvent]:
        found = sorted(number for number in self._last if number > after)
        return [last for n in found if (last := self._last[n]).change == "out"][:limit]

    async def opt_out_changes(self, after: int) -> OptOutChanges:
        events = enumerate(self._opt_outs[max(after, 0) :], max(after, 0) + 1)
        return OptOutChanges.of(after, ((key, e.number, e.change == "out") for key, e in events))

    async def opt_out_list(self) -> str:
        return self._list_id
