"""A call that sends, and the calls that may be made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import attrs

from smsworks_async._http.operations import Operation


T = TypeVar("T")

#: What becomes of a call whose outcome is unknown, and of which nothing is found.
OnUnknown = Literal["report", "resend"]


@attrs.frozen(eq=False, repr=False)
class Send(Generic[T]):
    """A way to send.

    Attributes:
        name: the method, such as ``"messages.send"``.
        operation: the operation of the API.
        into: the model of the answer.
        is_list: whether the request's body is a list of messages.
    """

    name: str
    operation: Operation
    into: type[T]
    is_list: bool = False


class KeyedBy(NamedTuple):
    """What a caller gave to make a call that may be made again; None for nothing."""

    idempotency_key: object
    on_unknown: object


@attrs.frozen(eq=False, repr=False)
class Call(Generic[T]):
    """A call that sends, checked and ready.

    Attributes:
        send: the way.
        messages: what goes out: one model, or several in one request.
        check: awaited just before the request; raises where it may not be made now. None where
            that does not change from call to call.
    """

    send: Send[T]
    messages: Sequence[Any]
    check: Callable[[], Awaitable[None]] | None

    @property
    def document(self) -> Any:
        """The request's body, as a model or a list of them."""
        return list(self.messages) if self.send.is_list else self.messages[0]


class KeyedSends(Protocol):
    """Makes calls that have an idempotency key."""

    async def make(self, call: Call[T], keyed: KeyedBy) -> T:
        """Make a call, unless one with the same key was accepted; return its answer.

        Raises:
            ValidationError: the key or the call is not as it must be; nothing was sent.
            ConfigurationError: the client has no journal; nothing was sent.
            SMSWorksError: as the call itself, and `KeyInUse`.
        """
        ...
