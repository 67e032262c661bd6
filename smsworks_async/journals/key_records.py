"""The record of an idempotency key: a call that may be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from smsworks_async.journals.records import ChunkRecord, State


#: Keys whose calls ended less than this many seconds ago are never removed: 30 days.
KEPT_FOR: Final = 30 * 86400.0

#: How a search tells what one call has sent from what others have: by marks that the messages
#: carry, by their recipients and text, or not at all, which is so for one-time passwords.
FoundBy = Literal["mark", "recipients", "nothing"]


def new_request() -> ChunkRecord:
    """Return the request of a key that is new: a chunk that was planned, and never sent."""
    return ChunkRecord(number=0, size=1, international=False, credits=0.0)


@attrs.frozen(kw_only=True)
class KeyRecord:
    """What a journal keeps of an idempotency key.

    Neither the key itself nor a number or text is in it.

    Attributes:
        key_hash: a hash of the key and of the API's address.
        operation: what was called, such as ``"messages.send"``.
        fields: a hash of each field of the call, by the field's name.
        found_by: how a search tells its messages from others.
        request: its request, as a chunk of its own: the same transitions lead from state to state.
            The ``batch_id`` is the id of its message where it is about one.
        answer: the known fields of the answer, once it was accepted.
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
        """Whether a call may make a request: there was none, or what there was sent nothing."""
        return self.request.state in {State.PENDING, State.REJECTED}

    def difference(self, operation: str, fields: Mapping[str, str]) -> str | None:
        """Name the first thing in which a call is not this one, or None."""
        if operation != self.operation:
            return f"the operation ({self.operation})"
        names = [*self.fields, *fields]
        return next((n for n in names if self.fields.get(n) != fields.get(n)), None)


def pack(values: Mapping[str, Any]) -> str:
    """Return hashes, or an answer's fields, as JSON."""
    return json.dumps(values, separators=(",", ":"))


def unpack(packed: str) -> Mapping[str, Any]:
    """Return what `pack` was given."""
    unpacked: Mapping[str, Any] = json.loads(packed)
    return unpacked
