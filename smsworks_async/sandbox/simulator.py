"""The simulator: an account, its clock, its faults, and a log of requests. No I/O.

The server passes requests to it, and posts its callbacks; the control endpoints and the page read
and change it.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from . import destinations
from .account import Account
from .clock import Clock, RealClock
from .codes import Answer, Refusal, complaint
from .faults import Fault, FaultScript, read_fault
from .feed import Feed
from .handlers import Request
from .passcodes import Passcodes
from .records import INCOMING, Message
from .schemas import read_json
from .state import State
from .storage import Storage, change
from .traffic import RequestRecord, Traffic


if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credentials import Credentials
    from .operations import Operation
    from .outbox import PostRecord
    from .records import Job
    from .settings import Settings


def read_destination(given: str) -> str:
    """Return a destination, in any usual spelling, in the account's format.

    Raises:
        ValueError: it is not a valid destination.
    """
    known = destinations.normalise(re.sub(r"^(\+|00)|[\s()-]", "", given))
    if known is None:
        raise ValueError("this is not a valid destination; write it like 447700900123")
    return known


def new_seed() -> str:
    """Return a random seed."""
    return secrets.token_hex(8)


class Listener(Protocol):
    """A listener for the ends of requests and callbacks."""

    def request_ended(self, record: RequestRecord) -> None:
        """Handle a request that has ended."""
        ...

    def attempt_ended(self, record: PostRecord) -> None:
        """Handle an attempt at a callback that has ended."""
        ...


class Simulator:
    """The account, the clock, the faults and the log of a sandbox.

    Attributes:
        state: the account, its passcodes and credentials.
        clock: the clock.
        faults: the active faults.
        traffic: the latest requests and callbacks.
        feed: the feed of changes.
        listeners: called on the server's loop for every request and callback that has ended.

    Args:
        settings: the settings of the account, which a reset restores.
        credentials: the credentials of the account.
        clock: the clock; None (the default) for the machine's clock.
        keep_seed: keep the seed at a reset (default False).
    """

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        clock: Clock | None = None,
        *,
        keep_seed: bool = False,
    ) -> None:
        self.clock = clock or RealClock()
        self.faults = FaultScript()
        self.traffic = Traffic(settings.keep_requests, settings.keep_posts)
        self.feed = Feed(self._counts)
        self.listeners: list[Listener] = []
        self._settings = settings
        self._keep_seed = keep_seed
        self.state = State(self._new_account(), Passcodes(), credentials)

    # Methods for the server

    def settle(self, now: float | None = None) -> float:
        """Run the due events, and return the time in POSIX seconds.

        Args:
            now: the time, in POSIX seconds; None for that of the clock.
        """
        if now is None:
            now = self.clock.time()
        self.state.account.timeline.settle(now)
        return now

    def begin(self, record: RequestRecord) -> None:
        """Record the beginning of a request."""
        self.traffic.begin(record)
        self.feed.note()

    def end(self, record: RequestRecord) -> None:
        """Record the end of a request."""
        self.traffic.end(record)
        self.feed.note()
        for listener in self.listeners:
            listener.request_ended(record)

    def begin_attempt(self, record: PostRecord) -> None:
        """Record a queued attempt at a callback."""
        self.traffic.attempts.add(record)
        self.feed.note(record.message_id)

    def end_attempt(self, record: PostRecord) -> None:
        """Record the end of an attempt at a callback."""
        self.traffic.end_attempt(record)
        self.feed.note(record.message_id)
        for listener in self.listeners:
            listener.attempt_ended(record)

    def answer(
        self,
        operation: Operation,
        record: RequestRecord,
        *,
        authorization: str | None,
        content_type: str,
        path: Mapping[str, str],
        now: float,
    ) -> Answer:
        """Carry out an operation, and return the response.

        Args:
            operation: the operation.
            record: the record of the request with its body; unknown fields and messages are added.
            authorization: the header `Authorization`, or None.
            content_type: the media type of the body, without parameters.
            path: the parameters in the path.
            now: the time of the operation, in POSIX seconds.
        """
        try:
            if not operation.open:
                self.state.credentials.authorise(authorization)
            body = None
            if operation.schema is not None:
                if content_type != "application/json":
                    raise complaint("The Content-Type must be application/json", 415)
                body = read_json(record.body)
                record.unknown_fields = tuple(operation.schema.unknown(body))
            archive = self.state.account.archive
            first = archive.added
            result = operation.handle(self.state, Request(body, path, now))
            if archive.added > first:
                record.messages = range(first + 1, archive.added + 1)
        except Refusal as refused:
            return refused.answer
        return Answer(operation.status, result)

    # Methods for tests, the control endpoints and the page

    @property
    def now(self) -> float:
        """The time in POSIX seconds."""
        return self.clock.time()

    @property
    def storage(self) -> Storage:
        """The current settings of `Storage`."""
        return self.state.account.settings.storage

    @property
    def requests(self) -> list[RequestRecord]:
        """The kept requests, in the order of arrival."""
        return self.traffic.requests

    @property
    def posts(self) -> list[PostRecord]:
        """The kept attempts at callbacks that have ended, in the order of their ends."""
        return self.traffic.posts

    @property
    def messages(self) -> list[Message]:
        """The kept messages that were accepted for sending, including deleted and FAILED ones."""
        return [m for m in self.state.account.archive.messages if m.status != INCOMING]

    def accepted(self, destination: str | None = None) -> int:
        """Return the number of messages accepted, in total or for one destination.

        Args:
            destination: a number, in any usual spelling; None for all.

        Raises:
            ValueError: it is not a valid destination.
        """
        if destination is not None:
            destination = read_destination(destination)
        archive = self.state.account.archive
        dropped = archive.dropped.by_destination
        before = dropped.total() if destination is None else dropped[destination]
        return before + sum(1 for _ in archive.accepted(destination))

    def accepted_by_destination(self) -> Counter[str]:
        """Return the number of messages accepted for each destination."""
        archive = self.state.account.archive
        kept = Counter(message.destination for message in archive.accepted())
        return archive.dropped.by_destination + kept

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Add a fault, which counts requests from the next one on.

        Raises:
            ValueError: it is not a valid fault.
        """
        self.faults.add(read_fault(fault))
        self.feed.note()

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.faults.clear()
        self.feed.note()

    def set_credits(self, balance: float) -> None:
        """Set the balance."""
        self.state.account.credits = balance
        self.feed.note()

    def change_storage(self, **changes: Any) -> Storage:
        """Change settings of `Storage` from the next request on, and return all of them.

        Raises:
            ValueError: a name or a value is invalid.
        """
        account = self.state.account
        account.settings = attrs.evolve(account.settings, storage=change(self.storage, changes))
        return self.storage

    def post_to(self, url: str) -> None:
        """Post reports of messages without a URL, and incoming messages, to a URL."""
        account = self.state.account
        self._settings = attrs.evolve(self._settings, delivery_report_url=url, incoming_url=url)
        account.settings = attrs.evolve(account.settings, delivery_report_url=url, incoming_url=url)

    def receive(self, fields: dict[str, str], now: float) -> str:
        """Receive an SMS as if a phone had sent it, and return its message id."""
        return self.state.account.receive(fields, now).message_id

    def reset(self) -> None:
        """Start again with an empty account, without faults and requests; the token stays."""
        if not self._keep_seed:
            self._settings = attrs.evolve(self._settings, seed=new_seed())
        self.state.account = self._new_account()
        self.state.passcodes = Passcodes()
        self.faults.clear()
        self.traffic.clear()
        self.feed.restart()

    def _new_account(self) -> Account:
        return Account(self._settings, self._settings.credits, watchers=[_Watcher(self)])

    def _counts(self) -> dict[str, Any]:
        return {
            "requests": self.traffic.requests.added,
            "webhooks": self.traffic.attempts.added,
            "total": len(self.state.account.archive.messages),
        }


@attrs.define
class _Watcher:
    """Update the feed and the passcodes when records of an account change."""

    _simulator: Simulator

    def changed(self, record: Message | Job) -> None:
        self._simulator.feed.note(record.message_id if isinstance(record, Message) else None)

    def dropped(self, records: list[Message | Job]) -> None:
        ids = [record.message_id for record in records if isinstance(record, Message)]
        self._simulator.state.passcodes.drop(ids)
