"""The simulator: an account behind the API, its clock, its faults, and what was requested. No I/O.

The server carries requests to it and callbacks away from it; the control endpoints and the page
read and change it.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import attrs

from . import destinations
from .account import Account
from .clock import Clock, RealClock
from .codes import Answer, Refusal, complaint
from .faults import Fault, FaultScript, read_fault
from .handlers import Request
from .passcodes import Passcodes
from .recent import Recent
from .records import INCOMING, Message
from .schemas import read_json
from .state import State
from .storage import Storage, change


if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from .credentials import Credentials
    from .operations import Operation
    from .outbox import PostRecord
    from .settings import Settings


#: Bytes of bodies and answers that are kept, of the latest requests.
KEEP_BYTES = 16 * 1024 * 1024
#: How many requests, and how many attempts at callbacks, are kept unless a sandbox is told.
KEEP_REQUESTS = 10_000


@attrs.define(eq=False)
class RequestRecord:
    """One request as the sandbox saw it.

    Attributes:
        method: such as `POST`.
        path: below `/v1`, such as `/message/send`.
        at: when it came, by the sandbox's clock; an aware datetime.
        connection: counts the TCP connections; requests over the same one have the same number.
        status: the HTTP status answered; None while in flight, or when the connection was cut.
        unknown_fields: the names in its body that the API does not have, and ignores.
        body: as it came; emptied with age, as is the answer: 16 MiB of them are kept in all.
        answer: the body of what was answered.
        fault: the fault that struck it, if one did.
        number: counts the requests, from 1.
        milliseconds: from its head to its answer; None while in flight.
        messages: the numbers of the messages that it made.
        received, answered: the sizes of body and answer in bytes, which stay when they are emptied.
    """

    method: str
    path: str
    at: datetime
    connection: int
    status: int | None = None
    unknown_fields: tuple[str, ...] = ()
    body: bytes = attrs.field(default=b"", repr=False)
    answer: bytes = attrs.field(default=b"", repr=False)
    fault: Fault | None = None
    number: int = 0
    milliseconds: float | None = None
    messages: range = range(0)
    received: int = 0
    answered: int = 0


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


class Simulator:
    """The account, the clock, the faults and the log of a sandbox.

    Attributes:
        state: what the operations work on.
        clock: tells the time.
        faults: those in force.
        requests: the latest requests below `/v1`, in the order in which they came.
        attempts: the latest attempts at callbacks, in the order in which they were queued.
        posts: those that have ended, in the order in which they did.

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
        self.state = State(Account(settings, settings.credits), Passcodes(), credentials)
        self.clock = clock or RealClock()
        self.faults = FaultScript()
        self.requests: Recent[RequestRecord] = Recent(KEEP_REQUESTS)
        self.attempts: Recent[PostRecord] = Recent(KEEP_REQUESTS)
        self.posts: list[PostRecord] = []
        self._bodies: deque[RequestRecord] = deque()
        self._kept_bytes = 0
        self._settings = settings
        self._keep_seed = keep_seed

    # What the server does

    def settle(self) -> float:
        """Do what is due by the clock, and return the time in POSIX seconds."""
        now = self.clock.time()
        self.state.account.timeline.settle(now)
        return now

    def record(self, record: RequestRecord) -> None:
        """Record a request that has come."""
        self.requests.add(record)

    def finish(self, record: RequestRecord) -> None:
        """Record that a request has ended, and empty the oldest that exceed the bytes kept."""
        record.received = len(record.body)
        record.answered = len(record.answer)
        self._bodies.append(record)
        self._kept_bytes += record.received + record.answered
        while self._kept_bytes > KEEP_BYTES and len(self._bodies) > 1:
            old = self._bodies.popleft()
            self._kept_bytes -= old.received + old.answered
            old.body = old.answer = b""

    def answer(
        self,
        operation: Operation,
        record: RequestRecord,
        *,
        authorization: str | None,
        content_type: str,
        data: bytes,
        path: Mapping[str, str],
        query: Mapping[str, str],
        now: float,
    ) -> Answer:
        """Carry out an operation.

        Args:
            record: of the request; its unknown fields are noted.
            authorization: the header, or None.
            content_type: of the body, without parameters.
            data: the body.
            path: the names in the path.
            query: the names and values in the query string.
            now: POSIX seconds.
        """
        try:
            if not operation.open:
                self.state.credentials.authorise(authorization)
            body = None
            if operation.schema is not None:
                if content_type != "application/json":
                    raise complaint("The Content-Type is not application/json", 415)
                body = read_json(data)
                record.unknown_fields = tuple(operation.schema.unknown(body))
            archive = self.state.account.archive
            first = archive.added
            result = operation.handle(self.state, Request(body, path, query, now))
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
    def messages(self) -> list[Message]:
        """Every message that was accepted for sending, vanished and FAILED ones included."""
        return [m for m in self.state.account.archive.messages if m.status != INCOMING]

    def accepted(self, destination: str | None = None) -> int:
        """Count the messages accepted, in all or for one destination, in any usual spelling.

        Raises:
            ValueError: it is not a destination, so that its count would always be 0.
        """
        if destination is not None:
            destination = read_destination(destination)
        return sum(1 for _ in self.state.account.archive.accepted(destination))

    def accepted_by_destination(self) -> Counter[str]:
        """Count the messages accepted for each destination."""
        archive = self.state.account.archive
        return Counter(message.destination for message in archive.accepted())

    def add_fault(self, fault: Fault | Mapping[str, Any]) -> None:
        """Put a fault in force, which counts requests from the next one on.

        Raises:
            ValueError: it is not a fault.
        """
        self.faults.add(read_fault(fault))

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
        self.state.account = Account(self._settings, self._settings.credits)
        self.state.passcodes = Passcodes()
        self.faults.clear()
        self.requests.clear()
        self.attempts.clear()
        self.posts.clear()
        self._bodies.clear()
        self._kept_bytes = 0
