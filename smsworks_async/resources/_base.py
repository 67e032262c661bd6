"""The base class of resources, and the descriptor that puts them on clients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from smsworks_async import phone
from smsworks_async._client_journal import ClientJournal
from smsworks_async._http.operations import Operation
from smsworks_async._http.requester import Requester
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.values import is_missing
from smsworks_async.resources._calls import Call, KeyedBy, KeyedSends


T = TypeVar("T")

_NO_JOURNAL: Final = ClientJournal(None, None)


class Resource:
    """A family of the API's operations.

    Args:
        requester: makes the requests.
        kept: the client's journal and opt-outs; default neither.
        keyed: returns the object that makes calls with an idempotency key; None if unsupported.
    """

    def __init__(
        self,
        requester: Requester,
        kept: ClientJournal = _NO_JOURNAL,
        keyed: Callable[[], KeyedSends] | None = None,
    ) -> None:
        self._requester = requester
        self._kept = kept
        self._keyed = keyed
        #: Validates and normalises a destination, according to the client's settings.
        self._destination = requester.settings.destination

    def _destinations(self, values: Any) -> phone.Normalised:
        check_iterable(values, "destinations", awaitable=False)
        return phone.apply_rule(self._destination, values)

    def _filter(self, destination: Any) -> str | None:
        """Return the destination for a search filter, or None if there is none."""
        return None if is_missing(destination) else self._destination(destination)

    async def _make(self, call: Call[T], keyed: KeyedBy) -> T:
        """Make a call that sends, with or without an idempotency key."""
        if keyed.idempotency_key is not None and self._keyed is not None:
            return await self._keyed().make(call, keyed)
        if keyed.on_unknown is not None:
            raise ValidationError(
                "on_unknown needs an idempotency_key",
                field="on_unknown",
            )
        if call.check is not None:
            await call.check()
        send = call.send
        return await self._requester.request(
            send.operation, call.document, into=send.into, before_repeat=call.check
        )

    async def _on(self, operation: Operation, identifier: str, into: type[T], field: str) -> T:
        checked = checks.identifier(identifier, field)
        return await self._requester.request(operation, into=into, identifier=checked)


class Family:
    """A descriptor for a resource: the resource on a client, its class on the client's class.

    So tools that read classes (`unittest.mock.create_autospec`, ``help``) see the same methods as
    the caller. A client's resource is in its ``__dict__``, which takes precedence. If it is missing
    it is created once, without a lock, since a fork could leave a lock held.

    Args:
        load: returns the resource's class.
        make: creates the resource of a client; None if every client already has it.
    """

    def __init__(
        self, load: Callable[[], type[Any]], make: Callable[[Any], Any] | None = None
    ) -> None:
        self._load = load
        self._make = make

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, client: Any, owner: type[Any] | None = None) -> Any:
        if client is None:
            return self._load()
        if self._make is None:
            raise AttributeError(f"this client has no {self._name}: its __init__ did not complete")
        return client.__dict__.setdefault(self._name, self._make(client))


def declare(client: type[Any], **families: type[Any] | Callable[[], type[Any]]) -> None:
    """Make the resources of clients available on the client's class, too.

    Args:
        client: the class.
        families: the class of each resource; or a function that imports it, which replaces the
            `functools.cached_property` of that name, whose function still creates the resource.
    """
    for name, family in families.items():
        if isinstance(family, type):
            declared = Family(functools.partial(_same, family))
        else:
            declared = Family(family, vars(client)[name].func)
        declared.__set_name__(client, name)
        setattr(client, name, declared)


def _same(family: type[Any]) -> type[Any]:
    return family
