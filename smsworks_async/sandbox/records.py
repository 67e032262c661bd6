"""The records of an account, and their JSON forms.

The JSON forms reproduce the inconsistencies of the API: a destination is a number in records and
reports, and a string elsewhere; dates have JavaScript's format in records, and are ISO 8601 in
reports; both have internal fields of the provider (`_id`, `__v`, `identifier`). Metadata can be
searched, but is not shown unless `Storage.show_metadata` is true.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from . import dates
from .codes import CODES
from .segments import measure, measure_bytes


if TYPE_CHECKING:
    from collections.abc import Sequence

    from .settings import Settings


FAILED_STATUSES = frozenset({"FAILED", "UNDELIVERED", "UNDELIVERABLE", "EXPIRED", "REJECTED"})
SENT_STATUSES = frozenset({"SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED"})
INCOMING = "INCOMING"
_LONGEST_TEXT = 160  # characters of a text in a description
# With the separators that people write, two of which may meet, as in "(07700) 900123".
_GAP = r"[\s()._\u200b\u2010-\u2015-]{0,3}"
_NUMBER = re.compile(rf"\+?0*\d(?:{_GAP}\d){{8,14}}(?!\d)")


def mask(number: str) -> str:
    """Return an ellipsis and a phone number's last three digits; return a name unchanged."""
    digits = sum(character.isdigit() for character in number)
    return f"…{number[-3:]}" if digits > 5 else number


def mask_all(text: str) -> str:
    """Return a text with all phone numbers masked."""
    return _NUMBER.sub(lambda match: mask(match[0]), text)


# Without `on_setattr`, attrs would look for a converter on each assignment to a field.
@attrs.define(eq=False, kw_only=True, repr=False, on_setattr=attrs.setters.NO_OP)
class Message:
    """A message that the account has accepted or received.

    Attributes:
        number: the number of the message in the account, from 1.
        destination: the destination, `447...` in the UK; unchanged if it is not a number.
        status: SCHEDULED, SENT, DELIVERED, UNDELIVERED, EXPIRED, REJECTED, FAILED, CANCELLED or
            INCOMING.
        created, modified, schedule: times in POSIX seconds; `schedule` is the time of sending.
        credits: its cost; 0 for FAILED and REJECTED.
        ttl: the minutes after its final status for which the record is kept; None for three
            months.
        validity: the minutes within which it must be delivered.
        failure: the code of its failure, or None.
        binary: whether the content is bytes, as pairs of hexadecimal digits.
        forgotten: whether its record is hidden from the API, because of a DELETE or its age.
        history: its statuses, each as three items: the status, the code, and the time in POSIX
            seconds.
    """

    number: int
    message_id: str
    destination: str
    content: str
    sender: str
    status: str
    created: float
    modified: float
    schedule: float
    batch_id: str | None = None
    credits: float = 0.0
    international: bool = False
    tag: str = ""
    keyword: str = ""
    delivery_report_url: str = ""
    ttl: int | None = None
    validity: int = 2880
    ai: bool | None = None
    flash: bool = False
    binary: bool = False
    metadata: Sequence[dict[str, str]] = ()
    response_email: Sequence[str] = ()
    failure: int | None = None
    unread: bool = False
    forgotten: bool = False
    history: tuple[Any, ...] = attrs.field(default=(), converter=tuple)

    @property
    def segments(self) -> int:
        """The number of segments."""
        return (measure_bytes if self.binary else measure)(self.content).segments

    def describe(self, *, numbers: bool = False) -> str:
        """Return a description in one line: status, number, text and segments.

        Args:
            numbers: show whole numbers instead of the last three digits (default False).
        """
        incoming = self.status == INCOMING
        phone = self.sender if incoming else self.destination
        content = self.content if numbers else mask_all(self.content)
        text = content if len(content) <= _LONGEST_TEXT else f"{content[:_LONGEST_TEXT]}…"
        segments = f"{self.segments} segment{'s' * (self.segments != 1)}"
        return (
            f"{self.status}{'' if self.failure is None else f' ({self.failure})'} "
            f"{'from' if incoming else 'to'} {phone if numbers else mask(phone)} "
            f"{text!r} {segments}"
        )

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


@attrs.define(eq=False, kw_only=True)
class Job:
    """A scheduled message or batch.

    Attributes:
        id: the id of the message or of the batch.
        batch: whether it is a batch.
        at: the time to send it, in POSIX seconds.
        created: the time of its creation, in POSIX seconds.
        status: SCHEDULED, PROCESSED or CANCELLED.
        destinations: the destinations, unchanged.
    """

    id: str
    batch: bool
    at: float
    created: float
    sender: str
    content: str
    destinations: list[str]
    status: str = "SCHEDULED"


