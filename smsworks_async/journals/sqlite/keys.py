"""The statements of idempotency keys in an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from smsworks_async.journals import rows
from smsworks_async.journals.key_records import KeyRecord, pack, unpack


# Only column names are formatted into the statements below; values are always bound.
# ruff: noqa: S608

_OWN: Final = ("key_hash", "operation", "fields", "found_by", "answer", "changed")
_SELECT: Final = f"SELECT {', '.join(_OWN)}, {', '.join(rows.REQUEST)} FROM idempotency_key"
_WRITE: Final = (
    f"INSERT OR REPLACE INTO idempotency_key ({', '.join((*_OWN, *rows.REQUEST))}) "
    f"VALUES ({', '.join('?' * len((*_OWN, *rows.REQUEST)))})"
)
_WITH_MESSAGE: Final = (
    f"{_SELECT} WHERE batch_id = ? UNION ALL {_SELECT}, json_each(doubles) "
    "WHERE doubles IS NOT NULL AND value = ?"
)
_FOUND_WITH: Final = f"{_SELECT} WHERE batch_id = ? AND found = 1"


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


class SQLiteKeys:
    """A `KeyStore` within one transaction. The protocol documents the methods."""

    __slots__ = ()
    _db: sqlite3.Connection

    async def key_record(self, key_hash: str) -> KeyRecord | None:
        row = self._db.execute(f"{_SELECT} WHERE key_hash = ?", (key_hash,)).fetchone()
        return None if row is None else _read(row)

    async def write_key(self, record: KeyRecord) -> None:
        own = (record.key_hash, record.operation, pack(record.fields), record.found_by)
        values = (*own, pack(record.answer), record.changed, *rows.request_values(record.request))
        self._db.execute(_WRITE, values)

    async def keys_with(self, message_id: str, *, found: bool = False) -> Sequence[KeyRecord]:
        if found:
            return list(map(_read, self._db.execute(_FOUND_WITH, (message_id,))))
        return list(map(_read, self._db.execute(_WITH_MESSAGE, (message_id, message_id))))

    async def keys_in_doubt(self) -> Sequence[KeyRecord]:
        found = self._db.execute(f"{_SELECT} WHERE state IN ('sending', 'unknown')")
        return list(map(_read, found))

    async def delete_keys(self, before: float) -> int:
        deleted = self._db.execute(
            "DELETE FROM idempotency_key WHERE changed < ? "
            "AND state IN ('pending', 'accepted', 'rejected')",
            (before,),
        )
        return deleted.rowcount
