"""The simulator: an account behind the API, its clock, its faults, and what was requested. No I/O.

The server carries requests to it and callbacks away from it; the control endpoints and the page
read and change it.
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
    """Return a destination in any usual spelling as the account keeps it.

    Raises:
        ValueError: it is not a destination, so that nothing would ever be found for it.
    """
    known = destinations.normalise(re.sub(r"^(\+|00)|[\s()-]", "", given))
    if known is None:
        raise ValueError("this is no destination; write it as 447700900123")
    return known


def new_seed() -> str:
    """Return a seed that no other sandbox has."""
    return secrets.token_hex(8)


class Listener(Protocol):
    """What is told of requests and callbacks."""

    def request_ended(self, record: RequestRecord) -> None:
        """Take in a request that has ended."""
        ...

    def attempt_ended(self, record: PostRecord) -> None:
        """Take in an attempt at a callback that has ended."""
        ...


class Simulator:
    """The account, the clock, the faults and the log of a sandbox.

    Attributes:
        state: what the operations work on.
        clock: tells the time.
        faults: those in force.
        traffic: the latest requests and callbacks.
        feed: tells what changes.
        listeners: told of every request and callback that ends, on the loop of the server.

    Args:
        settings: of the account; a reset goes back to them.
        credentials: what the account's holder was given.
        clock: None = the machine's own.
        keep_seed: whether a reset keeps the seed.
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

    # What the server does

    def settle(self) -> float:
        """Do what is due by the clock, and return the time in POSIX seconds."""
        now = self.clock.time()
        self.state.account.timeline.settle(now)
        return now

    def begin(self, record: RequestRecord) -> None:
        """Record a request that has come."""
        self.traffic.begin(record)
        self.feed.note()

    def end(self, record: RequestRecord) -> None:
        """Record that a request has ended."""
        self.traffic.end(record)
        self.feed.note()
        for listener in self.listeners:
            listener.request_ended(record)

    def begin_attempt(self, record: PostRecord) -> None:
        """Record an attempt at a callback that is queued."""
        self.traffic.attempts.add(record)
        self.feed.note(record.message_id)

    def end_attempt(self, record: PostRecord) -> None:
        """Record that an attempt at a callback has ended."""
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
        """Carry out an operation.

        Args:
            record: of the request, with its body; its unknown fields are noted.
            authorization: the header, or None.
            content_type: of the body, without parameters.
            path: the names in the path.
            now: POSIX seconds.
        """
        try:
            if not operation.open:
                self.state.credentials.authorise(authorization)
            body = None
            if operation.schema is not None:
                if content_type != "application/json":
                    raise complaint("The Content-Type is not application/json", 415)
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

    # What tests, the control endpoints and the page do

    @property
    def now(self) -> float:
        """The time in POSIX seconds."""
        return self.clock.time()

    @property
    def storage(self) -> Storage:
        """How texts are kept now, and what records show."""
        return self.state.account.settings.storage

    @property
    def requests(self) -> list[RequestRecord]:
        """The requests kept, in the order in which they came."""
        return self.traffic.requests

    @property
    def posts(self) -> list[PostRecord]:
        """The attempts at callbacks that are kept and have ended, in that order."""
        return self.traffic.posts

    @property
    def messages(self) -> list[Message]:
        """The messages kept that were accepted for sending, vanished and FAILED ones included."""
        return [m for m in self.state.account.archive.messages if m.status != INCOMING]

    def accepted(self, destination: str | None = None) -> int:
        """Count the messages accepted, in all or for one destination, in any usual spelling.

        Raises:
            ValueError: it is not a destination, so that its count would always be 0.
        """
        if destination is not None:
            destination = read_destination(destination)
        archive = self.state.account.archive
        dropped = archive.dropped.by_destination
        before = dropped.total() if destination is None else dropped[destination]
        return before + sum(1 for _ in archive.accepted(destination))

    def accepted_by_destination(self) -> Counter[str]:
        """Count the messages accepted for each destination."""
        archive = self.state.account.archive
        kept = Counter(message.destination for message in archive.accepted())
        return archive.dropped.by_destination + kept

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Put a fault in force, which counts requests from the next one on.

        Raises:
            ValueError: it is not a fault.
        """
        self.faults.add(read_fault(fault))
        self.feed.note()

    def clear_faults(self) -> None:
        """Put all faults out of force."""
        self.faults.clear()
        self.feed.note()

    def set_credits(self, balance: float) -> None:
        """Set the balance."""
        self.state.account.credits = balance
        self.feed.note()

    def change_storage(self, **changes: Any) -> Storage:
        """Change some settings of `Storage` from the next request on, and return all of them.

        Raises:
            ValueError: a name that is no setting, or a value that it cannot have.
        """
        account = self.state.account
        account.settings = attrs.evolve(account.settings, storage=change(self.storage, changes))
        return self.storage

    def post_to(self, url: str) -> None:
        """Have reports and incoming messages posted to a URL, where a message names none."""
        account = self.state.account
        self._settings = attrs.evolve(self._settings, delivery_report_url=url, incoming_url=url)
        account.settings = attrs.evolve(account.settings, delivery_report_url=url, incoming_url=url)

    def receive(self, fields: dict[str, str], now: float) -> str:
        """Receive an SMS as if a phone had sent it, and return its message id."""
        return self.state.account.receive(fields, now).message_id

    def reset(self) -> None:
        """Start again with an empty account, no faults and no requests; the token stays."""
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
    """Has the feed and the passcodes follow the records of an account."""

    _simulator: Simulator

    def changed(self, record: Message | Job) -> None:
        self._simulator.feed.note(record.message_id if isinstance(record, Message) else None)

    def dropped(self, records: list[Message | Job]) -> None:
        ids = [record.message_id for record in records if isinstance(record, Message)]
        self._simulator.state.passcodes.drop(ids)
