"""The record of an idempotency key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from smsworks_async.journals.records import ChunkRecord, State


#: Keys whose calls ended less than this many seconds ago are never removed: 30 days.
KEPT_FOR: Final = 30 * 86400.0

#: How a search identifies the messages of a call: by marks in their metadata, by their recipients
#: and text, or not at all, as for one-time passwords.
FoundBy = Literal["mark", "recipients", "nothing"]


def new_request() -> ChunkRecord:
    """Return the request of a new key: a chunk that was planned and never sent."""
    return ChunkRecord(number=0, size=1, international=False, credits=0.0)


@attrs.frozen(kw_only=True)
class KeyRecord:
    """The stored record of an idempotency key.

    It contains neither the key itself nor numbers or texts.

    Attributes:
        key_hash: a hash of the key and of the API's address.
        operation: the operation, such as ``"messages.send"``.
        fields: a hash of each field of the call, by the field's name.
        found_by: how a search identifies its messages.
        request: its request as a chunk, with the same transitions. For a single message the
            ``batch_id`` is the message's id.
        answer: the known fields of the response, once it was accepted.
        changed: when it last changed, in POSIX seconds of the journal's clock.
    """

    key_hash: str
    operation: str
    fields: Mapping[str, str] = attrs.field(repr=False)
    found_by: FoundBy
    request: ChunkRecord = attrs.field(factory=new_request)
    answer: Mapping[str, Any] = attrs.field(factory=dict)
    changed: float = 0.0

    @property
    def is_free(self) -> bool:
        """Return whether a call may make a request: there was none, or none that sent anything."""
        return self.request.state in {State.PENDING, State.REJECTED}

    def difference(self, operation: str, fields: Mapping[str, str]) -> str | None:
        """Return the first difference between a call and this one, or None."""
        if operation != self.operation:
            return f"the operation ({self.operation})"
        names = [*self.fields, *fields]
        return next((n for n in names if self.fields.get(n) != fields.get(n)), None)


def pack(values: Mapping[str, Any]) -> str:
    """Return hashes, or a response's fields, as JSON."""
    return json.dumps(values, separators=(",", ":"))


def unpack(packed: str) -> Mapping[str, Any]:
    """Return the mapping from the JSON of `pack`."""
    unpacked: Mapping[str, Any] = json.loads(packed)
    return unpacked