@attrs.define(eq=False, kw_only=True)
class Passcode:
    """A one-time passcode. Times are in POSIX seconds, `validity` is in seconds."""

    message_id: str
    destination: str
    passcode: str
    validity: int
    created: float
    modified: float
    metadata: dict[str, Any] = attrs.Factory(dict)
    verified: bool = False

    @property
    def expires(self) -> float:
        """When it expires, in POSIX seconds."""
        return self.created + self.validity

    def status(self, now: float) -> str:
        """Return SENT, VERIFIED or EXPIRED."""
        if self.verified:
            return "VERIFIED"
        return "SENT" if now < self.expires else "EXPIRED"


def plain(amount: float) -> float:
    """Return an amount of credits as JavaScript writes it: an integer if it has no fraction."""
    return int(amount) if amount == int(amount) else amount


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text


def _bookkeeping(message: Message) -> dict[str, Any]:
    return {"_id": f"{message.number:024x}", "__v": 0, "identifier": message.destination[-10:]}


def _failure(code: int) -> dict[str, Any]:
    # Handset errors are shown without 5000, like 1 and 34 in the provider's samples.
    shown = code - 5000 if code in {5001, 5034} else code
    row = CODES[code]
    return {"code": shown, "details": row.message, "permanent": row.permanent}


def _made(message: Message, skew: float) -> dict[str, float]:
    """Return a message's times by the provider's clock."""
    # A time that the caller asked for is not shifted.
    asked = message.schedule != message.created
    return {
        "created": message.created + skew,
        "modified": message.modified + skew,
        "schedule": message.schedule if asked else message.schedule + skew,
    }


def _shown(message: Message, settings: Settings) -> dict[str, Any]:
    record = {
        **_bookkeeping(message),
        "messageid": message.message_id,
        "customerid": settings.customer_id,
        "sender": message.sender,
        "destination": _number(message.destination),
        "content": message.content,
        "status": message.status,
        "credits": plain(message.credits),
        "international": message.international,
        "tag": message.tag,
        "keyword": message.keyword,
    }
    if message.batch_id is not None:
        record["batchid"] = message.batch_id
    if message.delivery_report_url:
        record["deliveryreporturl"] = message.delivery_report_url
    if message.failure is not None:
        record["failurereason"] = _failure(message.failure)
    return record


def message_record(message: Message, settings: Settings) -> dict[str, Any]:
    """Return a message in the form of searches and `GET`."""
    storage = settings.storage
    record = {**_shown(message, settings), "id": message.message_id}
    if storage.show_dates:
        for name, moment in _made(message, storage.clock_skew).items():
            record[name] = dates.javascript(moment)
    if not storage.show_batch_ids:
        record.pop("batchid", None)
    if storage.show_metadata:
        record["metadata"] = list(message.metadata)
    return record


def delivery_report(message: Message, settings: Settings) -> dict[str, Any]:
    """Return a message in the form of a delivery report."""
    made = _made(message, settings.storage.clock_skew)
    return {
        **_shown(message, settings),
        **{name: dates.iso(moment) for name, moment in made.items()},
    }


def incoming_post(message: Message, parts: int) -> dict[str, Any]:
    """Return a received message in the form of a post to the account's URL."""
    return {
        "content": message.content,
        "from": message.sender,
        "messageid": message.message_id,
        "messagetype": "incoming",
        "to": message.destination,
        "parts": parts,
    }


def job_record(job: Job) -> dict[str, Any]:
    """Return an entry of the list of scheduled messages."""
    to = {"destinations": job.destinations} if job.batch else {"destination": job.destinations[0]}
    return {
        "id": job.id,
        "status": job.status,
        "batch": job.batch,
        "message": {
            "sender": job.sender,
            "content": job.content,
            "schedule": dates.iso(job.at),
            **to,
        },
    }


def passcode_record(passcode: Passcode, now: float, skew: float = 0.0) -> dict[str, Any]:
    """Return a passcode in the form of `verify` and `GET`, where digits lose leading zeros."""
    return {
        "messageid": passcode.message_id,
        "destination": passcode.destination,
        "status": passcode.status(now),
        "passcode": _number(passcode.passcode),
        "validity": passcode.validity,
        "metadata": passcode.metadata,
        "created": dates.javascript(passcode.created + skew, long=True),
        "expires": dates.javascript(passcode.expires + skew, long=True),
        "modified": dates.javascript(passcode.modified + skew, long=True),
    }
