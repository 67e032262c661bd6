"""A call that sends, and calls with an idempotency key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import attrs

from smsworks_async._http.operations import Operation


T = TypeVar("T")

#: What to do with a call whose outcome is unknown and of which there is no trace.
OnUnknown = Literal["report", "resend"]


@attrs.frozen(eq=False, repr=False)
class Send(Generic[T]):
    """A kind of send.

    Attributes:
        name: the method, such as ``"messages.send"``.
        operation: the operation of the API.
        into: the model of the response.
        is_list: whether the request's body is a list of messages.
    """

    name: str
    operation: Operation
    into: type[T]
    is_list: bool = False


class KeyedBy(NamedTuple):
    """The caller's idempotency arguments; None if not passed."""

    idempotency_key: object
    on_unknown: object


@attrs.frozen(eq=False, repr=False)
class Call(Generic[T]):
    """A validated call that sends.

    Attributes:
        send: the kind of send.
        messages: the content: one model, or several for one request.
        check: awaited just before the request; raises if it must not be made now. None if there is
            nothing to check.
    """

    send: Send[T]
    messages: Sequence[Any]
    check: Callable[[], Awaitable[None]] | None

    @property
    def document(self) -> Any:
        """Return the request's body: a model or a list of models."""
        return list(self.messages) if self.send.is_list else self.messages[0]


class KeyedSends(Protocol):
    """Makes calls with an idempotency key."""

    async def make(self, call: Call[T], keyed: KeyedBy) -> T:
        """Make a call, or return the response of an accepted call with the same key.

        Raises:
            ValidationError: the key or the call is invalid; nothing was sent.
            ConfigurationError: the client has no journal; nothing was sent.
            SMSWorksError: the errors of the call, and `KeyInUse`.
        """
        ...
