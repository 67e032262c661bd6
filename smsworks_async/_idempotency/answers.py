"""The response to a keyed call: what is stored, and how it is replayed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs

from smsworks_async.models.convert import format_date
from smsworks_async.models.incoming import Acknowledgement, Batch, SentMessage, SentOTP


T = TypeVar("T")

#: Fields of a response that are not stored: the balance will have changed, and unknown fields can
#: contain anything.
_NOT_KEPT: Final = frozenset({"balance", "extra", "replayed"})
#: The assumed status in a lost response whose message or batch was found.
_STATUS: Final[Mapping[type[Any], str]] = {
    SentMessage: "SENT",
    SentOTP: "SENT",
    Acknowledgement: "SCHEDULED",
    Batch: "SCHEDULED",
}


def pack_answer(answer: Any) -> Mapping[str, Any]:
    """Return the known fields of a response as JSON values."""
    kept = {}
    for field in attrs.fields(type(answer)):
        value = getattr(answer, field.name)
        if field.name not in _NOT_KEPT and value is not None:
            kept[field.name] = format_date(value) if isinstance(value, datetime) else value
    return kept


def answer_found(message_id: str, into: type[Any]) -> Mapping[str, Any]:
    """Return the known fields of a lost response, from the message or batch that was found."""
    return {id_field(into): message_id, "status": _STATUS[into]}


def replay(kept: Mapping[str, Any], into: type[T]) -> T:
    """Return the stored response as a model, with ``replayed`` set."""
    fields: dict[str, Any] = {**kept, "replayed": True}
    if "expires" in fields:
        fields["expires"] = datetime.fromisoformat(fields["expires"])
    return into(**fields)


def id_of(answer: Any) -> str | None:
    """Return the id of the accepted batch or message."""
    return getattr(answer, id_field(type(answer))) or None


def id_field(into: type[Any]) -> str:
    """Return the name of the id field."""
    return "batch_id" if into is Batch else "message_id"
