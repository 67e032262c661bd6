"""What came in and what was posted: the latest requests and callbacks, and counts of all."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import attrs

from .recent import Recent, drop_oldest


if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .faults import Fault
    from .outbox import PostRecord


#: Bytes of bodies and answers that are kept, of the latest requests.
KEEP_BYTES: Final = 16 * 1024 * 1024
_MOST_NAMES: Final = 1000


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
        operation: the path of its operation, with names in place of ids.
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
    operation: str = ""


class DroppedRequests:
    """Counts of the requests that were dropped, by their operation: paths with ids have no end.

    Attributes:
        by_operation: such as `GET /messages/{messageid}`.
        unknown_fields: the operation, and the name; `…` stands for all names after the first 1000.
    """

    def __init__(self) -> None:
        self.by_operation: Counter[str] = Counter()
        self.unknown_fields: Counter[str] = Counter()

    def add(self, records: Iterable[RequestRecord]) -> None:
        """Count requests that are dropped now."""
        for record in records:
            known = record.operation != "/{path}"
            operation = f"{record.method if known else '*'} {record.operation}"
            self.by_operation[operation] += 1
            for name in record.unknown_fields:
                field = f"{operation} {name}"
                if field not in self.unknown_fields and len(self.unknown_fields) >= _MOST_NAMES:
                    field = f"{operation} …"
                self.unknown_fields[field] += 1


class Traffic:
    """The latest requests and callbacks.

    Attributes:
        requests: the latest requests below `/v1`, in the order in which they came.
        attempts: the latest attempts at callbacks, in the order in which they were queued.
        posts: those that have ended, in the order in which they did.
        dropped: counts the requests that are kept no longer.
        connections: counts the TCP connections with a request.

    Args:
        keep_requests, keep_posts: how many are kept; None = all.
    """

    def __init__(self, keep_requests: int | None, keep_posts: int | None) -> None:
        self.requests: Recent[RequestRecord] = Recent(keep_requests)
        self.attempts: Recent[PostRecord] = Recent(keep_posts)
        self.posts: list[PostRecord] = []
        self.dropped = DroppedRequests()
        self.connections = 0
        self._keep_posts = keep_posts
        self._bodies: deque[RequestRecord] = deque()
        self._bytes = 0

    def begin(self, record: RequestRecord) -> None:
        """Record a request that has come."""
        self.dropped.add(self.requests.add(record))

    def end(self, record: RequestRecord) -> None:
        """Record that a request has ended, and empty the oldest that exceed the bytes kept."""
        record.received = len(record.body)
        record.answered = len(record.answer)
        self._bodies.append(record)
        self._bytes += record.received + record.answered
        while len(self._bodies) > 1 and (self._bytes > KEEP_BYTES or self._is_dropped()):
            old = self._bodies.popleft()
            self._bytes -= old.received + old.answered
            old.body = old.answer = b""

    def _is_dropped(self) -> bool:
        return not self.requests or self._bodies[0].number < self.requests[0].number

    def end_attempt(self, record: PostRecord) -> None:
        """Record that an attempt at a callback has ended."""
        self.posts.append(record)
        drop_oldest(self.posts, self._keep_posts)

    def clear(self) -> None:
        """Forget everything; the numbers go on."""
        self.requests.clear()
        self.attempts.clear()
        self.posts.clear()
        self.dropped = DroppedRequests()
        self.connections = 0
        self._bodies.clear()
        self._bytes = 0
