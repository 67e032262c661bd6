"""The latest requests and callbacks, and counts of all."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import attrs

from .recent import Recent, drop_oldest


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .faults import Fault
    from .outbox import PostRecord


#: The total size of the latest requests' bodies and responses that is kept, in bytes.
KEEP_BYTES: Final = 16 * 1024 * 1024
_MOST_NAMES: Final = 1000


@attrs.define(eq=False)
class RequestRecord:
    """One request that the sandbox received.

    Attributes:
        method: the HTTP method, such as `POST`.
        path: the path below `/v1`, such as `/message/send`.
        at: the time of arrival by the sandbox's clock, an aware datetime.
        connection: the number of the TCP connection; requests over the same one share it.
        status: the HTTP status of the response; None while in flight, or if the connection was cut.
        unknown_fields: the names of fields in its body that the API does not have, and ignores.
        body: the body. The bodies and responses of old requests are emptied: 16 MiB are kept.
        answer: the body of the response.
        fault: the fault that applied to it, or None.
        number: the number of the request, from 1.
        milliseconds: the time from its head to its response; None while in flight.
        messages: the numbers of the messages that it made.
        received, answered: the sizes of body and response in bytes, also after they are emptied.
        operation: the path of its operation, with names in place of ids.
    """

    method: str
    path: str
    _at: float = attrs.field(repr=False)
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

    @property
    def at(self) -> datetime:
        """The time of arrival."""
        return datetime.fromtimestamp(self._at, UTC)


class DroppedRequests:
    """Counts of dropped requests by operation, since paths with ids would be unlimited.

    Attributes:
        by_operation: the number of requests by operation, such as `GET /messages/{messageid}`.
        unknown_fields: the number of requests by operation and unknown field; `…` stands for all
            names after the first 1000.
    """

    def __init__(self) -> None:
        self.by_operation: Counter[str] = Counter()
        self.unknown_fields: Counter[str] = Counter()

    def add(self, records: Iterable[RequestRecord]) -> None:
        """Count requests that are being dropped."""
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
        requests: the latest requests below `/v1`, in the order of arrival.
        attempts: the latest attempts at callbacks, in the order of queuing.
        posts: the attempts that have ended, in the order of their ends.
        dropped: counts of the requests that are no longer kept.
        connections: the number of TCP connections with a request.

    Args:
        keep_requests, keep_posts: the numbers to keep; None for all.
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
        """Record the beginning of a request."""
        dropped = self.requests.add(record)
        if dropped:
            self.dropped.add(dropped)
            first = self.requests[0].number
            while self._bodies and self._bodies[0].number < first:
                self._empty_oldest()

    def end(self, record: RequestRecord) -> None:
        """Record the end of a request, and empty the oldest bodies beyond the limit."""
        record.received = len(record.body)
        record.answered = len(record.answer)
        self._bodies.append(record)
        self._bytes += record.received + record.answered
        while self._bytes > KEEP_BYTES and len(self._bodies) > 1:
            self._empty_oldest()

    def _empty_oldest(self) -> None:
        old = self._bodies.popleft()
        self._bytes -= old.received + old.answered
        old.body = old.answer = b""

    def end_attempt(self, record: PostRecord) -> None:
        """Record the end of an attempt at a callback."""
        self.posts.append(record)
        drop_oldest(self.posts, self._keep_posts)

    def clear(self) -> None:
        """Remove everything; numbers are not reset."""
        self.requests.clear()
        self.attempts.clear()
        self.posts.clear()
        self.dropped = DroppedRequests()
        self.connections = 0
        self._bodies.clear()
        self._bytes = 0
