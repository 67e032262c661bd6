"""The filters of the control endpoint that lists messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from . import destinations
from .codes import complaint
from .records import INCOMING
from .shapes import kind_of, reference_of


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .passcodes import Passcodes
    from .records import Message


FILTERS: Final = frozenset({"q", "status", "direction", "kind", "number", "batch"})
_DIRECTIONS: Final = ("sent", "received")
_KINDS: Final = ("text", "flash", "binary", "passcode")
_STATUSES: Final = (
    *("SCHEDULED", "SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "FAILED"),
    *("CANCELLED", INCOMING),
)
_SPELLING: Final = re.compile(r"^(\+|00)|\(0\)|[\s().-]")
_NUMBER: Final = re.compile(r"\+?[\d\s().-]+")


def message_filter(
    query: Mapping[str, str], passcodes: Passcodes
) -> Callable[[Message], bool] | None:
    """Return a function that returns whether a message matches a query; None if all do.

    Raises:
        Refusal: a parameter has an invalid value.
    """
    checks: list[Callable[[Message], bool]] = []
    if status := query.get("status"):
        statuses = _choices("status", status, _STATUSES)
        checks.append(lambda message: message.status in statuses)
    if direction := query.get("direction"):
        incoming = _choices("direction", direction, _DIRECTIONS) == {"received"}
        if "," not in direction:
            checks.append(lambda message: (message.status == INCOMING) is incoming)
    if kind := query.get("kind"):
        kinds = _choices("kind", kind, _KINDS)
        checks.append(lambda message: kind_of(message, passcodes) in kinds)
    if number := query.get("number"):
        phone = _known(number)
        checks.append(lambda message: phone_of(message) == phone)
    if batch := query.get("batch"):
        checks.append(lambda message: message.batch_id == batch)
    if q := query.get("q", "").strip():
        checks.append(_searching(q))
    if not checks:
        return None
    return lambda message: all(check(message) for check in checks)


def _searching(q: str) -> Callable[[Message], bool]:
    """Return a function that searches a message for a text, or a phone number in any spelling."""
    words = q.casefold()
    digits = ""
    if _NUMBER.fullmatch(q):
        digits = _known(q)

    def fits(message: Message) -> bool:
        if digits and (digits in message.destination or digits in message.sender):
            return True
        if q in {message.message_id, message.batch_id}:
            return True
        if any(words in text.casefold() for text in (message.content, message.tag)):
            return True
        if words in message.sender.casefold() or words in message.destination.casefold():
            return True
        return words in (reference_of(message) or "").casefold()

    return fits


def _known(number: str) -> str:
    """Return a phone number, or the beginning of one, in the account's format."""
    bare = _SPELLING.sub("", number.strip())
    whole = destinations.normalise(bare)
    if whole is not None:
        return whole
    if bare.startswith("07"):
        return f"44{bare[1:]}"
    return destinations.normalise(f"0{bare}") or bare if bare.startswith("7") else bare


def phone_of(message: Message) -> str:
    """Return the number of the phone that a message was sent to or received from."""
    return _known(message.sender) if message.status == INCOMING else message.destination


def _choices(name: str, given: str, known: tuple[str, ...]) -> set[str]:
    """Return the values of a comma-separated list, whose case is ignored.

    Raises:
        Refusal: a value is unknown.
    """
    spelt = {value.casefold(): value for value in known}
    values = [part.strip().casefold() for part in given.split(",")]
    if not all(value in spelt for value in values):
        raise complaint(f"{name} must be one of {', '.join(known)}, or several separated by commas")
    return {spelt[value] for value in values}
