"""The idempotency keys of a journal in memory."""

from __future__ import annotations

from collections.abc import Sequence

from smsworks_async.journals.key_records import KeyRecord
from smsworks_async.journals.records import State


_SETTLED = frozenset({State.PENDING, State.ACCEPTED, State.REJECTED})


class MemoryKeys:
    """A `KeyStore` of a dictionary. The protocol documents the methods."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, KeyRecord] = {}

    async def key_record(self, key_hash: str) -> KeyRecord | None:
        return self._keys.get(key_hash)

    async def write_key(self, record: KeyRecord) -> None:
        self._keys[record.key_hash] = record

    async def keys_with(self, message_id: str, *, found: bool = False) -> Sequence[KeyRecord]:
        requests = [(kept, kept.request) for kept in self._keys.values()]
        if found:
            return [kept for kept, r in requests if r.found and r.batch_id == message_id]
        return [kept for kept, r in requests if message_id in {r.batch_id, *r.doubles}]

    async def keys_in_doubt(self) -> Sequence[KeyRecord]:
        return [kept for kept in self._keys.values() if kept.request.state not in _SETTLED]

    async def delete_keys(self, before: float) -> int:
        settled = [
            key_hash
            for key_hash, kept in self._keys.items()
            if kept.request.state in _SETTLED and kept.changed < before
        ]
        for key_hash in settled:
            del self._keys[key_hash]
        return len(settled)
