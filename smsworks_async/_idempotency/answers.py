"""The answer to a keyed call: what of it is kept, and how it is given again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs

from smsworks_async.models.convert import format_date
from smsworks_async.models.incoming import Acknowledgement, Batch, SentMessage, SentOTP


T = TypeVar("T")

#: Fields of an answer that are not kept: the balance is another one by then, and what is in fields
#: that we do not know may be anything.
_NOT_KEPT: Final = frozenset({"balance", "extra", "replayed"})
#: What an answer says that was lost, and whose message or batch was found.
_STATUS: Final[Mapping[type[Any], str]] = {
    SentMessage: "SENT",
    SentOTP: "SENT",
    Acknowledgement: "SCHEDULED",
    Batch: "SCHEDULED",
}


def pack_answer(answer: Any) -> Mapping[str, Any]:
    """Return the known fields of an answer, as JSON values."""
    kept = {}
    for field in attrs.fields(type(answer)):
        value = getattr(answer, field.name)
        if field.name not in _NOT_KEPT and value is not None:
            kept[field.name] = format_date(value) if isinstance(value, datetime) else value
    return kept


def answer_found(message_id: str, into: type[Any]) -> Mapping[str, Any]:
    """Return what is known of an answer that was lost, by the message or batch that was found."""
    return {id_field(into): message_id, "status": _STATUS[into]}


def replay(kept: Mapping[str, Any], into: type[T]) -> T:
    """Return an answer again."""
    fields: dict[str, Any] = {**kept, "replayed": True}
    if "expires" in fields:
        fields["expires"] = datetime.fromisoformat(fields["expires"])
    return into(**fields)


def id_of(answer: Any) -> str | None:
    """Return the id of what was accepted: of a batch or of a message."""
    return getattr(answer, id_field(type(answer))) or None


def id_field(into: type[Any]) -> str:
    """Return the name of the field that has it."""
    return "batch_id" if into is Batch else "message_id"
