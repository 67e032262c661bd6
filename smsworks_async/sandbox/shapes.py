"""How the control endpoints show messages, requests and callbacks: whole, but without secrets."""

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
#: Bytes of a body or an answer that a list shows; a longer one is shown by the request alone.
SHORT: Final = 4096
#: Bytes of a body or an answer that are shown at all.
LONG: Final = 256 * 1024
FINAL: Final = frozenset(
    {"DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "FAILED", "CANCELLED", INCOMING}
)


def kind_of(message: Message, passcodes: Passcodes) -> str:
    """Return text, flash, binary or passcode."""
    if message.binary:
        return "binary"
    if message.flash:
        return "flash"
    return "text" if passcodes.get(message.message_id) is None else "passcode"


def reference_of(message: Message) -> str | None:
    """Return the reference that a client has put into a message's metadata."""
    for pair in message.metadata:
        if pair.get("key") == "reference":
            return pair.get("value")
    return None


def meaning_of(code: int | None) -> str | None:
    """Return what a code stands for."""
    return CODES[code].message if code in CODES else None


def message_shape(message: Message, passcodes: Passcodes) -> dict[str, Any]:
    """Return a message as lists show it."""
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
    """Return what is shown of one message alone, its request and callbacks left out."""
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
    """Return a request.

    Args:
        message_ids: of the messages that it made, as far as they are kept.
        longest: bytes of a body or an answer; a longer one is None in a list, and cut elsewhere.
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
    """Return an attempt at a callback."""
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
    """Return a fault in force, with how many requests fitted it, and were struck by it."""
    return {**attrs.asdict(entry.fault), "counted": entry.counted, "struck": entry.struck}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _body(data: bytes, longest: int) -> Any:
    """Return a body as JSON or as text, without secrets; None where there is none."""
    if not data or (len(data) > longest and longest < LONG):
        return None
    if len(data) <= longest:
        try:
            return log.without_secrets(json.loads(data))
        except (ValueError, RecursionError):
            pass
    return log.without_tokens(data[:longest].decode("utf-8", "replace"))
