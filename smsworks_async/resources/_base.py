"""What every family of the API's operations is made of."""

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
    """A family of operations, over a client's requester.

    Args:
        requester: makes the requests.
        kept: the client's journal and opt-outs; by default neither.
        keyed: returns what makes calls that have an idempotency key; None where there are none.
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
        #: Returns a destination as the API takes it, by the client's settings, or raises.
        self._destination = requester.settings.destination

    def _destinations(self, values: Any) -> phone.Normalised:
        check_iterable(values, "destinations", awaitable=False)
        return phone.apply_rule(self._destination, values)

    def _filter(self, destination: Any) -> str | None:
        """Return the destination that narrows a search; a missing one does not."""
        return None if is_missing(destination) else self._destination(destination)

    async def _make(self, call: Call[T], keyed: KeyedBy) -> T:
        """Make a call that sends; with an idempotency key, one that may be made again."""
        if keyed.idempotency_key is not None and self._keyed is not None:
            return await self._keyed().make(call, keyed)
        if keyed.on_unknown is not None:
            raise ValidationError(
                "on_unknown needs an idempotency_key, which tells what is in doubt",
                field="on_unknown",
            )
        if call.check is not None:
            await call.check()
        send = call.send
        return await self._requester.request(send.operation, call.document, into=send.into)

    async def _on(self, operation: Operation, identifier: str, into: type[T], field: str) -> T:
        checked = checks.identifier(identifier, field)
        return await self._requester.request(operation, into=into, identifier=checked)


class Family:
    """A family of methods: on a client its own object, on the client's class the family's class.

    So what reads classes (`unittest.mock.create_autospec`, ``help``) sees the same methods as the
    caller. A client's own family stands in its ``__dict__``, which Python looks at first; one that
    is not there yet is made once, without a lock that a fork could leave locked.

    Args:
        load: returns the family's class.
        make: makes the family of a client that has none yet; None where every client has it.
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
            raise AttributeError(f"this client has no {self._name}: it was not made whole")
        return client.__dict__.setdefault(self._name, self._make(client))


def declare(client: type[Any], **families: type[Any] | Callable[[], type[Any]]) -> None:
    """Make the families of every client attributes of the client's class, too.

    Args:
        client: the class.
        families: the class of each family; or a function that imports it, in place of a
            `functools.cached_property` of the same name, which goes on making the family.
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
