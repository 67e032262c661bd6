"""The JSON forms of the control endpoints: messages, requests and callbacks without secrets."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, Final

import attrs

from . import dates, log
from .codes import CODES
from .records import INCOMING, plain
from .segments import is_gsm, not_gsm, split, split_bytes


if TYPE_CHECKING:
    from .faults import FaultInForce
    from .outbox import PostRecord
    from .passcodes import Passcodes
    from .records import Message
    from .traffic import RequestRecord


MOST_IDS: Final = 50
#: The longest body or response that lists show, in bytes; longer ones are only in the request.
SHORT: Final = 4096
#: The most bytes of a body or a response that are shown.
LONG: Final = 256 * 1024
FINAL: Final = frozenset(
    {"DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "FAILED", "CANCELLED", INCOMING}
)


def kind_of(message: Message, passcodes: Passcodes) -> str:
    """Return the kind of a message: text, flash, binary or passcode."""
    if message.binary:
        return "binary"
    if message.flash:
        return "flash"
    return "text" if passcodes.get(message.message_id) is None else "passcode"


def reference_of(message: Message) -> str | None:
    """Return the client's reference in a message's metadata; None without one."""
    for pair in message.metadata:
        if pair.get("key") == "reference":
            return pair.get("value")
    return None


def meaning_of(code: int | None) -> str | None:
    """Return the meaning of a code; None for None or an unknown code."""
    return CODES[code].message if code in CODES else None


def message_shape(message: Message, passcodes: Passcodes) -> dict[str, Any]:
    """Return a message in the form of lists."""
    asked = message.schedule != message.created
    return {
        "id": message.message_id,
        "direction": "received" if message.status == INCOMING else "sent",
        "kind": kind_of(message, passcodes),
        "sender": message.sender,
        "destination": message.destination,
        "content": message.content,
        "tag": message.tag or None,
        "reference": reference_of(message),
        "batchid": message.batch_id,
        "status": message.status,
        "code": message.failure,
        "meaning": meaning_of(message.failure),
        "final": message.status in FINAL,
        "deleted": message.forgotten,
        "segments": message.segments,
        "encoding": "binary"
        if message.binary
        else ("GSM" if is_gsm(message.content) else "Unicode"),
        "credits": plain(message.credits),
        "created": dates.iso(message.created),
        "scheduled": dates.iso(message.schedule) if asked else None,
        "updated": dates.iso(message.modified),
    }


def message_details(message: Message, passcodes: Passcodes) -> dict[str, Any]:
    """Return a message in the form of a single one, without its request and callbacks."""
    passcode = passcodes.get(message.message_id)
    binary = message.binary
    return {
        **message_shape(message, passcodes),
        "parts": (split_bytes if binary else split)(message.content),
        "unicode": [
            {
                "position": position,
                "character": character,
                "name": unicodedata.name(character, f"U+{ord(character):04X}"),
            }
            for position, character in ([] if binary else not_gsm(message.content))
        ],
        "history": [
            {"status": status, "code": code, "meaning": meaning_of(code), "at": dates.iso(at)}
            for status, code, at in zip(*[iter(message.history)] * 3, strict=True)
        ],
        "metadata": list(message.metadata),
        "passcode": None if passcode is None else passcode.passcode,
    }


def request_shape(
    record: RequestRecord, message_ids: list[str], longest: int = SHORT
) -> dict[str, Any]:
    """Return a request in its JSON form.

    Args:
        record: the request.
        message_ids: the ids of the kept messages that it made.
        longest: the longest body or response to include, in bytes. With `SHORT`, a longer one is
            None; with `LONG`, it is cut.
    """
    return {
        "id": str(record.number),
        "at": dates.iso(record.at.timestamp()),
        "method": record.method,
        "path": record.path,
        "status": record.status,
        "milliseconds": _rounded(record.milliseconds),
        "fault": None if record.fault is None else attrs.asdict(record.fault),
        "unknown_fields": list(record.unknown_fields),
        "body": _body(record.body, longest),
        "body_size": record.received or len(record.body),
        "answer": _body(record.answer, longest),
        "answer_size": record.answered or len(record.answer),
        "messages": message_ids,
        "accepted": len(record.messages),
    }


def post_shape(record: PostRecord) -> dict[str, Any]:
    """Return an attempt at a callback in its JSON form."""
    payload = record.post.payload
    return {
        "id": str(record.number),
        "at": dates.iso(record.at),
        "kind": "incoming" if payload.get("messagetype") == "incoming" else "report",
        "message": record.message_id,
        "url": log.public_url(record.post.url),
        "status": record.status,
        "milliseconds": _rounded(record.milliseconds),
        "error": record.error or None,
        "attempt": record.post.attempt + 1,
        "body": payload,
        "waiting": record.waiting,
    }


def fault_shape(entry: FaultInForce) -> dict[str, Any]:
    """Return an active fault, with the numbers of requests counted and affected."""
    return {**attrs.asdict(entry.fault), "counted": entry.counted, "struck": entry.struck}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _body(data: bytes, longest: int) -> Any:
    """Return a body as a JSON value or text, without secrets; None if it is empty or too long."""
    if not data or (len(data) > longest and longest < LONG):
        return None
    if len(data) <= longest:
        try:
            return log.without_secrets(json.loads(data))
        except (ValueError, RecursionError):
            pass
    return log.without_tokens(data[:longest].decode("utf-8", "replace"))
