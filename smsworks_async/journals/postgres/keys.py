"""The statements of idempotency keys in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from smsworks_async.journals import rows
from smsworks_async.journals.key_records import KeyRecord, pack, unpack
from smsworks_async.journals.postgres.statements import Statements


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

_OWN: Final = ("key_hash", "operation", "fields", "found_by", "answer", "changed")
_COLUMNS: Final = (*_OWN, *rows.REQUEST)
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM smsworks.idempotency_key"
_WRITE: Final = (
    f"INSERT INTO smsworks.idempotency_key ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 1))}) "
    "ON CONFLICT (key_hash) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_OF_KEY: Final = f"{_SELECT} WHERE key_hash = $1"
_WITH_MESSAGE: Final = (
    f"{_SELECT} WHERE batch_id = $1 OR (doubles IS NOT NULL AND doubles::jsonb ? $1) "
    "ORDER BY key_hash"
)
_FOUND_WITH: Final = f"{_SELECT} WHERE batch_id = $1 AND found ORDER BY key_hash"


def _read(row: Sequence[Any]) -> KeyRecord:
    key_hash, operation, fields, found_by, answer, changed, *request = row
    return KeyRecord(
        key_hash=key_hash,
        operation=operation,
        fields=unpack(fields),
        found_by=found_by,
        request=rows.request(request),
        answer=unpack(answer),
        changed=changed,
    )


class PostgresKeys(Statements):
    """A `KeyStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()

    async def key_record(self, key_hash: str) -> KeyRecord | None:
        row = await self._row(self._locking(_OF_KEY), key_hash)
        if row is None and self._locks:
            # There is no row to lock yet. The inserting transaction holds this lock until it
            # commits.
            await self._lock("key", key_hash)
            row = await self._row(self._locking(_OF_KEY), key_hash)
        return None if row is None else _read(row)

    async def write_key(self, record: KeyRecord) -> None:
        own = (record.key_hash, record.operation, pack(record.fields), record.found_by)
        values = (*own, pack(record.answer), record.changed, *rows.request_values(record.request))
        self._write(_WRITE, *values)

    async def keys_with(self, message_id: str, *, found: bool = False) -> Sequence[KeyRecord]:
        await self._lock_batch(message_id)
        query = _FOUND_WITH if found else _WITH_MESSAGE
        return list(map(_read, await self._rows(self._locking(query), message_id)))

    async def keys_in_doubt(self) -> Sequence[KeyRecord]:
        return list(
            map(_read, await self._rows(f"{_SELECT} WHERE state IN ('sending', 'unknown')"))
        )

    async def delete_keys(self, before: float) -> int:
        deleted = await self._rows(
            "DELETE FROM smsworks.idempotency_key WHERE changed < $1 "
            "AND state IN ('pending', 'accepted', 'rejected') RETURNING 1",
            before,
        )
        return len(deleted)

    async def _lock_batch(self, batch_id: str) -> None:
        """Prevent others from recording this batch or message until the transaction ends."""
        if self._locks and ("batch", batch_id) not in self._held:
            await self._row("SELECT smsworks.lock_batch($1)", batch_id)
            self._held.add(("batch", batch_id))
