"""The control endpoints that only read: messages, requests, callbacks, faults, the account."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING, Any, Final

from . import dates, destinations
from .clock import ManualClock
from .codes import complaint
from .presets import PRESETS
from .recent import latest_before
from .records import INCOMING, Message, plain
from .shapes import (
    LONG,
    MOST_IDS,
    fault_shape,
    kind_of,
    message_details,
    message_shape,
    post_shape,
    reference_of,
    request_shape,
)


if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .callbacks import CallbackSender
    from .recent import Recent
    from .simulator import RequestRecord, Simulator


LIMIT: Final = 50
MOST: Final = 500
CONVERSATION: Final = 50
_PAGE: Final = frozenset({"before", "limit"})
_FILTERS: Final = frozenset({"q", "status", "direction", "kind", "number", "batch"})
_DIRECTIONS: Final = ("sent", "received")
_KINDS: Final = ("text", "flash", "binary", "passcode")
_STATUSES: Final = (
    *("SCHEDULED", "SENT", "DELIVERED", "UNDELIVERED", "EXPIRED", "REJECTED", "FAILED"),
    *("CANCELLED", INCOMING),
)
_SPELLING: Final = re.compile(r"^(\+|00)|\(0\)|[\s().-]")
_NUMBER: Final = re.compile(r"\+?[\d\s().-]+")


class Inspection:
    """Answers GET requests. Each method takes the query string, and returns what JSON can hold.

    Args:
        simulator: what is looked at.
        sender: of the callbacks.
    """

    def __init__(self, simulator: Simulator, sender: CallbackSender) -> None:
        self._simulator = simulator
        self._sender = sender

    def messages(self, query: Mapping[str, str]) -> Any:
        """Return the messages that fit the filters, newest first.

        Raises:
            Refusal: for an unknown parameter, or a value that it cannot have.
        """
        _check_names(query, _FILTERS | _PAGE)
        before, limit = _page(query)
        fits = self._filter(query)
        fitting: list[Message] = self._simulator.state.account.archive.messages
        if fits is not None:
            fitting = [message for message in fitting if fits(message)]
        found = latest_before(fitting, before, limit)
        return {
            "messages": [self._message(message) for message in found],
            "matching": len(fitting),
            "next": _cursor(found, fitting),
        }

    def message(self, message_id: str) -> Any:
        """Return one message with its request, its callbacks and its conversation.

        Raises:
            Refusal: with 404 where it is not kept.
        """
        message = self.find(message_id)
        state = self._simulator.state
        record = self._request_of(message)
        posts = [
            post_shape(post)
            for post in self._simulator.attempts
            if post.post.payload["messageid"] == message_id
        ]
        return {
            **message_details(message, state.passcodes),
            "request": None if record is None else self._request(record),
            "posts": posts,
            "conversation": [self._message(one) for one in self._conversation(message)],
        }

    def find(self, message_id: str) -> Message:
        """Return a message, deleted ones included.

        Raises:
            Refusal: with 404 where it is not kept.
        """
        message = self._simulator.state.account.archive.find(message_id)
        if message is None:
            raise complaint("There is no message of that id, or it is no longer kept.", 404)
        return message

    def requests(self, query: Mapping[str, str]) -> Any:
        """Return the latest requests, newest first."""
        records, following = _latest(self._simulator.requests, query)
        return {"requests": [self._request(record) for record in records], "next": following}

    def request(self, number: str) -> Any:
        """Return one request, with long bodies.

        Raises:
            Refusal: with 404 where it is not kept.
        """
        digits = number.isascii() and number.isdigit() and len(number) < 20
        record = self._simulator.requests.find(int(number)) if digits else None
        if record is None:
            raise complaint("There is no request of that id, or it is no longer kept.", 404)
        return self._request(record, LONG)

    def webhooks(self, query: Mapping[str, str]) -> Any:
        """Return the latest attempts at callbacks, newest first."""
        records, following = _latest(self._simulator.attempts, query)
        return {"webhooks": [post_shape(record) for record in records], "next": following}

    def faults(self, query: Mapping[str, str]) -> Any:
        """Return the faults in force, and those that may be chosen by name."""
        _check_names(query, frozenset())
        in_force = self._simulator.faults.in_force
        return {"faults": [fault_shape(entry) for entry in in_force], "presets": PRESETS}

    def account(self, query: Mapping[str, str]) -> Any:
        """Return the credits, the clock, what is counted, and the limits."""
        _check_names(query, frozenset())
        simulator = self._simulator
        account = simulator.state.account
        settings = account.settings
        return {
            "credits": plain(account.credits),
            "now": dates.iso(simulator.now),
            "manual": isinstance(simulator.clock, ManualClock),
            "counts": {
                "messages": account.archive.added,
                "accepted": simulator.accepted(),
                "requests": simulator.requests.added,
                "webhooks": simulator.attempts.added,
                "waiting": self._sender.waiting,
            },
            "kept": {
                "messages": len(account.archive.messages),
                "requests": len(simulator.requests),
                "webhooks": len(simulator.attempts),
            },
            "limits": {"max_batch": settings.max_batch},
            "international": settings.international,
            "flooding": settings.flooding,
            "delivery_delay": settings.delivery_delay,
            "delivery_report_url": bool(settings.delivery_report_url),
            "incoming_url": bool(settings.incoming_url),
            "versions": {"python": platform.python_version()},
        }

    def _message(self, message: Message) -> Any:
        return message_shape(message, self._simulator.state.passcodes)

    def _request(self, record: RequestRecord, longest: int | None = None) -> Any:
        archive = self._simulator.state.account.archive
        made = (archive.numbered(number) for number in record.messages[:MOST_IDS])
        ids = [message.message_id for message in made if message is not None]
        return (
            request_shape(record, ids) if longest is None else request_shape(record, ids, longest)
        )

    def _request_of(self, message: Message) -> RequestRecord | None:
        return next(
            (one for one in reversed(self._simulator.requests) if message.number in one.messages),
            None,
        )

    def _conversation(self, message: Message) -> list[Message]:
        """Return the latest messages to and from a phone, oldest first."""
        phone = _phone(message)
        every = reversed(self._simulator.state.account.archive.messages)
        return list(_first(CONVERSATION, (one for one in every if _phone(one) == phone)))[::-1]

    def _filter(self, query: Mapping[str, str]) -> Callable[[Message], bool] | None:
        """Return whether a message fits a query; None where all do."""
        checks: list[Callable[[Message], bool]] = []
        passcodes = self._simulator.state.passcodes
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
            checks.append(lambda message: _phone(message) == phone)
        if batch := query.get("batch"):
            checks.append(lambda message: message.batch_id == batch)
        if q := query.get("q", "").strip():
            checks.append(_searching(q))
        if not checks:
            return None
        return lambda message: all(check(message) for check in checks)


def _searching(q: str) -> Callable[[Message], bool]:
    """Return whether a message has some words, or a phone number in any spelling."""
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
    """Return a phone number, or the beginning of one, as the account keeps it."""
    bare = _SPELLING.sub("", number.strip())
    whole = destinations.normalise(bare)
    if whole is not None:
        return whole
    if bare.startswith("07"):
        return f"44{bare[1:]}"
    return destinations.normalise(f"0{bare}") or bare if bare.startswith("7") else bare


def _phone(message: Message) -> str:
    """Return the number of the phone that a message was sent to, or came from."""
    return _known(message.sender) if message.status == INCOMING else message.destination


def _check_names(query: Mapping[str, str], known: frozenset[str]) -> None:
    for name in sorted(set(query) - known):
        expected = f"; known are {', '.join(sorted(known))}" if known else ""
        raise complaint(f"{name} is not a parameter of this request{expected}")


def _choices(name: str, given: str, known: tuple[str, ...]) -> set[str]:
    """Return the values of a list with commas, in any case."""
    spelt = {value.casefold(): value for value in known}
    values = [part.strip().casefold() for part in given.split(",")]
    if not all(value in spelt for value in values):
        raise complaint(f"{name} must be one of {', '.join(known)}, or several with commas")
    return {spelt[value] for value in values}


def _page(query: Mapping[str, str]) -> tuple[int | None, int]:
    before = _integer(query, "before", 0, 10**18) if "before" in query else None
    return before, _integer(query, "limit", 1, MOST) if "limit" in query else LIMIT


def _integer(query: Mapping[str, str], name: str, lowest: int, highest: int) -> int:
    given = query[name]
    digits = given.isascii() and given.isdigit() and len(given) < 20
    if not (digits and lowest <= int(given) <= highest):
        raise complaint(f"{name} must be a whole number from {lowest} to {highest}")
    return int(given)


def _latest(records: Recent[Any], query: Mapping[str, str]) -> tuple[list[Any], str | None]:
    _check_names(query, _PAGE)
    before, limit = _page(query)
    found = latest_before(records, before, limit)
    return found, _cursor(found, records)


def _cursor(found: list[Any], every: list[Any]) -> str | None:
    """Return where the next page begins, if there is one."""
    more = bool(found) and found[-1].number > every[0].number
    return str(found[-1].number) if more else None


def _first(count: int, messages: Iterator[Message]) -> Iterator[Message]:
    return (message for _, message in zip(range(count), messages, strict=False))
