"""The read-only control endpoints: messages, requests, callbacks, faults, the account."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from smsworks_async._version import __version__

from . import dates
from .clock import ManualClock, RunningClock
from .codes import complaint
from .filters import FILTERS, message_filter, phone_of
from .presets import PRESETS
from .recent import latest_before
from .records import Message, plain
from .shapes import (
    LONG,
    MOST_IDS,
    fault_shape,
    message_details,
    message_shape,
    post_shape,
    request_shape,
)


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .callbacks import CallbackSender
    from .recent import Recent
    from .simulator import Simulator
    from .traffic import RequestRecord


LIMIT: Final = 50
MOST: Final = 500
CONVERSATION: Final = 50
_PAGE: Final = frozenset({"before", "limit"})


class Inspection:
    """The GET endpoints. Each method takes the query parameters, and returns a JSON value.

    Args:
        simulator: the simulator that is read.
        sender: the sender of callbacks.
    """

    def __init__(self, simulator: Simulator, sender: CallbackSender) -> None:
        self._simulator = simulator
        self._sender = sender

    def messages(self, query: Mapping[str, str]) -> Any:
        """Return the messages that match the filters, newest first.

        Raises:
            Refusal: a parameter is unknown, or has an invalid value.
        """
        _check_names(query, FILTERS | _PAGE)
        before, limit = _page(query)
        fits = message_filter(query, self._simulator.state.passcodes)
        fitting: list[Message] = self._simulator.state.account.archive.messages
        if fits is not None:
            fitting = [message for message in fitting if fits(message)]
        found = latest_before(fitting, before, limit)
        return {
            "messages": [self.summary(message) for message in found],
            "matching": len(fitting),
            "next": _cursor(found, fitting),
        }

    def message(self, message_id: str) -> Any:
        """Return one message with its request, its callbacks and its conversation.

        Raises:
            Refusal: with 404 if it is not kept.
        """
        message = self.find(message_id)
        state = self._simulator.state
        record = self._request_of(message)
        posts = [
            post_shape(post)
            for post in self._simulator.traffic.attempts
            if post.message_id == message_id
        ]
        return {
            **message_details(message, state.passcodes),
            "request": None if record is None else self._request(record, LONG),
            "posts": posts,
            "conversation": [self.summary(one) for one in self._conversation(message)],
        }

    def find(self, message_id: str) -> Message:
        """Return a message, which may have been deleted.

        Raises:
            Refusal: with 404 if it is not kept.
        """
        message = self._simulator.state.account.archive.find(message_id)
        if message is None:
            raise complaint("There is no message with that id, or it is no longer kept.", 404)
        return message

    def requests(self, query: Mapping[str, str]) -> Any:
        """Return the latest requests, newest first."""
        records, following = _latest(self._simulator.traffic.requests, query)
        return {"requests": [self._request(record) for record in records], "next": following}

    def request(self, number: str) -> Any:
        """Return one request, including long bodies.

        Raises:
            Refusal: with 404 if it is not kept.
        """
        digits = number.isascii() and number.isdigit() and len(number) < 20
        record = self._simulator.traffic.requests.find(int(number)) if digits else None
        if record is None:
            raise complaint("There is no request with that id, or it is no longer kept.", 404)
        return self._request(record, LONG)

    def webhooks(self, query: Mapping[str, str]) -> Any:
        """Return the latest attempts at callbacks, newest first."""
        records, following = _latest(self._simulator.traffic.attempts, query)
        return {"webhooks": [post_shape(record) for record in records], "next": following}

    def faults(self, query: Mapping[str, str]) -> Any:
        """Return the active faults, and the presets."""
        _check_names(query, frozenset())
        in_force = self._simulator.faults.in_force
        return {"faults": [fault_shape(entry) for entry in in_force], "presets": PRESETS}

    def account(self, query: Mapping[str, str]) -> Any:
        """Return the credits, the clock, counts and limits."""
        _check_names(query, frozenset())
        simulator = self._simulator
        account = simulator.state.account
        settings = account.settings
        return {
            "credits": plain(account.credits),
            "now": dates.iso(simulator.now),
            "manual": isinstance(simulator.clock, ManualClock),
            "adjustable": isinstance(simulator.clock, ManualClock | RunningClock),
            "counts": {
                "messages": account.archive.added,
                "accepted": simulator.accepted(),
                "requests": simulator.traffic.requests.added,
                "webhooks": simulator.traffic.attempts.added,
                "waiting": self._sender.waiting,
            },
            "kept": {
                "messages": len(account.archive.messages),
                "requests": len(simulator.requests),
                "webhooks": len(simulator.traffic.attempts),
            },
            "limits": {
                "max_batch": settings.max_batch,
                "keep_messages": settings.keep_messages,
                "keep_requests": settings.keep_requests,
                "keep_posts": settings.keep_posts,
            },
            "international": settings.international,
            "flooding": settings.flooding,
            "delivery_delay": settings.delivery_delay,
            "delivery_report_url": bool(settings.delivery_report_url),
            "incoming_url": bool(settings.incoming_url),
            "versions": {
                "smsworks-async": __version__,
                "aiohttp": aiohttp.__version__,
                "python": platform.python_version(),
            },
        }

    def summary(self, message: Message) -> Any:
        """Return a message in the form of lists."""
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
            (
                one
                for one in reversed(self._simulator.traffic.requests)
                if message.number in one.messages
            ),
            None,
        )

    def _conversation(self, message: Message) -> list[Message]:
        """Return the latest messages to and from a phone, oldest first."""
        phone = phone_of(message)
        every = reversed(self._simulator.state.account.archive.messages)
        return list(_first(CONVERSATION, (one for one in every if phone_of(one) == phone)))[::-1]


def _check_names(query: Mapping[str, str], known: frozenset[str]) -> None:
    for name in sorted(set(query) - known):
        expected = f"; it has {', '.join(sorted(known))}" if known else ""
        raise complaint(f"{name} is not a parameter of this request{expected}")


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
    """Return the cursor of the next page; None if there is none."""
    more = bool(found) and found[-1].number > every[0].number
    return str(found[-1].number) if more else None


def _first(count: int, messages: Iterator[Message]) -> Iterator[Message]:
    return (message for _, message in zip(range(count), messages, strict=False))
